/** What a lock says of its images that a person should know before they travel. */
import type { ReleaseLock } from './lock-schema.ts';

/**
 * A sentence for each image whose registry did not answer all questions about its evidence, and for each manifest that
 * is for another platform than its index says; for each chart that was not rendered, and each suspect that was left out
 * without a decision.
 */
export function describeWarnings({
  notEstablished = [],
  otherPlatforms = [],
  unrendered = [],
  suspects = [],
}: Pick<ReleaseLock, 'notEstablished' | 'otherPlatforms' | 'unrendered' | 'suspects'>): readonly string[] {
  return [
    ...unrendered.map(
      (chart) => `${chart} was not rendered: what its templates name is carried only where it is declared or listed`,
    ),
    ...suspects.map(
      ({ reference, foundIn }) => `${reference} may be pulled and is NOT carried: it stands in ${foundIn[0] ?? ''}`,
    ),
    ...notEstablished.map(({ reference, doubts }) => {
      const more = doubts.length === 1 ? '' : ` (and ${doubts.length - 1} more)`;
      return `not all evidence for ${reference} could be established: ${doubts[0] ?? ''}${more}`;
    }),
    ...otherPlatforms.map(
      ({ reference, digest, index, config }) =>
        `${reference}: its index says ${index}, but ${digest} is for ${config} and may not run there`,
    ),
  ];
}
