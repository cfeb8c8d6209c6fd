/** Gives content its final name on disk only when it is whole, proved and flushed. No link is written through. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Bytes } from '../bytes.ts';
import { StoreError } from '../../errors.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes a stream that proves itself to a hidden file beside `path` and renames it at the end. Whatever stands at either
 * name, a link included, is replaced and not followed. On any failure nothing new is at `path`.
 * @param mode of the new file, before the umask
 * @throws StoreError `NO_SPACE`, `STORE_IO`, `LOCKED` when another process writes the same file; whatever the stream throws.
 */
export async function placeFile(path: string, content: Bytes, mode = 0o644): Promise<void> {
  const directory = dirname(path);
  // A name that follows from the file's, so that the next run clears away what a killed one left.
  const aside = join(directory, `.${createHash('sha256').update(basename(path)).digest('hex').slice(-16)}.partial`);
  try {
    await rm(aside, { force: true });
    try {
      await using file = await open(aside, NEW_FILE, mode);
      for await (const chunk of content) await file.writeFile(chunk);
      await file.sync();
      // Another process that writes the same file has taken this name away.
      const [own, there] = [await file.stat(), await lstat(aside).catch(() => undefined)];
      if (own.ino !== there?.ino || own.dev !== there.dev) throw taken(path);
      await rename(aside, path);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'LOCKED')) await rm(aside, { force: true });
      throw error;
    }
    await using parent = await open(directory, 'r');
    await parent.sync();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    const full = error.code === 'ENOSPC';
    throw new StoreError(full ? 'NO_SPACE' : 'STORE_IO', `cannot write ${path}: ${error.message}`, {
      cause: error,
      ...(full ? { hint: 'free some space and run the same command again' } : {}),
    });
  }
}

function taken(path: string): StoreError {
  return new StoreError('LOCKED', `another process is writing ${path}`, {
    hint: 'wait for it to end, and run it again',
  });
}
