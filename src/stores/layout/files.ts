/** The few file operations a layout needs: reads that cannot be led astray, writes that survive a power cut. */
import { constants, type Stats } from 'node:fs';
import { lstat, open, realpath, rename, type FileHandle } from 'node:fs/promises';
import type { Bytes } from '../../base/bytes.ts';
import { IntegrityError, NotFoundError, StoreError } from '../../errors.ts';

/** Bytes of one positioned read. */
const READ_BYTES = 256 * 1024;
/** A symlink is refused, and a named pipe cannot block the open. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const FULL_CODES = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Whether the value is a failed system call, of this code where one is given. */
export function isSystemError(error: unknown, code?: string): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error && (code === undefined || error.code === code);
}

/**
 * Runs file operations and says what failed where.
 * @throws StoreError `NO_SPACE` or `STORE_IO`; whatever is not a failed system call passes unchanged.
 */
export async function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (FULL_CODES.includes(error.code ?? '')) {
      throw new StoreError('NO_SPACE', `${what}: no space left (${error.code})`, {
        hint: 'free some space and run the same command again; what is stored already is kept',
        cause: error,
      });
    }
    throw new StoreError('STORE_IO', `${what}: ${error.message}`, { cause: error });
  }
}

/** What is at a path, links not followed; undefined where nothing is. */
export async function statOf(path: string, what: string): Promise<Stats | undefined> {
  return onDisk(what, async () => {
    try {
      return await lstat(path);
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
  });
}

/**
 * The directory's path without links.
 * @throws NotFoundError `NOT_FOUND`
 */
export async function resolveDirectory(directory: string, what: string): Promise<string> {
  return onDisk(what, async () => {
    try {
      return await realpath(directory);
    } catch (error) {
      if (!isSystemError(error, 'ENOENT')) throw error;
      throw new NotFoundError('NOT_FOUND', `${what}: there is no such directory`, { cause: error });
    }
  });
}

/**
 * Opens a regular file for reading.
 * @throws NotFoundError `NOT_FOUND`
 * @throws IntegrityError `MALFORMED` for a symlink, a pipe, a device, a directory.
 */
export async function openRegular(path: string, what: string): Promise<FileHandle> {
  const irregular = new IntegrityError('MALFORMED', `${what}: ${path} is not a regular file`, {
    hint: 'a layout holds regular files only; a link could lead anywhere',
  });
  const handle = await onDisk(what, () => open(path, READ_FLAGS)).catch((error: unknown) => {
    const cause = error instanceof StoreError ? error.cause : undefined;
    if (isSystemError(cause, 'ENOENT')) throw new NotFoundError('NOT_FOUND', `${what}: ${path} does not exist`);
    if (isSystemError(cause, 'ELOOP') || isSystemError(cause, 'ENXIO')) throw irregular;
    throw error;
  });
  try {
    if (!(await onDisk(what, () => handle.stat())).isFile()) throw irregular;
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Reads a small regular file whole.
 * @throws IntegrityError `MALFORMED` when it is longer than `maxBytes`.
 */
export async function readBounded(path: string, maxBytes: number, what: string): Promise<Buffer> {
  const handle = await openRegular(path, what);
  try {
    const { size } = await onDisk(what, () => handle.stat());
    if (size > maxBytes) {
      throw new IntegrityError('MALFORMED', `${what}: ${path} has ${size} bytes, the limit is ${maxBytes}`);
    }
    return await onDisk(what, () => handle.readFile());
  } finally {
    await handle.close();
  }
}

/** The bytes of a regular file from an offset on, in one reused buffer. */
export async function* readChunks(path: string, offset: number, what: string, signal?: AbortSignal): Bytes {
  const handle = await openRegular(path, what);
  try {
    const { size } = await onDisk(what, () => handle.stat());
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, size - offset)));
    for (let position = offset; ;) {
      signal?.throwIfAborted();
      const { bytesRead } = await onDisk(what, () => handle.read(buffer, 0, buffer.length, position));
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Writes all of a stream to a new file and flushes it to the medium. */
export async function writeNew(path: string, content: Bytes, what: string): Promise<void> {
  const handle = await onDisk(what, () => open(path, 'wx', 0o644));
  try {
    for await (const chunk of content) {
      for (let written = 0; written < chunk.length;) {
        const from = written;
        written += (await onDisk(what, () => handle.write(chunk, from))).bytesWritten;
      }
    }
    await onDisk(what, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Moves a file into place. A power cut leaves the old name or the new one, after {@link syncDirectory} the new one. */
export async function moveInto(from: string, to: string, what: string): Promise<void> {
  await onDisk(what, () => rename(from, to));
}

/** Makes the names in a directory survive a power cut. */
export async function syncDirectory(path: string, what: string): Promise<void> {
  await onDisk(what, async () => {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}
