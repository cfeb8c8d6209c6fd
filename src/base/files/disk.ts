/** The disk under a file that is about to be written: is there room, and what is there already. */
import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError, UsageError } from '../../errors.ts';
import { onDisk, systemCode, systemWords } from './system-errors.ts';

/** Room for the journal and the file system's own bookkeeping. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Insists on room for an archive of this size, what its `.partial` already takes counted in.
 * @throws StoreError `NO_SPACE` with the numbers. @throws UsageError `USAGE` when there is no such directory.
 */
export async function requireSpace(path: string, size: number): Promise<void> {
  const directory = dirname(path);
  const { bavail, bsize } = await statfs(directory).catch((error: unknown) => {
    throw new UsageError('USAGE', `cannot write to ${directory}: ${systemWords(error)}`, {
      cause: error,
      hint: 'create the directory first',
    });
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

export async function fileExists(path: string): Promise<boolean> {
  return (await statIfThere(path)) !== undefined;
}

async function statIfThere(path: string): Promise<{ readonly blocks: number } | undefined> {
  return onDisk(`cannot look at ${path}`, () =>
    stat(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
}
