/** The YAML reader holds against hostile texts, in linear time. */
import { describe, expect, it } from 'vitest';
import { Lexer } from 'yaml';
import { readYaml } from '../../src/base/yaml-source.ts';

describe('readYaml', () => {
  it('gives values and places, through aliases too', () => {
    const [document] = readYaml('a: &x\n  b: [1, 2]\nc: *x\n', 'f.yaml');
    expect(document?.value).toEqual({ a: { b: [1, 2] }, c: { b: [1, 2] } });
    expect(document?.locate(['a', 'b', 1])).toEqual({ line: 2, column: 10 });
    expect(document?.locate(['c', 'b', 0])).toEqual({ line: 2, column: 7 });
    expect(document?.locate(['a', 'nothing'])).toEqual({ line: 2, column: 3 });
    expect(document?.locateKey(['a'], 'b')).toEqual({ line: 2, column: 3 });
  });

  it('takes as many words and marks as are allowed, and no more, whatever their size', () => {
    const text = 'spec: [1, 2]\n';
    const allowed = [...new Lexer().lex(text)].length;
    expect(readYaml(text, 'f.yaml', { maxLexemes: allowed })[0]?.value).toEqual({ spec: [1, 2] });
    expect(() => readYaml(text, 'f.yaml', { maxLexemes: allowed - 1 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_SPEC',
        message: `f.yaml: has more than ${allowed - 1} words, marks and line ends`,
      }),
    );
  });

  it('takes two hundred aliases, and no more', () => {
    const text = (count: number): string =>
      [...'pqrs'].map((name) => `${name}: &${name} 1`).join('\n') +
      `\nall: [${Array.from({ length: count }, (_, index) => `*${'pqrs'[index % 4] ?? ''}`).join(', ')}]`;
    expect(readYaml(text(200), 'f.yaml')[0]?.value).toMatchObject({ p: 1 });
    expect(() => readYaml(text(201), 'f.yaml')).toThrow('f.yaml: has more than 200 aliases');
  });

  it('reads several documents with their places', () => {
    const documents = readYaml('# c\n---\na: 1\n---\n---\nb: 2\n', 'f.yaml');
    expect(documents.map(({ value, start }) => [value, start.line])).toEqual([
      [{ a: 1 }, 3],
      [null, 4],
      [{ b: 2 }, 6],
    ]);
  });

  it.each([
    ['brackets', '['.repeat(500_000), 'nested deeper'],
    ['dashes', `${'- '.repeat(200_000)}a`, 'nested deeper'],
    ['indentation', Array.from({ length: 1000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join(''), 'nested deeper'],
    ['complex keys', '? '.repeat(100_000), 'nested deeper'],
    ['a mapping as key', '? {a: 1}\n: b', 'f.yaml:1:3: a key must be plain text'],
    ['many aliases', `a: &a 1\nb: [${'*a,'.repeat(10_000)}]`, 'aliases'],
    ['an alias bomb', `a: &a [${'x,'.repeat(60)}]\nb: &b [${'*a,'.repeat(60)}]\nc: &c [${'*b,'.repeat(60)}]`, 'alias'],
    ['many documents', '---\n'.repeat(50_000), 'more than 10000 documents'],
    ['a duplicate key', 'a:\n  b: 1\n  b: 2', 'f.yaml:3:3: duplicate key "b"'],
    ['an unknown tag', 'a: !secret x', 'f.yaml:1:4: Unresolved tag'],
    ['a missing anchor', 'a: *nothing', 'f.yaml: Unresolved alias'],
    ['a long text', 'a'.repeat(1024 * 1024 + 1), 'larger than'],
  ])('refuses %s', (_what, text, message) => {
    expect(() => readYaml(text, 'f.yaml')).toThrow(message);
  });

  it.each([
    ['a template', 'image: {{ .Values.image }}:{{ .Values.tag }}\n', 'templates are not YAML'],
    ['a template as a value', 'image: {{ .Values.image }}\n', 'templates are not YAML'],
    ['a template around blocks', '{{- if .Values.on }}\na: 1\n{{- end }}\n', 'templates are not YAML'],
    ['tabs', 'a:\n\tb: 1\n', 'YAML takes no tabs'],
    ['JSON after JSON in a line', '{"a": 1}{"b": 2}', 'one JSON text follows another'],
    ['JSON after JSON', '{\n  "a": 1\n}\n{\n  "b": 2\n}\n', 'one JSON text follows another'],
    ['a key twice', 'a: 1\na: 2\n', 'a map key may appear once only'],
    ['a colon in a value', 'a: b: c\n', 'in quotes'],
    ['a reserved character', 'a: @b\n', 'in quotes'],
    ['a merge conflict', 'x: 0\n<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> main\n', 'merge conflict'],
    ['an open bracket', 'a: [b, c\n', 'check quotes, brackets'],
    ['an open quote', 'a: "b\n', 'check quotes, brackets'],
    ['an unknown tag', 'a: !secret x', 'tags are not taken'],
  ])('says what to do about %s', (_what, text, hint) => {
    const refusal = ((): unknown => {
      try {
        return readYaml(text, 'f.yaml');
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toMatchObject({ code: 'INVALID_SPEC', hint: expect.stringContaining(hint) as string });
  });

  it('takes the last of two equal keys where that is how another tool reads', () => {
    expect(readYaml('a: 1\nb: 2\na: 3\n', 'f', { uniqueKeys: false })[0]?.value).toEqual({ a: 3, b: 2 });
  });

  it('takes a wide mapping in linear time', () => {
    const text = Array.from({ length: 40_000 }, (_, index) => `k${index}: v\n`).join('');
    expect(Object.keys(readYaml(text, 'f.yaml')[0]?.value as object)).toHaveLength(40_000);
  });

  it('merges only when asked', () => {
    const text = 'a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n';
    expect(readYaml(text, 'f', { merge: true })[0]?.value).toEqual({ a: { x: 1 }, b: { x: 1, y: 2 } });
    expect(readYaml(text, 'f')[0]?.value).toEqual({ a: { x: 1 }, b: { '<<': { x: 1 }, y: 2 } });
  });
});
