/** Decides whether the head of an archive is to be believed: by keys or a trust document, and by what the site has seen. */
import { assertChecksums } from './payload.ts';
import type { ArchiveHead } from '../reader/reader.ts';
import { TrustError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import type { SiteState } from '../../trust/rollback/site-state-schema.ts';
import { anchorTrust, walkChain, type RootedTrust } from '../../trust/documents/chain.ts';
import { toCertificateIdentity } from '../../trust/signatures/identity.ts';
import type { TrustRecord } from '../../trust/documents/document.ts';
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

/**
 * Decides whether the head of an archive is to be believed: enough keys signed `checksums.txt`, it vouches for the
 * inventory, what is stated of how it was built is about this archive, and nothing the trust document or the site's
 * memory says speaks against the release.
 * @param carried the trust documents of the archive, see {@link readCarriedTrust}; only needed with a trust document
 * @throws TrustError when it is not. @throws IntegrityError when `checksums.txt` and the inventory disagree.
 */
export function acceptHead(
  head: ArchiveHead,
  trust: TrustPolicy | Acceptance,
  carried: readonly TrustRecord[] = [],
): TrustedRelease {
  const acceptance = toAcceptance(trust);
  const { anchor, state, expectedDigest } = acceptance;
  const digest = sha256(head.checksums);
  if (expectedDigest !== undefined && expectedDigest !== digest) {
    throw new TrustError('SUBJECT_MISMATCH', `the archive has the digest ${digest}, not ${expectedDigest}`, {
      hint: 'it is not the intended archive; ask its maker for the digest by another way than this archive',
    });
  }
  const rooted = 'document' in anchor ? followTrust(anchor, head.inventory, state, carried) : undefined;
  if (rooted === undefined) assertNothingPinned(head.inventory, state);
  const policy =
    rooted === undefined ? plain(anchor as TrustPolicy) : toReleasePolicy(rooted.document, timeOf(acceptance, digest));
  const bundles = releaseSignatures(head).map(({ bundle }) => bundle);
  const verdict = evaluateSignatures(head.checksums, bundles, policy);
  assertChecksums(head);
  const { accepted: signers, unchecked, setAside } = verdict;
  const { threshold } = policy;
  const { inventory } = head;
  const provenance = evaluateProvenance(releaseAttestations(head), inventory, digest, {
    ...(rooted === undefined
      ? { ...policy, threshold: 0 }
      : toProvenancePolicy(rooted.document, timeOf(acceptance, digest))),
    demand: acceptance.provenance,
  });
  const release = { inventory, digest, signers, unchecked, setAside, threshold, trust: rooted, provenance };
  const circumstances = { ...acceptance, trust: rooted };
  const rollback = evaluateRollback(factsOf(release), circumstances);
  return { ...release, rollback };
}

/** From what is pinned, or else given, to the newest trust that can be reached. */
function followTrust(
  given: TrustRecord,
  { name: product, channel }: Inventory,
  state: SiteState | undefined,
  carried: readonly TrustRecord[],
): RootedTrust {
  const { document } = given;
  if (document.product !== product || document.channel !== channel) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `the archive is a release of ${product}/${channel}; ${given.name} speaks for ${document.product}/${document.channel}`,
      { hint: 'give the trust document of this product and channel, or the intended archive' },
    );
  }
  const pinned = pinnedTrust(findLine(state, product, channel));
  if (pinned === undefined) return walkChain(anchorTrust(given), carried);
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
  return walkChain(pinned, [...carried, given]);
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
