/** The key signer: what it emits and what it refuses. */
import { generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseBundle } from '../../src/trust/bundle.ts';
import { keyId } from '../../src/trust/keys.ts';
import { createKeySigner } from '../../src/trust/signer.ts';
import { failure } from './failures.ts';
import { ALGORITHMS, signWith } from './signatures.ts';

describe.each(ALGORITHMS)('a signer with %s', (algorithm) => {
  it('signs plainly: anyone with the key and a crypto library can check it', async () => {
    const data = Buffer.from('data');
    const { bundle, publicKey } = await signWith(data, algorithm);
    const { signature } = parseBundle(bundle).content.messageSignature;
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
