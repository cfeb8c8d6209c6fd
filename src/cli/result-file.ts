/** Writes what a command leaves on disk beside its main product: reports, mappings, starters. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '../errors.ts';

/**
 * Writes a file, making its directory; an older one of the same name is replaced.
 * @throws StoreError `STORE_IO` or `NO_SPACE`
 */
export async function writeResultFile(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  } catch (cause) {
    const isFull = cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(isFull ? 'NO_SPACE' : 'STORE_IO', `cannot write ${path}: ${why}`, { cause });
  }
}
