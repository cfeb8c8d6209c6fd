/** Nothing that comes from elsewhere reaches a terminal as a command. */
import { describe, expect, test } from 'vitest';
import { toPrintable, toPrintableJson } from '../../src/report/printable.ts';

describe('toPrintable', () => {
  test.each([
    ['plain words, 日本語, émoji 🚀, a family 👩‍👩‍👧', 'plain words, 日本語, émoji 🚀, a family 👩‍👩‍👧'],
    ['\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['one\ntwo\r\tthree\0', 'one\\ntwo\\x0d\\tthree\\x00'],
    ['\u009b31m C1', '\\x9b31m C1'],
    ['\x7f', '\\x7f'],
    ['a\u202egnp.exe\u2066\u200f', 'a\\u202egnp.exe\\u2066\\u200f'],
    ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
    ['line\u2028separator', 'line\\u2028separator'],
    ['half \ud83d of a pair', 'half \\ud83d of a pair'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
  ])('%j', (text, shown) => {
    expect(toPrintable(text)).toBe(shown);
  });

  test('leaves no control character at all', () => {
    const all = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('');
    expect(toPrintable(all)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
  });
});

test('JSON stays the same document', () => {
  const value = { text: '\u202e\u009b\u200b\u{e0041}\x1b\n🚀', list: [1] };
  const json = toPrintableJson(value, 2);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).not.toMatch(/[\u202e\u009b\u200b]|\u{e0041}/u);
  expect(json).toContain('\n  "list"');
});
