/**
 * SHA-256 of byte ranges of one open file, on all cores. This file is both ends: the main thread starts it again as a
 * worker. All read through the shared file descriptor with positioned reads, each into one reused buffer.
 */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setImmediate as otherWork } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import { digestOf, type Digest } from '../oci/digest.ts';

/** Stays in the L2 cache; larger Node buffers are placed so that the kernel copies into them five times slower. */
const BUFFER_BYTES = 256 * 1024;
/** Below this, starting threads costs more than hashing. */
const INLINE_BYTES = 24 * 1024 * 1024;
/** More threads than this only wait for the disk. */
const MAX_THREADS = 16;
const PROGRESS_INTERVAL_MS = 100;
/** What the main thread hashes at a stretch, about 3 ms, before it attends to signals and other work. */
const STRETCH_BYTES = 4 * 1024 * 1024;

/** Bytes `[offset, offset + length)` of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Options of {@link hashRanges}. */
export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the bytes hashed so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

interface RangesJob {
  readonly kind: 'airgap-hash-ranges';
  readonly fd: number;
  readonly ranges: readonly ByteRange[];
  /** `[next range, stop]` */
  readonly control: Int32Array;
  /** `[bytes hashed]` */
  readonly progress: BigInt64Array;
}

interface PrefixJob {
  readonly kind: 'airgap-hash-prefix';
  readonly fd: number;
  readonly ranges: readonly ByteRange[];
  /** `[bytes of the file that may be read, changes]` */
  readonly written: BigInt64Array;
}

/** This file alone as a script. Bundles have it, so that a thread loads kilobytes instead of the whole program. */
declare const AIRGAP_HASH_WORKER: string | undefined;

type WorkerMessage = { readonly index: number; readonly digest: Digest } | { readonly error: string };

/**
 * Hashes ranges of a file on all cores and returns their digests in order. A range the file does not fully hold gets
 * the digest of what there is, which no expectation matches.
 * @throws StoreError `STORE_IO` when the file cannot be read.
 */
export async function hashRanges(
  fd: number,
  ranges: readonly ByteRange[],
  options: HashOptions = {},
): Promise<readonly Digest[]> {
  const total = ranges.reduce((sum, range) => sum + range.length, 0);
  options.signal?.throwIfAborted();
  if (total <= INLINE_BYTES) {
    const digests = hashInline(fd, ranges);
    options.onProgress?.(total);
    return digests;
  }
  const order = ranges.map((_, index) => index).sort((a, b) => lengthAt(ranges, b) - lengthAt(ranges, a));
  const control = new Int32Array(new SharedArrayBuffer(8));
  const progress = new BigInt64Array(new SharedArrayBuffer(8));
  const stop = (): void => void Atomics.store(control, 1, 1);
  options.signal?.addEventListener('abort', stop, { once: true });
  const ticker = setInterval(() => options.onProgress?.(Number(Atomics.load(progress, 0))), PROGRESS_INTERVAL_MS);
  const digests: Digest[] = [];
  const sorted = order.map((index) => ranges[index] as ByteRange);
  const job: RangesJob = { kind: 'airgap-hash-ranges', fd, ranges: sorted, control, progress };
  const workers = Math.min(availableParallelism(), MAX_THREADS, ranges.length) - 1;
  try {
    const onDigest = (index: number, digest: Digest): void => void (digests[order[index] as number] = digest);
    // The main thread takes part: it begins at once, and starting a thread costs as much as hashing 50 MB.
    const running = Array.from({ length: workers }, () => runWorker(job, onDigest)).concat(hashHere(job, onDigest));
    for (const thread of running) thread.catch(stop);
    const results = await Promise.allSettled(running);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    options.signal?.throwIfAborted();
    if (ranges.some((_, index) => digests[index] === undefined)) throw cannotRead('a hashing thread gave no answer');
  } finally {
    clearInterval(ticker);
    options.signal?.removeEventListener('abort', stop);
  }
  options.signal?.throwIfAborted();
  options.onProgress?.(total);
  return digests;
}

/** Hashes ranges in file order while the file is still being written, following its written prefix closely. */
export class PrefixHasher {
  readonly #written = new BigInt64Array(new SharedArrayBuffer(16));
  readonly #digests: Digest[] = [];
  readonly #done: Promise<void>;

