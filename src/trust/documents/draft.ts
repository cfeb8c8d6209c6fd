/** Changes to trust documents: each makes the next version, which counts only when it is signed. Pure. */
import type { KeyObject } from 'node:crypto';
import { AirgapError, UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Identity } from '../signatures/identity-schema.ts';
import { TrustDocument, type TrustIdentity, type TrustKey, type TrustRole } from './trust-document-schema.ts';
import type { PinnedTrustedRoot } from '../signatures/pinned-root-schema.ts';
import { anchorTrust, toLink, walkChain } from './trust-chain.ts';
import { draftTrust, encodePublicKey, keysOf, type TrustRecord, type TrustVersions } from './trust-document.ts';
import { signersOf } from '../signatures/dsse.ts';
import { identityKey, matchesIdentity, nameTrusted } from '../signatures/identity.ts';
import { keyId } from '../keys/public-key.ts';

/** A key and what it is to count for. */
export interface KeyGrant {
  readonly publicKey: KeyObject;
  readonly roles: readonly TrustRole[];
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
}

/** An identity and what it is to count for. */
export interface IdentityGrant {
  readonly identity: Identity;
  readonly roles: readonly Exclude<TrustRole, 'root'>[];
  readonly validFrom?: string | undefined;
  readonly validUntil?: string | undefined;
}

/** Changes of {@link changeTrust}; what is left out stays as it is. */
export interface TrustChanges {
  /** A key that is there already gets these roles and this window instead of its own. */
  readonly addKeys?: readonly KeyGrant[] | undefined;
  readonly removeKeys?: readonly string[] | undefined;
  /** Removed too, where they are listed. */
  readonly revokeKeys?: readonly string[] | undefined;
  readonly revokeReleases?: readonly Digest[] | undefined;
  /** One that is there already gets these roles and this window instead of its own. */
  readonly addIdentities?: readonly IdentityGrant[] | undefined;
  readonly removeIdentities?: readonly Identity[] | undefined;
  /** Removed too, where they or what they match are listed. */
  readonly revokeIdentities?: readonly Identity[] | undefined;
  readonly trustedRoot?: PinnedTrustedRoot | undefined;
  readonly expires?: string | undefined;
  readonly minSequence?: number | undefined;
  readonly thresholds?: Readonly<Partial<Record<TrustRole, number>>> | undefined;
}

/** Who has to sign a draft, and who did. */
export interface SignatureNeed {
  /** `version 1` or `its own` */
  readonly whose: string;
  readonly threshold: number;
  readonly signed: readonly string[];
  /** Root keys that have not signed. */
  readonly missing: readonly string[];
}

/** The first version of a document. @throws UsageError when it breaks a rule. */
export function beginTrust(
  line: Pick<TrustDocument, 'product' | 'channel' | 'expires'>,
  changes: TrustChanges,
): TrustRecord {
  const empty: TrustDocument = {
    formatVersion: 1,
    product: line.product,
    channel: line.channel,
    version: 1,
    expires: line.expires,
    thresholds: { release: 1, root: 1 },
    keys: [],
    revokedKeys: [],
    revokedReleases: [],
    minSequence: 0,
  };
  return toDraft(applyChanges(empty, changes));
}

/**
 * Changes the newest version of a chain: a finished one is followed by a draft of the next version, a draft is changed
 * itself and loses the signatures it had.
 * @param records oldest first, without gaps
 * @throws UsageError when the result breaks a rule, takes back a revocation, or lowers the floor
 */
export function changeTrust(records: TrustVersions, changes: TrustChanges): TrustRecord {
  const newest = records.at(-1) ?? records[0];
  const { document } = newest;
  const finished = isFinished(records) ? newest : records.at(-2);
  const floor = finished?.document.minSequence ?? 0;
  if (changes.minSequence !== undefined && changes.minSequence < floor) {
    throw new UsageError('USAGE', `the lowest accepted sequence is ${floor} and can only rise`);
  }
  const version = (finished?.document.version ?? 0) + 1;
  return toDraft(applyChanges({ ...document, version }, changes));
}

/** Whether enough keys of the version before and of its own signed the newest version. */
export function isFinished(records: TrustVersions): boolean {
  return signatureNeeds(records).every(({ threshold, signed }) => signed.length >= threshold);
}

/** Who has to sign the newest version of a chain. @throws TrustError `SIGNATURE_INVALID` */
export function signatureNeeds(records: TrustVersions): readonly SignatureNeed[] {
  const newest = records.at(-1) ?? records[0];
  const before = records.at(-2)?.document;
  const need = (document: TrustDocument, whose: string): SignatureNeed => {
    const keys = keysOf(document, 'root');
    const signed = signersOf(newest.envelope, [...keys.values()], newest.name);
    return {
      whose,
      threshold: document.thresholds.root,
      signed: [...signed],
      missing: [...keys.keys()].filter((id) => !signed.has(id)),
    };
  };
  const own = need(newest.document, `version ${newest.document.version}`);
  return before === undefined ? [own] : [need(before, `version ${before.version}`), own];
}

