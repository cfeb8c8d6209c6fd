/** Decides whether enough trusted keys signed the data. Pure: no clock, no network, no environment. */
import { createHash, type KeyObject } from 'node:crypto';
import { toSignedEntity, toTrustMaterial, Verifier, type SignedEntity } from '@sigstore/verify';
import type { BundleWithMessageSignature } from '@sigstore/bundle';
import { TrustError, UsageError } from '../../errors.ts';
import { parseBundle } from './bundle.ts';
import { nameSigner, nameTrusted, signerFingerprint, type SignerName } from './identity.ts';
import { isSignature } from '../keys/key-signature.ts';
import {
  countPrincipals,
  countSigners,
  creditSignature,
  knowPrincipals,
  type AcceptedSigner,
  type Credit,
  type KnownPrincipals,
  type LateReason,
  type Principals,
} from './principals.ts';
import { createEmptyTrustedRoot } from './empty-root.ts';

const MAX_SIGNATURES = 64;
const MAX_TRUSTED_KEYS = 256;
const MAX_IDENTITIES = 256;
/**
 * The first bytes of what a DSSE signature is made over: data that begins so could carry a signature made for an
 * attestation.
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
const DSSE_PREFIX = Buffer.from('DSSEv1 ');
const DAMAGED = 'the archive or its signature was damaged or changed; get it again from its maker';

/** Whom the user believes, and how many of them it takes. */
export interface TrustPolicy extends Principals {
  /** How many distinct keys and identities must have signed; at least 1. */
  readonly threshold: number;
}

/** A signer who is known, and whose signature does not count. */
export type LateSigner = SignerName & { readonly reason: LateReason; readonly detail?: string };

/** The outcome of a verification that succeeded. */
export interface SignatureVerdict {
  /** Distinct trusted signers, at least as many as the policy's threshold, in the order of their signatures. */
  readonly accepted: readonly AcceptedSigner[];
  /** Signers named that the policy does not know, as people read them. Claims: nothing of them was verified. */
  readonly unchecked: readonly string[];
  /** Signers who counted once, or whom the policy has revoked. */
  readonly late: readonly LateSigner[];
}

/**
 * Verifies signatures over the data. A bundle only names its signer; what to verify it with comes from the policy, never
 * from the bundle. One bad bundle refuses the whole: a signature that somebody trusted is said to have made and did not is no accident.
 * @param bundles canonical Sigstore bundles, see `parseBundle`
 * @throws TrustError `UNSIGNED` without bundles, `SIGNATURE_INVALID` when a bundle is malformed, is over other data, or
 *   names somebody trusted who did not make it, `UNTRUSTED_SIGNER` when fewer trusted signers signed than the threshold.
 * @throws UsageError when the policy cannot be satisfied or would accept anything.
 */
export function verifySignatures(
  data: Uint8Array,
  bundles: readonly Uint8Array[],
  policy: TrustPolicy,
): SignatureVerdict {
  const { verdict, refusal } = tallySignatures(data, bundles, policy);
  if (refusal !== undefined) throw refusal;
  return verdict;
}

/**
 * The same, with the refusal handed out where it is only that too few count.
 * @throws TrustError `UNSIGNED`, `SIGNATURE_INVALID` @throws UsageError
 */
export function tallySignatures(
  data: Uint8Array,
  bundles: readonly Uint8Array[],
  policy: TrustPolicy,
): { readonly verdict: SignatureVerdict; readonly refusal: TrustError | undefined } {
  const principals = checkPolicy(policy);
  if (bundles.length === 0) throw unsigned();
  if (bundles.length > MAX_SIGNATURES) throw invalid(`there are more than ${MAX_SIGNATURES} signatures`);
  if (isDsseInput(data)) throw invalid('the signed data could be an attestation and cannot be told apart from one');
  const credits: Extract<Credit, { kind: 'accepted' }>[] = [];
  const unchecked = new Set<string>();
  const late = new Map<string, LateSigner>();
  const digest = createHash('sha256').update(data).digest();
  for (const bytes of bundles) {
    const { signer, bundle } = parseBundle(bytes);
    assertSameData(digest, bundle, signer);
    const assertKey = (key: KeyObject): void => assertSignature(data, bundle, key, nameSigner(signer));
    const credit = creditSignature(bundle, signer, data, principals, assertKey, 'the signature');
    if (credit.kind === 'accepted') credits.push(credit);
    else if (credit.kind === 'unknown') unchecked.add(nameSigner(signer));
    else late.set(signerFingerprint(signer), lateSigner(signer, credit));
  }
  const accepted = new Map(credits.map(({ signer }) => [signerFingerprint(signer), signer]));
  // Who signed again, inside of the window, counts.
  for (const id of accepted.keys()) late.delete(id);
  const verdict = { accepted: [...accepted.values()], unchecked: [...unchecked], late: [...late.values()] };
  const count = countSigners(credits);
  const isEnough = count >= policy.threshold;
  return { verdict, refusal: isEnough ? undefined : tooFew(count, verdict, principals, policy.threshold) };
}

