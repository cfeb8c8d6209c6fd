/** Makes release signatures with keys. */
import { sign, type KeyObject } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { assertAttestedBy, parseAttestation } from '../signatures/attestation.ts';
import { canonicalBundle } from '../signatures/bundle.ts';
import { bundleMessage, bundleStatement, type Timestamper } from './bundling.ts';
import { addSignature, preAuthenticationEncoding, type Envelope } from '../signatures/dsse.ts';
import { algorithmOf, keyHint, keyId, publicKeyOf } from '../keys/public-key.ts';
import { verifySignatures } from '../signatures/evaluate-signatures.ts';

/** A signer of releases. */
export interface ReleaseSigner {
  /**
   * Signs the data and verifies the signature before handing it out.
   * @returns the canonical bytes of a Sigstore bundle v0.3
   * @throws UsageError when the data could be taken for an attestation.
   */
  sign(data: Uint8Array): Promise<Uint8Array>;
  /**
   * Signs a statement in a DSSE envelope, verified.
   * @returns the canonical bytes of a Sigstore bundle v0.3
   * @throws UsageError when this signer holds one signature and no key.
   */
  attest(payload: Uint8Array, payloadType: string): Promise<Uint8Array>;
}

/** A signer with a key of its own. */
export interface KeySigner extends ReleaseSigner {
  /** What its signatures are verified with. */
  readonly publicKey: KeyObject;
  /** Hexadecimal fingerprint of the public key. */
  readonly keyId: string;
  /**
   * Adds a signature to an envelope, verified.
   * @throws UsageError when this signer holds one signature and no key.
   */
  signEnvelope(envelope: Envelope): Promise<Envelope>;
}

/** Whether a key signs, which is known before it does. */
export function isKeySigner(signer: ReleaseSigner): signer is KeySigner {
  return 'publicKey' in signer;
}

/** Gives the bare signature over the data: ECDSA P-256 over SHA-256 in DER, or pure Ed25519. */
export type SignBytes = (data: Buffer) => Promise<Buffer>;

/** Options of signers with keys. */
export interface KeySignerOptions {
  /** Adds a timestamp to each signature. */
  readonly timestamp?: Timestamper | undefined;
}

/**
 * A signer with a private key in memory: ECDSA P-256 over SHA-256 in DER, or pure Ed25519, as cosign's `--key` expects.
 * @throws UsageError on a key of another kind.
 */
export function createKeySigner(privateKey: KeyObject, options: KeySignerOptions = {}): KeySigner {
  const hash = algorithmOf(privateKey) === 'ed25519' ? null : 'sha256';
  const signBytes: SignBytes = async (data) => sign(hash, data, { key: privateKey, dsaEncoding: 'der' });
  return createSigner(publicKeyOf(privateKey), signBytes, options);
}

/**
 * A signer whose private key is wherever `signBytes` reaches it. What that gives is verified with the public key.
 * @throws UsageError on a key of a kind we do not sign with.
 */
export function createSigner(publicKey: KeyObject, signBytes: SignBytes, options: KeySignerOptions = {}): KeySigner {
  const parts = { material: { keyHint: keyHint(publicKey) }, sign: signBytes, timestamp: options.timestamp };
  return {
    publicKey,
    keyId: keyId(publicKey),
    async sign(data) {
      const bytes = await bundleMessage(data, parts);
      verifySignatures(data, [bytes], { keys: [publicKey], threshold: 1 });
      return bytes;
    },
    async signEnvelope(envelope) {
      const data = preAuthenticationEncoding(envelope.payloadType, envelope.payload);
      return addSignature(envelope, publicKey, await signBytes(data));
    },
    async attest(payload, payloadType) {
      const bytes = await bundleStatement(payload, payloadType, parts);
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
export function createBundleSigner(bytes: Uint8Array, publicKey: KeyObject, name: string): KeySigner {
  const bundle = canonicalBundle(bytes, name);
  const signNothingElse = async (): Promise<never> => {
    throw new UsageError('USAGE', `${name} is one signature and cannot sign anything else`);
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
