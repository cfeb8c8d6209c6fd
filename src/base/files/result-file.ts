/** Writes what a command leaves on disk beside its main product: reports, mappings, starters. */
import type { Stats } from 'node:fs';
import { lstat, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError, UsageError } from '../../errors.ts';
import { isInherited, writeStream } from './inherited-stream.ts';
import { makeDirectory } from './make-directory.ts';
import { irregularity } from './open-file.ts';
import { openFileAt, type OpenedFile } from './opened-file.ts';
import { onDisk, systemCode } from './system-errors.ts';

/** Of a result, before the umask: for everyone whom the umask does not keep out. */
const RESULT_MODE = 0o666;

/**
 * Writes a file in a directory, under a name that this product chose; the directory is made, an older file of that name
 * is replaced in one step. Anything but a file in its place was planted: it is refused and neither followed nor written to.
 * @throws StoreError `STORE_IO` or `NO_SPACE`
 */
export async function writeResultFile(path: string, content: string): Promise<void> {
  await using file = await openResultFile(path);
  await file.write(content);
}

/**
 * The first half of {@link writeResultFile}, for a result that is known only when it can no longer be undone: whether it
 * can be written is found out before.
 * @throws StoreError `STORE_IO` or `NO_SPACE`
 */
export async function openResultFile(path: string): Promise<OpenedFile> {
  await onDisk(`cannot write ${path}: its directory cannot be made`, () => makeDirectory(dirname(path)));
  const found = await statOf(path);
  if (found !== undefined && !found.isFile()) throw refused(path, found);
  return openFileAt(path, { mode: RESULT_MODE });
}

/** The first half of {@link writeNamedFile}: a stream is opened only when something is to be said. */
export async function openNamedFile(path: string, signal?: AbortSignal): Promise<OpenedFile> {
  const isFile = !(await isStream(path));
  if (isFile) return openResultFile(path);
  return { path, write: (text) => writeToStream(path, text, signal), [Symbol.asyncDispose]: async () => undefined };
}

/**
 * Writes to the very path that a person named: a file as {@link writeResultFile} does, or a stream, which somebody meant:
 * `/dev/stdout`, a named pipe that is read, a terminal. A link, a directory or a disk is refused.
 * @throws StoreError `STORE_IO` or `NO_SPACE`; the signal's reason.
 */
export async function writeNamedFile(path: string, content: string, signal?: AbortSignal): Promise<void> {
  await using file = await openNamedFile(path, signal);
  await file.write(content);
}

/** Takes away an older result, where there is one. @throws StoreError `STORE_IO` */
export async function removeResultFile(path: string): Promise<void> {
  await onDisk(`cannot remove ${path}`, () => rm(path, { force: true }));
}

async function isStream(path: string): Promise<boolean> {
  const found = await statOf(path);
  return isInherited(path) || found?.isFIFO() === true || found?.isCharacterDevice() === true;
}

async function writeToStream(path: string, content: string | Uint8Array, signal?: AbortSignal): Promise<void> {
  await onDisk(`cannot write ${path}`, () => writeStream(path, Buffer.from(content), signal), {
    otherwise: 'name a file, or a pipe that a program reads',
  });
}

/**
 * Refuses a default directory that is a planted link.
 * @throws UsageError `USAGE`
 */
export async function refuseLink(directory: string, option: string): Promise<void> {
  if ((await statOf(directory))?.isSymbolicLink() !== true) return;
  throw new UsageError('USAGE', `${directory} is a link`, {
    hint: `remove it, or say with ${option} where the reports go`,
  });
}

async function statOf(path: string): Promise<Stats | undefined> {
  return onDisk(`cannot write ${path}`, () =>
    lstat(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
}

function refused(path: string, found: Stats): StoreError {
  return new StoreError('STORE_IO', `cannot write ${path}: it ${irregularity(found) ?? ''}`, {
    hint: found.isSymbolicLink() ? 'remove the link, or name the file that it leads to' : 'remove it, or name a file',
  });
}
