/** A report of a check, for people: a line for each rule, and below it each violation with its place. */
import { formatCount, formatTable } from '../format.ts';
import type { CheckReport } from './check-report.ts';
import { comparisonLines } from './comparison-lines.ts';

const WORDS = { pass: 'pass', fail: 'FAIL', excepted: 'EXC', 'not-applicable': '-' } as const;

type ReportSubject = CheckReport['subjects'][number];
type ReportException = CheckReport['exceptions'][number];
type ReportViolation = ReportSubject['results'][number]['violations'][number];

/** The report, line by line. */
export function checkLines({ release, rules, subjects, exceptions, comparison }: CheckReport): readonly string[] {
  const titles = new Map(rules.map(({ id, title }) => [id, title]));
  return [
    ...(release === undefined ? [] : [`${release.name} ${release.version} (${release.digest})`]),
    ...subjects.flatMap((subject) => [
      `${subject.name}: ${formatCount(subject.objects.length, 'object')}, for Kubernetes ${subject.kubernetes} and later`,
      ...subject.results.flatMap(({ rule, verdict, violations }) => [
        ...formatTable([[WORDS[verdict].padEnd(4), `${rule}: ${titles.get(rule) ?? ''}`]], '  '),
        ...violations.flatMap((violation) => [
          `        ${describePlace(violation)}: ${violation.message}`,
          ...describeException(violation).map((line) => `          ${line}`),
        ]),
      ]),
      `  ${describeCounts(subject)}`,
      '',
    ]),
    ...(exceptions.length === 0
      ? []
      : ['Exceptions:', ...exceptions.map((exception) => `  ${describeUse(exception)}`), '']),
    ...(comparison === undefined ? [] : comparisonLines(comparison)),
    'Configuration was checked, and not conduct: docs/compliance.md says what each rule cannot show.',
  ];
}

/** `manifests/app.yaml:21 Deployment/api spec.replicas` */
export function describePlace({ kind, name, namespace, file, line, field }: ReportViolation): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`} `;
  const object = name === '' ? `${kind} in ${namespace ?? 'the cluster'}` : `${kind}/${name}`;
  return `${place}${object} ${field}`;
}

/** Why a violation may stay, or that it may no longer. */
export function describeException({ exception }: ReportViolation): readonly string[] {
  if (exception === undefined) return [];
  const { reason, approvedBy, until, expired } = exception;
  const by = approvedBy === undefined ? '' : `, approved by ${approvedBy}`;
  return [`${expired ? `exception ended on ${until}` : `excepted until ${until}`}${by}: ${reason}`];
}

/** One exception, and what became of it. */
export function describeUse({ rule, object, namespace, field, until, expired, used, at }: ReportException): string {
  const place = [
    object,
    ...(namespace === undefined ? [] : [`in ${namespace}`]),
    ...(field === undefined ? [] : [field]),
  ];
  const state = expired ? `ended on ${until}` : `until ${until}`;
  const use = used === 0 ? 'nothing needs it' : `needed at ${formatCount(used, 'place')}`;
  return `${rule} at ${place.join(' ')}: ${state}, ${use} (${at})`;
}

/** `24 rules pass, 2 fail, 3 do not apply`, with those that are excepted, where there are any. */
export function describeCounts({ results }: ReportSubject): string {
  const count = (verdict: keyof typeof WORDS): number => results.filter((result) => result.verdict === verdict).length;
  const excepted = count('excepted');
  const words = [
    `${formatCount(count('pass'), 'rule')} pass`,
    `${count('fail')} fail`,
    ...(excepted === 0 ? [] : [`${excepted} not met with an exception`]),
    `${count('not-applicable')} do not apply`,
  ];
  return words.join(', ');
}
