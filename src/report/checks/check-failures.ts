/** What a report says is not met, a line for each place. */
import { formatUtcSeconds } from '../../base/utc-time.ts';
import { isExpired } from '../../compliance/exceptions.ts';
import { describePlace } from './check-lines.ts';
import type { CheckReport } from './check-report.ts';

type Violation = CheckReport['subjects'][number]['results'][number]['violations'][number];

/** Every place at which a rule fails: rule, subject, object, field. */
export function failuresOf(report: CheckReport): readonly string[] {
  return linesOf(report, ({ exception }) => exception?.expired !== false);
}

/** Every place whose exception counted when the report was made, and has ended by now. */
export function expiredSince(report: CheckReport, now: Date): readonly string[] {
  const time = formatUtcSeconds(now);
  return linesOf(report, ({ exception }) => exception?.expired === false && isExpired(exception, time)).map(
    (line) => `${line}; its exception has ended`,
  );
}

function linesOf({ subjects }: CheckReport, isWanted: (violation: Violation) => boolean): readonly string[] {
  return subjects.flatMap(({ name, results }) =>
    results.flatMap(({ rule, violations }) =>
      violations
        .filter(isWanted)
        .map((violation) => `${rule}: ${name}: ${describePlace(violation)}: ${violation.message}`),
    ),
  );
}
