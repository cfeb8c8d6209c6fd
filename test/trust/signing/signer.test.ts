/** The key signer: what it emits and what it refuses. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseBundle } from '../../../src/trust/signatures/bundle.ts';
import { keyId } from '../../../src/trust/keys/public-key.ts';
import { createBundleSigner, createKeySigner, createSigner } from '../../../src/trust/signing/signer.ts';
import { signersOf } from '../../../src/trust/signatures/dsse.ts';
import { failure } from '../failures.ts';
import { ALGORITHMS, forge, signWith } from '../signatures.ts';

describe.each(ALGORITHMS)('a signer with %s', (algorithm) => {
  it('signs plainly: anyone with the key and a crypto library can check it', async () => {
    const data = Buffer.from('data');
    const { bundle, publicKey } = await signWith(data, algorithm);
    const { signature } = parseBundle(bundle).bundle.content.messageSignature;
    const hash = algorithm === 'ed25519' ? null : 'sha256';
    expect(verify(hash, data, { key: publicKey, dsaEncoding: 'der' }, signature)).toBe(true);
  });

  it('tells its public key and fingerprint', async () => {
    const signed = await signWith(Buffer.from('data'), algorithm);
    const signer = createKeySigner(signed.privateKey);
    expect(signer.publicKey.equals(signed.publicKey)).toBe(true);
    expect(signer.keyId).toBe(keyId(signed.publicKey));
  });

  it('signs empty data and a view into larger memory', async () => {
    const memory = Buffer.from('before data after');
    await expect(signWith(Buffer.alloc(0), algorithm)).resolves.toBeDefined();
    await expect(signWith(memory.subarray(7, 11), algorithm)).resolves.toMatchObject({ data: Buffer.from('data') });
  });

  it('refuses data that could be taken for an attestation', async () => {
    await expect(signWith(Buffer.from('DSSEv1 4 text 4 data'), algorithm)).rejects.toThrow(
      failure('UsageError', 'USAGE', 'DSSEv1'),
    );
    await expect(signWith(Buffer.from('DSSEv1'), algorithm)).resolves.toBeDefined();
    await expect(signWith(Buffer.from(' DSSEv1 '), algorithm)).resolves.toBeDefined();
  });
});

it('refuses keys of other kinds', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  expect(() => createKeySigner(privateKey)).toThrow(failure('UsageError', 'USAGE'));
});

describe.each(ALGORITHMS)('an envelope signed with %s', (algorithm) => {
  const empty = { payloadType: 'text', payload: Buffer.from('data'), signatures: new Map() };

  it('holds a signature that anyone can check', async () => {
    const signed = await signWith(Buffer.from('data'), algorithm);
    const signer = createKeySigner(signed.privateKey);
    const envelope = await signer.signEnvelope(empty);
    expect([...signersOf(envelope, [signed.publicKey], 'x')]).toEqual([signer.keyId]);
    expect(empty.signatures.size).toBe(0);
  });

  it('is never given out with a signature that does not verify', async () => {
    const signed = await signWith(Buffer.from('data'), algorithm);
    const signer = createSigner(signed.publicKey, async () => Buffer.alloc(64));
    await expect(signer.signEnvelope(empty)).rejects.toThrow(failure('TrustError', 'SIGNATURE_INVALID'));
  });

  it('is not signed by a signature that was made elsewhere', async () => {
    const { bundle, publicKey } = await signWith(Buffer.from('data'), algorithm);
    const signer = createBundleSigner(bundle, publicKey, 'made.json');
    await expect(signer.signEnvelope(empty)).rejects.toThrow(failure('UsageError', 'USAGE', 'made.json'));
  });
});

describe.each(ALGORITHMS)('a signature made elsewhere, by %s', (algorithm) => {
  const data = Buffer.from('data');

  it('is taken over in any spelling, and written in ours', async () => {
    const { bundle, publicKey, keyId: id } = await signWith(data, algorithm);
    const other = forge(bundle, (json) => delete json.verificationMaterial['timestampVerificationData']);
    const spelled = Buffer.from(JSON.stringify(JSON.parse(other.toString()), undefined, 2));
    for (const bytes of [bundle, other, spelled]) {
      const signer = createBundleSigner(bytes, publicKey, 'made.json');
      expect(signer.keyId).toBe(id);
      expect(Buffer.from(await signer.sign(data)).equals(bundle)).toBe(true);
    }
  });

  it('signs nothing but what it was made over, for nobody but its key', async () => {
    const { bundle, publicKey } = await signWith(data, algorithm);
    const other = await signWith(data, algorithm);
    const elsewhere = createBundleSigner(bundle, publicKey, 'made.json').sign(Buffer.from('other'));
    await expect(elsewhere).rejects.toThrow(failure('TrustError', 'SIGNATURE_INVALID', 'other data'));
    const foreign = createBundleSigner(bundle, other.publicKey, 'made.json').sign(data);
    await expect(foreign).rejects.toThrow(failure('TrustError', 'UNTRUSTED_SIGNER'));
    const bad = forge(bundle, (json) => (json.messageSignature.signature = Buffer.alloc(64).toString('base64')));
    await expect(createBundleSigner(bad, publicKey, 'made.json').sign(data)).rejects.toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', 'does not verify'),
    );
  });

  it.each<[string, Parameters<typeof forge>[1]]>([
    ['an older version', (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2')],
    ['a key hint of another kind', (json) => (json.verificationMaterial.publicKey.hint = 'my key')],
    ['another hash', (json) => (json.messageSignature.messageDigest.algorithm = 'SHA2_512')],
    ['no key', (json) => Object.assign(json, { verificationMaterial: {} })],
  ])('is refused with %s', async (_, change) => {
    const { bundle, publicKey } = await signWith(data, algorithm);
    expect(() => createBundleSigner(forge(bundle, change), publicKey, 'made.json')).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', 'made.json'),
    );
  });
});

it('refuses what is no bundle, or too long to be one', async () => {
  const { publicKey } = await signWith(Buffer.from('data'), 'ed25519');
  for (const bytes of [Buffer.from('MEUCIG'), Buffer.from('{}'), Buffer.alloc(70_000, ' ')]) {
    expect(() => createBundleSigner(bytes, publicKey, 'made.json')).toThrow(
      failure('TrustError', 'SIGNATURE_INVALID', 'made.json'),
    );
  }
});
