/** Signatures: accepted when enough trusted keys made them, refused in every way an attacker can bend them. */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { AirgapError, exitCodeOf, type ErrorCode } from '../../../src/errors.ts';
import { signerFingerprint } from '../../../src/trust/signatures/identity.ts';
import { keyHint, keyId } from '../../../src/trust/keys/public-key.ts';
import { fillSlot, readSlot } from '../../../src/trust/signatures/slot.ts';
import { verifySignatures, type TrustPolicy } from '../../../src/trust/signatures/evaluate-signatures.ts';
import { failure } from '../failures.ts';
import { ALGORITHMS, compressedForm, forge, signWith } from '../signatures.ts';

const data = Buffer.from(
  Array.from(
    { length: 14 },
    (_, line) => `${createHash('sha256').update(`${line}`).digest('hex')}  file-${line}\n`,
  ).join(''),
);
const trust = (...keys: readonly KeyObject[]): TrustPolicy => ({ keys, threshold: 1 });
const refused = (code: ErrorCode, message?: string, hint?: string): Error => failure('TrustError', code, message, hint);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

describe.each(ALGORITHMS)('one signature with %s', async (algorithm) => {
  const signed = await signWith(data, algorithm);
  const other = await signWith(data, algorithm);

  it('is accepted with its key', () => {
    expect(verifySignatures(data, [signed.bundle], trust(signed.publicKey))).toEqual({
      accepted: [{ keyId: signed.keyId, algorithm }],
      unchecked: [],
      late: [],
    });
  });

  it('is refused over other data', () => {
    for (const tampered of [Buffer.concat([data, Buffer.from(' ')]), data.subarray(1), Buffer.alloc(0)]) {
      expect(() => verifySignatures(tampered, [signed.bundle], trust(signed.publicKey))).toThrow(
        refused('SIGNATURE_INVALID'),
      );
    }
  });

  it('is refused over other data with the message digest adjusted', () => {
    const tampered = Buffer.concat([data, Buffer.from(' ')]);
    const bundle = forge(signed.bundle, (json) => {
      json.messageSignature.messageDigest.digest = base64(sha256(tampered));
    });
    expect(() => verifySignatures(tampered, [bundle], trust(signed.publicKey))).toThrow(refused('SIGNATURE_INVALID'));
    expect(() => verifySignatures(data, [bundle], trust(signed.publicKey))).toThrow(refused('SIGNATURE_INVALID'));
  });

  it('is refused by who trusts another key, and the hint names both', () => {
    const hint = `signed by ${signed.keyId}; you trust ${other.keyId}`;
    expect(() => verifySignatures(data, [signed.bundle], trust(other.publicKey))).toThrow(
      refused('UNTRUSTED_SIGNER', '0 of 1', hint),
    );
  });

  it('is refused when it names another trusted key', () => {
    const bundle = forge(signed.bundle, (json) => {
      json.verificationMaterial.publicKey.hint = keyHint(other.publicKey);
    });
    const policy = trust(signed.publicKey, other.publicKey);
    expect(() => verifySignatures(data, [bundle], policy)).toThrow(refused('SIGNATURE_INVALID'));
    expect(() => verifySignatures(data, [other.bundle, bundle], policy)).toThrow(refused('SIGNATURE_INVALID'));
  });

  it('is refused when it names an unknown key', () => {
    const bundle = forge(signed.bundle, (json) => {
      json.verificationMaterial.publicKey.hint = base64(Buffer.alloc(32, 1));
    });
    expect(() => verifySignatures(data, [bundle], trust(signed.publicKey))).toThrow(refused('UNTRUSTED_SIGNER'));
  });

  it('is refused when it is made by another algorithm under its own name', async () => {
    const foreign = await signWith(data, algorithm === 'ed25519' ? 'ecdsa-p256' : 'ed25519');
    const bundle = forge(foreign.bundle, (json) => {
      json.verificationMaterial.publicKey.hint = keyHint(signed.publicKey);
    });
    expect(() => verifySignatures(data, [bundle], trust(signed.publicKey))).toThrow(refused('SIGNATURE_INVALID'));
  });

  it('is refused when it was made over an attestation', () => {
    const envelope = Buffer.from('DSSEv1 28 application/vnd.in-toto+json 2 {}');
    const hash = algorithm === 'ed25519' ? null : 'sha256';
    const signature = sign(hash, envelope, { key: signed.privateKey, dsaEncoding: 'der' });
    const bundle = forge(signed.bundle, (json) => {
      json.messageSignature = {
        messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256(envelope)) },
        signature: base64(signature),
      };
    });
    expect(verify(hash, envelope, { key: signed.publicKey, dsaEncoding: 'der' }, signature)).toBe(true);
    expect(() => verifySignatures(envelope, [bundle], trust(signed.publicKey))).toThrow(refused('SIGNATURE_INVALID'));
    expect(() => verifySignatures(data, [bundle], trust(signed.publicKey))).toThrow(refused('SIGNATURE_INVALID'));
  });

  it('is refused with any single byte of its slot or its data flipped', () => {
    const slotBytes = 1600;
    const file = Buffer.concat([fillSlot(signed.bundle, slotBytes), data]);
    const accept = (bytes: Buffer): void => {
      const content = readSlot(bytes.subarray(0, slotBytes));
      verifySignatures(bytes.subarray(slotBytes), content === undefined ? [] : [content], trust(signed.publicKey));
    };
    accept(file);
    expect(file.length).toBeGreaterThan(2500);
    for (let offset = 0; offset < file.length; offset += 1) {
      const flipped = Buffer.from(file);
      flipped[offset] = (file[offset] ?? 0) ^ (1 << ((offset * 5) % 8));
      expect(() => accept(flipped), `byte ${offset}`).toThrow(AirgapError);
    }
  });
});

