/** Says in what two releases differ by reading what they say of themselves: the heads of archives, inventories, locks. */
import { NotFoundError, UsageError, IntegrityError } from '../errors.ts';
import { openRegular } from '../base/files/open-file.ts';
import { readBounded } from '../base/files/read-file.ts';
import { MAX_INVENTORY_BYTES, parseInventory } from '../archive/inventory/inventory.ts';
import { compareReleases, type ReleaseComparison } from '../archive/comparison/compare-releases.ts';
import { contentsOfInventory, contentsOfLock, type ReleaseContents } from '../archive/comparison/release-contents.ts';
import { MemberPath } from '../archive/layout/archive-layout.ts';
import { openArchive } from '../archive/reader/reader.ts';
import type { CallOptions } from '../content/store.ts';
import { readLock } from '../release/lock/lock.ts';

/** Bytes that tell what a file is. */
const FRONT_BYTES = 1024;
const HINT = 'name an archive, an inventory (`airgap inspect ARCHIVE --inventory FILE`) or a release.lock.json';

/** One side of a comparison. */
export interface DescribedRelease extends ReleaseContents {
  /** Of the file. */
  readonly path: string;
  /** What the file is. */
  readonly kind: 'archive' | 'inventory' | 'lock';
}

/** Two releases and their differences. Nothing of it is verified. */
export interface ReleaseDiff {
  /** The release that is there. */
  readonly old: DescribedRelease;
  /** The release that comes. */
  readonly new: DescribedRelease;
  /** In what they differ. */
  readonly comparison: ReleaseComparison;
}

/**
 * Compares two releases, each an archive, an inventory or a lock. Of an archive the head is read.
 * @throws NotFoundError `NOT_FOUND` when a file is not there.
 * @throws UsageError `USAGE` for a file that is none of these, `INVALID_SPEC` for an inventory or a lock that is broken.
 * @throws IntegrityError when the head of an archive is not canonical.
 * @throws the signal's reason when it is aborted.
 */
export async function diffReleases(oldPath: string, newPath: string, options: CallOptions = {}): Promise<ReleaseDiff> {
  const [before, after] = [await readContents(oldPath, options), await readContents(newPath, options)];
  return { old: before, new: after, comparison: compareReleases(before, after) };
}

async function readContents(path: string, options: CallOptions): Promise<DescribedRelease> {
  const kind = await kindOf(path);
  options.signal?.throwIfAborted();
  switch (kind) {
    case 'archive': {
      using archive = await openArchive(path, options);
      return { path, kind, ...contentsOfInventory(archive.head.inventory) };
    }
    case 'inventory':
      return { path, kind, ...contentsOfInventory(await readInventory(path)) };
    case 'lock': {
      const lock = await readLock(path);
      if (lock === undefined) throw missing(path);
      return { path, kind, ...contentsOfLock(lock) };
    }
  }
}

async function kindOf(path: string): Promise<DescribedRelease['kind']> {
  await using file = await openRegular(path, { what: 'a release', hintWhenMissing: HINT });
  const { buffer, bytesRead } = await file.read(Buffer.alloc(FRONT_BYTES), 0, FRONT_BYTES, 0);
  const front = buffer.toString('latin1', 0, bytesRead);
  if (front.startsWith(`${MemberPath.checksums}\0`)) return 'archive';
  const isJson = front.trimStart().startsWith('{');
  if (isJson && front.includes('"formatVersion"')) return 'inventory';
  if (isJson && front.includes('"lockVersion"')) return 'lock';
  throw new UsageError('USAGE', `${path}: is neither an archive of this product nor an inventory nor a lock`, {
    hint: HINT,
  });
}

/** A file that a person named, which is theirs to make again: what is wrong with it is no fault of an archive. */
async function readInventory(path: string): Promise<ReturnType<typeof parseInventory>> {
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

function missing(path: string): NotFoundError {
  return new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: HINT });
}
