/** What an archive is filled with: every piece of content once, with all the places it has in the file. */
import type { Digest } from '../../oci/digest.ts';
import { hashRanges } from '../hashing/hash-ranges.ts';
import type { ContentSegment } from '../layout/archive-layout.ts';
import type { PartialFile } from './partial-file.ts';

/** One piece of content and all the places it has in the file. */
export interface Placement {
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
  readonly offsets: readonly [number, ...number[]];
  /** Bytes in place, from the start. */
  held: number;
  /** All bytes are in place and have the digest. */
  verified: boolean;
  /** The push that is under way. */
  pushing?: Promise<void> | undefined;
}

/** The placements of a layout's content, nothing of it in place. */
export function placementsOf(segments: readonly ContentSegment[]): ReadonlyMap<Digest, Placement> {
  const places = new Map<Digest, { size: number; offsets: [number, ...number[]] }>();
  for (const { digest, length, offset } of segments) {
    const known = places.get(digest);
    if (known === undefined) places.set(digest, { size: length, offsets: [offset] });
    else known.offsets.push(offset);
  }
  return new Map([...places].map(([digest, place]) => [digest, { digest, ...place, held: 0, verified: false }]));
}

/**
 * Takes up what an earlier run claims to have written. What it says is complete is hashed, all its places; what it
 * had begun is hashed when the push goes on.
 */
export async function reclaim(
  placements: Iterable<Placement>,
  claims: ReadonlyMap<Digest, number>,
  file: PartialFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const complete: Placement[] = [];
  for (const placement of placements) {
    const claimed = claims.get(placement.digest) ?? 0;
    if (claimed >= placement.size) complete.push(placement);
    else if (claimed > 0) await reclaimStart(placement, claimed, file, signal);
  }
  const ranges = complete.flatMap(({ size, offsets }) => offsets.map((offset) => ({ offset, length: size })));
  const digests = (await hashRanges(file.slices, ranges, { signal }))[Symbol.iterator]();
  for (const placement of complete) {
    const matches = placement.offsets.map(() => digests.next().value === placement.digest);
    placement.verified = matches.every(Boolean);
    placement.held = placement.verified ? placement.size : 0;
  }
}

/** The first place is hashed again when the push goes on; the others are made equal to it, whatever they hold. */
async function reclaimStart(
  placement: Placement,
  claimed: number,
  file: PartialFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const [first, ...others] = placement.offsets;
  if (others.length > 0) {
    let position = 0;
    for await (const chunk of file.read(first, first + claimed, signal)) {
      file.write(chunk, ...others.map((offset) => offset + position));
      position += chunk.length;
    }
  }
  placement.held = claimed;
}