/**
 * Verifies a chain from its first document on.
 * @throws TrustError as `anchorTrust` and `walkChain`
 */
export function verifyChain(records: TrustVersions): ReturnType<typeof walkChain> {
  const [first, ...rest] = records;
  return walkChain(anchorTrust(first), rest.map(toLink));
}

function applyChanges(document: TrustDocument, changes: TrustChanges): TrustDocument {
  const { addKeys = [], removeKeys = [], revokeKeys = [], revokeReleases = [] } = changes;
  const keys = new Map(document.keys.map((key) => [key.keyId, key]));
  const revoked = new Set([...document.revokedKeys, ...revokeKeys]);
  for (const grant of addKeys) {
    const key = toEntry(grant);
    if (revoked.has(key.keyId)) {
      throw new UsageError('USAGE', `key ${key.keyId} is revoked permanently`, { hint: 'make a new key pair' });
    }
    keys.set(key.keyId, key);
  }
  for (const id of removeKeys) {
    if (keys.delete(id)) continue;
    throw new UsageError('USAGE', `the trust document does not list key ${id}`, {
      hint: '`airgap trust show` lists them',
    });
  }
  for (const id of revokeKeys) keys.delete(id);
  const { identities, revokedIdentities } = changeIdentities(document, changes);
  const trustedRoot = changes.trustedRoot ?? document.trustedRoot;
  const thresholds = { ...document.thresholds, ...changes.thresholds };
  const { provenance } = thresholds;
  const entries: readonly { readonly roles: readonly TrustRole[] }[] = [...keys.values(), ...identities];
  const hasProvenance = entries.some(({ roles }) => roles.includes('provenance'));
  const { formatVersion, product, channel, version } = document;
  return {
    ...{ formatVersion, product, channel, version },
    expires: changes.expires ?? document.expires,
    thresholds: {
      ...(hasProvenance ? { provenance: provenance ?? 1 } : {}),
      release: thresholds.release,
      root: thresholds.root,
    },
    keys: [...keys.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1)),
    ...(identities.length === 0 ? {} : { identities }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
    revokedKeys: [...revoked].sort(),
    ...(revokedIdentities.length === 0 ? {} : { revokedIdentities }),
    revokedReleases: [...new Set([...document.revokedReleases, ...revokeReleases])].sort(),
    minSequence: changes.minSequence ?? document.minSequence,
  };
}

function changeIdentities(
  document: TrustDocument,
  { addIdentities = [], removeIdentities = [], revokeIdentities = [] }: TrustChanges,
): { readonly identities: TrustIdentity[]; readonly revokedIdentities: Identity[] } {
  const entries = new Map((document.identities ?? []).map((entry) => [identityKey(entry), entry]));
  const revoked = new Map(
    [...(document.revokedIdentities ?? []), ...revokeIdentities].map((each) => [identityKey(each), each]),
  );
  const isRevoked = (identity: Identity): boolean =>
    revoked.has(identityKey(identity)) ||
    ('subject' in identity && [...revoked.values()].some((each) => matchesIdentity(each, identity)));
  for (const { identity, roles, validFrom, validUntil } of addIdentities) {
    if (isRevoked(identity)) throw new UsageError('USAGE', `${nameTrusted(identity)} is revoked permanently`);
    entries.set(identityKey(identity), {
      ...identity,
      roles: [...new Set(roles)].sort(),
      ...(validFrom === undefined ? {} : { validFrom }),
      ...(validUntil === undefined ? {} : { validUntil }),
    });
  }
  for (const identity of removeIdentities) {
    if (entries.delete(identityKey(identity))) continue;
    throw new UsageError('USAGE', `the trust document does not list ${nameTrusted(identity)}`, {
      hint: '`airgap trust show` lists them',
    });
  }
  const kept = [...entries.values()].filter((entry) => !isRevoked(entry));
  return { identities: sortIdentities(kept), revokedIdentities: sortIdentities([...revoked.values()]) };
}

function sortIdentities<T extends Identity>(identities: readonly T[]): T[] {
  return identities.toSorted((a, b) => (identityKey(a) < identityKey(b) ? -1 : 1));
}

function toEntry({ publicKey, roles, validFrom, validUntil }: KeyGrant): TrustKey {
  return {
    keyId: keyId(publicKey),
    publicKey: encodePublicKey(publicKey),
    roles: [...new Set(roles)].sort(),
    ...(validFrom === undefined ? {} : { validFrom }),
    ...(validUntil === undefined ? {} : { validUntil }),
  };
}

/** What breaks a rule is here the doing of the caller. */
function toDraft(document: TrustDocument): TrustRecord {
  const parsed = TrustDocument.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError('USAGE', `the new version: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  try {
    return draftTrust(parsed.data, 'the new version');
  } catch (error) {
    if (!(error instanceof AirgapError) || error.code !== 'MALFORMED') throw error;
    throw new UsageError('USAGE', error.message, {
      hint: 'nothing was changed; add keys before removing others, and lower a threshold before removing keys it needs',
      cause: error,
    });
  }
}
