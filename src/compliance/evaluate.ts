/** Evaluates rules on what is to be checked: a verdict for each, and each violation with its object and field. */
import type { Rule, Violation } from './rule.ts';
import type { Subject } from './subject.ts';

/** What became of a rule. */
export type Verdict = 'pass' | 'fail' | 'not-applicable';

/** One rule, evaluated on one subject. */
export interface RuleResult {
  readonly rule: Rule;
  readonly verdict: Verdict;
  /** How many things it applied to. */
  readonly looked: number;
  readonly violations: readonly Violation[];
}

/** All rules, evaluated on one subject. */
export interface SubjectResult {
  readonly subject: Subject;
  readonly results: readonly RuleResult[];
}

/** Evaluates every rule on every subject, in their order. */
export function evaluateRules(rules: readonly Rule[], subjects: readonly Subject[]): readonly SubjectResult[] {
  return subjects.map((subject) => ({ subject, results: rules.map((rule) => evaluateRule(rule, subject)) }));
}

function evaluateRule(rule: Rule, subject: Subject): RuleResult {
  const { looked, violations } = rule.evaluate(subject);
  const verdict = violations.length > 0 ? 'fail' : looked > 0 ? 'pass' : 'not-applicable';
  return { rule, verdict, looked, violations };
}

/** The results that fail, with their subjects. */
export function failuresOf(
  checked: readonly SubjectResult[],
): readonly { readonly subject: Subject; readonly result: RuleResult }[] {
  return checked.flatMap(({ subject, results }) =>
    results.filter(({ verdict }) => verdict === 'fail').map((result) => ({ subject, result })),
  );
}
