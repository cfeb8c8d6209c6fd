/** Says in what two releases differ by reading what they say of themselves: the heads of archives, inventories, locks. */
import { NotFoundError } from '../errors.ts';
import { compareReleases, type ReleaseComparison } from '../archive/comparison/compare-releases.ts';
import { contentsOfInventory, contentsOfLock, type ReleaseContents } from '../archive/comparison/release-contents.ts';
import { kindOfRelease, readInventoryFile, type ReleaseFileKind } from '../archive/reader/release-file.ts';
import { openArchive } from '../archive/reader/reader.ts';
import type { CallOptions } from '../content/store.ts';
import { readLock } from '../release/lock/lock.ts';

const HINT = 'name an archive, an inventory (`airgap inspect ARCHIVE --inventory FILE`) or a release.lock.json';

/** One side of a comparison. */
export interface DescribedRelease extends ReleaseContents {
  /** Of the file. */
  readonly path: string;
  /** What the file is. */
  readonly kind: ReleaseFileKind;
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

/** Options of {@link diffReleases}. */
export interface DiffOptions extends CallOptions {
  /** Directories that hold parts of the archives, beside their own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Compares two releases, each an archive, an inventory or a lock. Of an archive the head is read.
 * @throws NotFoundError `NOT_FOUND` when a file is not there.
 * @throws UsageError `USAGE` for a file that is none of these, `INVALID_SPEC` for an inventory or a lock that is broken.
 * @throws IntegrityError when the head of an archive is not canonical.
 * @throws the signal's reason when it is aborted.
 */
export async function diffReleases(oldPath: string, newPath: string, options: DiffOptions = {}): Promise<ReleaseDiff> {
  const [before, after] = [await readContents(oldPath, options), await readContents(newPath, options)];
  return { old: before, new: after, comparison: compareReleases(before, after) };
}

async function readContents(path: string, options: DiffOptions): Promise<DescribedRelease> {
  const kind = await kindOfRelease(path, options.parts);
  options.signal?.throwIfAborted();
  switch (kind) {
    case 'archive': {
      using archive = await openArchive(path, options);
      return { path, kind, ...contentsOfInventory(archive.head.inventory) };
    }
    case 'inventory':
      return { path, kind, ...contentsOfInventory(await readInventoryFile(path)) };
    case 'lock': {
      const lock = await readLock(path);
      if (lock === undefined) throw missing(path);
      return { path, kind, ...contentsOfLock(lock) };
    }
  }
}

function missing(path: string): NotFoundError {
  return new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: HINT });
}
