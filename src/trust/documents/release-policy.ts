/** From a trust document to those who count for a release, and why others do not. Pure: time is given. */
import { TrustError } from '../../errors.ts';
import type { Identity } from '../signatures/identity-schema.ts';
import type { TrustDocument, TrustRole } from './trust-document-schema.ts';
import { parseBundle } from '../signatures/bundle.ts';
import { keysOf } from './trust-document.ts';
import { matchesIdentity, nameSigner, type SignerName } from '../signatures/identity.ts';
import { openAuthorities, type Authorities } from '../signatures/pinned-root.ts';
import { windowFault, type LateReason, type Principals } from '../signatures/principals.ts';
import type { ProvenancePolicy } from '../provenance/evaluate-provenance.ts';
import { tallySignatures, type SignatureVerdict, type TrustPolicy } from '../signatures/evaluate-signatures.ts';

/** Why a signature of somebody known does not count. */
export type SetAsideReason = LateReason | 'not for releases';

/** A policy that also knows whom it does not accept. */
export interface ReleasePolicy extends TrustPolicy {
  /** By key id. */
  readonly setAside: ReadonlyMap<string, SetAsideReason>;
  /** Identities that are trusted with something else. */
  readonly otherIdentities?: readonly Identity[] | undefined;
}

/** Somebody known whose signature was not counted, and more words on it where there are any. */
export type SetAsideSigner = SignerName & { readonly reason: SetAsideReason; readonly detail?: string };

/** A verdict, and the signers whose signatures were not counted. */
export interface ReleaseVerdict extends Omit<SignatureVerdict, 'late'> {
  readonly setAside: readonly SetAsideSigner[];
}

/** The policy for releases at a time: those with the role `release` and an open window. */
export function toReleasePolicy(document: TrustDocument, time: Date): ReleasePolicy {
  const principals = principalsOf(document, 'release', time);
  const setAside = new Map<string, SetAsideReason>(document.revokedKeys.map((id) => [id, 'revoked']));
  const retired = new Set(principals.retired?.map(({ keyId }) => keyId));
  for (const key of document.keys) {
    const fault = key.roles.includes('release') ? windowFault(key, time) : 'not for releases';
    // What a retired key signed may still be shown to be of its time.
    if (fault !== undefined && !retired.has(key.keyId)) setAside.set(key.keyId, fault);
  }
  const otherIdentities = (document.identities ?? []).filter(({ roles }) => !roles.includes('release')).map(toIdentity);
  return { ...principals, threshold: document.thresholds.release, setAside, otherIdentities };
}

/**
 * The policy for provenance at a time: those with the role `provenance`, as many as the document says; release
 * signers where none has it, for then it does not say that provenance has to be there.
 */
export function toProvenancePolicy(document: TrustDocument, time: Date): ProvenancePolicy {
  return { ...principalsOf(document, provenanceRole(document), time), threshold: document.thresholds.provenance ?? 0 };
}

/**
 * Why what a key signs at a time does not count under a document; undefined when it does. A key whose window is over
 * signs nothing any more, although what it signed before may count.
 */
export function faultOfKey(
  document: TrustDocument,
  keyId: string,
  use: 'release' | 'provenance',
  time: Date,
): string | undefined {
  if (document.revokedKeys.includes(keyId)) return 'revoked';
  const entry = document.keys.find((each) => each.keyId === keyId);
  if (entry === undefined) return 'not in it';
  const role = use === 'release' ? use : provenanceRole(document);
  if (!entry.roles.includes(role)) return use === 'release' ? 'not for releases' : 'not for provenance';
  return windowFault(entry, time);
}

/** The role of those whose word on provenance counts. */
function provenanceRole(document: TrustDocument): 'release' | 'provenance' {
  const all = [...document.keys, ...(document.identities ?? [])];
  return all.some(({ roles }) => (roles as readonly TrustRole[]).includes('provenance')) ? 'provenance' : 'release';
}

/** The plain identity of an entry. */
export function toIdentity(entry: Identity): Identity {
  const { issuer } = entry;
  return 'subject' in entry ? { issuer, subject: entry.subject } : { issuer, subjectPattern: entry.subjectPattern };
}

interface DocumentPrincipals extends Principals {
  readonly retired?: (NonNullable<Principals['retired']>[number] & { readonly keyId: string })[];
}

