/** Files that describe a release: archives and deltas, inventories, locks. */
import { openRegular } from '../../base/files/open-file.ts';
import { readBounded } from '../../base/files/read-file.ts';
import { writeNamedFile } from '../../base/files/result-file.ts';
import { IntegrityError, NotFoundError, UsageError } from '../../errors.ts';
import { MAX_INVENTORY_BYTES, parseInventory, serializeInventory } from '../inventory/inventory.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { findParts } from '../parts/found-parts.ts';
import { archiveOfPart } from '../parts/part-names.ts';
import { openParts } from '../parts/part-source.ts';
import { MemberPath } from '../layout/archive-layout.ts';

/** Bytes that tell what a file is. */
const FRONT_BYTES = 1024;
const HINT = 'name an archive, an inventory (`airgap inspect ARCHIVE --inventory FILE`) or a release.lock.json';

/** What a file is that describes a release. */
export type ReleaseFileKind = 'archive' | 'inventory' | 'lock';

/**
 * Tells what a file is by its first bytes.
 * @throws NotFoundError `NOT_FOUND`. @throws UsageError `USAGE` for a file that is none of these.
 */
export async function kindOfRelease(path: string, parts: readonly string[] = []): Promise<ReleaseFileKind> {
  const front = await readStart(path, parts);
  if ([MemberPath.checksums, MemberPath.partial].some((member) => front.startsWith(`${member}\0`))) return 'archive';
  const isJson = front.trimStart().startsWith('{');
  if (isJson && front.includes('"formatVersion"')) return 'inventory';
  if (isJson && front.includes('"lockVersion"')) return 'lock';
  throw new UsageError('USAGE', `${path}: is neither an archive of this product nor an inventory nor a lock`, {
    hint: HINT,
  });
}

async function readStart(path: string, directories: readonly string[]): Promise<string> {
  const bytes = Buffer.alloc(FRONT_BYTES);
  try {
    if (archiveOfPart(path) === undefined) return await readFileStart(path, bytes);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
  const found = await findParts(path, directories);
  if (found === undefined) return await readFileStart(path, bytes);
  using parts = await openParts(found);
  return bytes.toString('latin1', 0, parts.read(bytes, FRONT_BYTES, 0));
}

async function readFileStart(path: string, bytes: Buffer): Promise<string> {
  await using file = await openRegular(path, { what: 'a release', hintWhenMissing: HINT });
  const { bytesRead } = await file.read(bytes, 0, FRONT_BYTES, 0);
  return bytes.toString('latin1', 0, bytesRead);
}

/**
 * Reads an inventory that a person named, which is theirs to make again: what is wrong with it is no fault of an archive.
 * @throws UsageError `INVALID_SPEC`
 */
export async function readInventoryFile(path: string): Promise<Inventory> {
  const bytes = await readBounded(path, { what: 'an inventory', limit: MAX_INVENTORY_BYTES });
  try {
    return parseInventory(bytes);
  } catch (cause) {
    if (!(cause instanceof IntegrityError)) throw cause;
    throw new UsageError('INVALID_SPEC', `${path}: ${cause.message}`, {
      cause,
      hint: 'write it again with `airgap inspect ARCHIVE --inventory FILE`; it counts only as it was written',
    });
  }
}

/** Writes an inventory to the path that a person named, in the one spelling that counts. @throws StoreError `STORE_IO`, `NO_SPACE` */
export async function writeInventoryFile(path: string, inventory: Inventory, signal?: AbortSignal): Promise<void> {
  await writeNamedFile(path, serializeInventory(inventory).toString('utf8'), signal);
}