  constructor(fd: number, ranges: readonly ByteRange[]) {
    const job: PrefixJob = { kind: 'airgap-hash-prefix', fd, ranges, written: this.#written };
    this.#done =
      ranges.length === 0 ? Promise.resolve() : runWorker(job, (index, digest) => void (this.#digests[index] = digest));
    this.#done.catch(() => undefined);
  }

  /** Everything before this offset is written and will not change. */
  advance(offset: number): void {
    Atomics.store(this.#written, 0, BigInt(offset));
    Atomics.add(this.#written, 1, 1n);
    Atomics.notify(this.#written, 1);
  }

  /** The digests of the ranges, once {@link advance} has passed the last of them. */
  async finish(): Promise<readonly Digest[]> {
    await this.#done;
    return this.#digests;
  }

  /** Gives up: the worker ends without a result. */
  async cancel(): Promise<void> {
    this.advance(-1);
    await this.#done.catch(() => undefined);
  }
}

function lengthAt(ranges: readonly ByteRange[], index: number): number {
  return ranges[index]?.length ?? 0;
}

function startWorker(job: RangesJob | PrefixJob): Worker {
  const options = { workerData: job, execArgv: [], stdin: false };
  if (typeof AIRGAP_HASH_WORKER === 'undefined') return new Worker(new URL(import.meta.url), options);
  return new Worker(AIRGAP_HASH_WORKER, { ...options, eval: true });
}

/** Settles when the thread has ended, so that nothing reads from the file any more. */
function runWorker(job: RangesJob | PrefixJob, onDigest: (index: number, digest: Digest) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = startWorker(job);
    let failure: Error | undefined;
    worker.on('message', (message: WorkerMessage) => {
      if ('error' in message) failure = cannotRead(message.error);
      else onDigest(message.index, message.digest);
    });
    worker.on('error', (error: Error) => (failure ??= error));
    worker.on('exit', (code) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve();
      else reject(new StoreError('STORE_IO', `a hashing thread ended with code ${code}`));
    });
  });
}

function cannotRead(why: string, cause?: unknown): StoreError {
  return new StoreError('STORE_IO', `cannot read the archive: ${why}`, { cause, hint: 'the medium may be damaged' });
}

function hashInline(fd: number, ranges: readonly ByteRange[]): readonly Digest[] {
  try {
    return ranges.map((range) => {
      const hash = createHash('sha256');
      for (const read of readRange(fd, range)) hash.update(read);
      return digestOf(hash);
    });
  } catch (error) {
    throw cannotRead(error instanceof Error ? error.message : String(error), error);
  }
}

/** The main thread's part of the ranges. */
async function hashHere(job: RangesJob, onDigest: (index: number, digest: Digest) => void): Promise<void> {
  let stretch = 0;
  try {
    for (const { bytes, done } of hashTaken(job)) {
      if (done !== undefined) onDigest(done.index, done.digest);
      stretch += bytes;
      if (stretch < STRETCH_BYTES) continue;
      stretch = 0;
      await otherWork();
    }
  } catch (error) {
    throw cannotRead(error instanceof Error ? error.message : String(error), error);
  }
}

let buffer: Buffer | undefined;

/** The bytes of a range as far as the file has them; each chunk is valid until the next one is asked for. */
function* readRange(fd: number, { offset, length }: ByteRange): Generator<Buffer, void> {
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (let done = 0; done < length;) {
    const read = readSync(fd, buffer, 0, Math.min(BUFFER_BYTES, length - done), offset + done);
    if (read === 0) return;
    yield buffer.subarray(0, read);
    done += read;
  }
}

/** One step of hashing: the bytes of one read, and the digest when they were the last of their range. */
interface HashStep {
  readonly bytes: number;
  readonly done?: { readonly index: number; readonly digest: Digest };
}

/** Takes ranges that no thread has taken, one after the other, until there are none or everybody is told to stop. */
function* hashTaken({ fd, ranges, control, progress }: RangesJob): Generator<HashStep, void> {
  const isStopped = (): boolean => Atomics.load(control, 1) === 1;
  for (let index = Atomics.add(control, 0, 1); index < ranges.length; index = Atomics.add(control, 0, 1)) {
    const hash = createHash('sha256');
    for (const chunk of readRange(fd, ranges[index] as ByteRange)) {
      if (isStopped()) return;
      hash.update(chunk);
      Atomics.add(progress, 0, BigInt(chunk.length));
      yield { bytes: chunk.length };
    }
    if (isStopped()) return;
    yield { bytes: 0, done: { index, digest: digestOf(hash) } };
  }
}

function serveRanges(job: RangesJob, post: (message: WorkerMessage) => void): void {
  for (const { done } of hashTaken(job)) if (done !== undefined) post(done);
}

function servePrefix({ fd, ranges, written }: PrefixJob, post: (message: WorkerMessage) => void): void {
  const chunk = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (const [index, { offset, length }] of ranges.entries()) {
    const hash = createHash('sha256');
    for (let done = 0; done < length;) {
      const wanted = Math.min(BUFFER_BYTES, length - done);
      if (!waitFor(written, offset + done + wanted)) return;
      const read = readSync(fd, chunk, 0, wanted, offset + done);
      if (read === 0) throw new Error('the file ended early');
      hash.update(chunk.subarray(0, read));
      done += read;
    }
    post({ index, digest: digestOf(hash) });
  }
}

/** Sleeps until the written prefix reaches `offset`; false when the writer gave up. */
function waitFor(written: BigInt64Array, offset: number): boolean {
  for (;;) {
    const changes = Atomics.load(written, 1);
    const prefix = Number(Atomics.load(written, 0));
    if (prefix < 0) return false;
    if (prefix >= offset) return true;
    Atomics.wait(written, 1, changes);
  }
}

function serve(port: NonNullable<typeof parentPort>, job: RangesJob | PrefixJob): void {
  const post = (message: WorkerMessage): void => port.postMessage(message);
  try {
    if (job.kind === 'airgap-hash-ranges') serveRanges(job, post);
    else servePrefix(job, post);
  } catch (error) {
    post({ error: error instanceof Error ? error.message : String(error) });
  }
}

const job = workerData as RangesJob | PrefixJob | undefined;
if (!isMainThread && parentPort !== null && job?.kind.startsWith('airgap-hash-') === true) serve(parentPort, job);