function principalsOf(document: TrustDocument, role: 'release' | 'provenance', time: Date): DocumentPrincipals {
  const byId = keysOf(document, role);
  const authorities = authoritiesOf(document);
  // Nothing could verify when they signed.
  const isTimed = (authorities?.timestampAuthorities.length ?? 0) > 0;
  const entries = document.keys.flatMap((entry) => {
    const key = byId.get(entry.keyId);
    return key === undefined ? [] : [{ ...entry, key, fault: windowFault(entry, time) }];
  });
  const identities = (document.identities ?? []).filter(({ roles }) => roles.includes(role));
  return {
    keys: entries.filter(({ fault }) => fault === undefined).map(({ key }) => key),
    retired: entries.filter(({ fault }) => isTimed && fault === 'expired'),
    identities: identities.map((entry) => ({ ...entry, identity: toIdentity(entry) })),
    revokedIdentities: document.revokedIdentities,
    authorities,
  };
}

function authoritiesOf({ trustedRoot }: TrustDocument): Authorities | undefined {
  return trustedRoot && openAuthorities(trustedRoot, 'the trust document');
}

/**
 * Verifies signatures under a release policy. Signatures by those set aside count for nothing.
 * @throws TrustError as `verifySignatures`; `REVOKED` or `EXPIRED` when it is for such signers that too few count.
 */
export function evaluateSignatures(
  data: Uint8Array,
  bundles: readonly Uint8Array[],
  policy: ReleasePolicy,
): ReleaseVerdict {
  if (policy.setAside.size > 0 && countAll(policy) < policy.threshold) throw tooFewKeys(policy);
  const { verdict, refusal } = tallySignatures(data, bundles, policy);
  const { late, ...rest } = verdict;
  const claimed = new Map(
    bundles.map((bundle) => parseBundle(bundle).signer).map((signer) => [nameSigner(signer), signer]),
  );
  const known = [...claimed.values()].flatMap((signer): SetAsideSigner[] => {
    const reason = verdict.unchecked.includes(nameSigner(signer)) ? reasonAgainst(signer, policy) : undefined;
    return reason === undefined ? [] : [{ ...signer, reason }];
  });
  const setAside: readonly SetAsideSigner[] = [...known, ...late];
  if (refusal !== undefined) throw withReasons(refusal, setAside);
  const names = new Set(known.map(nameSigner));
  return { ...rest, unchecked: verdict.unchecked.filter((name) => !names.has(name)), setAside };
}

/** Why it is for somebody known that too few count. */
function withReasons(refusal: TrustError, setAside: readonly SetAsideSigner[]): TrustError {
  const worst = setAside.find(({ reason }) => reason === 'revoked') ?? setAside[0];
  if (worst === undefined) return refusal;
  const codes = { revoked: 'REVOKED', expired: 'EXPIRED' } as const;
  const code = worst.reason === 'revoked' || worst.reason === 'expired' ? codes[worst.reason] : 'UNTRUSTED_SIGNER';
  const reasons = setAside.map((signer) => {
    const who = 'keyId' in signer ? `key ${signer.keyId}` : nameSigner(signer);
    return `${who}, which signed, is ${describeReason(signer)}`;
  });
  return new TrustError(code, `${refusal.message}: ${reasons.join('; ')}`, {
    hint: 'ask the maker for a release that keys signed which are still valid',
    cause: refusal,
    details: refusal.details,
  });
}

/** `expired: its timestamp is about another signature` */
export function describeReason({ reason, detail }: Pick<SetAsideSigner, 'reason' | 'detail'>): string {
  return detail === undefined ? reason : `${reason}: ${detail}`;
}

function reasonAgainst(
  signer: SignerName,
  { setAside, otherIdentities = [] }: ReleasePolicy,
): SetAsideReason | undefined {
  if ('keyId' in signer) return setAside.get(signer.keyId);
  return otherIdentities.some((each) => matchesIdentity(each, signer)) ? 'not for releases' : undefined;
}

function countAll({ keys, retired = [], identities = [] }: ReleasePolicy): number {
  return keys.length + retired.length + identities.length;
}

/** Not the operator's doing, as it would be with keys on the command line: time closed windows of the document. */
function tooFewKeys(policy: ReleasePolicy): TrustError {
  const { threshold, setAside } = policy;
  const closed = [...setAside].filter(([, reason]) => reason === 'expired' || reason === 'not yet valid');
  return new TrustError(
    'EXPIRED',
    `${threshold} release keys must sign, and of those in the trust document only ${countAll(policy)} are valid now`,
    { hint: closed.map(([id, reason]) => `key ${id} is ${reason}`).join('; ') },
  );
}
