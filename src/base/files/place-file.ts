/** Gives content its final name on disk only when it is whole, checked and flushed. No link is written through. */
import { createHash } from 'node:crypto';
import { constants, fstat, fsync } from 'node:fs';
import { link, lstat, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '../bytes.ts';
import { StoreError, UsageError } from '../../errors.ts';
import { irregularity } from './open-file.ts';
import { onDisk, systemCode, type SystemHints } from './system-errors.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;
/** What file systems without hard links, such as FAT and exFAT, say of `link`, depending on the driver. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
/** What some network file systems say of flushing a directory: they have no such operation. */
const NO_DIRECTORY_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** How a file is placed. */
export interface PlaceOptions {
  /** Of the new file, before the umask. @defaultValue 0o644 */
  readonly mode?: number | undefined;
  /** Whether it is an error that something has the name already; otherwise that is replaced. @defaultValue false */
  readonly exclusive?: boolean | undefined;
  /** Where it is written first: a path on the same file system. @defaultValue a hidden name beside */
  readonly aside?: string | undefined;
  /**
   * Whether the new name, too, is on disk at the end. With false the caller owes one {@link syncDirectory} for all files
   * of a directory. @defaultValue true
   */
  readonly syncsName?: boolean | undefined;
  /** Next steps for a disk that is full, and for other failures. */
  readonly hints?: SystemHints | undefined;
}

/**
 * Writes content to a hidden file and gives it its name at the end. What stands at either name, a link included, is
 * replaced and not followed. When this returns, the file and its name have reached the disk; on any failure nothing new
 * is at `path`.
 * @param content a stream throws what is wrong with it, and then nothing is placed
 * @throws UsageError `USAGE` when its directory does not exist, or it is `exclusive` and something has the name.
 * @throws StoreError `NO_SPACE`, `STORE_IO`, `LOCKED` when another process writes the same file; whatever the stream throws.
 */
export async function placeFile(
  path: string,
  content: Bytes | Uint8Array | string,
  options: PlaceOptions = {},
): Promise<void> {
  await using staged = await stageFile(path, content, options);
  await staged.place();
}

/** A file that is written and flushed and has no name yet. Disposing removes what was not placed. */
export interface StagedFile extends AsyncDisposable {
  /** Gives it its name. @throws as {@link placeFile} */
  place(): Promise<void>;
}

/** The first half of {@link placeFile}, for files that are placed together or not at all. */
export async function stageFile(
  path: string,
  content: Bytes | Uint8Array | string,
  options: PlaceOptions = {},
): Promise<StagedFile> {
  const { aside = asideOf(path), mode = 0o644, hints } = options;
  const doing = `cannot write ${path}`;
  let file: FileHandle | undefined;
  try {
    return await onDisk(
      doing,
      async () => {
        await rm(aside, { force: true });
        const handle = (file = await create(aside, path, mode));
        if (typeof content === 'string' || content instanceof Uint8Array) await handle.writeFile(content);
        else for await (const chunk of content) await handle.writeFile(chunk);
        await handle.sync();
        return {
          place: () => onDisk(doing, () => settle(handle.fd, aside, path, options), hints),
          // Some network file systems tell of a lost write only here.
          [Symbol.asyncDispose]: () => onDisk(doing, () => discard(handle, aside), hints),
        };
      },
      hints,
    );
  } catch (error) {
    if (file !== undefined) await discard(file, aside);
    throw error;
  }
}

/**
 * Gives a file that somebody else wrote its final name, once all of it is on disk. It must be the descriptor that wrote:
 * only that one is told of a write-back that failed.
 * @throws StoreError `NO_SPACE`, `STORE_IO`, `LOCKED`
 */
export async function finishFile(
  fd: number,
  aside: string,
  path: string,
  options: Pick<PlaceOptions, 'syncsName' | 'hints'> = {},
): Promise<void> {
  await onDisk(
    `cannot write ${path}`,
    async () => {
      await promisify(fsync)(fd);
      await settle(fd, aside, path, options);
    },
    options.hints,
  );
}

/** Makes the names in a directory survive a power cut. @throws the system's error */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, DIRECTORY);
  await flush(handle);
}

async function settle(fd: number, aside: string, path: string, options: PlaceOptions): Promise<void> {
  await using directory = options.syncsName === false ? undefined : await open(dirname(path), DIRECTORY);
  if (!(await isStillThere(fd, aside))) throw taken(path);
  await assertReplaceable(path);
  if (options.exclusive === true) await linkExclusively(aside, path);
  else await rename(aside, path);
  if (directory !== undefined) await flush(directory);
}

async function create(aside: string, path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(aside, NEW_FILE, mode);
  } catch (cause) {
    if (systemCode(cause) !== 'ENOENT') throw cause;
    throw new UsageError('USAGE', `cannot write ${path}: its directory does not exist`, {
      cause,
      hint: 'make the directory first, or choose another place',
    });
  }
}

/** Another process that writes the same file takes the name aside away. */
async function isStillThere(fd: number, aside: string): Promise<boolean> {
  const own = await promisify(fstat)(fd);
  const there = await lstat(aside).catch(() => undefined);
  return own.ino === there?.ino && own.dev === there.dev;
}

/** A file may replace a file or a link; a device or a pipe that others use is not put aside by a name. */
async function assertReplaceable(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  const fault = found === undefined || found.isSymbolicLink() ? undefined : irregularity(found);
  if (fault === undefined) return;
  throw new StoreError('STORE_IO', `cannot write ${path}: it ${fault}`, {
    hint: 'name a file, or remove what is there',
  });
}

async function linkExclusively(aside: string, path: string): Promise<void> {
  try {
    await link(aside, path);
    await rm(aside, { force: true });
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (code === 'EEXIST') throw exists(path, error);
    if (!NO_HARD_LINKS.has(code)) throw error;
    await reserve(path);
    await rename(aside, path).catch(async (failure: unknown) => {
      await rm(path, { force: true });
      throw failure;
    });
  }
}

/** The name is taken while it is empty; then only this process replaces it. */
async function reserve(path: string): Promise<void> {
  try {
    await using _empty = await open(path, NEW_FILE, 0o600);
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? exists(path, error) : error;
  }
}

async function flush(directory: FileHandle): Promise<void> {
  try {
    await directory.sync();
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.has(systemCode(error) ?? '')) throw error;
  }
}

/** What another process has put in the place of the name aside is left alone. */
async function discard(file: FileHandle, aside: string): Promise<void> {
  const isOwn = await isStillThere(file.fd, aside);
  await file.close();
  if (isOwn) await rm(aside, { force: true });
}

/** Where a file is written first: a name that follows from its own, so that the next run clears away what a killed one left. */
export function asideOf(path: string): string {
  const name = createHash('sha256').update(basename(path)).digest('hex').slice(-16);
  return join(dirname(path), `.${name}.partial`);
}

function taken(path: string): StoreError {
  return new StoreError('LOCKED', `another process is writing ${path}`, {
    hint: 'wait for it to end, and run it again',
  });
}

function exists(path: string, cause: unknown): UsageError {
  return new UsageError('USAGE', `${path} exists already and is not overwritten`, {
    cause,
    hint: 'choose another name, or move the file away',
  });
}
