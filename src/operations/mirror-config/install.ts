/** Brings the files of a configuration into their places on a node: all of them, or none. */
import { constants, copyFile, link, lstat, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeDirectory } from '../../base/files/make-directory.ts';
import { stageFile } from '../../base/files/place-file.ts';
import { onDisk, systemCode } from '../../base/files/system-errors.ts';
import { formatUtcSeconds } from '../../base/utc-time.ts';
import type { MirrorFile } from '../../kubernetes/mirrors/dialect.ts';
import { readNodeFiles, type NodeFile, type NodePlace } from './node-files.ts';

/** What became of one file. */
export interface InstalledFile {
  readonly place: string;
  readonly result: 'written' | 'replaced' | 'unchanged';
  /** What stood there before; absent where nothing did. */
  readonly backup?: string;
}

/** Of a file that is new, before the umask: it holds no secret. */
const NEW_MODE = 0o644;

/**
 * Writes what is missing or different. What a file was stays beside it, under the time of the change, with its owner and
 * mode; the new one has that mode too. Readers see the old file or the new one. When one of them cannot be placed, those
 * before it are put back.
 * @throws as {@link readNodeFiles}; UsageError, StoreError `STORE_IO`, `NO_SPACE`, `LOCKED` when one cannot be written
 */
export async function installMirrorFiles(
  node: NodePlace,
  files: readonly MirrorFile[],
  now: Date,
): Promise<readonly InstalledFile[]> {
  const found = await readNodeFiles(node, files);
  const pending = found.filter(({ state }) => state !== 'in place');
  await using staged = new AsyncDisposableStack();
  const places = [];
  for (const file of pending) {
    const { place, content } = file;
    await onDisk(`cannot write ${place}`, () => makeDirectory(dirname(place)));
    places.push({ file, staged: staged.use(await stageFile(place, content, { mode: await modeOf(file) })) });
  }
  await using undo = new AsyncDisposableStack();
  const backups = new Map<string, string>();
  for (const { file, staged: next } of places) {
    const { place, state } = file;
    if (state === 'other') {
      const backup = `${place}.${formatUtcSeconds(now).replaceAll(':', '')}.bak`;
      await onDisk(`cannot keep ${place} as ${backup}`, () => keep(place, backup));
      backups.set(place, backup);
      undo.defer(async () => {
        await rename(backup, place);
        // Two names of one file: the system has left both.
        await rm(backup, { force: true });
      });
    }
    await next.place();
    if (state === 'missing') undo.defer(() => rm(place));
  }
  undo.move();
  return found.map(({ place, state }) => {
    const backup = backups.get(place);
    const result = state === 'in place' ? 'unchanged' : state === 'missing' ? 'written' : 'replaced';
    return { place, result, ...(backup === undefined ? {} : { backup }) };
  });
}

async function modeOf({ place, state }: NodeFile): Promise<number> {
  if (state === 'missing') return NEW_MODE;
  const { mode } = await onDisk(`cannot look at ${place}`, () => lstat(place));
  return mode & 0o777;
}

/** A second name of the same file, with its owner and mode; a copy where the file system has no such names. */
async function keep(place: string, backup: string): Promise<void> {
  await link(place, backup).catch(async (error: unknown) => {
    if (systemCode(error) === 'EEXIST') throw error;
    await copyFile(place, backup, constants.COPYFILE_EXCL);
  });
}
