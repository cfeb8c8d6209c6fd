/** Exceptions: places at which a rule may stay unmet, for a time and a reason. They are shown, and never make a rule met. */
import { matchesGlob } from '../oci/image-pattern.ts';
import type { Violation } from './rule.ts';

/** One exception, as its file says it. */
export interface RuleException {
  readonly rule: string;
  /** `Deployment/legacy`, with `*` for any characters; a kind alone for an object that is missing. */
  readonly object: string;
  readonly namespace?: string | undefined;
  readonly field?: string | undefined;
  readonly reason: string;
  readonly approvedBy?: string | undefined;
  /** The last day on which it counts, in UTC: `2027-01-31`. */
  readonly until: string;
  /** Where it is written: `rules.yaml:12`. */
  readonly at: string;
}

/** A violation, and the exception that is made for it. */
export interface ExceptedViolation extends Violation {
  readonly exception?: RuleException | undefined;
  /** Whether that exception has ended, so that the violation counts. */
  readonly isExpired?: boolean | undefined;
}

/** Whether an exception counts no longer. @param now a moment in UTC, `2026-01-31T12:00:00Z` */
export function isExpired({ until }: Pick<RuleException, 'until'>, now: string): boolean {
  return now.slice(0, 'YYYY-MM-DD'.length) > until;
}

/**
 * Gives each violation of a rule the exception that is made for it: one that still counts, else one that has ended.
 * @param now a moment in UTC, `2026-01-31T12:00:00Z`
 */
export function applyExceptions(
  rule: string,
  violations: readonly Violation[],
  exceptions: readonly RuleException[],
  now: string,
): readonly ExceptedViolation[] {
  const own = exceptions.filter((exception) => exception.rule === rule);
  if (own.length === 0) return violations;
  return violations.map((violation) => {
    const fitting = own.filter((exception) => isAbout(exception, violation));
    const exception = fitting.find((each) => !isExpired(each, now)) ?? fitting[0];
    if (exception === undefined) return violation;
    return { ...violation, exception, ...(isExpired(exception, now) ? { isExpired: true } : {}) };
  });
}

function isAbout({ object, namespace, field }: RuleException, violation: Violation): boolean {
  const [kind = '', name = ''] = object.split('/');
  return (
    matchesGlob(kind, violation.kind) &&
    matchesGlob(name, violation.name) &&
    (namespace === undefined || matchesGlob(namespace, violation.namespace ?? '')) &&
    (field === undefined || matchesGlob(field, violation.field))
  );
}
