/** Gives a directory its name only when everything in it is written: nothing is left half-done. */
import { chmod, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { fileExists } from './disk.ts';
import { acquireFileLock } from './file-lock.ts';
import { asideOf, syncDirectory } from './place-file.ts';
import { onDisk, systemCode } from './system-errors.ts';

/** Others may read what is placed, and not write to it, whatever the umask. */
const DIRECTORY_MODE = 0o755;

/**
 * Insists that a directory can be made: it is not there, and what it goes into is. `why` says what a directory that is
 * there would be mixed with.
 * @throws UsageError `USAGE`
 */
export async function assertNewDirectory(directory: string, why: string): Promise<void> {
  await assertAbsent(directory, why);
  if (await fileExists(dirname(directory))) return;
  throw new UsageError('USAGE', `cannot make ${directory}: there is no ${dirname(directory)}`, {
    hint: 'make that directory first',
  });
}

/**
 * Fills a hidden directory of this user's alone, which gets its name when all of it is right: no other user can put a
 * link in the way. Files in it are flushed by who fills it, their names here.
 * @throws UsageError `USAGE` when the directory exists already; StoreError `STORE_IO`, `NO_SPACE`, `LOCKED`; whatever `fill` throws
 */
export async function placeDirectory(
  directory: string,
  why: string,
  fill: (aside: string) => Promise<void>,
): Promise<void> {
  const aside = asideOf(resolve(directory));
  await using _lock = await acquireFileLock(`${aside}.lock`, directory);
  try {
    await onDisk(`cannot make ${directory}`, async () => {
      await rm(aside, { recursive: true, force: true });
      await mkdir(aside, { mode: 0o700 });
    });
    await fill(aside);
    await onDisk(`cannot make ${directory}`, async () => {
      for (const path of await directoriesIn(aside)) await syncDirectory(path);
      await assertAbsent(directory, why);
      await chmod(aside, DIRECTORY_MODE & ~process.umask());
      await rename(aside, directory);
      await syncDirectory(dirname(directory));
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function directoriesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return [directory, ...entries.filter((entry) => entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name))]; // prettier-ignore
}

async function assertAbsent(directory: string, why: string): Promise<void> {
  const found = await onDisk(`cannot make ${directory}`, () =>
    lstat(directory).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
  if (found === undefined) return;
  throw new UsageError('USAGE', `${directory} exists already`, {
    hint: `give a directory that does not exist yet, so that nothing old is mixed with ${why}`,
  });
}
