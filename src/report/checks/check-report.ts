/** What `airgap check --json` prints: what was checked, by which rules, each verdict, and each violation with its place. */
import * as z from 'zod';
import type { SubjectResult } from '../../compliance/evaluate.ts';
import { isExpired, type ExceptedViolation, type RuleException } from '../../compliance/exceptions.ts';
import type { Rule } from '../../compliance/rule.ts';
import { DigestText } from '../../content/content-graph.ts';
import type { Digest } from '../../oci/digest.ts';
import { toComparison, type ComparedReport } from './comparison-report.ts';
import { CheckComparison, ReportRelease } from './comparison-schema.ts';

/** Where the schema is published. */
const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/check-report-v1.schema.json';
const DIGEST = { type: 'string', pattern: '^sha256:[a-f0-9]{64}$' } as const;

const VERDICT = ['pass', 'fail', 'excepted'] as const;

const Count = z.int().min(0);

const ReportViolation = z.strictObject({
  kind: z.string(),
  name: z.string().describe('Empty for an object that is missing.'),
  namespace: z.string().optional(),
  file: z.string().optional().describe('Where the object was read; absent for one that is missing.'),
  line: z.int().min(1).optional(),
  field: z.string().describe('Such as spec.template.spec.containers[0].image.'),
  message: z.string(),
  exception: z
    .strictObject({
      reason: z.string(),
      approvedBy: z.string().optional(),
      until: z.string().describe('The last day on which it counts.'),
      expired: z.boolean().describe('Whether it has ended, so that the violation counts.'),
    })
    .optional()
    .describe('Why it may stay so for a time. The rule is not met all the same.'),
});

type ReportViolation = z.infer<typeof ReportViolation>;

const ReportRule = z.strictObject({
  id: z.string(),
  title: z.string(),
  severity: z.enum(['high', 'medium', 'low']),
  serves: z.array(z.string()).describe('Articles, sections and standards.'),
  shows: z.string(),
  cannotShow: z.string(),
});

const ReportSubject = z.strictObject({
  name: z.string().describe('A chart with a set of values, manifests, or a cluster.'),
  live: z.boolean().describe('Whether these are objects of a cluster that runs.'),
  kubernetes: z.string().describe('The oldest version it is meant for.'),
  objects: z.array(
    z.strictObject({
      apiVersion: z.string(),
      kind: z.string(),
      namespace: z.string().optional(),
      name: z.string(),
    }),
  ),
  results: z.array(
    z.strictObject({
      rule: z.string().describe('Its id.'),
      verdict: z.enum([...VERDICT, 'not-applicable']),
      looked: Count.describe('How many things the rule applied to.'),
      violations: z.array(ReportViolation),
    }),
  ),
});

type ReportSubject = z.infer<typeof ReportSubject>;

/** Version 1 of the report of a check. */
export const CheckReport = z
  .strictObject({
    schemaVersion: z.literal(1),
    kind: z.literal('check'),
    checked: z.array(z.string()).describe('What was named on the command line.'),
    checkedAt: z.string().describe('By the clock of the machine.'),
    tool: z.string().describe('Version of this program.'),
    release: ReportRelease.optional().describe(
      'The archive that was checked; absent for files that no one signed, and for a cluster.',
    ),
    profiles: z.array(z.string()),
    ruleFiles: z
      .array(z.strictObject({ name: z.string(), digest: DigestText.meta(DIGEST) }))
      .describe('Files of rules and exceptions beside those of the product.'),
    verdict: z.enum(VERDICT).describe('Of all rules: excepted where some are not met, all of them with an exception.'),
    scope: z.string().describe('What a report of this kind is evidence of, and of what it is not.'),
    rules: z.array(ReportRule),
    subjects: z.array(ReportSubject),
    exceptions: z
      .array(
        z.strictObject({
          rule: z.string(),
          object: z.string(),
          namespace: z.string().optional(),
          field: z.string().optional(),
          reason: z.string(),
          approvedBy: z.string().optional(),
          until: z.string(),
          at: z.string().describe('Where it is written.'),
          expired: z.boolean(),
          used: Count.describe('At how many places it was needed.'),
        }),
      )
      .describe('All that were made, also those that nothing needs.'),
    warnings: z.array(z.string()).describe('What was not checked, or not as it will be deployed.'),
    comparison: CheckComparison.optional().describe('Where it was compared with an earlier report.'),
  })
  .describe('The outcome of checking configuration against rules.');
