/** Which files of a release a pattern is for. */
import { expect, test } from 'vitest';
import { parsePathPattern } from '../../../src/release/spec/path-pattern.ts';

test.each([
  ['*.json', 'm/a/board.json', true],
  ['*.json', 'm/a.json/x.yaml', true],
  ['*.json', 'm/a.jsonx', false],
  ['values.yaml', 'm/values.yaml', true],
  ['values.yaml', 'm/my-values.yaml', false],
  ['boards/', 'm/boards/x/y.json', true],
  ['boards/', 'm/myboards/x', false],
  ['m/*.yaml', 'm/a.yaml', true],
  ['m/*.yaml', 'm/b/a.yaml', false],
  ['m/*.yaml', 'x/m/a.yaml', false],
  ['./m/b', 'm/b/a.yaml', true],
  ['m/**/a.yaml', 'm/a.yaml', true],
  ['m/**/a.yaml', 'm/x/y/a.yaml', true],
  ['m/**/a.yaml', 'n/a.yaml', false],
  ['m/**', 'm/x/y', true],
  ['?.yaml', 'm/a.yaml', true],
  ['?.yaml', 'm/ab.yaml', false],
  ['a.b', 'm/axb', false],
  ['a+b', 'm/a+b', true],
])('%s for %s: %s', (pattern, path, expected) => {
  expect(parsePathPattern(pattern)(path)).toBe(expected);
});

test.each(['', '/abs', 'a//b', '../a', 'a/../b', 'a**', '**a', '***', '[ab]', '{a,b}', '!a', 'a b', 'a'.repeat(201)])(
  '%j is refused',
  (pattern) => {
    expect(() => parsePathPattern(pattern)).toThrow('is no pattern for files');
  },
);
