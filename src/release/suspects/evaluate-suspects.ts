/** What a release.yaml decides about suspects: carried, not carried and why, or not decided. */
import { isDecidedBy } from './decision-pattern.ts';
import type { ImageDecisions, SuspectDecision } from './decisions.ts';
import { formatReference, type Reference } from '../../oci/reference.ts';

/** An image that may be pulled, and where it stands, a line each. */
export interface SuspectImage {
  readonly reference: Reference;
  readonly foundIn: readonly string[];
}

/** A suspect with the decision about it. */
export interface DecidedSuspect<S extends SuspectImage> {
  readonly suspect: S;
  readonly decision: SuspectDecision;
}

/** The outcome for all suspects of a release. */
export interface SuspectVerdict<S extends SuspectImage> {
  readonly accepted: readonly DecidedSuspect<S>[];
  readonly dismissed: readonly DecidedSuspect<S>[];
  /** Those that no entry is about. */
  readonly open: readonly S[];
  /** Entries that are about no suspect, a sentence each. */
  readonly unused: readonly string[];
}

/**
 * Decides about each suspect. What names one image counts before a pattern, and `accept` before `dismiss`: where two
 * entries disagree the image is carried.
 * @param carried canonical references of what is carried anyway, to tell why an entry has no effect
 */
export function evaluateSuspects<S extends SuspectImage>(
  suspects: readonly S[],
  { accept, dismiss }: Pick<ImageDecisions, 'accept' | 'dismiss'>,
  carried: readonly Reference[] = [],
): SuspectVerdict<S> {
  const entries = [
    ...accept.map((decision) => ({ field: 'accept' as const, decision })),
    ...dismiss.map((decision) => ({ field: 'dismiss' as const, decision })),
  ];
  const isExact = ({ decision }: (typeof entries)[number]): boolean => !decision.image.includes('*');
  const ordered = [...entries.filter(isExact), ...entries.filter((entry) => !isExact(entry))];
  const used = new Set<SuspectDecision>();
  const [accepted, dismissed, open]: [DecidedSuspect<S>[], DecidedSuspect<S>[], S[]] = [[], [], []];
  for (const suspect of suspects) {
    const matching = ordered.filter(({ decision }) => isDecidedBy(decision.pattern, suspect.reference));
    for (const { decision } of matching) used.add(decision);
    const [first] = matching;
    if (first === undefined) open.push(suspect);
    else (first.field === 'accept' ? accepted : dismissed).push({ suspect, decision: first.decision });
  }
  const unused = entries
    .filter(({ decision }) => !used.has(decision))
    .map(({ field, decision }) => describeUnused(field, decision, carried));
  return { accepted, dismissed, open, unused };
}

function describeUnused(field: string, { image, pattern, at }: SuspectDecision, carried: readonly Reference[]): string {
  const known = carried.find((reference) => isDecidedBy(pattern, reference));
  const why =
    known === undefined
      ? 'is about no image that was found: it can go, unless its name is misspelt'
      : `has no effect: ${formatReference(known)} is pulled for certain, and carried`;
  return `${at}: ${field} ${image} ${why}`;
}
