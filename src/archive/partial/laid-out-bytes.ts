/** The bytes of an archive by its layout, or of a part of them, put together from where its content is. */
import type { Bytes } from '../../base/bytes.ts';
import type { ArchiveLayout, ContentSegment, OpenSegment } from '../layout/archive-layout.ts';

/** Where that is had which the inventory does not determine. */
export interface LaidOutContent {
  /** A piece of content, all of it. The chunks are borrowed: valid until the next one is asked for. */
  fetch(segment: ContentSegment): Bytes;
  /** What stands in a slot, or `checksums.txt`. */
  open(segment: OpenSegment): Uint8Array;
}

/**
 * A stretch of an archive in order.
 * @throws RangeError where the stretch begins or ends within content. @throws whatever the content throws.
 */
export async function* laidOutBytes(
  layout: ArchiveLayout,
  { offset, size }: { readonly offset: number; readonly size: number },
  content: LaidOutContent,
): Bytes {
  const end = offset + size;
  for (const segment of layout.segments) {
    const length = segment.kind === 'framing' ? segment.bytes.length : segment.length;
    if (segment.offset + length <= offset || segment.offset >= end) continue;
    const isWhole = segment.offset >= offset && segment.offset + length <= end;
    if (segment.kind === 'framing') {
      yield segment.bytes.subarray(Math.max(0, offset - segment.offset), end - segment.offset);
    } else if (!isWhole) throw new RangeError('a stretch of an archive ends within content');
    else if (segment.kind === 'content') yield* content.fetch(segment);
    else yield content.open(segment);
  }
}
