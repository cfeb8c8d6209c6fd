/** Who counts, and whether a signature is theirs: keys and identities, now or at a time that was verified. Pure. */
import { formatUtcSeconds } from '../../base/utc-time.ts';
import type { Bundle } from '@sigstore/bundle';
import type { KeyObject } from 'node:crypto';
import type { Identity } from './identity-schema.ts';
import { verifySignatureOfIdentity, signatureOf } from './certificate-identity.ts';
import { matchesIdentity, signerFingerprint, type CertificateIdentity, type SignerName } from './identity.ts';
import { algorithmOf, keyId, type KeyAlgorithm } from '../keys/public-key.ts';
import type { Authorities } from './pinned-root.ts';
import { evaluateTimestamps } from './timestamp.ts';

/** From when until when something counts, both ends included; open where nothing is said. */
export interface Window {
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
}

/** Whose signatures count. */
export interface Principals {
  /** Public keys, P-256 or Ed25519, that count now. A key given twice is one key. */
  readonly keys: readonly KeyObject[];
  /** Keys whose window has closed: they count where a timestamp verifies that they signed inside of it. */
  readonly retired?: readonly (Window & { readonly key: KeyObject })[] | undefined;
  /** Identities that count for what they signed inside of their window; each for one signer, however many match it. */
  readonly identities?: readonly (Window & { readonly identity: Identity })[] | undefined;
  /** Identities that never count, whatever else matches them. */
  readonly revokedIdentities?: readonly Identity[] | undefined;
  /** What certificates and timestamps are checked by. Without it, neither counts. */
  readonly authorities?: Authorities | undefined;
}

/** A trusted key whose signature was verified. */
export interface AcceptedKey {
  /** Hexadecimal fingerprint of the public key. */
  readonly keyId: string;
  readonly algorithm: KeyAlgorithm;
  /** By a timestamp; only where the key does not count by itself any more. */
  readonly signedAt?: Date;
}

/** A trusted identity whose signature was verified. */
export interface AcceptedIdentity extends CertificateIdentity {
  /** As a log or a timestamp authority vouches. */
  readonly signedAt: Date;
}

/** A signer who counts. */
export type AcceptedSigner = AcceptedKey | AcceptedIdentity;

/** Why a signature by somebody who is known does not count. */
export type LateReason = 'revoked' | 'expired' | 'not yet valid';

/** What a signature is worth. */
export type Credit =
  | { readonly kind: 'accepted'; readonly signer: AcceptedSigner; readonly entries: readonly number[] }
  | { readonly kind: 'set aside'; readonly reason: LateReason; readonly detail?: string }
  | { readonly kind: 'unknown' };

/** Principals with their keys by fingerprint, which takes a moment for each to find. */
export interface KnownPrincipals extends Omit<Principals, 'keys' | 'retired'> {
  readonly keys: ReadonlyMap<string, KeyObject>;
  readonly retired: ReadonlyMap<string, Window & { readonly key: KeyObject }>;
}

/** Looks up the fingerprints. */
export function knowPrincipals({ keys, retired = [], ...rest }: Principals): KnownPrincipals {
  return {
    ...rest,
    keys: new Map(keys.map((key) => [keyId(key), key])),
    retired: new Map(retired.map((each) => [keyId(each.key), each])),
  };
}

/**
 * Evaluates one signature.
 * @param claimed whom the bundle names
 * @param data what it signs; absent for an envelope
 * @param assertKey verifies it with a key
 * @throws TrustError `SIGNATURE_INVALID` when somebody who counts is named and did not make it.
 */
