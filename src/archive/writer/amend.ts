/** The one thing of a finished archive that may change: what stands in a slot. */
import { fsyncSync, writeSync } from 'node:fs';
import { StoreError } from '../../errors.ts';
import { toStoreError } from '../../base/files/system-errors.ts';
import type { OpenSegment } from '../layout/archive-layout.ts';
import type { ArchiveReader } from '../reader/reader.ts';

/**
 * Gives a slot new content, on disk when this returns. Only the bytes that differ are written, in a single call: a slot
 * begins at a multiple of 512 bytes, so that a signature by a key, which is shorter than that, into an empty slot
 * changes one sector of one page. Whatever ends the process or the power, the slot is then as before or as it should be.
 * @param archive opened with `writable`
 * @param index of the slot, in the inventory's order
 * @param content exactly as long as the slot
 * @throws StoreError `STORE_IO` when the slot is no longer as it was when the archive was opened, or cannot be written;
 *   it is then left or made as it was.
 */
export function replaceSlot(archive: ArchiveReader, index: number, content: Buffer): void {
  const slot = archive.head.layout.segments.filter((segment): segment is OpenSegment => segment.kind === 'slot')[index];
  const before = archive.head.slots[index]?.bytes;
  if (slot?.length !== content.length || before === undefined) throw new RangeError(`no slot ${index} of that size`);
  if (!archive.read(slot.offset, slot.length).equals(before)) {
    throw new StoreError('STORE_IO', `${archive.path} was changed by another program`, {
      hint: 'nothing was written; run the same command again',
    });
  }
  const start = content.findIndex((byte, at) => byte !== before[at]);
  const end = content.findLastIndex((byte, at) => byte !== before[at]) + 1;
  if (start === -1) return;
  const write = (bytes: Buffer): void => writeDurably(archive, bytes.subarray(start, end), slot.offset + start);
  try {
    write(content);
  } catch (error) {
    restore(() => write(before), archive.path, error);
    throw toStoreError(error, `cannot write ${archive.path}`);
  }
}

function writeDurably(archive: ArchiveReader, bytes: Buffer, offset: number): void {
  const { path, source } = archive;
  const [file] = source.slices;
  if (file === undefined || source.slices.length > 1) throw new RangeError(`${path} is not one file`);
  const { fd } = file;
  const written = writeSync(fd, bytes, 0, bytes.length, offset);
  if (written !== bytes.length) {
    throw new StoreError('STORE_IO', `only ${written} of ${bytes.length} bytes could be written to ${path}`, {
      hint: 'the archive was left as it was',
    });
  }
  fsyncSync(fd);
  if (archive.read(offset, bytes.length).equals(bytes)) return;
  throw new StoreError('STORE_IO', `${path} does not hold what was written to it`, {
    hint: 'the medium may be damaged, or another program writes to the file',
  });
}

/** A slot that holds a part of a signature would make the whole archive unreadable. */
function restore(write: () => void, path: string, cause: unknown): void {
  try {
    write();
  } catch (error) {
    throw new StoreError('STORE_IO', `a slot of ${path} could be neither written nor made as it was`, {
      hint: 'the medium may be damaged; copy the archive again from its source',
      cause: new AggregateError([cause, error]),
    });
  }
}
