/** Reads small files whole: never more than a limit, never from what would make the reader wait. */
import { closeSync, readSync } from 'node:fs';
import { NotFoundError, UsageError } from '../../errors.ts';
import { isInherited, readInherited } from './inherited-stream.ts';
import { systemCode } from './system-errors.ts';
import { openRegular, openRegularSync, refusal, toOpenError, type OpenOptions } from './open-file.ts';

/** Bytes asked for at first; most files fit. */
const FIRST_BYTES = 64 * 1024;

/** How a file is read. */
export interface ReadOptions extends OpenOptions {
  /** Bytes that are read at most; a longer file is refused. */
  readonly limit: number;
  /**
   * Ends the wait for a stream. Only with it may the path be one: a descriptor that this process was given
   * (`/dev/stdin`, `<(…)` of a shell), which is read to its end.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a file, all of them.
 * @throws NotFoundError `NOT_FOUND`
 * @throws UsageError `USAGE` when it is no regular file, may not be read, or is longer than the limit.
 * @throws StoreError `STORE_IO`
 */
export async function readBounded(path: string, options: ReadOptions): Promise<Buffer> {
  const { limit, signal } = options;
  if (signal !== undefined && isInherited(path)) {
    const bytes = await readInherited(path, limit + 1, signal).catch((error: unknown) => {
      throw toOpenError(error, path, options);
    });
    if (bytes !== undefined) return atMost(bytes, path, options);
  }
  await using file = await openRegular(path, options);
  const reader = new GrowingBuffer(limit + 1);
  try {
    // To the end and not to the size: files of /proc have none, and a file may grow.
    while (reader.took((await file.read(reader.room(), 0)).bytesRead));
  } catch (error) {
    throw toOpenError(error, path, options);
  }
  return atMost(reader.bytes, path, options);
}

/** {@link readBounded}, or undefined when there is no such file. */
export async function readIfThere(path: string, options: ReadOptions): Promise<Buffer | undefined> {
  try {
    return await readBounded(path, options);
  } catch (error) {
    // Only that: below what is no directory there is no file either, and the path is wrong.
    if (error instanceof NotFoundError && systemCode(error.cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** {@link readBounded} of a regular file, at once. */
export function readBoundedSync(path: string, options: Omit<ReadOptions, 'signal'>): Buffer {
  const fd = openRegularSync(path, options);
  const reader = new GrowingBuffer(options.limit + 1);
  try {
    while (reader.took(readSync(fd, reader.room())));
  } catch (error) {
    throw toOpenError(error, path, options);
  } finally {
    closeSync(fd);
  }
  return atMost(reader.bytes, path, options);
}

/**
 * The whole text of a file.
 * @throws as {@link readBounded}, but UsageError `INVALID_SPEC` for what is too long, and for what is not UTF-8.
 */
export async function readTextFile(path: string, options: Omit<ReadOptions, 'refuse'>): Promise<string> {
  const invalid = (fault: string): UsageError => new UsageError('INVALID_SPEC', `${path}: ${fault}`);
  const bytes = await readBounded(path, { ...options, refuse: invalid });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError('INVALID_SPEC', `${path}: is not UTF-8 text`, { cause });
  }
}

function atMost(bytes: Buffer, path: string, options: ReadOptions): Buffer {
  if (bytes.length <= options.limit) return bytes;
  throw refusal(path, `is longer than the ${options.limit} bytes that ${options.what} may have`, options);
}

/** Memory for a file whose length is not known, up to a limit. */
class GrowingBuffer {
  #buffer: Buffer;
  #length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#buffer = Buffer.alloc(Math.min(FIRST_BYTES, limit));
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Where the next bytes go; empty when the limit is reached. */
  room(): Buffer {
    if (this.#length === this.#buffer.length && this.#length < this.#limit) {
      const larger = Buffer.alloc(Math.min(this.#length * 4, this.#limit));
      this.#buffer.copy(larger);
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#length);
  }

  /** Counts what was read; false at the end. */
  took(bytesRead: number): boolean {
    this.#length += bytesRead;
    return bytesRead > 0;
  }
}
