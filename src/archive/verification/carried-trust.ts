/** The trust documents that travel in an archive. Nothing of them is trusted: a chain of signatures decides. */
import { readVerified } from '../../content/verified.ts';
import type { Source } from '../../content/store.ts';
import { IntegrityError } from '../../errors.ts';
import { versionOfFileName } from '../../trust/documents/document-files.ts';
import { parseTrustFile, type TrustRecord } from '../../trust/documents/document.ts';
import type { Inventory, InventoryFile } from '../inventory/inventory-schema.ts';

/** Directory of the trust documents in an archive. */
export const TRUST_DIRECTORY = 'trust/';
/** Bytes of all trust documents of one archive. */
const MAX_CARRIED_BYTES = 64 * 1024 * 1024;

/** The trust documents an archive says it carries, with their sizes. @throws IntegrityError `MALFORMED` when they are too large. */
export function carriedTrustFiles({ files }: Inventory): readonly InventoryFile[] {
  const carried = files.filter(({ path }) => versionOf(path) !== undefined);
  if (carried.reduce((sum, { size }) => sum + size, 0) <= MAX_CARRIED_BYTES) return carried;
  throw new IntegrityError('MALFORMED', `the archive carries more than ${MAX_CARRIED_BYTES} bytes of trust documents`);
}

/** Reads the trust documents of an archive, out of their order too. Nothing of them is trusted. */
export async function readCarriedTrust(archive: Source, inventory: Inventory): Promise<readonly TrustRecord[]> {
  const records: TrustRecord[] = [];
  for (const { path, digest, size } of carriedTrustFiles(inventory)) {
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

function versionOf(path: string): number | undefined {
  return path.startsWith(TRUST_DIRECTORY) ? versionOfFileName(path.slice(TRUST_DIRECTORY.length)) : undefined;
}
