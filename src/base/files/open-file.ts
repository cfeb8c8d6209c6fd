/** Opens files whose names come from a person or a medium: regular files only, and never with a wait. */
import { closeSync, constants, fstatSync, lstatSync, openSync, statSync, type Stats } from 'node:fs';
import { lstat, open, stat, type FileHandle } from 'node:fs/promises';
import { NotFoundError, StoreError, UsageError } from '../../errors.ts';
import type { Bytes } from '../bytes.ts';
import { systemCode, systemWords, toStoreError } from './system-errors.ts';

/** Bytes of one read. */
const READ_BYTES = 256 * 1024;
/** Opening a pipe does not wait for its other end, and a terminal does not become the process's own. */
const NEVER_WAIT = constants.O_NONBLOCK | constants.O_NOCTTY;
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
/** What the person who named the file can change. */
const THEIRS = new Set(['EACCES', 'EPERM', 'ELOOP', 'EISDIR', 'ENXIO', 'ENAMETOOLONG', 'ENODEV']);

/** How a file is opened. */
export interface OpenOptions {
  /** What the file should be, with its article, for messages: `a trust document`. */
  readonly what: string;
  /** Whether a link in the place of the file is followed. @defaultValue 'follow' */
  readonly links?: 'follow' | 'refuse' | undefined;
  /** Flags of `open` beside those that keep it from waiting. @defaultValue `O_RDONLY` */
  readonly flags?: number | undefined;
  /** The next step when there is no such file. */
  readonly hintWhenMissing?: string | undefined;
  /**
   * The error for something that is no regular file, or is too large; for files of a medium, which the user did not name.
   * @param fault `is a named pipe`
   * @defaultValue a UsageError `USAGE`
   */
  readonly refuse?: ((fault: string) => Error) | undefined;
}

/**
 * Opens a regular file for reading.
 * @throws NotFoundError `NOT_FOUND`
 * @throws UsageError `USAGE` for a directory, pipe, socket, device, a refused link, or a file that may not be read.
 * @throws StoreError `STORE_IO` when the medium fails.
 */
export async function openRegular(path: string, options: OpenOptions): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    // Looked at before it is opened: to open a device can already set it going. And after: it may have been swapped.
    assertRegular(await (options.links === 'refuse' ? lstat(path) : stat(path)), path, options);
    file = await open(path, flagsOf(options));
    assertRegular(await file.stat(), path, options);
    return file;
  } catch (error) {
    await file?.close();
    throw toOpenError(error, path, options);
  }
}

/** {@link openRegular}, at once; the descriptor is the caller's to close. */
export function openRegularSync(path: string, options: OpenOptions): number {
  let fd: number | undefined;
  try {
    assertRegular(options.links === 'refuse' ? lstatSync(path) : statSync(path), path, options);
    fd = openSync(path, flagsOf(options));
    assertRegular(fstatSync(fd), path, options);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw toOpenError(error, path, options);
  }
}

/**
 * Opens a file that this product keeps under a name of its own choice, making it if `flags` say so. Anything else that
 * has the name was planted, and is neither followed nor waited for.
 * @param flags of `open`, beside those that keep it from waiting and from following a link
 * @throws StoreError `STORE_IO`, `NO_SPACE`
 */
export function openOwnSync(path: string, flags: number): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, flags | NEVER_WAIT | constants.O_NOFOLLOW, 0o644);
    const fault = irregularity(fstatSync(fd));
    if (fault === undefined) return fd;
    throw new StoreError('STORE_IO', `cannot write ${path}: it ${fault}`, { hint: 'remove it; a file belongs there' });
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw toStoreError(error, `cannot write ${path}`);
  }
}

/**
 * The bytes of a regular file from an offset on, in one reused buffer.
 * @throws whatever {@link openRegular} throws, and the signal's reason.
 */
export async function* readChunks(
  path: string,
  options: OpenOptions & { readonly offset?: number | undefined; readonly signal?: AbortSignal | undefined },
): Bytes {
  const { offset = 0, signal } = options;
  signal?.throwIfAborted();
  await using file = await openRegular(path, options);
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  for (let position = offset; ;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position).catch((error: unknown) => {
      throw toOpenError(error, path, options);
    });
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Why this is no regular file, as a person says it; undefined for a regular file. */
export function irregularity(found: Stats): string | undefined {
  if (found.isFile()) return undefined;
  if (found.isDirectory()) return 'is a directory';
  if (found.isSymbolicLink()) return 'is a link';
  if (found.isFIFO()) return 'is a named pipe';
  if (found.isSocket()) return 'is a socket';
  return 'is a device';
}

/** An error of reading a file, by who must act: the person who named it, or the person who keeps the machine. */
export function toOpenError(error: unknown, path: string, options: OpenOptions): unknown {
  const code = systemCode(error) ?? '';
  if (ABSENT.has(code)) {
    return new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: options.hintWhenMissing, cause: error });
  }
  if (code === 'ELOOP' && options.links === 'refuse') return refusal(path, 'is a link', options);
  if (!THEIRS.has(code)) return toStoreError(error, `cannot read ${path}`);
  return new UsageError('USAGE', `${path}: cannot be read: ${systemWords(error)}`, { cause: error });
}

/** The error for a file that is there and is not what it should be. */
export function refusal(path: string, fault: string, { what, refuse }: OpenOptions): Error {
  if (refuse !== undefined) return refuse(fault);
  return new UsageError('USAGE', `${path}: ${fault}`, { hint: `${what} is a regular file; name that` });
}

function assertRegular(found: Stats, path: string, options: OpenOptions): void {
  const fault = irregularity(found);
  if (fault !== undefined) throw refusal(path, fault, options);
}

function flagsOf({ links, flags = constants.O_RDONLY }: OpenOptions): number {
  return flags | NEVER_WAIT | (links === 'refuse' ? constants.O_NOFOLLOW : 0);
}
