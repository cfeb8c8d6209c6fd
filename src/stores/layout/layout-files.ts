/** The few file operations a layout needs: reads that cannot be led astray, writes that survive a power cut. */
import type { Stats } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import type { Bytes } from '../../base/bytes.ts';
import { readChunks as readFrom, type OpenOptions } from '../../base/files/open-file.ts';
import { readBounded as readWhole } from '../../base/files/read-file.ts';
import { onDisk as onSystem, systemCode, type SystemHints } from '../../base/files/system-errors.ts';
import { IntegrityError, NotFoundError } from '../../errors.ts';

/** Next steps when the disk of a layout refuses. */
export const HINTS: SystemHints = {
  full: 'free some space and run the same command again; what is stored already is kept',
};

/**
 * Runs file operations and says what failed where.
 * @throws StoreError `NO_SPACE` or `STORE_IO`; whatever is not a failed system call passes unchanged.
 */
export function onDisk<T>(what: string, work: () => Promise<T>): Promise<T> {
  return onSystem(what, work, HINTS);
}

/** What is at a path, links not followed; undefined where nothing is. */
export async function statOf(path: string, what: string): Promise<Stats | undefined> {
  return onDisk(what, async () => {
    try {
      return await lstat(path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
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
      if (systemCode(error) !== 'ENOENT') throw error;
      throw new NotFoundError('NOT_FOUND', `${what}: there is no such directory`, { cause: error });
    }
  });
}

/**
 * Reads a small regular file whole.
 * @throws NotFoundError `NOT_FOUND`
 * @throws IntegrityError `MALFORMED` for a link, a pipe, a device, a directory, and when it is longer than `maxBytes`.
 */
export async function readBounded(path: string, maxBytes: number, what: string): Promise<Buffer> {
  try {
    return await readWhole(path, { ...regular(path, what), limit: maxBytes });
  } catch (error) {
    throw named(error, path, what);
  }
}

/** The bytes of a regular file from an offset on, in one reused buffer. @throws as {@link readBounded} */
export async function* readChunks(path: string, offset: number, what: string, signal?: AbortSignal): Bytes {
  try {
    yield* readFrom(path, { ...regular(path, what), offset, signal });
  } catch (error) {
    throw named(error, path, what);
  }
}

function named(error: unknown, path: string, what: string): unknown {
  if (!(error instanceof NotFoundError)) return error;
  return new NotFoundError('NOT_FOUND', `${what}: ${path} does not exist`, { cause: error });
}

function regular(path: string, what: string): OpenOptions {
  return {
    what: 'a file of a layout',
    links: 'refuse',
    refuse: (fault) =>
      new IntegrityError('MALFORMED', `${what}: ${path} ${fault} and not a regular file`, {
        hint: 'a layout holds regular files only; a link could lead anywhere',
      }),
  };
}
