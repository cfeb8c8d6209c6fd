/**
 * The threads that hash a file: what runs in them, and how they are started. This file is both ends. All read through
 * the shared file descriptors with positioned reads, each into one reused buffer.
 */
import { createHash, type Hash } from 'node:crypto';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { StoreError } from '../../errors.ts';
import { digestOf, type Digest } from '../../oci/digest.ts';
import { readSlices, type FileSlice } from '../source/file-slices.ts';

/** Stays in the L2 cache; larger Node buffers are placed so that the kernel copies into them five times slower. */
const BUFFER_BYTES = 256 * 1024;

/** Bytes `[offset, offset + length)` of a file. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Work that is shared out: every thread takes the next range until there are none. */
export interface RangesJob {
  readonly kind: 'airgap-hash-ranges';
  readonly file: readonly FileSlice[];
  readonly ranges: readonly ByteRange[];
  /** `[next range, stop]` */
  readonly control: Int32Array;
  /** `[bytes hashed]` */
  readonly progress: BigInt64Array;
}

/** Work that comes in parts, by message. */
export interface PartsJob {
  readonly kind: 'airgap-hash-parts';
  readonly file: readonly FileSlice[];
}

/** The next bytes of one running hash, which is given up when there is no range. */
export interface Part {
  readonly id: number;
  readonly range: ByteRange | undefined;
  readonly isLast: boolean;
}

/** What a thread says: the digest of a range, by its index, or of a running hash, by its id. */
export type HashMessage =
  { readonly id: number; readonly digest: Digest } | { readonly error: string; readonly offset?: number | undefined };

/** One step of hashing: the bytes of one read, and the digest when they were the last of their range. */
interface HashStep {
  readonly bytes: number;
  readonly done?: { readonly id: number; readonly digest: Digest };
}

/** This file alone as a script. Bundles have it, so that a thread loads kilobytes instead of the whole program. */
declare const AIRGAP_HASH_WORKER: string | undefined;

/** Starts a thread. */
export function startHashThread(job: RangesJob | PartsJob): Worker {
  const options = { workerData: job, execArgv: [], stdin: false };
  if (typeof AIRGAP_HASH_WORKER === 'undefined') return new Worker(new URL(import.meta.url), options);
  return new Worker(AIRGAP_HASH_WORKER, { ...options, eval: true });
}

/** Takes ranges that no thread has taken, one after the other, until there are none or everybody is told to stop. */
export function* hashTaken({ file, ranges, control, progress }: RangesJob): Generator<HashStep, void> {
  const isStopped = (): boolean => Atomics.load(control, 1) === 1;
  for (let id = Atomics.add(control, 0, 1); id < ranges.length; id = Atomics.add(control, 0, 1)) {
    const hash = createHash('sha256');
    for (const chunk of readRange(file, ranges[id] as ByteRange)) {
      if (isStopped()) return;
      hash.update(chunk);
      Atomics.add(progress, 0, BigInt(chunk.length));
      yield { bytes: chunk.length };
    }
    if (isStopped()) return;
    yield { bytes: 0, done: { id, digest: digestOf(hash) } };
  }
}

/** Hashes what `read` gives of a range, here and now. @throws StoreError `STORE_IO` */
export function hashRange(file: readonly FileSlice[], range: ByteRange, read: typeof readRange): Digest {
  try {
    const hash = createHash('sha256');
    for (const chunk of read(file, range)) hash.update(chunk);
    return digestOf(hash);
  } catch (error) {
    throw unreadable(error);
  }
}

/** The failure of a thread. @param offset in the archive, where it is known */
export function cannotRead(why: string, cause?: unknown, offset?: number): StoreError {
  const place = offset === undefined ? '' : ` at offset ${offset}`;
  const options = { cause, hint: 'the medium may be damaged', details: { offset } };
  return new StoreError('STORE_IO', `cannot read the archive${place}: ${why}`, options);
}

/** {@link cannotRead} for what {@link readRange} threw. */
export function unreadable(error: unknown): StoreError {
  return cannotRead(messageOf(error), error, error instanceof ReadFailure ? error.offset : undefined);
}

/** A read that failed, and where. */
class ReadFailure extends Error {
  readonly offset: number;
  constructor(cause: unknown, offset: number) {
    super(messageOf(cause), { cause });
    this.offset = offset;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let buffer: Buffer | undefined;

/** The bytes of a range as far as the file has them; each chunk is valid until the next one is asked for. */
export function* readRange(file: readonly FileSlice[], { offset, length }: ByteRange): Generator<Buffer, void> {
  buffer ??= Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (let done = 0; done < length;) {
    const read = readOrFail(file, Math.min(BUFFER_BYTES, length - done), offset + done);
    if (read === 0) return;
    yield buffer.subarray(0, read);
    done += read;
  }
}

function readOrFail(file: readonly FileSlice[], length: number, position: number): number {
  try {
    return readSlices(file, buffer as Buffer, length, position);
  } catch (error) {
    throw new ReadFailure(error, position);
  }
}

/** The same, for a range the file has to have. @throws Error when it ends early */
export function* readWholeRange(file: readonly FileSlice[], range: ByteRange): Generator<Buffer, void> {
  let left = range.length;
  for (const chunk of readRange(file, range)) {
    left -= chunk.length;
    yield chunk;
  }
  if (left > 0) throw new Error('the file ended early');
}

type Port = NonNullable<typeof parentPort>;

function serveRanges(port: Port, job: RangesJob): void {
  tellFailure(port, () => {
    for (const { done } of hashTaken(job)) if (done !== undefined) port.postMessage(done satisfies HashMessage);
  });
}

/** Serves until it is terminated. */
function serveParts(port: Port, { file }: PartsJob): void {
  const running = new Map<number, Hash>();
  const take = ({ id, range, isLast }: Part): void => {
    const hash = running.get(id) ?? createHash('sha256');
    running.set(id, hash);
    if (range !== undefined) for (const chunk of readWholeRange(file, range)) hash.update(chunk);
    if (!isLast) return;
    running.delete(id);
    if (range !== undefined) port.postMessage({ id, digest: digestOf(hash) } satisfies HashMessage);
  };
  port.on('message', (part: Part) => tellFailure(port, () => take(part)));
}

function tellFailure(port: Port, work: () => void): void {
  try {
    work();
  } catch (error) {
    const offset = error instanceof ReadFailure ? error.offset : undefined;
    port.postMessage({ error: messageOf(error), offset } satisfies HashMessage);
  }
}

const job = workerData as RangesJob | PartsJob | undefined;
if (!isMainThread && parentPort !== null) {
  if (job?.kind === 'airgap-hash-ranges') serveRanges(parentPort, job);
  else if (job?.kind === 'airgap-hash-parts') serveParts(parentPort, job);
}
