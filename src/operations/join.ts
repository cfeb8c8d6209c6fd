/** Makes the full archive of a delta and the releases that have what it leaves out: byte for byte the one of a full build. */
import { dirname } from 'node:path';
import { attachBases } from '../archive/partial/base-archives.ts';
import { lackingOf, missingLayers } from '../archive/partial/lacking.ts';
import { archiveFileName } from '../archive/inventory/from-lock.ts';
import type { Inventory } from '../archive/inventory/inventory-schema.ts';
import { readDetachedSignatures } from '../archive/reader/detached.ts';
import { openArchive } from '../archive/reader/reader.ts';
import { assertChecksums } from '../archive/verification/payload.ts';
import type { Bytes } from '../base/bytes.ts';
import { assertRoom, fileExists } from '../base/files/disk.ts';
import { asideOf, placeFile } from '../base/files/place-file.ts';
import type { CallOptions } from '../content/store.ts';
import { UsageError } from '../errors.ts';
import { sha256, type Digest } from '../oci/digest.ts';

/** What to join, and where to. */
export interface JoinRequest {
  /** Path of the delta. */
  readonly delta: string;
  /** Paths of archives that have what it leaves out. */
  readonly bases: readonly string[];
  /** Says where the full archive goes, by its usual name. */
  readonly output: (fileName: string) => string;
}

/** Options of {@link joinArchive}. */
export interface JoinOptions extends CallOptions {
  /** Directories that hold parts of the delta or of its bases, beside their own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
  /** Replace an archive of that name when the new one is complete. @defaultValue false */
  readonly overwrite?: boolean | undefined;
  /** Told where it is written, before the first byte is. */
  readonly onStart?: ((output: string, total: number) => void) | undefined;
  /** bytes written so far, and in all */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What was joined. */
export interface JoinReport {
  /** Of the full archive. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** Of `checksums.txt`, which stands for the delta and for the full archive alike. */
  readonly digest: Digest;
  /** What the archive says of itself. */
  readonly inventory: Inventory;
  /** Signatures beside the delta that were copied to beside the archive. */
  readonly detached: number;
}

/**
 * Writes the full archive. Every piece of content is held against its digest on the way; whom the signatures are by is
 * for a verification to say, and they are over the full archive.
 * @throws UsageError when the first file is no delta, the bases have nothing of it, or the output exists.
 * @throws NotFoundError `MISSING_CONTENT` naming what no base has. @throws IntegrityError for a byte that is wrong.
 * @throws StoreError `NO_SPACE`, `STORE_IO`; nothing is at the output then.
 */
export async function joinArchive(
  { delta, bases, output: place }: JoinRequest,
  options: JoinOptions = {},
): Promise<JoinReport> {
  const { signal, onProgress, overwrite = false } = options;
  using archive = await openArchive(delta, { parts: options.parts, signal });
  const { fullLayout, partial, inventory, checksums } = archive.head;
  if (partial === undefined) {
    throw new UsageError('USAGE', `${delta} is a full archive already`, { hint: 'use it as it is' });
  }
  const output = place(archiveFileName(inventory));
  if (!overwrite && (await fileExists(output))) {
    throw new UsageError('USAGE', `${output} exists already`, { hint: 'choose another --output, or give --overwrite' });
  }
  assertChecksums(archive.head);
  await attachBases(archive, bases, { signal, parts: options.parts });
  const lacking = lackingOf(archive);
  if (lacking.length > 0) {
    throw missingLayers(lacking, 'no --base has', 'name the archives of these releases with --base; a delta counts for what it carries itself'); // prettier-ignore
  }
  const signatures = await readDetachedSignatures(archive.path);
  await assertRoom(dirname(output), fullLayout.size, [asideOf(output)]);
  options.onStart?.(output, fullLayout.size);
  const whole = counted(archive.full({ offset: 0, size: fullLayout.size }, signal), (done) =>
    onProgress?.(done, fullLayout.size),
  );
  await placeFile(output, whole, { exclusive: !overwrite });
  for (const { keyIdStart, bytes } of signatures) {
    await placeFile(`${output}.${keyIdStart}.sigstore.json`, bytes);
  }
  return { path: output, size: fullLayout.size, digest: sha256(checksums), inventory, detached: signatures.length };
}

async function* counted(content: Bytes, onBytes: (done: number) => void): Bytes {
  let done = 0;
  for await (const chunk of content) {
    yield chunk;
    onBytes((done += chunk.length));
  }
}
