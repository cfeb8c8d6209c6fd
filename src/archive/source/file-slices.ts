/** Bytes that lie in open files, one after the other: all that a thread needs to read an archive, whole or in parts. */
import { readSync } from 'node:fs';

/** One open file, and which stretch of the whole it holds. */
export interface FileSlice {
  readonly fd: number;
  /** Where its first byte stands in the whole. */
  readonly offset: number;
  /** bytes */
  readonly length: number;
}

/** The only slice of a file that is the whole. */
export function wholeFile(fd: number): readonly FileSlice[] {
  return [{ fd, offset: 0, length: Number.POSITIVE_INFINITY }];
}

/** The slice that holds a position of the whole. @param slices in their order */
export function sliceAt(slices: readonly FileSlice[], position: number): FileSlice | undefined {
  const found = slices.find(({ offset, length }) => position < offset + length);
  return found !== undefined && position >= found.offset ? found : undefined;
}

/**
 * Reads up to `length` bytes at a position of the whole, and no further than the file goes that holds it.
 * @returns how many; 0 where there are none
 * @throws the system's error
 */
export function readSlices(slices: readonly FileSlice[], buffer: Uint8Array, length: number, position: number): number {
  const slice = sliceAt(slices, position);
  if (slice === undefined) return 0;
  const inside = position - slice.offset;
  return readSync(slice.fd, buffer, 0, Math.min(length, slice.length - inside), inside);
}
