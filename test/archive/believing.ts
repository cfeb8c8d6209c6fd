/** Decisions about a stream for tests of what lies below trust: whoever signed, or nobody. */
import { inventoryDigestIn } from '../../src/archive/layout/checksums.ts';
import type { ArchiveHead } from '../../src/archive/reader/archive-head.ts';
import type { StreamDecision } from '../../src/archive/verification/payload.ts';
import type { Digest } from '../../src/oci/digest.ts';

/** Believes every seal, and hands out the head. */
export function believing(
  check: (head: ArchiveHead) => unknown = () => undefined,
): StreamDecision<{ readonly inventoryDigest: Digest }, ArchiveHead> {
  return {
    onSeal: ({ checksums }) => ({ inventoryDigest: inventoryDigestIn(checksums) }),
    onHead: (head) => {
      check(head);
      return head;
    },
  };
}