export function creditSignature(
  bundle: Bundle,
  claimed: SignerName,
  data: Uint8Array | undefined,
  principals: KnownPrincipals,
  assertKey: (key: KeyObject) => void,
  name: string,
): Credit {
  if ('keyId' in claimed) return creditKey(bundle, claimed.keyId, principals, assertKey);
  const { identities = [], revokedIdentities = [], authorities } = principals;
  if (revokedIdentities.some((each) => matchesIdentity(each, claimed))) return { kind: 'set aside', reason: 'revoked' };
  const entries = [...identities.keys()].filter((index) => {
    const identity = identities[index]?.identity;
    return identity !== undefined && matchesIdentity(identity, claimed);
  });
  if (entries.length === 0 || authorities === undefined) return { kind: 'unknown' };
  const { issuer, subject, signedAt, times } = verifySignatureOfIdentity(bundle, data, claimed, authorities, name);
  const faults = entries.map((index) => times.map((time) => windowFault(identities[index] ?? {}, time)).find(Boolean));
  const open = entries.filter((_, index) => faults[index] === undefined);
  if (open.length > 0) return { kind: 'accepted', signer: { issuer, subject, signedAt }, entries: open };
  const detail = `it signed at ${formatUtcSeconds(signedAt)}`;
  return { kind: 'set aside', reason: faults[0] ?? 'expired', detail };
}

/** Whether something counts at a time. */
export function windowFault({ validFrom, validUntil }: Window, time: Date): 'not yet valid' | 'expired' | undefined {
  if (validFrom !== undefined && time.getTime() < Date.parse(validFrom)) return 'not yet valid';
  return validUntil !== undefined && time.getTime() > Date.parse(validUntil) ? 'expired' : undefined;
}

/** How many could count at most. */
export function countPrincipals({ keys, retired, identities = [] }: KnownPrincipals): number {
  return new Set([...keys.keys(), ...retired.keys()]).size + identities.length;
}

/**
 * How many distinct signers there are: keys, and identities such that each entry of the policy stands for one subject
 * and each subject for one entry. Several certificates of one subject, and several patterns for it, count once.
 */
export function countSigners(credits: readonly Extract<Credit, { kind: 'accepted' }>[]): number {
  const keys = new Set<string>();
  const entriesOf = new Map<string, readonly number[]>();
  for (const { signer, entries } of credits) {
    const id = signerFingerprint(signer);
    if ('keyId' in signer) keys.add(id);
    else entriesOf.set(id, [...(entriesOf.get(id) ?? []), ...entries]);
  }
  const taken = new Map<number, string>();
  /** Finds an entry for a subject, moving others to another entry of theirs where that makes room. */
  function place(id: string, tried: Set<number>): boolean {
    for (const entry of entriesOf.get(id) ?? []) {
      if (tried.has(entry)) continue;
      tried.add(entry);
      const holder = taken.get(entry);
      if (holder !== undefined && !place(holder, tried)) continue;
      taken.set(entry, id);
      return true;
    }
    return false;
  }
  return keys.size + [...entriesOf.keys()].filter((id) => place(id, new Set())).length;
}

function creditKey(
  bundle: Bundle,
  id: string,
  principals: KnownPrincipals,
  assertKey: (key: KeyObject) => void,
): Credit {
  const key = principals.keys.get(id);
  if (key !== undefined) {
    assertKey(key);
    return { kind: 'accepted', signer: { keyId: id, algorithm: algorithmOf(key) }, entries: [] };
  }
  const retired = principals.retired.get(id);
  if (retired === undefined) return { kind: 'unknown' };
  assertKey(retired.key);
  const { authorities } = principals;
  const verdicts = authorities === undefined ? [] : evaluateTimestamps(bundle, signatureOf(bundle), authorities);
  const times = verdicts.flatMap((verdict) => ('time' in verdict ? [verdict.time] : []));
  const signedAt = times.find((time) => windowFault(retired, time) === undefined);
  if (signedAt !== undefined) {
    const signer = { keyId: id, algorithm: algorithmOf(retired.key), signedAt };
    return { kind: 'accepted', signer, entries: [] };
  }
  const faults = verdicts.map((verdict) =>
    'time' in verdict ? `it signed at ${formatUtcSeconds(verdict.time)}` : `its timestamp ${verdict.fault}`,
  );
  const detail = faults.length === 0 ? 'no trusted timestamp says when it signed' : faults.join(', ');
  return { kind: 'set aside', reason: 'expired', detail };
}
