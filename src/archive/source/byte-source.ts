/** Where the bytes of an archive are read: a file, or the parts of one. Readers know nothing else of it. */
import { closeSync, fstatSync } from 'node:fs';
import { toStoreError } from '../../base/files/system-errors.ts';
import { IntegrityError } from '../../errors.ts';
import type { ByteRange } from '../hashing/hash-thread.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import type { ArchiveLayout } from '../layout/archive-layout.ts';
import { readSlices, wholeFile, type FileSlice } from './file-slices.ts';

const BUFFER_BYTES = 256 * 1024;

/** What an inventory says of the bytes behind it. */
export interface KnownHead {
  readonly inventory: Inventory;
  readonly layout: ArchiveLayout;
}

/** The bytes of an archive, in any order, for as long as it is open. */
export interface ByteSource extends Disposable {
  /** Of the archive, for messages. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** The open files that threads read it from. */
  readonly slices: readonly FileSlice[];
  /**
   * Reads up to `length` bytes at a position.
   * @returns how many; 0 where it has no more
   * @throws StoreError `STORE_IO`
   */
  read(buffer: Uint8Array, length: number, position: number): number;
  /**
   * Insists that it is as long as the inventory says.
   * @throws IntegrityError `SIZE_MISMATCH`, NotFoundError `MISSING_CONTENT` when it is not
   */
  assertWhole(head: KnownHead): void;
  /**
   * An error of reading or verifying, as a person needs it who has to replace what is bad.
   * @param damaged all stretches that are known to be wrong; where there are none, the error says where it is
   * @param head absent while nothing is believed: what is asked then costs next to nothing
   */
  explain(error: unknown, damaged: readonly ByteRange[], head?: KnownHead): Promise<unknown>;
}

/** An archive in one file. It takes the descriptor over. */
export class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly slices: readonly FileSlice[];
  readonly #fd: number;
  #isClosed = false;

  constructor(path: string, fd: number) {
    this.path = path;
    this.size = fstatSync(fd).size;
    this.slices = wholeFile(fd);
    this.#fd = fd;
  }

  read(buffer: Uint8Array, length: number, position: number): number {
    return readAt(this.slices, buffer, length, position, this.path);
  }

  assertWhole({ layout }: KnownHead): void {
    if (this.size < layout.size) throw truncated(this.path, this.size, layout.size);
    if (this.size > layout.size) throw trailing(this.path, layout.size, this.size - layout.size);
  }

  async explain(error: unknown): Promise<unknown> {
    return error;
  }

  /** Closes the file; once more does nothing, since the number may be another file's by then. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#fd);
  }
}

/** {@link readSlices}, whose failure names the file. @throws StoreError `STORE_IO` */
export function readAt(
  slices: readonly FileSlice[],
  buffer: Uint8Array,
  length: number,
  position: number,
  path: string,
): number {
  try {
    return readSlices(slices, buffer, length, position);
  } catch (error) {
    throw toStoreError(error, `cannot read ${path} at offset ${position}`, { otherwise: 'the medium may be damaged' });
  }
}

/**
 * These bytes, whatever they are.
 * @throws IntegrityError `SIZE_MISMATCH` where the source ends before. @throws StoreError `STORE_IO`
 */
export function readExactly(source: ByteSource, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) done += readSome(source, bytes.subarray(done), length - done, offset + done);
  return bytes;
}

/**
 * {@link readExactly}, for members in front, which may have tens of megabytes on a slow medium.
 * @param turn see `takeTurns`
 */
export async function readFront(
  source: ByteSource,
  offset: number,
  length: number,
  turn: () => Promise<void>,
): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    await turn();
    done += readSome(source, bytes.subarray(done), Math.min(BUFFER_BYTES, length - done), offset + done);
  }
  return bytes;
}

/** At least one byte. @throws as {@link readExactly} */
export function readSome(source: ByteSource, buffer: Uint8Array, length: number, position: number): number {
  const read = source.read(buffer, length, position);
  if (read === 0) throw truncated(source.path, position);
  return read;
}

/** An archive that ends too early. */
export function truncated(path: string, size: number, expected?: number): IntegrityError {
  const whole = expected === undefined ? '' : ` of ${expected}`;
  return new IntegrityError('SIZE_MISMATCH', `${path} is cut short: it ends after ${size}${whole} bytes`, {
    hint: 'copy it again from its source',
    details: { offset: size },
  });
}

/** An archive with bytes after its end; how many is not known of a stream. */
export function trailing(path: string, expected: number, extra?: number): IntegrityError {
  const many = extra === undefined ? '' : `${extra} `;
  return new IntegrityError('SIZE_MISMATCH', `${path} has ${many}bytes too many after offset ${expected}`, {
    hint: 'copy it again from its source; do not load it',
    details: { offset: expected },
  });
}
