/** SHA-256 of pieces of a file while they are being written, on a thread that follows close behind. */
import type { Worker } from 'node:worker_threads';
import { StoreError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FileSlice } from '../source/file-slices.ts';
import {
  cannotRead,
  hashRange,
  readWholeRange,
  startHashThread,
  type ByteRange,
  type HashMessage,
  type Part,
} from './hash-thread.ts';

/** What a thread is given at once; less than this in all is hashed without one. */
const PART_BYTES = 1024 * 1024;

/** Hashes what others write to one file. The thread starts with the first large piece. */
export class GrowingFile implements AsyncDisposable {
  readonly #file: readonly FileSlice[];
  readonly #awaited = new Map<number, PromiseWithResolvers<Digest>>();
  #thread: Worker | undefined;
  #failure: Error | undefined;
  #ids = 0;

  constructor(file: readonly FileSlice[]) {
    this.#file = file;
  }

  /** Begins a hash of the bytes from `offset` on. */
  hashFrom(offset: number): GrowingHash {
    return new GrowingHash(this.#file, offset, this.#ids++, {
      post: (part) => this.#post(part),
      digestOf: (id) => this.#digestOf(id),
    });
  }

  /** Ends the thread: nothing reads from the file any more, and digests that somebody waits for fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new StoreError('STORE_IO', 'the archive was closed while it was hashed'));
    await this.#thread?.terminate();
  }

  #post(part: Part): void {
    if (this.#failure !== undefined) return;
    if (this.#thread === undefined) {
      this.#thread = startHashThread({ kind: 'airgap-hash-parts', file: this.#file });
      this.#thread.on('message', (message: HashMessage) => this.#take(message));
      this.#thread.on('error', (error: Error) => this.#fail(cannotRead(error.message, error)));
      this.#thread.on('exit', (code) => this.#fail(cannotRead(`a hashing thread ended with code ${code}`)));
    }
    this.#thread.postMessage(part);
  }

  async #digestOf(id: number): Promise<Digest> {
    if (this.#failure !== undefined) throw this.#failure;
    const awaited = Promise.withResolvers<Digest>();
    this.#awaited.set(id, awaited);
    return await awaited.promise;
  }

  #take(message: HashMessage): void {
    if ('error' in message) return this.#fail(cannotRead(message.error, undefined, message.offset));
    this.#awaited.get(message.id)?.resolve(message.digest);
    this.#awaited.delete(message.id);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#awaited.values()) reject(this.#failure);
    this.#awaited.clear();
  }
}

/** How a {@link GrowingHash} reaches the thread. */
interface Line {
  post(part: Part): void;
  digestOf(id: number): Promise<Digest>;
}

/** The running hash of one piece, see {@link GrowingFile.hashFrom}. */
export class GrowingHash {
  readonly #file: readonly FileSlice[];
  readonly #start: number;
  readonly #id: number;
  readonly #line: Line;
  /** Offsets in the file. */
  #handed: number;
  #written: number;

  constructor(file: readonly FileSlice[], start: number, id: number, line: Line) {
    this.#file = file;
    this.#start = start;
    this.#id = id;
    this.#line = line;
    this.#handed = start;
    this.#written = start;
  }

  /** Everything before `end`, an offset in the file, is written and will not change. */
  advance(end: number): void {
    this.#written = end;
    if (end - this.#handed >= PART_BYTES) this.#hand(false);
  }

  /**
   * The digest of all that was written.
   * @throws StoreError `STORE_IO` when the file cannot be read or ends early.
   */
  async digest(): Promise<Digest> {
    if (this.#handed === this.#start) return hashRange(this.#file, this.#rest(), readWholeRange);
    const digest = this.#line.digestOf(this.#id);
    this.#hand(true);
    return await digest;
  }

  /** Gives up. */
  drop(): void {
    if (this.#handed > this.#start) this.#line.post({ id: this.#id, range: undefined, isLast: true });
  }

  #hand(isLast: boolean): void {
    this.#line.post({ id: this.#id, range: this.#rest(), isLast });
    this.#handed = this.#written;
  }

  #rest(): ByteRange {
    return { offset: this.#handed, length: this.#written - this.#handed };
  }
}
