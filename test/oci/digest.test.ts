/** Only canonical sha256 digests are digests. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { IntegrityError } from '../../src/errors.ts';
import {
  algorithmOf,
  digestOf,
  hexOf,
  isDigest,
  isRegisteredDigest,
  parseDigest,
  registeredDigestOf,
  sha256,
} from '../../src/oci/digest.ts';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const hex = EMPTY.slice('sha256:'.length);

test('digests of bytes, texts and running hashes agree', () => {
  expect(sha256('')).toBe(EMPTY);
  expect(sha256(Buffer.from('ä'))).toBe(sha256('ä'));
  expect(digestOf(createHash('sha256').update('a').update('b'))).toBe(sha256('ab'));
  expect(hexOf(sha256(''))).toBe(hex);
  expect(parseDigest(EMPTY)).toBe(EMPTY);
});

describe('not a digest:', () => {
  test.each([
    ['nothing', ''],
    ['no algorithm', hex],
    ['upper case', `sha256:${hex.toUpperCase()}`],
    ['an algorithm in upper case', `SHA256:${hex}`],
    ['63 digits', `sha256:${hex.slice(1)}`],
    ['65 digits', `sha256:${hex}0`],
    ['sha512 with the length of sha256', `sha512:${hex}`],
    ['sha512', `sha512:${hex}${hex}`],
    ['md5', 'md5:d41d8cd98f00b204e9800998ecf8427e'],
    ['a path', 'sha256:../../../../etc/passwd'],
    ['a line feed at the end', `${EMPTY}\n`],
    ['a space in front', ` ${EMPTY}`],
    ['a NUL', `${EMPTY}\0`],
    ['letters that look like digits', `sha256:${'а'.repeat(64)}`],
    ['two in one', `${EMPTY},${EMPTY}`],
  ])('%s', (_, text) => {
    expect(isDigest(text)).toBe(false);
    expect(() => parseDigest(text)).toThrow(IntegrityError);
    expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });

  test.each([undefined, null, 1, {}, [EMPTY], { toString: () => EMPTY }])('%j', (value) => {
    expect(isDigest(value)).toBe(false);
  });
});

test('a registry also knows sha512, of the right length', () => {
  const long = registeredDigestOf(Buffer.from(''), 'sha512');
  expect(long).toMatch(/^sha512:cf83e1357eefb8bd[0-9a-f]{112}$/);
  expect(registeredDigestOf(Buffer.from(''), 'sha256')).toBe(EMPTY);
  expect([EMPTY, long].map(isRegisteredDigest)).toEqual([true, true]);
  expect([sha256(''), long].map((digest) => algorithmOf(digest))).toEqual(['sha256', 'sha512']);
  expect(hexOf(long)).toHaveLength(128);
  for (const text of [`sha512:${hex}`, long.toUpperCase(), `${long}0`, `${long}\n`, `sha384:${hex}${hex}`, null]) {
    expect(isRegisteredDigest(text)).toBe(false);
  }
});

test('a long text is shortened in the message', () => {
  expect(() => parseDigest('x'.repeat(100_000))).toThrow(/^.{1,200}$/);
});
