/** The disk under an archive that is being written: is there room, is it all there, and what its refusals mean. */
import { fsync } from 'node:fs';
import { open, rename, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { StoreError, UsageError } from '../../errors.ts';

/** Room for the journal and the file system's own bookkeeping. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Insists on room for an archive of this size, what its `.partial` already takes counted in.
 * @throws StoreError `NO_SPACE` with the numbers. @throws UsageError `USAGE` when there is no such directory.
 */
export async function requireSpace(path: string, size: number): Promise<void> {
  const directory = dirname(path);
  const { bavail, bsize } = await statfs(directory).catch((error: unknown) => {
    throw new UsageError('USAGE', `cannot write to ${directory}`, { cause: error, hint: 'create the directory first' });
  });
  const partial = await statIfThere(`${path}.partial`);
  const available = bavail * bsize + (partial?.blocks ?? 0) * 512;
  if (available >= size + SPARE_BYTES) return;
  throw new StoreError(
    'NO_SPACE',
    `${directory} has ${available} bytes free; the archive needs ${size + SPARE_BYTES}`,
    {
      hint: 'free some space or choose another --output; nothing was written',
      details: { available, needed: size + SPARE_BYTES },
    },
  );
}

/**
 * Gives a written file its final name, once all of it is on disk. It must be the descriptor that wrote: only that one
 * is told of a write-back that failed.
 */
export async function syncAndRename(fd: number, from: string, to: string): Promise<void> {
  try {
    await promisify(fsync)(fd);
    await rename(from, to);
    await using directory = await open(dirname(to), 'r');
    await directory.sync();
  } catch (error) {
    throw toStoreError(error, from);
  }
}

/** What the system said about this file, as an error a person can act on; anything else is passed through. */
export function toStoreError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !('code' in error) || error instanceof StoreError) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new StoreError('NO_SPACE', `no space left while writing ${path}`, {
      cause: error,
      hint: 'free some space and run the same command again: it goes on where it stopped',
    });
  }
  if (error.code === 'EFBIG') {
    return new StoreError('NO_SPACE', `${path} would be larger than a file may be here`, {
      cause: error,
      hint: 'choose an --output on another file system (FAT ends at 4 GiB), or raise the limit (ulimit -f)',
    });
  }
  return new StoreError('STORE_IO', `cannot write ${path}: ${error.message}`, { cause: error });
}

export async function fileExists(path: string): Promise<boolean> {
  return (await statIfThere(path)) !== undefined;
}

async function statIfThere(path: string): Promise<{ readonly blocks: number } | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw toStoreError(error, path);
  }
}
