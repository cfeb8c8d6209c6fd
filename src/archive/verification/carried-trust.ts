/** The trust documents that travel in an archive. Nothing of them is trusted: a chain of signatures decides. */
import { IntegrityError } from '../../errors.ts';
import type { ChainLink } from '../../trust/documents/trust-chain.ts';
import { toTrustRecord, type TrustRecord } from '../../trust/documents/trust-document.ts';
import { parseEnvelope } from '../../trust/signatures/dsse.ts';
import { sha256 } from '../../oci/digest.ts';
import { trustVersionOf } from '../layout/trust-files.ts';
import type { ArchiveSeal, SealedMember } from '../reader/seal.ts';

/**
 * The trust documents of an archive as links of a chain: their envelopes are read, and what is in them once it is signed.
 * @throws IntegrityError `MALFORMED` when an envelope is not canonical
 */
export function carriedLinks({ trust }: Pick<ArchiveSeal, 'trust'>): readonly ChainLink[] {
  return trust.map((member) => {
    const { path: name, bytes } = member;
    const envelope = parseEnvelope(bytes, name);
    const version = trustVersionOf(name) ?? 0;
    return { name, version, envelope, digest: sha256(envelope.payload), open: () => readCarried(member).document };
  });
}

/**
 * Reads a trust document of an archive, by any signer.
 * @throws IntegrityError `MALFORMED`, also when the version is not the one its name says
 */
export function readCarried({ path, bytes }: SealedMember): TrustRecord {
  const record = toTrustRecord(parseEnvelope(bytes, path), path);
  if (record.document.version === trustVersionOf(path)) return record;
  throw new IntegrityError('MALFORMED', `${path} holds version ${record.document.version}`, {
    hint: 'the archive was put together wrongly; do not load it',
  });
}
