/** A build for sites that believe a trust document is signed with keys that count there, or is not begun. */
import { describe, expect, test } from 'vitest';
import { assertReleaseKeys } from '../../../src/archive/inventory/trust-members.ts';
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
    expect(() => assertReleaseKeys(document, [], NOW)).not.toThrow();
    expect(() => assertReleaseKeys(document, [idOf('release')], NOW)).not.toThrow();
    const before = new Date('2026-06-01T00:00:00Z');
    expect(() => assertReleaseKeys(document, [idOf('release'), idOf('late')], before)).not.toThrow();
  });

  test.each([
    ['revoked', 'stolen'],
    ['not in it', 'stranger'],
    ['not for releases', 'root'],
    ['not for releases', 'builder'],
    ['expired', 'late'],
    ['not yet valid', 'early'],
  ])('is refused when it is %s: %s', (why, name) => {
    expect(() => assertReleaseKeys(document, [idOf('release'), idOf(name)], NOW)).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: expect.stringMatching(new RegExp(`${idOf(name)} .* it is ${why}`)) as string,
        hint: expect.stringContaining('--allow-untrusted-signer') as string,
      }),
    );
  });
});
