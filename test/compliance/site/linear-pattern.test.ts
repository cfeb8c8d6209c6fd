/** Regular expressions of people mean what they mean elsewhere, and none takes longer than its text is. */
import { expect, test } from 'vitest';
import { parseLinearPattern } from '../../../src/compliance/site/linear-pattern.ts';

const TEXTS = [
  '',
  'a',
  'b',
  'ab',
  'abab',
  'aab',
  'abc',
  'a-c',
  'a.c',
  'a]c',
  'registry.acme.example/team/api:1.0',
  'registryXacme.example/team/api',
  'TLS1_2',
  'x\ny',
  '2026-11-28',
  '{a}',
  'grüße 😀',
];

test.each([
  '',
  'a',
  '^a$',
  '^$',
  'a|b',
  '^(a|ab)(b|c)?$',
  '^(?:ab)+$',
  '^(ab){2}$',
  '^a{1,2}b',
  '^a{2,}',
  'a{0}',
  '^(a*)*$',
  '^(a|)+b$',
  '^registry\\.acme\\.example/',
  '^[a-z]+$',
  '^[^/]+$',
  '[]a]c',
  '[-x]c',
  '[a-]c',
  '[\\d-]',
  '^TLS1_[23]$',
  '^\\d{4}-\\d\\d-\\d{2}$',
  '^\\w+$',
  '\\W',
  '^\\S*$',
  '\\s',
  'x.y',
  '^.$',
  'x\\ny',
  '\\{a\\}',
  '^(|a)$',
  'a|^$',
  '$a',
  'ü|b',
])('%s matches what it matches in other programs', (source) => {
  // The engine of the language takes `[]` for an empty class, where all others take it for the sign.
  const other = new RegExp(source.replace('[]', '[\\]'), 'u');
  const own = parseLinearPattern(source);
  expect(TEXTS.filter((text) => own(text))).toEqual(TEXTS.filter((text) => other.test(text)));
});

test('a character outside of the first plane is one', () => {
  expect(parseLinearPattern('^.$')('😀')).toBe(true);
  expect(parseLinearPattern('^[😀-😃]$')('😂')).toBe(true);
});

test('what makes other engines try again and again takes its text once', () => {
  const text = `${'a'.repeat(4_000)}!`;
  expect(parseLinearPattern('^(a+)+$')(text)).toBe(false);
  expect(parseLinearPattern('(a|aa)+$')(text)).toBe(false);
  expect(parseLinearPattern('^(.*a){8}$')(text)).toBe(false);
});

test.each([
  ['(', 'a ( that nothing closes'],
  [')', 'a ) that nothing opens'],
  ['[a', 'a [ that nothing closes'],
  ['*a', 'nothing in front of it to repeat'],
  ['a**', 'repeats what is repeated'],
  ['a+?', 'repeats what is repeated'],
  ['^*', 'repeats ^ or $'],
  ['a{', 'without a count'],
  ['a{5,2}', 'the smaller one comes first'],
  ['a{101}', 'at most 100'],
  ['((a{100}){100}){100}', 'nested counts multiply'],
  ['(?=a)', 'looking around is not possible'],
  ['(a)\\1', '\\1, which is not known'],
  ['\\bword', '\\b, which is not known'],
  ['a\\', 'a \\ at its end'],
  ['[z-a]', 'the range z-a'],
  ['('.repeat(30), 'nested deeper than 20'],
  ['a'.repeat(300), 'longer than 256'],
])('%j is refused', (source, fault) => {
  expect(() => parseLinearPattern(source)).toThrow(fault);
});
