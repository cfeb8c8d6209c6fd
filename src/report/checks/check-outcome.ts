/** What the outcome of a check is to the caller: nothing to say, or an error with the exit code that belongs to it. */
import { CheckError, IncompleteError } from '../../errors.ts';
import { missingOf } from '../../compliance/comparison/compare-checks.ts';
import { formatCount } from '../format.ts';
import type { CheckReport } from './check-report.ts';
import type { CheckComparison } from './comparison-schema.ts';

/**
 * Holds that every rule is met or excepted, and that nothing is worse than in the earlier report.
 * @throws CheckError `CHECK_FAILED` naming the rules. @throws IncompleteError `INCOMPLETE` where nothing is worse, and
 *   something of the earlier report is not there or was not checked.
 */
export function assertMet(report: CheckReport): void {
  const { comparison, verdict } = report;
  const failed = verdict === 'fail' ? [describeFailures(report)] : [];
  const worse = comparison?.verdict === 'worse' ? [describeWorse(comparison)] : [];
  if (failed.length + worse.length > 0) {
    throw new CheckError('CHECK_FAILED', [...failed, ...worse].join('; '), {
      hint: 'each place is listed with its object and field; docs/compliance.md says what each rule is for',
    });
  }
  if (comparison?.verdict !== 'incomplete') return;
  const missing = comparison.subjects.flatMap(missingOf);
  throw new IncompleteError(
    'INCOMPLETE',
    `nothing is worse than in ${comparison.with.name}, and not everything of it was found again:`,
    { items: missing, hint: nextStep(comparison) },
  );
}

function describeFailures({ subjects }: CheckReport): string {
  const failed = subjects.flatMap(({ results }) => results.filter(({ verdict }) => verdict === 'fail'));
  const rules = new Set(failed.map(({ rule }) => rule));
  const violations = failed.reduce((sum, result) => sum + result.violations.length, 0);
  return `${formatCount(rules.size, 'rule')} not met, at ${formatCount(violations, 'place')}: ${[...rules].join(', ')}`;
}

function describeWorse({ subjects, with: { name } }: CheckComparison): string {
  const worse = subjects.flatMap(({ rules }) => rules.filter(({ outcome }) => outcome === 'worse'));
  const ids = new Set(worse.map(({ rule }) => rule));
  return `${formatCount(ids.size, 'rule')} worse than in ${name}: ${[...ids].join(', ')}`;
}

function nextStep({ subjects }: CheckComparison): string {
  const isUnasked = subjects.some(({ rules }) => rules.some(({ now }) => now === undefined));
  return isUnasked
    ? 'name the files of rules that the earlier report was made with (--rules FILE), and read objects of all its kinds'
    : 'read objects of all kinds that the earlier report names, from the namespace that it was installed to; what is gone is gone';
}
