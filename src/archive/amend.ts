/** The one thing of a finished archive that may change: what stands in a slot. */
import { fsyncSync, writeSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import { toStoreError } from './disk.ts';
import type { OpenSegment } from './layout.ts';
import type { ArchiveReader } from './reader.ts';

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
  const before = archive.head.slots[index];
  if (slot?.length !== content.length || before === undefined) throw new RangeError(`no slot ${index} of that size`);
  if (!archive.read(slot.offset, slot.length).equals(before)) {
    throw new StoreError('STORE_IO', `${archive.path} was changed by another program`, {
      hint: 'nothing was written; run the same command again',
    });
  }
  const start = content.findIndex((byte, at) => byte !== before[at]);
  const end = content.findLastIndex((byte, at) => byte !== before[at]) + 1;
  if (start === -1) return;
  try {
    const written = writeSync(archive.fd, content, start, end - start, slot.offset + start);
    if (written !== end - start) {
      writeSync(archive.fd, before, start, end - start, slot.offset + start);
      throw new StoreError('STORE_IO', `${archive.path}: only ${written} of ${end - start} bytes could be written`, {
        hint: 'the archive was left as it was',
      });
    }
    fsyncSync(archive.fd);
  } catch (error) {
    throw toStoreError(error, archive.path);
  }
  if (archive.read(slot.offset, slot.length).equals(content)) return;
  throw new StoreError('STORE_IO', `${archive.path} does not hold what was written to it`, {
    hint: 'the medium may be damaged, or another program writes to the file',
  });
}
