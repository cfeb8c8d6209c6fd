/**
 * What an archive grows in, with its journal: `<archive>.partial`, or one such file for each part, and `<archive>.journal`.
 * Whatever ends the process, what they hold can be taken up again.
 */
import { closeSync, constants, fdatasync, ftruncateSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Bytes } from '../../base/bytes.ts';
import { openOwnSync } from '../../base/files/open-file.ts';
import { finishFile } from '../../base/files/place-file.ts';
import { toStoreError, type SystemHints } from '../../base/files/system-errors.ts';
import { StoreError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { hashRanges } from '../hashing/hash-ranges.ts';
import { partListPath } from '../parts/part-names.ts';
import { readSlices, sliceAt, type FileSlice } from '../source/file-slices.ts';
import { Journal } from './journal.ts';
import { placeList, type WrittenFile } from './written-files.ts';

const BUFFER_BYTES = 256 * 1024;
/** Dirty bytes after which the kernel is asked to start writing back, so that the last fsync is short. */
const WRITEBACK_BYTES = 192 * 1024 * 1024;
const HINTS: SystemHints = { full: 'free some space and run the same command again: it goes on where it stopped' };

/** Where its journal lies. */
export function journalPath(archive: string): string {
  return `${archive}.journal`;
}

/** Open from {@link openPartialFile} to {@link PartialFile.close}. */
export class PartialFile {
  /** For threads that read what was written. */
  readonly slices: readonly FileSlice[];
  readonly #archive: string;
  readonly #files: readonly WrittenFile[];
  readonly #journal: Journal;
  #dirty = 0;
  #writeback: Promise<void> | undefined;
  #writebackError: unknown;
  #isOpen = true;

  constructor(archive: string, files: readonly WrittenFile[], fds: readonly number[], journal: Journal) {
    this.#archive = archive;
    this.#files = files;
    this.slices = files.map(({ offset, length }, index) => ({ fd: fds[index] as number, offset, length }));
    this.#journal = journal;
  }

  /** Gives the files their final length. */
  resize(): void {
    this.#io(() => this.slices.forEach(({ fd, length }) => ftruncateSync(fd, length)));
  }

  /** Writes all of it to each of these places. */
  write(bytes: Uint8Array, ...offsets: readonly number[]): void {
    this.#io(() => {
      for (const offset of offsets) {
        for (let done = 0; done < bytes.length;) done += this.#writeSome(bytes, done, offset + done);
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
      const read = this.#io(() => readSlices(this.slices, buffer, Math.min(BUFFER_BYTES, to - position), position));
      if (read === 0) throw new StoreError('STORE_IO', `${this.#name} ended early`);
      yield buffer.subarray(0, read);
      position += read;
    }
  }

  /** Claims in the journal that the first `bytes` of the content are in place. */
  record(digest: Digest, bytes: number): void {
    this.#io(() => this.#journal.record(digest, bytes));
  }

  /**
   * Gives the archive its name, or its parts theirs and the list of them, once all of it is on disk.
   * @throws StoreError `NO_SPACE`, `STORE_IO`, for a write that failed after it was taken too
   */
  async finish(signal?: AbortSignal): Promise<void> {
    await this.#writeback;
    if (this.#writebackError !== undefined) throw this.#toStoreError(this.#writebackError);
    const isSplit = this.#files[0]?.path !== this.#archive;
    const digests = isSplit ? await hashRanges(this.slices, this.#files, { signal }) : [];
    // An older list would be one of other parts from the first name on.
    if (isSplit) await rm(partListPath(this.#archive), { force: true });
    for (const [index, { aside, path }] of this.#files.entries()) {
      await finishFile(this.slices[index]?.fd as number, aside, path, { hints: HINTS });
    }
    if (isSplit) await placeList(this.#archive, this.#files, digests);
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
      for (const { fd } of this.slices) closeSync(fd);
    } catch (error) {
      throw this.#toStoreError(error);
    }
  }

  #startWriteback(): void {
    this.#dirty = 0;
    this.#writeback = Promise.all(this.slices.map(({ fd }) => promisify(fdatasync)(fd)))
      .then(() => undefined)
      .catch((error: unknown) => void (this.#writebackError ??= error))
      .finally(() => (this.#writeback = undefined));
  }

  /** Up to the end of the file that holds the place. */
  #writeSome(bytes: Uint8Array, from: number, position: number): number {
    const slice = sliceAt(this.slices, position);
    if (slice === undefined) throw new RangeError(`${this.#name} has no place ${position}`);
    const inside = position - slice.offset;
    return writeSync(slice.fd, bytes, from, Math.min(bytes.length - from, slice.length - inside), inside);
  }

  /** Of what is being written, for messages. */
  get #name(): string {
    return this.#files.length === 1 ? (this.#files[0]?.aside ?? '') : `${this.#archive} in parts`;
  }

  /** Once closed, the descriptor's number may be that of another file. */
  #io<T>(work: () => T): T {
    if (!this.#isOpen) throw new StoreError('STORE_IO', `${this.#name} is closed`);
    try {
      return work();
    } catch (error) {
      throw this.#toStoreError(error);
    }
  }

  #toStoreError(error: unknown): unknown {
    return toStoreError(error, `cannot write ${this.#name}`, HINTS);
  }
}

/** Opens or begins the files of an archive that is written. @throws StoreError */
export function openPartialFile(
  archive: string,
  files: readonly WrittenFile[],
  id: Digest,
  isResumed: boolean,
): PartialFile {
  const fresh = isResumed ? 0 : constants.O_CREAT | constants.O_TRUNC;
  using opened = new DisposableStack();
  const open = (aside: string): number => openOwnSync(aside, constants.O_RDWR | fresh);
  const fds = files.map(({ aside }) => opened.adopt(open(aside), closeSync));
  const path = journalPath(archive);
  const file = new PartialFile(archive, files, fds, isResumed ? Journal.append(path) : Journal.create(path, id));
  opened.move();
  return file;
}
