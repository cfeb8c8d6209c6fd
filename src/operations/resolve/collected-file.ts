/** A file of a release on its way into the lock: pinned by what it is now. */
import { createHash } from 'node:crypto';
import { readChunks } from '../../base/files/open-file.ts';
import { digestOf, sha256 } from '../../oci/digest.ts';
import type { LockFile } from '../../release/lock/lock-schema.ts';
import type { FileContent } from '../../stores/files.ts';

/** A file with its place in the archive, its pin, and where its bytes are. */
export interface CollectedFile extends LockFile {
  readonly content: FileContent;
}

/** A file on disk. */
export async function pinFile(
  kind: LockFile['kind'],
  path: string,
  from: string,
  file: string,
): Promise<CollectedFile> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of readChunks(file, { what: 'a file of a release' })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { path, from, kind, size, digest: digestOf(hash), content: { path: file } };
}

/** A file that was fetched or made, or that lies at `place` with these bytes. */
export function pinBytes(
  kind: LockFile['kind'],
  path: string,
  from: string,
  bytes: Buffer,
  place?: string,
): CollectedFile {
  const content = place === undefined ? { bytes } : { path: place };
  return { path, from, kind, size: bytes.length, digest: sha256(bytes), content };
}
