/** The evidence of a check that the archive of a release carries: its report, and what is stated of it. The same lock gives the same bytes. */
import { VERSION } from '../../base/version.ts';
import type { CheckEvidence } from '../../operations/build/build.ts';
import type { LockedCheck } from '../../operations/check/locked-check.ts';
import type { ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { CheckCounts, CheckPredicate } from '../../trust/provenance/check-statement.ts';
import { formatDocument } from '../json-document.ts';
import { toCheckReport, type CheckReport } from './check-report.ts';

/** What an archive carries of the check of its release, and the report itself. */
export function toCheckEvidence(
  { name, version, created }: ReleaseLock,
  { rules, profiles, texts, files, exceptions, results, warnings }: LockedCheck,
): CheckEvidence & { readonly document: CheckReport } {
  const document = toCheckReport(
    {
      checked: [`${name} ${version}`],
      checkedAt: created,
      tool: VERSION,
      profiles,
      ruleFiles: files,
      exceptions,
      warnings,
    },
    rules,
    results,
  );
  return {
    document,
    report: Buffer.from(formatDocument(document)),
    statement: toCheckPredicate(document),
    rules: texts,
  };
}

/** What a statement says of a report. */
export function toCheckPredicate(report: CheckReport): CheckPredicate {
  const { verdict, checkedAt, tool, profiles } = report;
  return { verdict, checkedAt, toolVersion: tool, profiles: [...profiles], counts: countVerdicts(report) };
}

/** How often rules were met and not, over all that was checked. */
export function countVerdicts({ subjects }: CheckReport): CheckCounts {
  const counts = { pass: 0, fail: 0, excepted: 0, notApplicable: 0 };
  for (const { verdict } of subjects.flatMap(({ results }) => results)) {
    counts[verdict === 'not-applicable' ? 'notApplicable' : verdict] += 1;
  }
  return counts;
}
