/** Two texts of one shape: where they say something else, and when they cannot be compared. */
import { expect, test } from 'vitest';
import { compareYaml } from '../../src/base/yaml-differences.ts';

test('scalars that differ are told with their place in both texts', () => {
  const texts = ['a: 1\nb: [x, {c: old}]\nd: |\n  one\n', 'a: 1\nb: [x, {c: newer}]\nd: |\n  two\n'] as const;
  const { value, differences } = compareYaml(texts, 'f.yaml');
  expect(value).toEqual({ a: 1, b: ['x', { c: 'old' }], d: 'one\n' });
  const told = differences?.map(({ path, scalars }) => [
    path.join('.'),
    ...scalars.map(({ text, isText, isBlock }) => [text, isText, isBlock]),
  ]);
  expect(told).toEqual([
    ['b.1.c', ['old', true, false], ['newer', true, false]],
    ['d', ['one\n', true, true], ['two\n', true, true]],
  ]);
  const [first] = differences ?? [];
  const [one, other] = first?.scalars ?? [];
  expect(texts[0].slice(...(one?.range ?? [0, 0]))).toBe('old');
  expect(texts[1].slice(...(other?.range ?? [0, 0]))).toBe('newer');
});

test('a number and a text of the same characters differ', () => {
  const { differences } = compareYaml(['a: 1', 'a: "1"'], 'f.yaml');
  expect(differences?.map(({ scalars }) => scalars.map(({ isText }) => isText))).toEqual([[false, true]]);
});

test('equal texts differ in nothing', () => {
  expect(compareYaml(['a: 1', 'a: 1'], 'f.yaml').differences).toEqual([]);
  expect(compareYaml(['a: 1', 'a:   1 # more'], 'f.yaml').differences).toEqual([]);
});

test.each([
  ['another key', 'a: 1', 'b: 1'],
  ['one key more', 'a: 1', 'a: 1\nb: 2'],
  ['one item more', '[1]', '[1, 2]'],
  ['a list for a mapping', 'a: 1', '[1]'],
  ['a scalar for a mapping', 'a: {b: 1}', 'a: 1'],
  ['two documents', 'a: 1', 'a: 1\n---\na: 1'],
])('%s is another shape', (_, one, other) => {
  expect(compareYaml([one, other], 'f.yaml').differences).toBeUndefined();
});

test('what is not one document has no value', () => {
  expect(compareYaml(['a: 1\n---\nb: 2', 'a: 1'], 'f.yaml')).toEqual({ value: undefined, differences: undefined });
});

test('more than sixteen mebibytes, or two hundred aliases, are refused', () => {
  const long = `a: ${'x'.repeat(16 * 1024 * 1024)}`;
  expect(() => compareYaml([long, long], 'f.yaml')).toThrow('f.yaml');
  const aliases = (count: number): string =>
    [...'pqrs'].map((name) => `${name}: &${name} 1`).join('\n') +
    `\nall: [${Array.from({ length: count }, (_, index) => `*${'pqrs'[index % 4] ?? ''}`).join(', ')}]`;
  expect(compareYaml([aliases(200), aliases(200)], 'f.yaml').differences).toEqual([]);
  expect(() => compareYaml([aliases(201), aliases(201)], 'f.yaml')).toThrow('more than 200 aliases');
});

test('aliases that stand for too much are refused with the name of the file, and no fault of the program', () => {
  const nine = (name: string): string => `[${Array.from({ length: 9 }, () => name).join(',')}]`;
  const bomb = [
    'a: &a [x]',
    `b: &b ${nine('*a')}`,
    `c: &c ${nine('*b')}`,
    `d: &d ${nine('*c')}`,
    `e: ${nine('*d')}`,
  ].join('\n');
  expect(() => compareYaml([bomb, `${bomb}\nf: 1`], 'f.yaml')).toThrow(
    expect.objectContaining({ code: 'INVALID_SPEC', message: expect.stringMatching(/^f\.yaml: /) as string }),
  );
});
