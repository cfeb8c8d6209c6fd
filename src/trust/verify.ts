/** Decides whether enough trusted keys signed the data. Pure: no clock, no network, no environment. */
import { createHash, type KeyObject } from 'node:crypto';
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity } from '@sigstore/verify';
import { TrustError, UsageError } from '../errors.ts';
import { parseBundle, signerKeyId, type SigstoreBundle } from './bundle.ts';
import { isSignature } from './key-signature.ts';
import { algorithmOf, keyId, type KeyAlgorithm } from './keys.ts';
import { createEmptyTrustedRoot } from './trusted-root.ts';

const MAX_SIGNATURES = 64;
const MAX_TRUSTED_KEYS = 256;
/**
 * The first bytes of what a DSSE signature is made over: data that begins so could carry a signature made for an
 * attestation.
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
const DSSE_PREFIX = Buffer.from('DSSEv1 ');
const DAMAGED = 'the archive or its signature was damaged or changed; get it again from its maker';

/** Whom the user believes, and how many of them it takes. */
export interface TrustPolicy {
  /** Public keys, P-256 or Ed25519. A key given twice is one key. */
  readonly keys: readonly KeyObject[];
  /** How many distinct keys must have signed; at least 1. */
  readonly threshold: number;
}

/** A trusted key whose signature over the data was proved. */
export interface AcceptedSigner {
  /** Hexadecimal fingerprint of the public key. */
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
}

/** The outcome of a verification that succeeded. */
export interface SignatureVerdict {
  /** Distinct trusted signers, at least as many as the policy's threshold, in the order of their signatures. */
  readonly accepted: readonly AcceptedSigner[];
  /** Key ids named by signatures that the policy does not know. Claims: nothing of them was proved. */
  readonly unchecked: readonly string[];
}

/**
 * Verifies signatures over the data. A bundle only names its key; the key itself comes from the policy, never from the
 * bundle. One bad bundle refuses the whole: a signature that a trusted key is said to have made and did not is no accident.
 * @param bundles canonical Sigstore bundles, see `parseBundle`
 * @throws TrustError `UNSIGNED` without bundles, `SIGNATURE_INVALID` when a bundle is malformed, is over other data, or
 *   names a trusted key that did not make it, `UNTRUSTED_SIGNER` when fewer trusted keys signed than the threshold.
 * @throws UsageError when the policy cannot be satisfied or would accept anything.
 */
export function verifySignatures(
  data: Uint8Array,
  bundles: readonly Uint8Array[],
  policy: TrustPolicy,
): SignatureVerdict {
  const trusted = trustedKeys(policy);
  if (bundles.length === 0) throw unsigned();
  if (bundles.length > MAX_SIGNATURES) throw invalid(`there are more than ${MAX_SIGNATURES} signatures`);
  if (isDsseInput(data)) throw invalid('the signed data could be an attestation and cannot be told apart from one');
  const accepted = new Map<string, AcceptedSigner>();
  const unchecked = new Set<string>();
  for (const bytes of bundles) {
    const bundle = parseBundle(bytes);
    const signer = signerKeyId(bundle);
    assertSameData(data, bundle, signer);
    const key = trusted.get(signer);
    if (key === undefined) {
      unchecked.add(signer);
    } else {
      assertSignature(data, bundle, key, signer);
      accepted.set(signer, { keyId: signer, algorithm: algorithmOf(key) });
    }
  }
  if (accepted.size < policy.threshold) throw tooFew(accepted, unchecked, trusted, policy.threshold);
  return { accepted: [...accepted.values()], unchecked: [...unchecked] };
}

/** Whether a plain signature over the data would at once be a signature over a DSSE envelope. Never sign or accept one. */
export function isDsseInput(data: Uint8Array): boolean {
  return DSSE_PREFIX.equals(data.subarray(0, DSSE_PREFIX.length));
}

function trustedKeys({ keys, threshold }: TrustPolicy): ReadonlyMap<string, KeyObject> {
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new UsageError('USAGE', `a threshold of ${threshold} signatures is not possible; it is at least 1`);
  }
  if (keys.length > MAX_TRUSTED_KEYS) throw new UsageError('USAGE', `more than ${MAX_TRUSTED_KEYS} trusted keys`);
  const trusted = new Map(keys.map((key) => [keyId(key), key]));
  if (trusted.size >= threshold) return trusted;
  throw new UsageError('USAGE', `${threshold} signers are needed but only ${trusted.size} distinct keys are trusted`, {
    hint: 'give the public keys of the signers with --key',
  });
}

function assertSameData(data: Uint8Array, bundle: SigstoreBundle, signer: string): void {
  const { digest } = bundle.content.messageSignature.messageDigest;
  if (createHash('sha256').update(data).digest().equals(digest)) return;
  throw invalid(`the signature of key ${signer} is over other data`);
}

function assertSignature(data: Uint8Array, bundle: SigstoreBundle, publicKey: KeyObject, signer: string): void {
  // The policy has no validity windows, and without a timestamp the library would not ask for one.
  const material = toTrustMaterial(createEmptyTrustedRoot(), () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  try {
    verifier.verify(toEntity(data, bundle));
  } catch (error) {
    throw invalid(`the signature of the trusted key ${signer} does not verify`, error);
  }
}

/** The library hashes before it verifies, which no pure Ed25519 signature survives: the check itself is ours. */
function toEntity(data: Uint8Array, bundle: SigstoreBundle): SignedEntity {
  const { messageDigest, signature } = bundle.content.messageSignature;
  const isSigned = (digest: Buffer): boolean => digest.equals(messageDigest.digest);
  return {
    ...toSignedEntity(bundle),
    signature: {
      signature,
      compareSignature: (other) => other.equals(signature),
      compareDigest: isSigned,
      compareSignedDigest: isSigned,
      verifySignature: (key) => isSignature(data, key, signature),
    },
  };
}

function unsigned(): TrustError {
  return new TrustError('UNSIGNED', 'the archive is not signed', {
    hint: 'an unsigned archive cannot be loaded; ask its maker for a signed one',
  });
}

function invalid(message: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', message, { hint: DAMAGED, cause });
}

function tooFew(
  accepted: ReadonlyMap<string, AcceptedSigner>,
  unchecked: ReadonlySet<string>,
  trusted: ReadonlyMap<string, KeyObject>,
  threshold: number,
): TrustError {
  const signers = [...accepted.keys(), ...unchecked].join(', ');
  return new TrustError('UNTRUSTED_SIGNER', `${accepted.size} of ${threshold} needed signatures are by trusted keys`, {
    hint: `signed by ${signers}; trusted are ${[...trusted.keys()].join(', ')}; trust another key only if its fingerprint reached you by another way than this archive`,
    details: { accepted: accepted.size, threshold },
  });
}
