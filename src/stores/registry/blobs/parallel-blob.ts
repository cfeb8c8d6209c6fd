/**
 * A blob over several connections, where each of them brings less than the link could: consecutive pieces are asked for
 * at the same time and handed on in their order. What is in memory is bounded, and a fast link never comes here.
 */
import type { Bytes } from '../../../base/bytes.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { streamBlob, type BlobStreamOptions, type Opened, type OpenRange } from './blob-stream.ts';

/** Large enough that a round trip is small beside it, small enough that some of them fit into memory. */
const PIECE_BYTES = 1024 * 1024;
/** Pieces of all blobs of a host on their way, or waiting for those before them. A blob in pieces may always have one. */
const MAX_PIECES = 8;
/** How long one connection is watched before others help it. */
const PATIENCE_MS = 300;
/** One connection that is through sooner needs no help. */
const MIN_LEFT_MS = 1_000;

/** Where the pieces come from. */
export interface PieceSource {
  /** Connections that may be opened now, beside those that are. */
  readonly free: () => number;
  /** Remembered for all blobs of the host: it answers a range with everything. */
  refusesRanges: boolean;
  /** Pieces in memory. */
  held: number;
  /** Memory of pieces, to be used again. */
  readonly spare: Buffer[];
  readonly nowMs: () => number;
}

/** What is known of a host to begin with; `free` says how many connections may be opened now. */
export function createPieceSource(free: () => number, nowMs = (): number => performance.now()): PieceSource {
  return { free, refusesRanges: false, held: 0, spare: [], nowMs };
}

/**
 * The bytes of the blob from `offset` on, not verified: over one connection, and over several once one has turned out to
 * be slow while more are free.
 * @throws as {@link streamBlob} does.
 */
export async function* fetchBlob(
  expected: Descriptor,
  open: OpenRange,
  source: PieceSource,
  options: BlobStreamOptions,
): Bytes {
  const startedMs = source.nowMs();
  let at = options.offset;
  for await (const chunk of streamBlob(expected, open, options)) {
    yield chunk;
    at += chunk.length;
    const elapsedMs = source.nowMs() - startedMs;
    if (elapsedMs < PATIENCE_MS || source.refusesRanges || source.free() === 0) continue;
    if (source.held >= MAX_PIECES) continue;
    const left = expected.size - at;
    const leftMs = (left / (at - options.offset)) * elapsedMs;
    // Its connection is let go of first: what is on its way there would be a waste of the link.
    if (left >= 2 * PIECE_BYTES && leftMs >= MIN_LEFT_MS) break;
  }
  if (at < expected.size) yield* inPieces(expected, open, source, { ...options, offset: at });
}

async function* inPieces(
  expected: Descriptor,
  open: OpenRange,
  source: PieceSource,
  options: BlobStreamOptions,
): Bytes {
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  const openPiece = async (from: number, end: number): Promise<Opened> => {
    const opened = await open(from, end);
    if (opened.status === 206) return opened;
    source.refusesRanges = true;
    await opened.release();
    throw new RangesRefused();
  };
  const pieces: Promise<Buffer | Error>[] = [];
  const mayAskForMore = (): boolean => pieces.length === 0 || (source.free() > 0 && source.held < MAX_PIECES);
  let [at, next] = [options.offset, options.offset];
  try {
    while (at < expected.size) {
      while (next < expected.size && mayAskForMore()) {
        const end = Math.min(next + PIECE_BYTES, expected.size);
        source.held++;
        const memory = source.spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
        // A failure is told when it is this piece's turn.
        pieces.push(readPiece(expected, openPiece, memory, { ...options, signal, offset: next, end }).catch(toError));
        next = end;
      }
      const piece = await pieces.shift();
      source.held--;
      if (piece === undefined || piece instanceof RangesRefused) break;
      if (piece instanceof Error) throw piece;
      yield piece;
      at += piece.length;
      source.spare.push(Buffer.from(piece.buffer));
    }
  } finally {
    stop.abort();
    await Promise.all(pieces);
    source.held -= pieces.length;
  }
  if (at < expected.size) yield* streamBlob(expected, open, { ...options, offset: at });
}

async function readPiece(
  expected: Descriptor,
  open: OpenRange,
  memory: Buffer,
  options: BlobStreamOptions,
): Promise<Buffer> {
  let filled = 0;
  for await (const chunk of streamBlob(expected, open, options)) {
    memory.set(chunk, filled);
    filled += chunk.length;
  }
  return memory.subarray(0, filled);
}

/** The server sent everything where a part was asked for. */
class RangesRefused extends Error {}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
