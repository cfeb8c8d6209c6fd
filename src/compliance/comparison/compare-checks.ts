/** Compares what was checked with what was checked before: which rules are met less than then, at which places, and what is no longer there. Pure. */
import type { Verdict } from '../evaluate.ts';
import type { ComparedPlace, ComparedResult, ComparedSubject, ObjectName } from './compared-subject.ts';
import type { SubjectPair } from './pair-subjects.ts';
import { isSameObject, namespaceAt, ObjectIndex } from './same-object.ts';

/** What became of a rule since. One that is `gone` was evaluated then, and finds nothing to look at now; a `new` one the other way round. */
export type RuleOutcome = 'worse' | 'gone' | 'new' | 'better' | 'same';

/** One rule, then and now. */
export interface RuleComparison {
  readonly rule: string;
  readonly outcome: RuleOutcome;
  /** Absent where it was not evaluated. */
  readonly then?: Verdict | undefined;
  readonly now?: Verdict | undefined;
  /** Where it was met, or had an exception, and is not met now. */
  readonly worse: readonly ComparedPlace[];
  /** Where it was not met, and is now, or has an exception. */
  readonly better: readonly ComparedPlace[];
}

/** One subject, then and now. */
export interface SubjectComparison {
  readonly name: string;
  /** The subjects that it is compared with; none where it is new. */
  readonly with: readonly string[];
  /** Others that it could be compared with as well. */
  readonly alike: readonly string[];
  readonly rules: readonly RuleComparison[];
  /** Objects that were checked then and are not there now. */
  readonly absent: readonly ObjectName[];
  /** Objects that were not there then. */
  readonly added: readonly ObjectName[];
}

/** What all of it comes to: `incomplete` where nothing is worse, and not everything of then was found and evaluated. */
export type ComparisonVerdict = 'worse' | 'incomplete' | 'better' | 'same';

/** Kinds that come and go in the ordinary course: hooks that ended, and secrets, which are not handed out to be checked. */
const FLEETING: ReadonlySet<string> = new Set(['Job', 'Pod', 'Secret']);

/** Compares a subject with those that it was paired with. */
export function compareSubject({ now, before, alike }: SubjectPair<ComparedSubject>): SubjectComparison {
  const objects = before.flatMap((subject) => subject.objects);
  const translate = namespaceAt(objects, now.objects);
  const known = objects.map(translate);
  const [here, there] = [new ObjectIndex(now.objects), new ObjectIndex(known)];
  const results = before.flatMap((subject) => subject.results);
  const ids = new Set([...now.results, ...results].map(({ rule }) => rule));
  return {
    name: now.name,
    with: before.map(({ name }) => name),
    alike,
    rules: [...ids].map((rule) =>
      compareRule(
        rule,
        joined(
          results.filter((result) => result.rule === rule),
          translate,
        ),
        joined(
          now.results.filter((result) => result.rule === rule),
          (place) => place,
        ),
      ),
    ),
    absent: before.length === 0 ? [] : known.filter((object) => !here.has(object)),
    added: before.length === 0 ? [] : now.objects.filter((object) => !there.has(object)),
  };
}

/** What the comparison of all subjects comes to. */
export function verdictOf(subjects: readonly SubjectComparison[]): ComparisonVerdict {
  const outcomes = new Set(subjects.flatMap(({ rules }) => rules.map(({ outcome }) => outcome)));
  if (outcomes.has('worse')) return 'worse';
  if (subjects.some((subject) => missingOf(subject).length > 0)) return 'incomplete';
  return outcomes.has('better') ? 'better' : 'same';
}

/** What a subject lacks to be compared in full: a sentence's object each. Fleeting objects are none of it. */
export function missingOf({ name, with: partners, rules, absent }: SubjectComparison): readonly string[] {
  if (partners.length === 0) return [`anything to compare ${name} with`];
  return [
    ...rules.filter(({ now }) => now === undefined).map(({ rule }) => `rule ${rule}`),
    ...absent.filter(({ kind }) => !FLEETING.has(kind)).map(({ kind, name: object }) => `${kind}/${object}`),
  ];
}

/** A rule, over all subjects of one side. */
interface JoinedResult {
  readonly verdict: Verdict;
  readonly places: readonly ComparedPlace[];
}

const WORST_FIRST = ['fail', 'excepted', 'pass', 'not-applicable'] as const;

function joined(
  results: readonly ComparedResult[],
  translate: (place: ComparedPlace) => ComparedPlace,
): JoinedResult | undefined {
  const verdict = WORST_FIRST.find((each) => results.some((result) => result.verdict === each));
  if (verdict === undefined) return undefined;
  return { verdict, places: results.flatMap(({ violations }) => violations.map(translate)) };
}

function compareRule(rule: string, then: JoinedResult | undefined, now: JoinedResult | undefined): RuleComparison {
  const compared = { rule, then: then?.verdict, now: now?.verdict, worse: [], better: [] };
  if (then === undefined) return { ...compared, outcome: 'new' };
  // Places of what is no longer looked at are not better: that is not known.
  const isGone = now === undefined || (now.verdict === 'not-applicable' && then.verdict !== 'not-applicable');
  if (isGone) return { ...compared, outcome: 'gone' };
  const worse = risen(then.places, now.places);
  const better = risen(now.places, then.places);
  return { ...compared, outcome: worse.length > 0 ? 'worse' : better.length > 0 ? 'better' : 'same', worse, better };
}

/** The places of `to` that weigh more there than in `from`: those that are not met without an exception the most. */
function risen(from: readonly ComparedPlace[], to: readonly ComparedPlace[]): readonly ComparedPlace[] {
  const known = new Map<string, ComparedPlace[]>();
  for (const place of from) known.set(keyOf(place), [...(known.get(keyOf(place)) ?? []), place]);
  return to.filter((place) => {
    const then = known.get(keyOf(place))?.filter((other) => isSameObject(place, other)) ?? [];
    return weightOf(place) > Math.max(0, ...then.map(weightOf));
  });
}

function keyOf({ kind, name, field }: ComparedPlace): string {
  return JSON.stringify([kind, name, field]);
}

function weightOf({ exception }: ComparedPlace): number {
  return exception?.expired === false ? 1 : 2;
}
