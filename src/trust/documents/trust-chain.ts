/** Walks a chain of trust documents: each step needs the root keys of the version before and those of the new one. */
import { TrustError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { TrustDocument } from './trust-document-schema.ts';
import { keysOf, type TrustRecord } from './trust-document.ts';
import { signersOf, type Envelope } from '../signatures/dsse.ts';
import { identityKey, nameTrusted } from '../signatures/identity.ts';

/** Documents of one chain that are looked at. */
const MAX_CHAIN = 1_000;

declare const rooted: unique symbol;

/** A trust document that enough of its own root keys signed, reached from where the operator's trust begins. */
export interface RootedTrust {
  readonly [rooted]: true;
  readonly document: TrustDocument;
  readonly digest: Digest;
  /** Every version from the first pinned one to this, with its digest. */
  readonly history: readonly TrustStep[];
}

/** One version on the way. */
export interface TrustStep {
  readonly version: number;
  readonly digest: Digest;
}

/**
 * Takes a document as the beginning of trust, because the operator says so: enough of its own root keys must have signed it.
 * @throws TrustError `UNSIGNED`, `UNTRUSTED_SIGNER`, `SIGNATURE_INVALID`
 */
export function anchorTrust(record: TrustRecord): RootedTrust {
  assertRootSigned(record, record.document, 'its own');
  const { document, digest } = record;
  return { document, digest, history: [{ version: document.version, digest }] } as unknown as RootedTrust;
}

/** A document that this site accepted before, as its state keeps it. */
export function restoreTrust(document: TrustDocument, digest: Digest, history: readonly TrustStep[]): RootedTrust {
  return { document, digest, history } as unknown as RootedTrust;
}

/** A document that is read only once the version before has signed it: what a stranger wrote is never interpreted. */
export interface ChainLink {
  /** What to call it in errors: its path. */
  readonly name: string;
  /** What it is said to hold. */
  readonly version: number;
  readonly envelope: Envelope;
  /** Of the document's bytes. */
  readonly digest: Digest;
  /** Reads the document. @throws IntegrityError `MALFORMED`, also when it holds another version */
  readonly open: () => TrustDocument;
}

/** A document that was read already. */
export function toLink({ name, document, envelope, digest }: TrustRecord): ChainLink {
  return { name, version: document.version, envelope, digest, open: () => document };
}

/**
 * Follows a chain as far as the given documents lead. Documents older than the anchor are passed over.
 * @throws TrustError `SUBJECT_MISMATCH` for another product or channel, `FORK` when two documents have one version,
 *   `UNTRUSTED_SIGNER` when a step is not signed by enough root keys of both sides or a version is missing, `ROLLBACK`
 *   when a step takes back a revocation or lowers the floor.
 */
export function walkChain(anchor: RootedTrust, links: readonly ChainLink[]): RootedTrust {
  if (links.length > MAX_CHAIN) throw refused('UNTRUSTED_SIGNER', `a chain of more than ${MAX_CHAIN} documents`);
  const byVersion = new Map<number, ChainLink>();
  for (const link of links) {
    const { version } = link;
    const known = byVersion.get(version)?.digest ?? anchor.history.find((step) => step.version === version)?.digest;
    if (known !== undefined && known !== link.digest) throw forked(link, known);
    byVersion.set(version, link);
  }
  let current = anchor;
  for (let next = nextOf(current); next !== undefined; next = nextOf(current)) current = step(current, next);
  const beyond = [...byVersion.keys()].filter((version) => version > current.document.version).sort((a, b) => a - b)[0];
  if (beyond !== undefined) {
    throw refused(
      'UNTRUSTED_SIGNER',
      `version ${beyond} of the trust document is there and version ${current.document.version + 1}, which would lead to it, is not`,
      'get the missing versions from the maker of the release; each has to be signed by the one before',
    );
  }
  return current;

  function nextOf({ document }: RootedTrust): ChainLink | undefined {
    return byVersion.get(document.version + 1);
  }
}

function step(from: RootedTrust, to: ChainLink): RootedTrust {
  const before = from.document;
  assertRootSigned(to, before, `version ${before.version}'s`);
  const after = to.open();
  assertSameLine(before, after, to.name);
  const roots = new Set([...keysOf(before, 'root').keys(), ...keysOf(after, 'root').keys()]);
  const stranger = [...to.envelope.signatures.keys()].find((id) => !roots.has(id));
  if (stranger !== undefined) {
    throw refused(
      'UNTRUSTED_SIGNER',
      `${to.name} is signed by ${stranger}, which is a root key neither of version ${before.version} nor of version ${after.version}`,
    );
  }
  assertRootSigned(to, after, 'its own');
  assertOnlyTightens(before, after, to.name);
  const history = [...from.history, { version: after.version, digest: to.digest }];
  return { document: after, digest: to.digest, history } as unknown as RootedTrust;
}

/** What was revoked stays revoked, whatever is signed later. */
function assertOnlyTightens(before: TrustDocument, after: TrustDocument, name: string): void {
  const keys = new Set(after.revokedKeys);
  const releases = new Set<string>(after.revokedReleases);
  const identities = new Set(after.revokedIdentities?.map(identityKey));
  const forgotten = [
    ...before.revokedKeys.filter((id) => !keys.has(id)),
    ...before.revokedReleases.filter((id) => !releases.has(id)),
    ...(before.revokedIdentities ?? []).filter((each) => !identities.has(identityKey(each))).map(nameTrusted),
  ][0];
  if (forgotten !== undefined) throw refused('ROLLBACK', `${name} no longer revokes ${forgotten}`);
  if (after.minSequence < before.minSequence) {
    throw refused(
      'ROLLBACK',
      `${name} lowers the lowest accepted sequence from ${before.minSequence} to ${after.minSequence}`,
    );
  }
}

function assertSameLine(before: TrustDocument, document: TrustDocument, name: string): void {
  if (document.product === before.product && document.channel === before.channel) return;
  throw refused(
    'SUBJECT_MISMATCH',
    `${name} speaks for ${document.product}/${document.channel}, not for ${before.product}/${before.channel}`,
  );
}

function assertRootSigned(
  { name, envelope }: Pick<ChainLink, 'name' | 'envelope'>,
  by: TrustDocument,
  whose: string,
): void {
  const needed = by.thresholds.root;
  if (envelope.signatures.size === 0) {
    throw refused('UNSIGNED', `${name} is a draft without signatures`, 'sign it with: airgap trust sign');
  }
  const signers = signersOf(envelope, [...keysOf(by, 'root').values()], name);
  if (signers.size >= needed) return;
  throw new TrustError(
    'UNTRUSTED_SIGNER',
    `${name} has ${signers.size} of ${needed} signatures by ${whose} root keys`,
    {
      hint: `root keys are ${[...keysOf(by, 'root').keys()].join(', ')}; do not use this document before they have signed it`,
      details: { accepted: signers.size, threshold: needed },
    },
  );
}

function forked({ name, digest, version }: ChainLink, known: Digest): TrustError {
  return new TrustError('FORK', `${name} is not the version ${version} of the trust document that is known`, {
    hint: 'two documents with one version were signed: ask the maker of the release which one is genuine',
    details: { known, given: digest },
  });
}

function refused(
  code: 'SUBJECT_MISMATCH' | 'UNTRUSTED_SIGNER' | 'ROLLBACK' | 'UNSIGNED',
  message: string,
  hint = 'do not use it; ask the maker of the release by another way than this archive',
): TrustError {
  return new TrustError(code, message, { hint });
}
