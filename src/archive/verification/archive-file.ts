/** One file of a trusted archive, whole and hashed: for the small ones that a verb reads rather than copies. */
import { verified } from '../../content/verified.ts';
import { IntegrityError } from '../../errors.ts';
import type { InventoryFile } from '../inventory/inventory-schema.ts';
import type { TrustedArchive } from './trusted-archive.ts';

/** Bytes of one file that is read. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * The bytes of a file of the archive.
 * @throws IntegrityError when they are not what the signed inventory says, or are more than 64 MiB
 */
export async function readArchiveFile(
  archive: TrustedArchive,
  { path, size, digest }: InventoryFile,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Buffer> {
  if (size > MAX_FILE_BYTES) throw new IntegrityError('MALFORMED', `${path} is larger than ${MAX_FILE_BYTES} bytes`);
  const descriptor = { mediaType: 'application/octet-stream', digest, size };
  const chunks: Buffer[] = [];
  // Chunks are borrowed until the next is asked for.
  for await (const chunk of verified(archive.fetch(descriptor, { signal }), descriptor, archive.name)) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}
