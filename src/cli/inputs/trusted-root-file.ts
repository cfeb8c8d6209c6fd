/** Reads a Sigstore trusted root from a file. */
import { open } from 'node:fs/promises';
import { NotFoundError } from '../../errors.ts';
import type { PinnedTrustedRoot } from '../../trust/signatures/pinned-root-schema.ts';
import { MAX_ROOT_BYTES, parseTrustedRoot } from '../../trust/signatures/pinned-root.ts';

/** @throws NotFoundError when there is none that can be read. @throws IntegrityError `MALFORMED` */
export async function readTrustedRoot(path: string): Promise<PinnedTrustedRoot> {
  // One byte more than there may be, so that what is too long is told from what just fits.
  const buffer = Buffer.alloc(MAX_ROOT_BYTES + 1);
  let bytesRead: number;
  try {
    await using file = await open(path);
    ({ bytesRead } = await file.read(buffer, 0, buffer.length, 0));
  } catch (cause) {
    throw new NotFoundError('NOT_FOUND', `cannot read the trusted root ${path}`, { cause });
  }
  return parseTrustedRoot(buffer.subarray(0, bytesRead), path);
}
