/** Walks a chain of trust documents: each step needs the root keys of the version before and those of the new one. */
import { TrustError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { TrustDocument } from './document-schema.ts';
import { keysOf, type TrustRecord } from './document.ts';
import { signersOf } from '../signatures/dsse.ts';
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

/**
 * Follows a chain as far as the given documents lead. Documents older than the anchor are passed over.
 * @throws TrustError `SUBJECT_MISMATCH` for another product or channel, `FORK` when two documents have one version,
 *   `UNTRUSTED_SIGNER` when a step is not signed by enough root keys of both sides or a version is missing, `ROLLBACK`
 *   when a step takes back a revocation or lowers the floor.
 */
export function walkChain(anchor: RootedTrust, records: readonly TrustRecord[]): RootedTrust {
  if (records.length > MAX_CHAIN) throw refused('UNTRUSTED_SIGNER', `a chain of more than ${MAX_CHAIN} documents`);
  const byVersion = new Map<number, TrustRecord>();
  for (const record of records) {
    const { version } = record.document;
    assertSameLine(anchor.document, record);
    const known = byVersion.get(version)?.digest ?? anchor.history.find((step) => step.version === version)?.digest;
    if (known !== undefined && known !== record.digest) throw forked(record, known);
    byVersion.set(version, record);
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

  function nextOf({ document }: RootedTrust): TrustRecord | undefined {
    return byVersion.get(document.version + 1);
  }
}

function step(from: RootedTrust, to: TrustRecord): RootedTrust {
  const [before, after] = [from.document, to.document];
  const roots = new Set([...keysOf(before, 'root').keys(), ...keysOf(after, 'root').keys()]);
  const stranger = [...to.envelope.signatures.keys()].find((id) => !roots.has(id));
  if (stranger !== undefined) {
    throw refused(
      'UNTRUSTED_SIGNER',
      `${to.name} is signed by ${stranger}, which is a root key neither of version ${before.version} nor of version ${after.version}`,
    );
  }
  assertRootSigned(to, before, `version ${before.version}'s`);
  assertRootSigned(to, after, 'its own');
  assertOnlyTightens(before, to);
  const history = [...from.history, { version: after.version, digest: to.digest }];
  return { document: after, digest: to.digest, history } as unknown as RootedTrust;
}

/** What was revoked stays revoked, whatever is signed later. */
function assertOnlyTightens(before: TrustDocument, { document: after, name }: TrustRecord): void {
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

function assertSameLine(anchor: TrustDocument, { document, name }: TrustRecord): void {
  if (document.product === anchor.product && document.channel === anchor.channel) return;
  throw refused(
    'SUBJECT_MISMATCH',
    `${name} speaks for ${document.product}/${document.channel}, not for ${anchor.product}/${anchor.channel}`,
  );
}

function assertRootSigned(record: TrustRecord, by: TrustDocument, whose: string): void {
  const { name, envelope } = record;
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

function forked({ name, digest, document }: TrustRecord, known: Digest): TrustError {
  return new TrustError('FORK', `${name} is not the version ${document.version} of the trust document that is known`, {
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
