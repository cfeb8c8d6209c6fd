/** Decides whether the head of an archive is to be believed: by keys or a trust document, and by what the site has seen. */
import { checkChecksums } from './proof.ts';
import type { ArchiveHead, ArchiveReader } from '../reader/reader.ts';
import { readVerified } from '../../content/verified.ts';
import { IntegrityError, TrustError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { Inventory, InventoryFile } from '../inventory/inventory-schema.ts';
import type { SiteState } from '../../trust/rollback/site-state-schema.ts';
import { anchorTrust, walkChain, type RootedTrust } from '../../trust/documents/chain.ts';
import { toCertificateIdentity } from '../../trust/signatures/identity.ts';
import { parseTrustFile, type TrustRecord } from '../../trust/documents/document.ts';
import {
  judgeSignatures,
  toProvenancePolicy,
  toReleasePolicy,
  type ReleasePolicy,
  type ReleaseVerdict,
} from '../../trust/documents/release-policy.ts';
import {
  judgeProvenance,
  type ProvenanceDemand,
  type ProvenanceVerdict,
} from '../../trust/provenance/evaluate-provenance.ts';
import {
  findLine,
  judgedTime,
  judgeRelease,
  pinnedTrust,
  type ReleaseFacts,
  type Standing,
} from '../../trust/rollback/evaluate-rollback.ts';
import type { AcceptedSigner } from '../../trust/signatures/principals.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import { releaseAttestations, releaseSignatures } from '../reader/signatures.ts';
import { versionOfFileName } from '../../trust/documents/document-files.ts';

/** Directory of the trust documents in an archive. */
export const TRUST_DIRECTORY = 'trust/';
/** Bytes of all trust documents of one archive. */
const MAX_CARRIED_BYTES = 64 * 1024 * 1024;

declare const trusted: unique symbol;

/** An archive whose signature was accepted: its inventory may be believed, its payload is not proved yet. */
export interface TrustedRelease {
  readonly [trusted]: true;
  readonly inventory: Inventory;
  /** Of `checksums.txt`, which stands for the whole archive. */
  readonly digest: Digest;
  readonly signers: readonly AcceptedSigner[];
  /** Whom other signatures name; nothing of them was proved. */
  readonly unchecked: readonly string[];
  /** Signers that the trust document knows and does not accept. */
  readonly setAside: ReleaseVerdict['setAside'];
  /** How many signatures were needed. */
  readonly threshold: number;
  /** The trust document the release was judged by; absent when plain keys were given. */
  readonly trust?: RootedTrust | undefined;
  readonly standing: Standing;
  /** How it was built, as its signers state it. */
  readonly provenance: ProvenanceVerdict;
}

/** What the operator accepts. */
export interface Acceptance {
  /** Plain keys, or a trust document where trust begins unless the state has pinned a newer one. */
  readonly anchor: TrustPolicy | TrustRecord;
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
export function factsOf({ inventory, digest, signers }: TrustedRelease): ReleaseFacts {
  const { name: product, channel, version, sequence, expires } = inventory;
  const keys = signers.flatMap((signer) => ('keyId' in signer ? [signer.keyId] : []));
  const identities = signers.flatMap((signer) => ('keyId' in signer ? [] : [toCertificateIdentity(signer)]));
  return { product, channel, version, sequence, expires, digest, signers: keys, identities };
}

/** Plain keys are an acceptance at the time of the call. */
export function toAcceptance(trust: TrustPolicy | Acceptance): Acceptance {
  return 'anchor' in trust ? trust : { anchor: trust, now: new Date() };
}

/** The trust documents an archive says it carries, with their sizes. @throws IntegrityError `MALFORMED` when they are too large. */
export function carriedTrustFiles({ files }: Inventory): readonly InventoryFile[] {
  const carried = files.filter(({ path }) => versionOf(path) !== undefined);
  if (carried.reduce((sum, { size }) => sum + size, 0) <= MAX_CARRIED_BYTES) return carried;
  throw new IntegrityError('MALFORMED', `the archive carries more than ${MAX_CARRIED_BYTES} bytes of trust documents`);
}

/** Reads the trust documents of an archive, out of their order too. Nothing of them is trusted. */
export async function readCarriedTrust(archive: ArchiveReader): Promise<readonly TrustRecord[]> {
  const records: TrustRecord[] = [];
  for (const { path, digest, size } of carriedTrustFiles(archive.head.inventory)) {
    const bytes = await readVerified(archive, { mediaType: 'application/json', digest, size });
    records.push(toCarriedRecord(path, bytes));
  }
  return records;
}

/** @throws IntegrityError `MALFORMED`, also when the version is not the one its name says */
export function toCarriedRecord(path: string, bytes: Uint8Array): TrustRecord {
  const record = parseTrustFile(bytes, path);
  if (record.document.version === versionOf(path)) return record;
  throw new IntegrityError('MALFORMED', `${path} holds version ${record.document.version}`, {
    hint: 'the archive was put together wrongly; do not load it',
  });
}

/**
 * Decides whether the head of an archive is to be believed: enough keys signed `checksums.txt`, it vouches for the
 * inventory, what is stated of how it was built is about this archive, and nothing the trust document or the site's memory says speaks against the release.
 * @param carried the trust documents of the archive, see {@link readCarriedTrust}; only needed with a trust document
 * @throws TrustError when it is not. @throws IntegrityError when `checksums.txt` and the inventory disagree.
 */
export function trustHead(
  head: ArchiveHead,
  trust: TrustPolicy | Acceptance,
  carried: readonly TrustRecord[] = [],
): TrustedRelease {
  const acceptance = toAcceptance(trust);
  const { anchor, state, expectedDigest } = acceptance;
  const digest = sha256(head.checksums);
  if (expectedDigest !== undefined && expectedDigest !== digest) {
    throw new TrustError('SUBJECT_MISMATCH', `the archive has the digest ${digest}, not ${expectedDigest}`, {
      hint: 'it is not the archive that was meant; ask its maker for the digest by another way than this archive',
    });
  }
  const rooted = 'document' in anchor ? followTrust(anchor, head.inventory, state, carried) : undefined;
  if (rooted === undefined) assertNothingPinned(head.inventory, state);
  const policy =
    rooted === undefined ? plain(anchor as TrustPolicy) : toReleasePolicy(rooted.document, timeOf(acceptance, digest));
  const bundles = releaseSignatures(head).map(({ bundle }) => bundle);
  const verdict = judgeSignatures(head.checksums, bundles, policy);
  checkChecksums(head);
  const { accepted: signers, unchecked, setAside } = verdict;
  const { threshold } = policy;
  const { inventory } = head;
  const provenance = judgeProvenance(releaseAttestations(head), inventory, digest, {
    ...(rooted === undefined
      ? { ...policy, threshold: 0 }
      : toProvenancePolicy(rooted.document, timeOf(acceptance, digest))),
    demand: acceptance.provenance,
  });
  const release = { inventory, digest, signers, unchecked, setAside, threshold, trust: rooted, provenance };
  const circumstances = { ...acceptance, trust: rooted };
  const standing = judgeRelease(factsOf(release as unknown as TrustedRelease), circumstances);
  return { ...release, standing } as unknown as TrustedRelease;
}

/** Reads what is needed from an open archive and decides whether to believe it. */
export async function trustArchive(archive: ArchiveReader, trust: TrustPolicy | Acceptance): Promise<TrustedRelease> {
  const acceptance = toAcceptance(trust);
  const carried = 'document' in acceptance.anchor ? await readCarriedTrust(archive) : [];
  return trustHead(archive.head, acceptance, carried);
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
      { hint: 'give the trust document of this product and channel, or the archive that was meant' },
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
  return exceptionFor === digest ? now : judgedTime({ now, state });
}

function versionOf(path: string): number | undefined {
  return path.startsWith(TRUST_DIRECTORY) ? versionOfFileName(path.slice(TRUST_DIRECTORY.length)) : undefined;
}
