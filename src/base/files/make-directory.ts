/** Makes directories whose names outlast a power cut: what is flushed into a directory is lost with its name. */
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { syncDirectory } from './place-file.ts';

/** How a directory is made. */
export interface MakeDirectoryOptions {
  /** Of every directory that is made, before the umask. @defaultValue 0o777 */
  readonly mode?: number | undefined;
}

/**
 * Makes a directory with all that leads to it, as far as it is not there. When this returns, the names of those that it
 * made have reached the disk.
 * @throws the system's error
 */
export async function makeDirectory(path: string, { mode }: MakeDirectoryOptions = {}): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode });
  if (first === undefined) return;
  const outermost = dirname(resolve(first));
  for (let parent = dirname(resolve(path)); ; parent = dirname(parent)) {
    await syncDirectory(parent);
    if (parent === outermost || parent === dirname(parent)) return;
  }
}
