/** A build for sites that believe a trust document is signed with keys that count there, or is not begun. */
import { describe, expect, test } from 'vitest';
import { assertKeysCount } from '../../../src/archive/inventory/trust-members.ts';
import { entryOf, idOf, makeDocument } from '../../trust/documents/trust-documents.ts';

const NOW = new Date('2027-06-01T12:00:00Z');
const document = makeDocument({
  keys: [
    entryOf('root', ['root']),
    entryOf('release', ['release']),
    entryOf('builder', ['provenance']),
    entryOf('late', ['release'], { validUntil: '2027-01-01T00:00:00Z' }),
    entryOf('early', ['release'], { validFrom: '2028-01-01T00:00:00Z' }),
  ].sort((a, b) => (a.keyId < b.keyId ? -1 : 1)),
  revokedKeys: [idOf('stolen')],
});

describe('a key that is about to sign', () => {
  test('counts when it is a release key within its time', () => {
    expect(() => assertKeysCount(document, { release: [] }, NOW)).not.toThrow();
    expect(() => assertKeysCount(document, { release: [idOf('release')] }, NOW)).not.toThrow();
    const before = new Date('2026-06-01T00:00:00Z');
    expect(() => assertKeysCount(document, { release: [idOf('release'), idOf('late')] }, before)).not.toThrow();
  });

  test.each([
    ['revoked', 'stolen'],
    ['not in it', 'stranger'],
    ['not for releases', 'root'],
    ['not for releases', 'builder'],
    ['expired', 'late'],
    ['not yet valid', 'early'],
  ])('is refused when it is %s: %s', (why, name) => {
    expect(() => assertKeysCount(document, { release: [idOf('release'), idOf(name)] }, NOW)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(new RegExp(`${idOf(name)} .* it is ${why}`)) as string,
        hint: expect.stringContaining('--allow-untrusted-signer') as string,
      }),
    );
  });
});

describe('a key that is about to vouch for the provenance', () => {
  const assertVouches = (name: string, of = document, time = NOW): void =>
    assertKeysCount(of, { release: [idOf('release')], provenance: idOf(name) }, time);

  test('counts when it has the role for it within its time', () => {
    expect(() => assertVouches('builder')).not.toThrow();
  });

  test('counts as a release key where no key has that role', () => {
    const keys = document.keys.filter(({ keyId }) => keyId !== idOf('builder'));
    expect(() => assertVouches('release', { ...document, keys })).not.toThrow();
  });

  test.each([
    ['revoked', 'stolen'],
    ['not in it', 'stranger'],
    ['not for provenance', 'root'],
    ['not for provenance', 'release'],
  ])('is refused when it is %s: %s', (why, name) => {
    expect(() => assertVouches(name)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(
          new RegExp(`${idOf(name)} cannot vouch for the provenance .* it is ${why}`),
        ) as string,
        hint: expect.stringMatching(/--provenance-key.*--allow-untrusted-signer/) as string,
      }),
    );
  });
});
