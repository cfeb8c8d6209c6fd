/** The comparison of a check with an earlier report, as its own report says it. */
import type {
  ComparedObjects,
  ComparedPlace,
  ComparedSubject,
  ObjectName,
} from '../../compliance/comparison/compared-subject.ts';
import { compareSubject, verdictOf, type SubjectComparison } from '../../compliance/comparison/compare-checks.ts';
import type { SubjectPair } from '../../compliance/comparison/pair-subjects.ts';
import type { CheckComparison } from './comparison-schema.ts';

/** An earlier report, and where it was read. */
export interface EarlierReport {
  readonly source: CheckComparison['with'];
  readonly report: { readonly subjects: readonly ComparedSubject[] };
}

/** What a check is compared with. */
export interface ComparedReport {
  readonly earlier: EarlierReport;
  /** For each subject that was checked now, in their order. */
  readonly pairs: readonly Pick<SubjectPair<ComparedObjects>, 'before' | 'alike'>[];
}

/** Compares the subjects of a report, each with those of the earlier one that it was paired with. */
export function toComparison(
  { earlier: { source, report }, pairs }: ComparedReport,
  subjects: readonly ComparedSubject[],
): CheckComparison {
  const compared = subjects.map((now, index) => {
    const { before = [], alike = [] } = pairs[index] ?? {};
    return compareSubject({ now, before, alike });
  });
  const used = new Set(compared.flatMap((subject) => subject.with));
  return {
    verdict: verdictOf(compared),
    with: source,
    subjects: compared.map(toSubject),
    notCompared: report.subjects.map(({ name }) => name).filter((name) => !used.has(name)),
  };
}

function toSubject(subject: SubjectComparison): CheckComparison['subjects'][number] {
  return {
    name: subject.name,
    with: [...subject.with],
    alike: [...subject.alike],
    rules: subject.rules.map(({ rule, outcome, then, now, worse, better }) => ({
      rule,
      outcome,
      ...(then === undefined ? {} : { then }),
      ...(now === undefined ? {} : { now }),
      worse: worse.map(toPlace),
      better: better.map(toPlace),
    })),
    absent: subject.absent.map(toName),
    added: subject.added.map(toName),
  };
}

function toPlace(place: ComparedPlace): CheckComparison['subjects'][number]['rules'][number]['worse'][number] {
  return { ...toName(place), field: place.field, message: place.message };
}

function toName({ kind, namespace, name }: ObjectName): CheckComparison['subjects'][number]['absent'][number] {
  return { kind, ...(namespace === undefined ? {} : { namespace }), name };
}
