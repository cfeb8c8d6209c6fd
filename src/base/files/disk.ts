/** The disk under a file that is about to be written: is there room, and what is there already. */
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError, UsageError } from '../../errors.ts';
import { onDisk, systemCode } from './system-errors.ts';

/** Room for the journal and the file system's own bookkeeping. */
const SPARE_BYTES = 1024 * 1024;

/**
 * Insists on room for an archive of this size, what already lies in place counted in.
 * @param partial paths of what it grows in
 * @throws StoreError `NO_SPACE` with the numbers. @throws UsageError `USAGE` when there is no such directory.
 */
export async function requireSpace(path: string, size: number, partial: readonly string[]): Promise<void> {
  const directory = dirname(path);
  if (!(await fileExists(directory))) {
    throw new UsageError('USAGE', `cannot write to ${directory}: there is no such directory`, {
      hint: 'create the directory first',
    });
  }
  await assertFree(directory, size, await takenBy(partial), 'free some space or choose another --output');
}

/**
 * Insists, before long work begins, that files of this size can be written below a directory, which may have to be made.
 * @param leftovers paths of what an earlier run left half-written, and this one clears away
 * @throws StoreError `NO_SPACE` with the numbers, `STORE_IO` when it may not be written to
 */
export async function assertRoom(directory: string, size: number, leftovers: readonly string[] = []): Promise<void> {
  let existing = directory;
  while (dirname(existing) !== existing && !(await fileExists(existing))) existing = dirname(existing);
  await onDisk(`cannot write to ${existing}`, () => access(existing, constants.W_OK | constants.X_OK));
  await assertFree(existing, size, await takenBy(leftovers), 'free some space, or choose another place');
}

async function assertFree(directory: string, size: number, taken: number, hint: string): Promise<void> {
  const { bavail, bsize } = await onDisk(`cannot look at ${directory}`, () => statfs(directory));
  const [available, needed] = [bavail * bsize + taken, size + SPARE_BYTES];
  if (available >= needed) return;
  throw new StoreError('NO_SPACE', `${directory} has ${available} bytes free; ${needed} are needed`, {
    hint: `${hint}; nothing was written`,
    details: { available, needed },
  });
}

/** Bytes on disk. */
async function takenBy(paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += ((await statIfThere(path))?.blocks ?? 0) * 512;
  return bytes;
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
