/** Whose signature on a release counts under a trust document, and what is said of the others. */
import { beforeAll, describe, expect, test } from 'vitest';
import { signerFingerprint } from '../../../src/trust/signatures/identity.ts';
import {
  evaluateSignatures,
  toReleasePolicy,
  type ReleaseVerdict,
} from '../../../src/trust/documents/release-policy.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { failure } from '../failures.ts';
import { entryOf, idOf, makeDocument, pairOf } from './trust-documents.ts';

const DATA = Buffer.from('a'.repeat(64) + '  release.json\n');
const NOW = new Date('2027-06-01T00:00:00Z');
const bundles = new Map<string, Uint8Array>();
const names = ['a', 'bb', 'c', 'root', 'stranger', 'windowed'];
beforeAll(async () => {
  for (const name of names) bundles.set(name, await createKeySigner(pairOf(name).privateKey).sign(DATA));
});

const roots = entryOf('root', ['root']);
const TWO_OF_THREE = makeDocument({
  keys: [roots, entryOf('a', ['release']), entryOf('bb', ['release']), entryOf('c', ['release'])],
  thresholds: { release: 2, root: 1 },
});
const WITHOUT_B = makeDocument({
  keys: [roots, entryOf('a', ['release']), entryOf('c', ['release'])],
  thresholds: { release: 2, root: 1 },
  revokedKeys: [idOf('bb')],
});
const judge = (document: typeof TWO_OF_THREE, signers: readonly string[], now = NOW): ReleaseVerdict =>
  evaluateSignatures(
    DATA,
    signers.map((name) => bundles.get(name) ?? Buffer.alloc(0)),
    toReleasePolicy(document, now),
  );

describe('two of three', () => {
  test('are enough, and more are welcome', () => {
    expect(judge(TWO_OF_THREE, ['a', 'bb']).accepted.map(signerFingerprint)).toEqual([idOf('a'), idOf('bb')]);
    expect(judge(TWO_OF_THREE, ['c', 'bb', 'a']).accepted).toHaveLength(3);
  });

  test.each([[['a']], [['a', 'a', 'a']], [['a', 'stranger']], [['stranger']]])('%j is refused', (signers) => {
    expect(() => judge(TWO_OF_THREE, signers)).toThrow(failure('TrustError', 'UNTRUSTED_SIGNER', 'of 2'));
  });

  test('a revoked key counts no more, by whatever release; with a replacement it is accepted', () => {
    const refusal = failure('TrustError', 'REVOKED', `key ${idOf('bb')}, which signed, is revoked`);
    expect(() => judge(WITHOUT_B, ['a', 'bb'])).toThrow(refusal);
    expect(judge(WITHOUT_B, ['a', 'c'])).toMatchObject({ setAside: [], unchecked: [] });
    expect(judge(WITHOUT_B, ['a', 'bb', 'c'])).toMatchObject({
      setAside: [{ keyId: idOf('bb'), reason: 'revoked' }],
      unchecked: [],
    });
  });

  test('a root key signs no release', () => {
    expect(() => judge(TWO_OF_THREE, ['a', 'root'])).toThrow(
      failure('TrustError', 'UNTRUSTED_SIGNER', `key ${idOf('root')}, which signed, is not for releases`),
    );
  });

  test('without a signature it is unsigned', () => {
    expect(() => judge(TWO_OF_THREE, [])).toThrow(failure('TrustError', 'UNSIGNED'));
  });
});

describe('a window', () => {
  const windowed = entryOf('windowed', ['release'], {
    validFrom: '2027-01-01T00:00:00Z',
    validUntil: '2027-12-31T00:00:00Z',
  });
  const document = makeDocument({ keys: [roots, windowed, entryOf('a', ['release'])] });

  test.each(['2027-01-01T00:00:00Z', '2027-06-01T00:00:00Z', '2027-12-31T00:00:00Z'])('is open at %s', (now) => {
    expect(judge(document, ['windowed'], new Date(now)).accepted).toHaveLength(1);
  });

  test('is not open before it begins, or after it ended', () => {
    expect(() => judge(document, ['windowed'], new Date('2026-12-31T23:59:59Z'))).toThrow(
      failure('TrustError', 'UNTRUSTED_SIGNER', 'is not yet valid'),
    );
    expect(() => judge(document, ['windowed'], new Date('2027-12-31T00:00:01Z'))).toThrow(
      failure('TrustError', 'EXPIRED', 'is expired'),
    );
  });

  test('that closed on too many keys is not the fault of the operator', () => {
    const only = makeDocument({ keys: [roots, windowed] });
    expect(() => judge(only, ['windowed'], new Date('2028-01-01T00:00:00Z'))).toThrow(
      failure('TrustError', 'EXPIRED', '1 release keys must sign'),
    );
  });
});
