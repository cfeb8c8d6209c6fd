/** A report of a check, for people: a line for each rule, and below it each violation with its place. */
import { formatCount, formatTable } from '../format.ts';
import type { CheckReport } from './check-report.ts';

const WORDS = { pass: 'pass', fail: 'FAIL', 'not-applicable': '-' } as const;

type ReportSubject = CheckReport['subjects'][number];
type ReportViolation = ReportSubject['results'][number]['violations'][number];

/** The report, line by line. */
export function checkLines({ release, rules, subjects }: CheckReport): readonly string[] {
  const titles = new Map(rules.map(({ id, title }) => [id, title]));
  return [
    ...(release === undefined ? [] : [`${release.name} ${release.version} (${release.digest})`]),
    ...subjects.flatMap((subject) => [
      `${subject.name}: ${formatCount(subject.objects.length, 'object')}, for Kubernetes ${subject.kubernetes} and later`,
      ...subject.results.flatMap(({ rule, verdict, violations }) => [
        ...formatTable([[WORDS[verdict].padEnd(4), `${rule}: ${titles.get(rule) ?? ''}`]], '  '),
        ...violations.map((violation) => `        ${describePlace(violation)}: ${violation.message}`),
      ]),
      `  ${describeCounts(subject)}`,
      '',
    ]),
    'Configuration was checked, and not conduct: docs/compliance.md says what each rule cannot prove.',
  ];
}

/** `manifests/app.yaml:21 Deployment/api spec.replicas` */
export function describePlace({ kind, name, namespace, file, line, field }: ReportViolation): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`} `;
  const object = name === '' ? `${kind} in ${namespace ?? 'the cluster'}` : `${kind}/${name}`;
  return `${place}${object} ${field}`;
}

/** `24 rules pass, 2 fail, 3 do not apply` */
export function describeCounts({ results }: ReportSubject): string {
  const count = (verdict: keyof typeof WORDS): number => results.filter((result) => result.verdict === verdict).length;
  const [pass, fail, other] = [count('pass'), count('fail'), count('not-applicable')];
  return `${formatCount(pass, 'rule')} pass, ${fail} fail, ${other} do not apply`;
}
