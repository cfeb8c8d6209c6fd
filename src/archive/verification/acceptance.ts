/** Decides whether the head of an archive is to be believed: by keys or a trust document, and by what the site has seen. */
import { carriedLinks } from './carried-trust.ts';
import { assertChecksums } from './payload.ts';
import { inventoryDigestIn } from '../layout/checksums.ts';
import { summarizeOmissions, type Omissions } from '../partial/partial-document.ts';
import type { ArchiveHead } from '../reader/archive-head.ts';
import type { ArchiveSeal } from '../reader/seal.ts';
import { TrustError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import type { SiteState } from '../../trust/rollback/site-state-schema.ts';
import { anchorTrust, toLink, walkChain, type RootedTrust } from '../../trust/documents/trust-chain.ts';
import { toCertificateIdentity } from '../../trust/signatures/identity.ts';
import type { TrustRecord } from '../../trust/documents/trust-document.ts';
import {
  evaluateSignatures,
  toProvenancePolicy,
  toReleasePolicy,
  type ReleasePolicy,
  type ReleaseVerdict,
} from '../../trust/documents/release-policy.ts';
import {
  evaluateProvenance,
  type ProvenanceDemand,
  type ProvenanceVerdict,
} from '../../trust/provenance/evaluate-provenance.ts';
import {
  findLine,
  evaluationTime,
  evaluateRollback,
  pinnedTrust,
  type ReleaseFacts,
  type RollbackVerdict,
} from '../../trust/rollback/evaluate-rollback.ts';
import type { AcceptedSigner } from '../../trust/signatures/principals.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import { releaseAttestations, releaseSignatures } from '../reader/signatures.ts';

/**
 * What an accepted archive says of itself, and why that is believed. It is a description, for decisions and reports:
 * what acts upon an archive takes the {@link TrustedArchive} that it describes.
 */
export interface TrustedRelease {
  /** What the archive says of itself. */
  readonly inventory: Inventory;
  /** Of `checksums.txt`, which stands for the whole archive. */
  readonly digest: Digest;
  /** Whose signatures were accepted. */
  readonly signers: readonly AcceptedSigner[];
  /** Whom other signatures name; nothing of them was verified. */
  readonly unchecked: readonly string[];
  /** Signers that the trust document knows and does not accept. */
  readonly setAside: ReleaseVerdict['setAside'];
  /** How many signatures were needed. */
  readonly threshold: number;
  /** The trust document the release was evaluated by; absent when plain keys were given. */
  readonly trust?: RootedTrust | undefined;
  /** How it stands to what the site has seen. */
  readonly rollback: RollbackVerdict;
  /** How it was built, as its signers state it. */
  readonly provenance: ProvenanceVerdict;
  /** Of a delta: what it leaves out of the release, and the releases that have it by its word. */
  readonly delta?: Omissions | undefined;
}

/** What the operator accepts. */
export interface Acceptance {
  /** Plain keys, or a trust document where trust begins unless the state has pinned a newer one. */
  readonly anchor: TrustPolicy | TrustRecord;
  /** The time that validity is evaluated by. */
  readonly now: Date;
  /** What the site remembers; without it, only what needs no memory is checked. */
  readonly state?: SiteState | undefined;
  /** The archive must be this one. */
  readonly expectedDigest?: Digest | undefined;
  /** The one release that may be older than what the site has seen, or expired. */
  readonly exceptionFor?: Digest | undefined;
  /** What has to be stated of how it was built. */
  readonly provenance?: ProvenanceDemand | undefined;
}

/** What identifies a release to the site's memory. */
export function factsOf({
  inventory,
  digest,
  signers,
}: Pick<TrustedRelease, 'inventory' | 'digest' | 'signers'>): ReleaseFacts {
  const { name: product, channel, version, sequence, expires } = inventory;
  const keys = signers.flatMap((signer) => ('keyId' in signer ? [signer.keyId] : []));
  const identities = signers.flatMap((signer) => ('keyId' in signer ? [] : [toCertificateIdentity(signer)]));
  return { product, channel, version, sequence, expires, digest, signers: keys, identities };
}

/** Plain keys are an acceptance at the time of the call. */
export function toAcceptance(trust: TrustPolicy | Acceptance): Acceptance {
  return 'anchor' in trust ? trust : { anchor: trust, now: new Date() };
}

/** A seal whose signatures were accepted: what it says that `release.json` is may be believed. */
export interface AcceptedSeal extends Pick<ReleaseVerdict, 'unchecked' | 'setAside'> {
  readonly acceptance: Acceptance;
  /** Of `checksums.txt`, which stands for the whole archive. */
  readonly digest: Digest;
  /** Of `release.json`. */
  readonly inventoryDigest: Digest;
  readonly trust: RootedTrust | undefined;
  readonly policy: ReleasePolicy;
  readonly signers: readonly AcceptedSigner[];
}

/**
 * Decides by its signatures whether an archive is to be believed: enough signers vouch for `checksums.txt`, by the keys
 * that were given or by the trust document that the given one leads to. Nothing else of the archive is interpreted.
 * @throws TrustError when it is not. @throws IntegrityError when a signature or a trust document is malformed.
 */
export function acceptSeal(seal: ArchiveSeal, trust: TrustPolicy | Acceptance): AcceptedSeal {
  const acceptance = toAcceptance(trust);
  const { anchor, state, expectedDigest } = acceptance;
  const digest = sha256(seal.checksums);
  if (expectedDigest !== undefined && expectedDigest !== digest) {
    throw new TrustError('SUBJECT_MISMATCH', `the archive has the digest ${digest}, not ${expectedDigest}`, {
      hint: 'it is not the intended archive; ask its maker for the digest by another way than this archive',
    });
  }
  const rooted = 'document' in anchor ? followTrust(anchor, state, seal) : undefined;
  const policy =
    rooted === undefined ? plain(anchor as TrustPolicy) : toReleasePolicy(rooted.document, timeOf(acceptance, digest));
  const bundles = releaseSignatures(seal).map(({ bundle }) => bundle);
  const { accepted: signers, unchecked, setAside } = evaluateSignatures(seal.checksums, bundles, policy);
  const inventoryDigest = inventoryDigestIn(seal.checksums);
  return { acceptance, digest, inventoryDigest, trust: rooted, policy, signers, unchecked, setAside };
}

/**
 * Decides whether the release of an archive is to be believed, once its seal is: `checksums.txt` vouches for the
 * inventory, what is stated of how it was built is about this archive, and nothing the trust document or the site's
 * memory says speaks against the release.
 * @throws TrustError when it is not. @throws IntegrityError when `checksums.txt` and the inventory disagree.
 */
export function acceptHead(head: ArchiveHead, accepted: AcceptedSeal): TrustedRelease {
  const { acceptance, digest, trust, policy, signers, unchecked, setAside } = accepted;
  const { inventory } = head;
  if (trust === undefined) assertNothingPinned(inventory, acceptance.state);
  else assertSameLine(inventory, trust, acceptance.anchor as TrustRecord);
  assertChecksums(head);
  const { threshold } = policy;
  const provenance = evaluateProvenance(releaseAttestations(head), inventory, digest, {
    ...(trust === undefined
      ? { ...policy, threshold: 0 }
      : toProvenancePolicy(trust.document, timeOf(acceptance, digest))),
    demand: acceptance.provenance,
  });
  const delta = head.partial && summarizeOmissions(head.partial, inventory);
  const release = { inventory, digest, signers, unchecked, setAside, threshold, trust, provenance, delta };
  const rollback = evaluateRollback(factsOf(release), { ...acceptance, trust });
  return { ...release, rollback };
}

/** From what is pinned, or else given, to the newest trust that can be reached. */
function followTrust(given: TrustRecord, state: SiteState | undefined, seal: ArchiveSeal): RootedTrust {
  const { document } = given;
  const pinned = pinnedTrust(findLine(state, document.product, document.channel));
  if (pinned === undefined) return walkChain(anchorTrust(given), carriedLinks(seal));
  const oldest = pinned.history[0]?.version ?? 1;
  if (document.version < oldest) {
    throw new TrustError(
      'ROLLBACK',
      `${given.name} is version ${document.version}; this site pinned version ${oldest} at first`,
      {
        hint: `give the trust document that this site pinned, version ${pinned.document.version}, or a newer one`,
      },
    );
  }
  return walkChain(pinned, [...carriedLinks(seal), toLink(given)]);
}

/** Releases of one product are signed by keys that count for another only where somebody said so. */
function assertSameLine({ name: product, channel }: Inventory, { document }: RootedTrust, given: TrustRecord): void {
  if (document.product === product && document.channel === channel) return;
  throw new TrustError(
    'SUBJECT_MISMATCH',
    `the archive is a release of ${product}/${channel}; ${given.name} speaks for ${document.product}/${document.channel}`,
    { hint: 'give the trust document of this product and channel, or the intended archive' },
  );
}

/** Keys alone would go round everything a pinned document revoked. */
function assertNothingPinned({ name, channel }: Inventory, state: SiteState | undefined): void {
  const pinned = findLine(state, name, channel)?.trust;
  if (pinned === undefined) return;
  throw new TrustError(
    'UNTRUSTED_SIGNER',
    `this site pinned version ${pinned.document.version} of a trust document for ${name}/${channel}, and plain keys were given`,
    { hint: 'give --trust FILE instead of --key' },
  );
}

function plain(policy: TrustPolicy): ReleasePolicy {
  return { ...policy, setAside: new Map() };
}

/** Who accepts a release although the clock went back believes the clock. */
function timeOf({ now, state, exceptionFor }: Acceptance, digest: Digest): Date {
  return exceptionFor === digest ? now : evaluationTime({ now, state });
}