export type CheckReport = z.infer<typeof CheckReport>;

/** What every report says of itself. */
const SCOPE =
  'This report is evidence of configuration: of what the named objects say at the time of the check. It is no evidence ' +
  'of conduct: of what people do, of what programs do with data, or of what a cluster does with these objects.';

/** What a report is made of, beside the verdicts. */
export type ReportFacts = Pick<CheckReport, 'checkedAt' | 'tool' | 'release'> & {
  readonly checked: readonly string[];
  readonly profiles: readonly string[];
  readonly ruleFiles?: readonly { readonly file: string; readonly digest: Digest }[] | undefined;
  readonly exceptions?: readonly RuleException[] | undefined;
  readonly warnings: readonly string[];
};

/** The report of a check; with what it is compared with, what became of that. */
export function toCheckReport(
  facts: ReportFacts,
  rules: readonly Rule[],
  checked: readonly SubjectResult[],
  compared?: ComparedReport,
): CheckReport {
  const { release, checkedAt, tool, ruleFiles = [], exceptions = [] } = facts;
  const verdicts = checked.flatMap(({ results }) => results.map(({ verdict }) => verdict));
  const subjects = checked.map(toReportSubject);
  return {
    schemaVersion: 1,
    kind: 'check',
    checked: [...facts.checked],
    checkedAt,
    tool,
    ...(release === undefined ? {} : { release }),
    profiles: [...facts.profiles],
    ruleFiles: ruleFiles.map(({ file, digest }) => ({ name: file, digest })),
    verdict: VERDICTS.find((each) => verdicts.includes(each)) ?? 'pass',
    scope: SCOPE,
    rules: rules.map(({ id, title, severity, serves, shows, cannotShow }) => ({
      id,
      title,
      severity,
      serves: [...serves],
      shows,
      cannotShow,
    })),
    subjects,
    exceptions: exceptions.map((exception) => ({
      ...exception,
      expired: isExpired(exception, checkedAt),
      used: countUses(exception, checked),
    })),
    warnings: [...facts.warnings],
    ...(compared === undefined ? {} : { comparison: toComparison(compared, subjects) }),
  };
}

function toReportSubject({ subject, results }: SubjectResult): ReportSubject {
  return {
    name: subject.name,
    live: subject.isLive,
    kubernetes: `1.${subject.kubeMinor}`,
    objects: subject.resources.map(({ apiVersion, kind, namespace, name }) => ({
      apiVersion,
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
    })),
    results: results.map(({ rule, verdict, looked, violations }) => ({
      rule: rule.id,
      verdict,
      looked,
      violations: violations.map(toReportViolation),
    })),
  };
}

/** From the worst to the best: what all rules together come to. */
const VERDICTS = ['fail', 'excepted', 'pass'] as const;

function toReportViolation({
  exception,
  isExpired: expired = false,
  ...violation
}: ExceptedViolation): ReportViolation {
  if (exception === undefined) return violation;
  const { reason, approvedBy, until } = exception;
  return { ...violation, exception: { reason, ...(approvedBy === undefined ? {} : { approvedBy }), until, expired } };
}

function countUses(exception: RuleException, checked: readonly SubjectResult[]): number {
  const violations = checked.flatMap(({ results }) => results.flatMap((result) => result.violations));
  return violations.filter((violation) => violation.exception === exception).length;
}

/** The JSON Schema as text with a newline at the end: what docs/check-report.schema.json holds. */
export function formatCheckSchema(): string {
  const schema = z.toJSONSchema(CheckReport, { target: 'draft-2020-12', unrepresentable: 'any' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Check report', ...schema }, null, 2)}\n`;
}
