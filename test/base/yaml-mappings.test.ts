/** What Go's YAML reader takes for a mapping is taken, without being evaluated. */
import { describe, expect, it } from 'vitest';
import { assertYamlMappings } from '../../src/base/yaml-mappings.ts';

const MAX = 5 * 1024 * 1024;
const check =
  (text: string): (() => void) =>
  () =>
    assertYamlMappings(text, 'values.yaml', MAX);

describe('assertYamlMappings takes', () => {
  it.each([
    ['nothing', ''],
    ['a comment', '# nothing\n'],
    ['a key twice', 'a: 1\na: 2\n'],
    ['a hundred and fifty aliases', `a: &a {x: 1}\n${Array.from({ length: 150 }, (_, n) => `k${n}: *a\n`).join('')}`],
    ['an unknown tag', 'a: !Ref x\n'],
    ['numbers and booleans as keys', '1: a\ntrue: b\n1.5: c\n'],
    ['several documents', 'a: 1\n---\n---\nb: 2\n'],
    ['merged mappings', 'a: &a {x: 1}\nb:\n  <<: *a\n'],
    ['an anchor that is set again', 'a: &a 1\nb: *a\nc: &a 2\nd: *a\n'],
  ])('%s', (_what, text) => expect(check(text)).not.toThrow());

  it('more than a megabyte', () => {
    expect(check(Array.from({ length: 40_000 }, (_, n) => `key-${n}: text that is longer\n`).join(''))).not.toThrow();
  });
});

describe('assertYamlMappings refuses', () => {
  const bomb = Array.from({ length: 20 }, (_, n) => `k${n + 1}: &k${n + 1} [${`*k${n},`.repeat(9)}]\n`).join('');
  it.each([
    ['a list', '- a\n', 'values.yaml:1:1: must be a mapping'],
    ['text', 'hello\n', 'must be a mapping'],
    ['a list in a second document', 'a: 1\n---\n- b\n', 'values.yaml:3:1: must be a mapping'],
    ['a mapping as key', '{{ x }}: 1\n', 'a key must be plain text'],
    ['nothing as key', '~: 1\n', 'a key must be plain text'],
    ['an alias without an anchor', 'a: *b\nb: &b 1\n', 'values.yaml:1:4: no anchor "b" before it'],
    ['a syntax error', 'a:\n\tb: 1\n', 'values.yaml:2:1: Tabs'],
    ['aliases that double', `k0: &k0 [a,b,c]\n${bomb}`, 'stand for too much'],
    ['an anchor within itself', 'a: &a [*a]\n', 'stand for too much'],
    ['deep nesting', `a: ${'['.repeat(1_000)}`, 'nested deeper'],
    ['too much', 'a'.repeat(MAX + 1), 'larger than'],
  ])('%s', (_what, text, message) => expect(check(text)).toThrow(message));
});