it('ends with the exit code of what must not be loaded', async () => {
  const { publicKey } = await signWith(data, 'ed25519');
  try {
    verifySignatures(data, [], trust(publicKey));
    expect.unreachable();
  } catch (error) {
    expect(error).toEqual(refused('UNSIGNED'));
    expect(exitCodeOf(error)).toBe(3);
  }
});

describe('several signatures', async () => {
  const first = await signWith(data, 'ecdsa-p256');
  const second = await signWith(data, 'ed25519');
  const stranger = await signWith(data, 'ed25519');
  const both = [first.publicKey, second.publicKey];

  it('reach a threshold with distinct keys', () => {
    const verdict = verifySignatures(data, [second.bundle, first.bundle], { keys: both, threshold: 2 });
    expect(verdict.accepted.map(signerFingerprint)).toEqual([second.keyId, first.keyId]);
  });

  it('report strangers as unchecked', () => {
    const verdict = verifySignatures(data, [stranger.bundle, first.bundle], { keys: both, threshold: 1 });
    expect(verdict.accepted.map(signerFingerprint)).toEqual([first.keyId]);
    expect(verdict.unchecked).toEqual([stranger.keyId]);
  });

  it('do not let a stranger count', () => {
    expect(() => verifySignatures(data, [stranger.bundle, first.bundle], { keys: both, threshold: 2 })).toThrow(
      refused('UNTRUSTED_SIGNER', '1 of 2'),
    );
  });

  it('count one key once, however often it signs', async () => {
    const again = await signWith(data, first);
    expect(again.bundle).not.toEqual(first.bundle);
    const bundles = [first.bundle, again.bundle, first.bundle];
    expect(() => verifySignatures(data, bundles, { keys: both, threshold: 2 })).toThrow(refused('UNTRUSTED_SIGNER'));
    expect(verifySignatures(data, bundles, { keys: both, threshold: 1 }).accepted).toHaveLength(1);
  });

  it('count one key once, however it is spelled', () => {
    const spelled = [first.publicKey, compressedForm(first.publicKey), createPublicKey(first.privateKey)];
    expect(() => verifySignatures(data, [first.bundle], { keys: spelled, threshold: 2 })).toThrow(
      failure('UsageError', 'USAGE', 'only 1 distinct'),
    );
    expect(verifySignatures(data, [first.bundle], { keys: spelled, threshold: 1 }).accepted).toHaveLength(1);
    expect(keyId(compressedForm(first.publicKey))).toBe(first.keyId);
  });

  it.each(['trusted key', 'stranger'])('are refused as a whole for one bad bundle of a %s', async (who) => {
    const bad = await signWith(Buffer.from('other data'), who === 'stranger' ? stranger : second);
    const bundles = [first.bundle, bad.bundle];
    expect(() => verifySignatures(data, bundles, { keys: both, threshold: 1 })).toThrow(refused('SIGNATURE_INVALID'));
    const cut = [first.bundle, second.bundle.subarray(1)];
    expect(() => verifySignatures(data, cut, { keys: both, threshold: 1 })).toThrow(refused('SIGNATURE_INVALID'));
  });

  it('are refused when the good one comes with a broken one of another trusted key', () => {
    const broken = forge(second.bundle, (json) => {
      const signature = Buffer.from(json.messageSignature.signature, 'base64');
      signature[0] = (signature[0] ?? 0) ^ 1;
      json.messageSignature.signature = base64(signature);
    });
    expect(() => verifySignatures(data, [first.bundle, broken], { keys: both, threshold: 1 })).toThrow(
      refused('SIGNATURE_INVALID'),
    );
  });

  it('are limited in number', () => {
    const bundles = Array.from({ length: 65 }, () => first.bundle);
    expect(() => verifySignatures(data, bundles, { keys: both, threshold: 1 })).toThrow(refused('SIGNATURE_INVALID'));
  });
});

describe('a policy', async () => {
  const { bundle, publicKey } = await signWith(data, 'ed25519');

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])('with threshold %d is refused', (threshold) => {
    expect(() => verifySignatures(data, [bundle], { keys: [publicKey], threshold })).toThrow(
      failure('UsageError', 'USAGE'),
    );
  });

  it('without keys is refused', () => {
    expect(() => verifySignatures(data, [bundle], trust())).toThrow(failure('UsageError', 'USAGE'));
  });
});
