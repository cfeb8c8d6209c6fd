/** Evaluates rules on what was named; where it is compared with an earlier report, by the profiles of that report as well. */
import { pairSubjects, type SubjectPair } from '../../compliance/comparison/pair-subjects.ts';
import type { ComparedObjects, ComparedSubject } from '../../compliance/comparison/compared-subject.ts';
import { evaluateSubject, type SubjectResult } from '../../compliance/evaluate.ts';
import type { RuleException } from '../../compliance/exceptions.ts';
import { PROFILE_NAMES, profilesAmong, rulesOf, type ProfileName } from '../../compliance/profiles.ts';
import type { Rule } from '../../compliance/rule.ts';
import type { Subject } from '../../compliance/subject.ts';
import { UsageError } from '../../errors.ts';

/** What is checked by. */
export interface CheckTerms {
  readonly profiles: readonly ProfileName[];
  /** Beside those of the product. */
  readonly ownRules: readonly Rule[];
  readonly exceptions: readonly RuleException[];
  /** The moment at which exceptions count: `2026-01-31T12:00:00Z`. */
  readonly now: string;
}

/** What to compare with. */
export interface ComparedWith {
  /** The file of the earlier report. */
  readonly name: string;
  readonly subjects: readonly ComparedSubject[];
  /** Names of these that are meant, or of their sets of values; all when empty. */
  readonly chosen: readonly string[];
}

/** What became of a check. */
export interface EvaluatedCheck {
  /** All that were evaluated, those of the product first. */
  readonly rules: readonly Rule[];
  readonly profiles: readonly ProfileName[];
  readonly results: readonly SubjectResult[];
  /** For each subject, in their order: what of the earlier report it is compared with. */
  readonly pairs: readonly SubjectPair<ComparedObjects>[];
}

/**
 * Evaluates rules on subjects. One that is compared is held to the profiles of what it is compared with, whether or not
 * they are asked for: a rule that is not evaluated would look like one that is met.
 * @throws UsageError `USAGE` where the earlier report has nothing of any subject, or nothing of a chosen name.
 */
export function evaluateCheck(
  subjects: readonly Subject[],
  { profiles, ownRules, exceptions, now }: CheckTerms,
  earlier?: ComparedWith,
): EvaluatedCheck {
  const pairs = pairWith(earlier, subjects);
  const asked = pairs.map(({ before }) => {
    const ids = new Set(before.flatMap(({ results }) => results.map(({ rule }) => rule)));
    return inOrder([...profiles, ...profilesAmong(ids)]);
  });
  const results = subjects.map((subject, index) =>
    evaluateSubject(subject, [...rulesOf(asked[index] ?? []), ...ownRules], { exceptions, now }),
  );
  const all = inOrder([...profiles, ...asked.flat()]);
  return { rules: [...rulesOf(all), ...ownRules], profiles: all, results, pairs };
}

function inOrder(names: readonly ProfileName[]): readonly ProfileName[] {
  return PROFILE_NAMES.filter((name) => name === 'general' || names.includes(name));
}

function pairWith(
  earlier: ComparedWith | undefined,
  subjects: readonly Subject[],
): readonly SubjectPair<ComparedObjects>[] {
  const now = subjects.map(({ name, isLive, resources }) => ({ name, live: isLive, objects: resources }));
  if (earlier === undefined) return now.map((subject) => ({ now: subject, before: [], alike: [] }));
  const pairs = pairSubjects(earlier.subjects, now, chosenOf(earlier));
  if (pairs.some(({ before }) => before.length > 0)) return pairs;
  throw new UsageError(
    'USAGE',
    `${earlier.name} is a report of other objects: it has nothing of what was checked now`,
    {
      hint: `say what it is to be compared with: --compare-subject NAME, of ${namesOf(earlier.subjects)}`,
    },
  );
}

function chosenOf({ name, subjects, chosen }: ComparedWith): readonly ComparedSubject[] | undefined {
  if (chosen.length === 0) return undefined;
  return chosen.flatMap((word) => {
    const found = subjects.filter((subject) => subject.name === word || subject.name.endsWith(` (${word})`));
    if (found.length > 0) return found;
    throw new UsageError('USAGE', `${name} has no ${word}`, { hint: `it has ${namesOf(subjects)}` });
  });
}

function namesOf(subjects: readonly ComparedSubject[]): string {
  return subjects.map(({ name }) => name).join(', ');
}
