/** Makes release signatures with keys. */
import { createHash, sign, type KeyObject } from 'node:crypto';
import { toDSSEBundle, toMessageSignatureBundle } from '@sigstore/bundle';
import { UsageError } from '../errors.ts';
import { assertAttestedBy, parseAttestation } from './attestation.ts';
import { canonicalBundle, serializeBundle } from './bundle.ts';
import { addSignature, preAuthenticationEncoding, type Envelope } from './dsse.ts';
import { algorithmOf, keyHint, keyId, publicKeyOf } from './keys.ts';
import { isDsseInput, verifySignatures } from './verify.ts';

/** Whoever can sign a release. */
export interface ReleaseSigner {
  readonly publicKey: KeyObject;
  /** Hexadecimal fingerprint of the public key. */
  readonly keyId: string;
  /**
   * Signs the data and proves the signature before handing it out.
   * @returns the canonical bytes of a Sigstore bundle v0.3
   * @throws UsageError when the data could be taken for an attestation.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /**
   * Adds a signature to an envelope, proved.
   * @throws UsageError when this signer holds one signature and no key.
   */
  signEnvelope(envelope: Envelope): Promise<Envelope>;
  /**
   * Signs a statement in a DSSE envelope, proved.
   * @returns the canonical bytes of a Sigstore bundle v0.3
   * @throws UsageError when this signer holds one signature and no key.
   */
  attest(payload: Uint8Array, payloadType: string): Promise<Uint8Array>;
}

/** Gives the bare signature over the data: ECDSA P-256 over SHA-256 in DER, or pure Ed25519. */
export type SignBytes = (data: Buffer) => Promise<Buffer>;

/**
 * A signer with a private key in memory: ECDSA P-256 over SHA-256 in DER, or pure Ed25519, as cosign's `--key` expects.
 * @throws UsageError on a key of another kind.
 */
export function createKeySigner(privateKey: KeyObject): ReleaseSigner {
  const hash = algorithmOf(privateKey) === 'ed25519' ? null : 'sha256';
  return createSigner(publicKeyOf(privateKey), async (data) =>
    sign(hash, data, { key: privateKey, dsaEncoding: 'der' }),
  );
}

/**
 * A signer whose private key is wherever `signBytes` reaches it. What that gives is proved with the public key.
 * @throws UsageError on a key of a kind we do not sign with.
 */
export function createSigner(publicKey: KeyObject, signBytes: SignBytes): ReleaseSigner {
  const hint = keyHint(publicKey);
  return {
    publicKey,
    keyId: keyId(publicKey),
    async sign(data) {
      if (isDsseInput(data))
        throw new UsageError('USAGE', 'data that begins with "DSSEv1 " cannot be signed as a file');
      const digest = createHash('sha256').update(data).digest();
      const signature = await signBytes(Buffer.from(data));
      const bytes = serializeBundle(toMessageSignatureBundle({ digest, signature, keyHint: hint }));
      verifySignatures(data, [bytes], { keys: [publicKey], threshold: 1 });
      return bytes;
    },
    async signEnvelope(envelope) {
      const data = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
      return addSignature(envelope, publicKey, await signBytes(data));
    },
    async attest(payload, payloadType) {
      const artifact = Buffer.from(payload);
      const signature = await signBytes(preAuthenticationEncoding(payloadType, artifact));
      const bundle = toDSSEBundle({ artifact, artifactType: payloadType, signature, keyHint: hint });
      // cosign passes over a signature whose key id is not the one it computes; the hint names the key.
      for (const each of bundle.content.dsseEnvelope.signatures) each.keyid = '';
      const bytes = serializeBundle(bundle);
      assertAttestedBy(parseAttestation(bytes, 'the statement'), publicKey);
      return bytes;
    },
  };
}

/**
 * A signature that was made elsewhere, such as by `cosign sign-blob`, in the place of a signer: it signs the data it was
 * made over and nothing else.
 * @param bytes a Sigstore bundle v0.3 in any spelling
 * @param name what to call the bundle in errors, such as its path
 * @throws TrustError `SIGNATURE_INVALID` when it is no such bundle; from `sign` when the key did not make it over the
 *   data, `UNTRUSTED_SIGNER` when it is by another key.
 */
export function createBundleSigner(bytes: Uint8Array, publicKey: KeyObject, name: string): ReleaseSigner {
  const bundle = canonicalBundle(bytes, name);
  const signNothingElse = async (): Promise<never> => {
    throw new UsageError('USAGE', `${name} is one signature, which signs nothing else`);
  };
  return {
    publicKey,
    keyId: keyId(publicKey),
    async sign(data) {
      verifySignatures(data, [bundle], { keys: [publicKey], threshold: 1 });
      return bundle;
    },
    signEnvelope: signNothingElse,
    attest: signNothingElse,
  };
}
