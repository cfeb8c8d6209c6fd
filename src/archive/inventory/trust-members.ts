/** The trust documents that travel in an archive: verified, and fit for the release, before they are carried. */
import { UsageError } from '../../errors.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { TrustDocument } from '../../trust/documents/trust-document-schema.ts';
import type { TrustVersions } from '../../trust/documents/trust-document.ts';
import { faultOfKey } from '../../trust/documents/release-policy.ts';
import { verifyChain } from '../../trust/documents/draft.ts';
import { matchesIdentity, type SignerName } from '../../trust/signatures/identity.ts';
import { serializeEnvelope } from '../../trust/signatures/dsse.ts';
import { lineOf, trustFileName } from '../../trust/documents/document-files.ts';
import { TRUST_DIRECTORY } from '../layout/trust-files.ts';

/** What of a release the trust document must speak for. */
type ReleaseLine = Pick<ReleaseLock, 'name' | 'version' | 'channel' | 'sequence'>;

/** Members for the archive, and the document the release will be evaluated by. */
export interface TrustMembers {
  readonly files: readonly { readonly path: string; readonly bytes: Buffer }[];
  readonly document: TrustDocument;
}

/**
 * Verifies a chain and makes its members.
 * @throws TrustError when a version is not signed as the one before demands.
 * @throws UsageError when the newest version speaks for another line, or would refuse the release.
 */
export function toTrustMembers(records: TrustVersions, lock: ReleaseLine): TrustMembers {
  const { document } = verifyChain(records);
  const { product, channel, version, minSequence } = document;
  if (product !== lock.name || channel !== lock.channel) {
    throw new UsageError(
      'USAGE',
      `the trust document speaks for ${lineOf(document)}, and the release is one of ${lock.name}/${lock.channel}`,
    );
  }
  if (minSequence > 0 && (lock.sequence ?? 0) < minSequence) {
    const own = lock.sequence === undefined ? 'no sequence' : `sequence ${lock.sequence}`;
    throw new UsageError(
      'USAGE',
      `the release has ${own}; version ${version} of the trust document refuses all below ${minSequence}`,
      {
        hint: `give the release a higher sequence in its release.yaml`,
      },
    );
  }
  const files = records.map((record) => ({
    path: `${TRUST_DIRECTORY}${trustFileName(record.document.version)}`,
    bytes: serializeEnvelope(record.envelope),
  }));
  return { files, document };
}

/** Keys that are about to sign. Whom a certificate names is known only when it has signed. */
export interface SigningKeys {
  /** Ids of the keys that sign the release. */
  readonly release: readonly string[];
  /** Id of the key that states how it was built, where that is a key. */
  readonly provenance?: string | undefined;
}

/**
 * Makes sure, before anything is downloaded, that the keys which are about to sign count where the trust document decides.
 * @throws UsageError naming the first key that does not, and why.
 */
export function assertKeysCount(document: TrustDocument, keys: SigningKeys, time: Date): void {
  for (const keyId of keys.release) assertCounts(document, keyId, 'release', time);
  if (keys.provenance !== undefined) assertCounts(document, keys.provenance, 'provenance', time);
}

function assertCounts(document: TrustDocument, keyId: string, use: 'release' | 'provenance', time: Date): void {
  const why = faultOfKey(document, keyId, use, time);
  if (why === undefined) return;
  const { version } = document;
  const what = use === 'release' ? 'does not count for' : 'cannot vouch for the provenance of';
  throw new UsageError(
    'USAGE',
    `key ${keyId} ${what} ${lineOf(document)}: in version ${version} of the trust document it is ${why}`,
    {
      hint:
        use === 'release'
          ? 'sign with a release key, or build all the same with --allow-untrusted-signer'
          : 'give a key with the role for provenance as --provenance-key, or build all the same with --allow-untrusted-signer',
    },
  );
}

/** Signers that count, of those about to sign; the rest is for people to know. */
export function countReleaseSigners(
  document: TrustDocument,
  signers: readonly SignerName[],
): {
  readonly counting: number;
  readonly others: readonly SignerName[];
} {
  const isRelease = (signer: SignerName): boolean =>
    'keyId' in signer
      ? document.keys.some(({ keyId, roles }) => keyId === signer.keyId && roles.includes('release'))
      : (document.identities ?? []).some((each) => each.roles.includes('release') && matchesIdentity(each, signer));
  return {
    counting: signers.filter(isRelease).length,
    others: signers.filter((signer) => !isRelease(signer)),
  };
}
