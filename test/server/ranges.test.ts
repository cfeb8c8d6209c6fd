/** Byte ranges against RFC 9110 and the conformance suite's expectations. */
import { describe, expect, test } from 'vitest';
import { parseChunkRange, parseRange } from '../../src/server/ranges.ts';

describe('parseRange of 3000 bytes', () => {
  test.each([
    ['bytes=500-1499', { first: 500, last: 1499 }],
    ['bytes=500-', { first: 500, last: 2999 }],
    ['bytes=-500', { first: 2500, last: 2999 }],
    ['bytes=-5000', { first: 0, last: 2999 }],
    ['bytes=2000-5000', { first: 2000, last: 2999 }],
    ['bytes=0-0', { first: 0, last: 0 }],
    ['bytes=2999-', { first: 2999, last: 2999 }],
    ['bytes= 1 - 2', { first: 1, last: 2 }],
  ])('%s', (header, range) => {
    expect(parseRange(header, 3000)).toEqual(range);
  });

  test.each(['bytes=500-0', 'bytes=3000-', 'bytes=4000-5000', 'bytes=-0'])('%s cannot be satisfied', (header) => {
    expect(parseRange(header, 3000)).toBe('unsatisfiable');
  });

  test.each([
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=0-1,5-6',
    'items=0-1',
    'bytes=a-b',
    'bytes=0x1-2',
    `bytes=${'9'.repeat(400)}-`,
  ])('%s is ignored', (header) => {
    expect(parseRange(header, 3000)).toBeUndefined();
  });

  test('nothing of an empty blob can be asked for by range', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});

describe('parseChunkRange', () => {
  test.each([
    ['0-99', { first: 0, last: 99 }],
    ['bytes 5-5/*', { first: 5, last: 5 }],
    ['bytes 5-6/100', { first: 5, last: 6 }],
  ])('%s', (header, range) => {
    expect(parseChunkRange(header)).toEqual(range);
  });

  test.each(['', '5', '5-4', '-5', '5-', 'a-b', `${'9'.repeat(20)}-1`])('%s is refused', (header) => {
    expect(parseChunkRange(header)).toBeUndefined();
  });
});
