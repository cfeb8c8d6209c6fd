/** An archive that is read from its parts where they lie: nothing is joined, nothing is written. */
import { closeSync } from 'node:fs';
import { openRegularSync } from '../../base/files/open-file.ts';
import { AirgapError } from '../../errors.ts';
import { hashRanges } from '../hashing/hash-ranges.ts';
import type { ByteRange } from '../hashing/hash-thread.ts';
import { readAt, trailing, type ByteSource, type KnownHead } from '../source/byte-source.ts';
import { sliceAt, wholeFile, type FileSlice } from '../source/file-slices.ts';
import type { FoundParts, PlannedPart } from './found-parts.ts';
import { absentParts, inParts, shortParts, type FaultyParts } from './part-faults.ts';

/** A part with its open copies. */
interface OpenPart extends PlannedPart {
  readonly fds: readonly number[];
  /** Index of the copy that is read. */
  readonly chosen: number;
}

/** The open parts of an archive. */
export class PartSource implements ByteSource, FaultyParts {
  readonly path: string;
  readonly size: number;
  readonly slices: readonly FileSlice[];
  /** In their order, each by the name of the file that is read. */
  readonly parts: readonly PlannedPart[];
  readonly #parts: readonly OpenPart[];
  readonly #files: DisposableStack;
  #isClosed = false;

  /** Made by {@link openParts}. */
  constructor({ archive }: FoundParts, parts: readonly OpenPart[], files: DisposableStack) {
    this.path = archive;
    this.#parts = parts;
    this.parts = parts.map(({ chosen, ...part }) => ({ ...part, name: part.copies[chosen] ?? part.name }));
    this.#files = files;
    this.size = parts.reduce((sum, part) => sum + part.size, 0);
    this.slices = slicesOf(parts);
  }

  read(buffer: Uint8Array, length: number, position: number): number {
    const slice = sliceAt(this.slices, position);
    if (slice === undefined && position < this.size) throw absentParts(this);
    const part = this.parts.find(({ offset }) => offset === slice?.offset);
    return readAt(this.slices, buffer, length, position, part?.name ?? this.path);
  }

  assertWhole(head: KnownHead): void {
    if (this.#parts.some(({ fds }) => fds.length === 0)) throw absentParts(this, head);
    if (this.size < head.layout.size) throw shortParts(this, head);
    if (this.size > head.layout.size) throw trailing(this.path, head.layout.size, this.size - head.layout.size);
  }

  explain(error: unknown, damaged: readonly ByteRange[], head?: KnownHead): Promise<unknown> {
    return inParts(error, this, damaged, head);
  }

  /** Those of the given parts that are not what the list says; all of them where it says nothing. */
  async bad(indexes: readonly number[]): Promise<readonly number[]> {
    const bad: number[] = [];
    for (const index of indexes) {
      const part = this.#parts[index];
      const fd = part?.fds[part.chosen];
      if (part?.digest === undefined || fd === undefined || !(await isWhole(fd, part))) bad.push(index);
    }
    return bad.length === 0 ? indexes : bad;
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#files[Symbol.dispose]();
  }
}

/**
 * Opens the parts of an archive. Where several files may be the same part, they are hashed, and the one that is what the
 * list says is read; without a list, it is the first.
 * @throws UsageError when one is no regular file or may not be read. @throws NotFoundError `MISSING_CONTENT` when the
 *   first part is not there.
 */
export async function openParts(found: FoundParts, signal?: AbortSignal): Promise<PartSource> {
  if (found.parts[0]?.copies.length === 0) throw absentParts({ path: found.archive, parts: found.parts });
  using files = new DisposableStack();
  const parts: OpenPart[] = [];
  for (const part of found.parts) {
    const open = (path: string): number => openRegularSync(path, { what: 'a part of an archive' });
    const fds = part.copies.map((path) => files.adopt(open(path), closeSync));
    parts.push({ ...part, fds, chosen: await chooseCopy(fds, part, signal) });
  }
  return new PartSource(found, parts, files.move());
}

async function chooseCopy(fds: readonly number[], part: PlannedPart, signal: AbortSignal | undefined): Promise<number> {
  if (fds.length < 2 || part.digest === undefined) return 0;
  for (const [index, fd] of fds.entries()) if (await isWhole(fd, part, signal)) return index;
  return 0;
}

function slicesOf(parts: readonly OpenPart[]): readonly FileSlice[] {
  return parts.flatMap(({ fds, chosen, offset, size: length }) => {
    const fd = fds[chosen];
    return fd === undefined ? [] : [{ fd, offset, length }];
  });
}

/** A copy that cannot be read is not what it should be. */
async function isWhole(fd: number, { size, digest }: PlannedPart, signal?: AbortSignal): Promise<boolean> {
  try {
    const [actual] = await hashRanges(wholeFile(fd), [{ offset: 0, length: size }], { signal });
    return actual === digest;
  } catch (error) {
    if (error instanceof AirgapError) return false;
    throw error;
  }
}
