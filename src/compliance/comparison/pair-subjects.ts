/** Which subjects of two reports are about the same objects: their names differ between a release and a cluster. */
import type { ComparedObjects, ComparedSubject } from './compared-subject.ts';
import { namespaceAt, ObjectIndex } from './same-object.ts';

/** A subject of today, and those of the earlier report that are about its objects. */
export interface SubjectPair<Now extends ComparedObjects> {
  readonly now: Now;
  /** Several where a cluster runs several deployments; none where the earlier report has nothing of it. */
  readonly before: readonly ComparedSubject[];
  /** Names of others that these objects fit as well: which of them it is, is for a person to say. */
  readonly alike: readonly string[];
}

/** How many objects of an earlier subject are there, and whether that is enough to take it for the same. */
interface Fit {
  readonly subject: ComparedSubject;
  readonly score: number;
}

/**
 * Pairs subjects: by name, else by the objects that they share, else, with one on each side, these. What is missing counts
 * against a pair, so that of several sets of values the one is found whose objects are all there.
 * @param chosen of the earlier report: only these are compared, whatever the others share
 */
export function pairSubjects<Now extends ComparedObjects>(
  before: readonly ComparedSubject[],
  now: readonly Now[],
  chosen?: readonly ComparedSubject[],
): readonly SubjectPair<Now>[] {
  const candidates = chosen ?? before;
  if (chosen !== undefined && now.length === 1)
    return now.map((subject) => ({ now: subject, before: chosen, alike: [] }));
  const byName = new Map(candidates.map((subject) => [subject.name, subject]));
  const named = new Set(now.flatMap(({ name }) => byName.get(name) ?? []));
  const open = candidates.filter((subject) => !named.has(subject));
  return now.map((subject) => {
    const same = byName.get(subject.name);
    if (same !== undefined) return { now: subject, before: [same], alike: [] };
    const found = bestFits(open, subject);
    if (found.before.length > 0) return { now: subject, ...found };
    const isOnly = candidates.length === 1 && now.length === 1;
    return { now: subject, before: isOnly ? candidates : [], alike: [] };
  });
}

function bestFits(candidates: readonly ComparedSubject[], now: ComparedObjects): Omit<SubjectPair<never>, 'now'> {
  const fits = candidates.map((subject) => fitOf(subject, now)).filter(({ score }) => score > 0);
  fits.sort((a, b) => b.score - a.score);
  const [best] = fits;
  if (best === undefined) return { before: [], alike: [] };
  const alike = fits.filter((fit) => fit !== best && fit.score === best.score && overlaps(fit.subject, [best.subject]));
  const before = [best.subject];
  if (now.live) {
    for (const { subject } of fits) if (!overlaps(subject, before)) before.push(subject);
  }
  return { before, alike: alike.map(({ subject }) => subject.name) };
}

/** What is shared counts for it, what is missing against it. */
function fitOf(subject: ComparedSubject, now: ComparedObjects): Fit {
  const translate = namespaceAt(subject.objects, now.objects);
  const index = new ObjectIndex(now.objects);
  const shared = subject.objects.filter((object) => index.has(translate(object))).length;
  return { subject, score: 2 * shared - subject.objects.length };
}

/** Whether two are about the same objects, as the sets of values of one chart are. */
function overlaps({ objects }: ComparedSubject, others: readonly ComparedSubject[]): boolean {
  return others.some((other) => {
    const index = new ObjectIndex(other.objects);
    return objects.some((object) => index.has(object));
  });
}
