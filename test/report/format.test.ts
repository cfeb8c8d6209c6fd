/** Numbers, times and tables as people read them. */
import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatDuration, formatTable, shortDigest } from '../../src/report/format.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [99.9 * 1024, '99.9 KiB'],
  [100 * 1024, '100 KiB'],
  [1.5 * 1024 ** 3, '1.5 GiB'],
  [5000 * 1024 ** 4, '5000 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [1000, '1.0 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 00 s'],
  [245_000, '4 min 05 s'],
  [7_620_000, '2 h 07 min'],
])('%d ms are %s', (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test('counts and digests', () => {
  expect([formatCount(0, 'file'), formatCount(1, 'file'), formatCount(2, 'index', 'indexes')]).toEqual([
    '0 files',
    '1 file',
    '2 indexes',
  ]);
  expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab');
});

test('tables line up, end clean, leave empty columns out and escape what they hold', () => {
  expect(
    formatTable(
      [
        ['a', '', 'one'],
        ['longer', '', '\x1b[2J'],
      ],
      '  ',
    ),
  ).toEqual(['  a       one', '  longer  \\x1b[2J']);
});
