/** What a delta saves and what it costs, before it is built. */
import type { DeltaFacts } from '../../operations/build/bases.ts';
import { formatBytes } from '../format.ts';
import { leftOut } from '../loads/delta-lines.ts';

/** What is said before a delta is built: it saves room on the medium, not the reading, since the signed list has digests of whole tarballs. */
export function deltaNotes(delta: DeltaFacts): readonly string[] {
  const { readBytes, pulledBytes } = delta;
  return [
    `delta: ${leftOut(delta)}`,
    ...(readBytes === 0
      ? []
      : [`${formatBytes(readBytes)} are read from the bases at hand, to be hashed for checksums.txt`]),
    ...(pulledBytes === 0
      ? []
      : [
          `${formatBytes(pulledBytes)} are pulled to be hashed for checksums.txt, and not kept: with the archive as --base they would be read from it`,
        ]),
  ];
}
