/** Evaluates rules on what is to be checked: a verdict for each, and each violation with its object, field and exception. */
import { applyExceptions, type ExceptedViolation, type RuleException } from './exceptions.ts';
import type { Rule } from './rule.ts';
import type { Subject } from './subject.ts';

/** What became of a rule. One that is `excepted` is not met, and may stay so for a time, at every place. */
export type Verdict = 'pass' | 'fail' | 'excepted' | 'not-applicable';

/** One rule, evaluated on one subject. */
export interface RuleResult {
  readonly rule: Rule;
  readonly verdict: Verdict;
  /** How many things it applied to. */
  readonly looked: number;
  readonly violations: readonly ExceptedViolation[];
}

/** All rules, evaluated on one subject. */
export interface SubjectResult {
  readonly subject: Subject;
  readonly results: readonly RuleResult[];
}

/** Exceptions, and the moment at which they count or have ended. */
export interface ExceptionTerms {
  readonly exceptions: readonly RuleException[];
  /** In UTC: `2026-01-31T12:00:00Z`. */
  readonly now: string;
}

const NO_EXCEPTIONS: ExceptionTerms = { exceptions: [], now: '' };

/** Evaluates every rule on every subject, in their order. */
export function evaluateRules(
  rules: readonly Rule[],
  subjects: readonly Subject[],
  terms: ExceptionTerms = NO_EXCEPTIONS,
): readonly SubjectResult[] {
  return subjects.map((subject) => evaluateSubject(subject, rules, terms));
}

/** Evaluates rules on one subject, in their order. */
export function evaluateSubject(
  subject: Subject,
  rules: readonly Rule[],
  terms: ExceptionTerms = NO_EXCEPTIONS,
): SubjectResult {
  return { subject, results: rules.map((rule) => evaluateRule(rule, subject, terms)) };
}

function evaluateRule(rule: Rule, subject: Subject, { exceptions, now }: ExceptionTerms): RuleResult {
  const { looked, violations: found } = rule.evaluate(subject);
  const violations = applyExceptions(rule.id, found, exceptions, now);
  return { rule, verdict: verdictOf(looked, violations), looked, violations };
}

function verdictOf(looked: number, violations: readonly ExceptedViolation[]): Verdict {
  if (violations.length === 0) return looked > 0 ? 'pass' : 'not-applicable';
  return violations.every(({ exception, isExpired }) => exception !== undefined && isExpired !== true)
    ? 'excepted'
    : 'fail';
}

/** The results that fail, with their subjects. */
export function failuresOf(
  checked: readonly SubjectResult[],
): readonly { readonly subject: Subject; readonly result: RuleResult }[] {
  return checked.flatMap(({ subject, results }) =>
    results.filter(({ verdict }) => verdict === 'fail').map((result) => ({ subject, result })),
  );
}
