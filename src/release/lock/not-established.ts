/** Evidence that may be there and was not found, in the words of a warning. */
import type { ReleaseLock } from './lock-schema.ts';

/** A sentence for each image whose registry did not answer all questions about its evidence. */
export function describeDoubts(notEstablished: ReleaseLock['notEstablished'] = []): readonly string[] {
  return notEstablished.map(({ reference, doubts }) => {
    const more = doubts.length === 1 ? '' : ` (and ${doubts.length - 1} more)`;
    return `not all evidence for ${reference} could be established: ${doubts[0] ?? ''}${more}`;
  });
}
