/** .helmignore means what Helm makes of it. */
import { expect, it } from 'vitest';
import { parseHelmIgnore } from '../../../src/kubernetes/charts/helm-ignore.ts';

it.each([
  ['*.txt', 'a/b.txt', false, true],
  ['*.txt', 'a/b.txts', false, false],
  ['docs/', 'docs', true, true],
  ['docs/', 'docs', false, false],
  ['/top', 'top', false, true],
  ['/top', 'a/top', false, false],
  ['a/*.md', 'a/b.md', false, true],
  ['a/*.md', 'x/a/b.md', false, false],
  ['a/*.md', 'a/b/c.md', false, false],
  ['?.x', 'a.x', false, true],
  ['[ab].x', 'b.x', false, true],
  ['[^ab].x', 'b.x', false, false],
  ['[^ab].x', 'c.x', false, true],
  ['a\\*b', 'a*b', false, true],
  ['a+b(c)', 'a+b(c)', false, true],
  ['# comment', '# comment', false, false],
  ['', 'templates/.x', false, true],
  ['', 'templates/x', false, false],
  ['!keep.txt', 'other.txt', false, true],
  ['!keep.txt', 'keep.txt', false, false],
  ['!keep/', 'keep', true, false],
  ['!keep/', 'other', true, true],
  ['!keep/', 'keep', false, true],
  ['!keep/', 'keep/a', false, true],
  ['\uFEFF*.txt', 'a.txt', false, true],
])('%j for %j (directory: %s) is %s', (rules, path, isDirectory, expected) => {
  expect(parseHelmIgnore(rules, '.helmignore')(path, isDirectory)).toBe(expected);
});

it.each(['a**', '[a', '[z-a]'])('refuses %j', (rule) => {
  expect(() => parseHelmIgnore(rule, '.helmignore')).toThrow('.helmignore:1: ');
});

it('takes a thousand rules, the built-in one among them, and not one more', () => {
  expect(parseHelmIgnore(`${'\n'.repeat(998)}x`, '.helmignore')('x', false)).toBe(true);
  expect(() => parseHelmIgnore(`${'\n'.repeat(999)}x`, '.helmignore')).toThrow('more than 1000 rules');
});