function lateSigner(signer: SignerName, { reason, detail }: Extract<Credit, { kind: 'set aside' }>): LateSigner {
  return { ...signer, reason, ...(detail === undefined ? {} : { detail }) };
}

/** Whether a plain signature over the data would at once be a signature over a DSSE envelope. Never sign or accept one. */
export function isDsseInput(data: Uint8Array): boolean {
  return DSSE_PREFIX.equals(data.subarray(0, DSSE_PREFIX.length));
}

function checkPolicy({ threshold, ...principals }: TrustPolicy): KnownPrincipals {
  if (!Number.isSafeInteger(threshold) || threshold < 1) {
    throw new UsageError('USAGE', `a threshold of ${threshold} signatures is not possible; it is at least 1`);
  }
  const { keys, retired = [], identities = [] } = principals;
  if (keys.length + retired.length > MAX_TRUSTED_KEYS) {
    throw new UsageError('USAGE', `more than ${MAX_TRUSTED_KEYS} trusted keys`);
  }
  if (identities.length > MAX_IDENTITIES) {
    throw new UsageError('USAGE', `more than ${MAX_IDENTITIES} trusted identities`);
  }
  const known = knowPrincipals(principals);
  const count = countPrincipals(known);
  if (count >= threshold) return known;
  const who = identities.length === 0 ? 'distinct keys' : 'distinct keys and identities';
  throw new UsageError('USAGE', `${threshold} signers are needed but only ${count} ${who} are trusted`, {
    hint: 'give the public keys of the signers with --key',
  });
}

function assertSameData(digest: Buffer, { content }: BundleWithMessageSignature, signer: SignerName): void {
  if (digest.equals(content.messageSignature.messageDigest.digest)) return;
  const who = 'keyId' in signer ? `key ${signer.keyId}` : nameSigner(signer);
  throw invalid(`the signature of ${who} is over other data`);
}

function assertSignature(
  data: Uint8Array,
  bundle: BundleWithMessageSignature,
  publicKey: KeyObject,
  signer: string,
): void {
  // Windows are looked at elsewhere, and without a timestamp the library would not ask for one.
  const material = toTrustMaterial(createEmptyTrustedRoot(), () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  try {
    verifier.verify(toEntity(data, bundle));
  } catch (error) {
    throw invalid(`the signature of the trusted key ${signer} does not verify`, error);
  }
}

/** What a key signed counts without them, and one that cannot be read says nothing against it. */
const NO_TIMESTAMPS = { timestampVerificationData: undefined };

/** The library hashes before it verifies, which no pure Ed25519 signature survives: the check itself is ours. */
function toEntity(data: Uint8Array, bundle: BundleWithMessageSignature): SignedEntity {
  const { messageDigest, signature } = bundle.content.messageSignature;
  const isSigned = (digest: Buffer): boolean => digest.equals(messageDigest.digest);
  return {
    ...toSignedEntity({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, ...NO_TIMESTAMPS } }),
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
  count: number,
  { accepted, unchecked, late }: SignatureVerdict,
  { keys, retired, identities = [] }: KnownPrincipals,
  threshold: number,
): TrustError {
  const signers = [...[...accepted, ...late].map(nameSigner), ...unchecked].join(', ');
  const trusted = [
    ...new Set([...keys.keys(), ...retired.keys()]),
    ...identities.map(({ identity }) => nameTrusted(identity)),
  ].join(', ');
  const what = identities.length === 0 ? 'keys' : 'keys and identities';
  const isKey = unchecked.every((name) => /^[0-9a-f]{64}$/.test(name));
  const another = isKey ? 'another key only if its fingerprint' : 'another signer only if its name';
  return new TrustError('UNTRUSTED_SIGNER', `${count} of ${threshold} needed signatures are by trusted ${what}`, {
    hint: `signed by ${signers}; you trust ${trusted}; trust ${another} reached you by another way than this archive`,
    details: { accepted: count, threshold },
  });
}
