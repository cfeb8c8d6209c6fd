/**
 * The file an archive grows in, with its journal: `<archive>.partial` and `<archive>.journal`. Whatever ends the process,
 * what they hold can be taken up again.
 */
import { closeSync, constants, fdatasync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Bytes } from '../../base/bytes.ts';
import { openOwnSync } from '../../base/files/open-file.ts';
import { finishFile } from '../../base/files/place-file.ts';
import { toStoreError, type SystemHints } from '../../base/files/system-errors.ts';
import { StoreError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { wholeFile, type FileSlice } from '../source/file-slices.ts';
import { Journal } from './journal.ts';

const BUFFER_BYTES = 256 * 1024;
/** Dirty bytes after which the kernel is asked to start writing back, so that the last fsync is short. */
const WRITEBACK_BYTES = 192 * 1024 * 1024;
const HINTS: SystemHints = { full: 'free some space and run the same command again: it goes on where it stopped' };

/** Where the partial file of an archive lies. */
export function partialPath(archive: string): string {
  return `${archive}.partial`;
}

/** Where its journal lies. */
export function journalPath(archive: string): string {
  return `${archive}.journal`;
}

/** Open from {@link openPartialFile} to {@link PartialFile.close}. */
export class PartialFile {
  /** For threads that read what was written. */
  readonly slices: readonly FileSlice[];
  readonly #fd: number;
  readonly #archive: string;
  readonly #journal: Journal;
  #dirty = 0;
  #writeback: Promise<void> | undefined;
  #writebackError: unknown;
  #isOpen = true;

  constructor(archive: string, fd: number, journal: Journal) {
    this.#archive = archive;
    this.slices = wholeFile(fd);
    this.#fd = fd;
    this.#journal = journal;
  }

  /** Gives the file its final length. */
  resize(size: number): void {
    this.#io(() => ftruncateSync(this.#fd, size));
  }

  /** Writes all of it to each of these places. */
  write(bytes: Uint8Array, ...offsets: readonly number[]): void {
    this.#io(() => {
      for (const offset of offsets) {
        for (let done = 0; done < bytes.length;)
          done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      }
    });
    this.#dirty += bytes.length * offsets.length;
    if (this.#dirty >= WRITEBACK_BYTES && this.#writeback === undefined) this.#startWriteback();
  }

  /** A stretch of the file, in one reused buffer. */
  async *read(from: number, to: number, signal: AbortSignal | undefined): Bytes {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    for (let position = from; position < to;) {
      signal?.throwIfAborted();
      const read = this.#io(() => readSync(this.#fd, buffer, 0, Math.min(BUFFER_BYTES, to - position), position));
      if (read === 0) throw new StoreError('STORE_IO', `${partialPath(this.#archive)} ended early`);
      yield buffer.subarray(0, read);
      position += read;
    }
  }

  /** Claims in the journal that the first `bytes` of the content are in place. */
  record(digest: Digest, bytes: number): void {
    this.#io(() => this.#journal.record(digest, bytes));
  }

  /**
   * Gives the archive its name, once all of it is on disk.
   * @throws StoreError `NO_SPACE`, `STORE_IO`, for a write that failed after it was taken too
   */
  async finish(): Promise<void> {
    await this.#writeback;
    if (this.#writebackError !== undefined) throw this.#toStoreError(this.#writebackError);
    await finishFile(this.#fd, partialPath(this.#archive), this.#archive, { hints: HINTS });
    await rm(journalPath(this.#archive), { force: true });
  }

  /** Refuses every operation from now on. */
  stop(): void {
    this.#isOpen = false;
  }

  /** Keeps what can be resumed. */
  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#writeback;
    try {
      this.#journal.close();
      closeSync(this.#fd);
    } catch (error) {
      throw this.#toStoreError(error);
    }
  }

  #startWriteback(): void {
    this.#dirty = 0;
    this.#writeback = promisify(fdatasync)(this.#fd)
      .catch((error: unknown) => void (this.#writebackError ??= error))
      .finally(() => (this.#writeback = undefined));
  }

  /** Once closed, the descriptor's number may be that of another file. */
  #io<T>(work: () => T): T {
    if (!this.#isOpen) throw new StoreError('STORE_IO', `${partialPath(this.#archive)} is closed`);
    try {
      return work();
    } catch (error) {
      throw this.#toStoreError(error);
    }
  }

  #toStoreError(error: unknown): unknown {
    return toStoreError(error, `cannot write ${partialPath(this.#archive)}`, HINTS);
  }
}

/** Opens or begins the partial file of an archive. @throws StoreError */
export function openPartialFile(archive: string, inventory: Digest, isResumed: boolean): PartialFile {
  const fresh = isResumed ? 0 : constants.O_CREAT | constants.O_TRUNC;
  const fd = openOwnSync(partialPath(archive), constants.O_RDWR | fresh);
  try {
    const path = journalPath(archive);
    return new PartialFile(archive, fd, isResumed ? Journal.append(path) : Journal.create(path, inventory));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
