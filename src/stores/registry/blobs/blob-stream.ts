/** A blob as a stream that survives cuts: it asks for the rest by range and insists that it is the rest of the same thing. */
import { isRetryable, retryDelayMs, spendTries, type RetryPolicy } from '../../../base/retry.ts';
import { wait } from '../../../base/wait.ts';
import type { Bytes } from '../../../base/bytes.ts';
import { IntegrityError } from '../../../errors.ts';
import type { Descriptor } from '../../../oci/descriptor.ts';
import { encodedFailure, encodingOf } from '../../../base/http/answer.ts';
import { networkFailure, protocolFailure, type Asked } from '../../../base/http/network-failure.ts';

/** Fewer bytes than this between two cuts count as no progress, unless they complete the blob. */
const MIN_PROGRESS_BYTES = 64 * 1024;

/** An answer with content: 200 from the first byte, or 206 from the one asked for. */
export interface Opened {
  readonly asked: Asked;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Gives back what the answer holds, after the chunks have been read or abandoned. */
  readonly release: () => Promise<void>;
}

/** Asks the registry, from its own address each time, for the bytes from `offset` up to `end`, which is not one of them. */
export type OpenRange = (offset: number, end: number) => Promise<Opened>;

/** Options of {@link streamBlob}. */
export interface BlobStreamOptions {
  /** What messages call the source. */
  readonly where: string;
  /** First byte requested. */
  readonly offset: number;
  /** First byte that is not requested. @defaultValue the size of the blob */
  readonly end?: number | undefined;
  readonly retry: RetryPolicy;
  /** Told of the bytes of each chunk. */
  readonly onMoved?: ((bytes: number) => void) | undefined;
  /** Told of a failure before which nothing, or next to nothing, came. */
  readonly onStall?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of the blob from `offset` to `end`, not verified.
 * @throws IntegrityError `SIZE_MISMATCH` when the server's idea of its size is another, or more bytes come.
 * @throws RegistryError after as many failures in a row as the policy has tries.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 */
export async function* streamBlob(expected: Descriptor, open: OpenRange, options: BlobStreamOptions): Bytes {
  const { where, retry, signal, end = expected.size } = options;
  let at = options.offset;
  let lastFailureAt = at;
  let failures = 0;
  if (at > 0 && at >= end) return;
  for (;;) {
    try {
      const opened = await open(at, end);
      try {
        let skip = at - startOf(opened, expected, { at, end }, where);
        for await (const chunk of opened.chunks) {
          const requested = chunk.subarray(Math.min(skip, chunk.length));
          skip -= chunk.length - requested.length;
          if (requested.length === 0) continue;
          at += requested.length;
          if (at > end) throw wrongSize(opened, expected, where, 'more bytes than that came');
          options.onMoved?.(requested.length);
          yield requested;
        }
      } finally {
        await opened.release();
      }
      if (at === end) return;
      if (encodingOf(opened) !== undefined) throw encodedFailure(opened);
      throw networkFailure(opened.asked, new Error(`the connection ended after ${at} of ${end} bytes`), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isRetryable(error)) throw error;
      failures = at - lastFailureAt >= MIN_PROGRESS_BYTES ? 1 : failures + 1;
      if (at - lastFailureAt < MIN_PROGRESS_BYTES) options.onStall?.();
      lastFailureAt = at;
      if (failures >= retry.tries) throw spendTries(error);
      const delayMs = retryDelayMs(failures, retry, error);
      retry.onRetry?.(error, delayMs);
      await wait(delayMs, signal);
    }
  }
}

/** The offset of the first byte that will come; what lies before the requested one is to be passed over. */
function startOf(
  opened: Opened,
  expected: Descriptor,
  { at, end }: { readonly at: number; readonly end: number },
  where: string,
): number {
  const { asked, status, headers } = opened;
  const length = headers['content-length'];
  if (status === 206) {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range']?.trim() ?? '');
    if (range === null) throw protocolFailure(asked, status, 'a partial answer without a readable Content-Range');
    const [, first, last, total] = range;
    if (total !== '*' && Number(total) !== expected.size)
      throw wrongSize(opened, expected, where, `the server has ${total}`);
    if (Number(first) !== at || Number(last) !== end - 1) {
      throw protocolFailure(asked, status, `asked for bytes ${at}-${end - 1}, the answer holds ${first}-${last}`);
    }
    return at;
  }
  if (length !== undefined && Number(length) !== expected.size) {
    throw wrongSize(opened, expected, where, `the server has ${length.slice(0, 20)}`);
  }
  return 0;
}

/** Of an encoded body, the size says that it was really encoded. */
function wrongSize(opened: Opened, expected: Descriptor, where: string, why: string): Error {
  if (encodingOf(opened) !== undefined) return encodedFailure(opened);
  return new IntegrityError(
    'SIZE_MISMATCH',
    `${where}: ${expected.digest} should have ${expected.size} bytes, but ${why}`,
    {
      hint: 'the source is not what the manifest says, or it changed during the transfer',
      details: { digest: expected.digest, size: expected.size },
    },
  );
}
