/** Streams of bytes, as everything here hands them on. */

/**
 * A stream of content. Chunks are **borrowed**: a chunk is valid only until the next one is asked for, so that a
 * source can reuse one buffer. To keep bytes is to copy them.
 */
export type Bytes = AsyncIterable<Uint8Array>;
