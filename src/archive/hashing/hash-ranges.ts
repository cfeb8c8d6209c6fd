/** SHA-256 of byte ranges of one open file, or of one in slices, on all cores. */
import { availableParallelism } from 'node:os';
import { setImmediate as otherWork } from 'node:timers/promises';
import { StoreError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { FileSlice } from '../source/file-slices.ts';
import {
  cannotRead,
  hashRange,
  hashTaken,
  readRange,
  startHashThread,
  unreadable,
  type ByteRange,
  type HashMessage,
  type RangesJob,
} from './hash-thread.ts';

/** Below this, starting threads costs more than hashing. */
const INLINE_BYTES = 24 * 1024 * 1024;
/** More threads than this only wait for the disk. */
const MAX_THREADS = 16;
const PROGRESS_INTERVAL_MS = 100;
/** What the main thread hashes at a stretch, about 3 ms, before it attends to signals and other work. */
const STRETCH_BYTES = 4 * 1024 * 1024;

/** Options of {@link hashRanges}. */
export interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the bytes hashed so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Hashes ranges of a file on all cores and returns their digests in order. A range the file does not fully hold gets
 * the digest of what there is, which no expectation matches.
 * @throws StoreError `STORE_IO` when the file cannot be read.
 */
export async function hashRanges(
  file: readonly FileSlice[],
  ranges: readonly ByteRange[],
  options: HashOptions = {},
): Promise<readonly Digest[]> {
  const total = ranges.reduce((sum, range) => sum + range.length, 0);
  options.signal?.throwIfAborted();
  if (total <= INLINE_BYTES) {
    const digests = ranges.map((range) => hashRange(file, range, readRange));
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
  const job: RangesJob = { kind: 'airgap-hash-ranges', file, ranges: sorted, control, progress };
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

function lengthAt(ranges: readonly ByteRange[], index: number): number {
  return ranges[index]?.length ?? 0;
}

/** Settles when the thread has ended, so that nothing reads from the file any more. */
function runWorker(job: RangesJob, onDigest: (index: number, digest: Digest) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = startHashThread(job);
    let failure: Error | undefined;
    worker.on('message', (message: HashMessage) => {
      if ('error' in message) failure = cannotRead(message.error, undefined, message.offset);
      else onDigest(message.id, message.digest);
    });
    worker.on('error', (error: Error) => (failure ??= error));
    worker.on('exit', (code) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve();
      else reject(new StoreError('STORE_IO', `a hashing thread ended with code ${code}`));
    });
  });
}

/** The main thread's part of the ranges. */
async function hashHere(job: RangesJob, onDigest: (index: number, digest: Digest) => void): Promise<void> {
  let stretch = 0;
  try {
    for (const { bytes, done } of hashTaken(job)) {
      if (done !== undefined) onDigest(done.id, done.digest);
      stretch += bytes;
      if (stretch < STRETCH_BYTES) continue;
      stretch = 0;
      await otherWork();
    }
  } catch (error) {
    throw unreadable(error);
  }
}
