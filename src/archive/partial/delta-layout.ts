/**
 * A delta is the same release, minus layers that the site has: the front of the full archive byte for byte, and each
 * piece of content that is not left out, once. It is a pure function of the inventory and of `partial.json`, as the full
 * archive is one of the inventory, and verified in the same way: framing compared, content hashed.
 */
import { hexOf, type Digest } from '../../oci/digest.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { addFront, layoutArchive, MemberPath, SegmentList, type ArchiveLayout } from '../layout/archive-layout.ts';
import { divideFiles } from '../layout/trust-files.ts';
import { omittedBy, serializePartial, type PartialDocument } from './partial-document.ts';

/**
 * Lays out the delta of a release.
 * @param full the layout of its full archive
 */
export function layoutDelta(
  inventory: Inventory,
  partial: PartialDocument,
  full: ArchiveLayout = layoutArchive(inventory),
): ArchiveLayout {
  const segments = new SegmentList(inventory.created);
  segments.document(MemberPath.partial, serializePartial(partial));
  addFront(segments, inventory, full.members[0]?.size ?? 0);
  const omitted = omittedBy(partial);
  // What stands in front is content too, and carried there.
  const inFront = new Set(divideFiles(inventory.files).trust.map(({ digest }) => digest));
  const carried = new Map<Digest, number>();
  for (const segment of full.segments) {
    if (segment.kind !== 'content' || omitted.has(segment.digest) || inFront.has(segment.digest)) continue;
    carried.set(segment.digest, segment.length);
  }
  for (const [digest, size] of [...carried].sort(([a], [b]) => (a < b ? -1 : 1))) {
    segments.content(`blobs/sha256/${hexOf(digest)}`, size, digest);
  }
  return segments.end();
}
