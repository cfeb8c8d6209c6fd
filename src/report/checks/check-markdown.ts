/** A report of a check as Markdown, for a pull request or a wiki. */
import { formatCount } from '../format.ts';
import { toPrintable } from '../printable.ts';
import { describeCounts, describeException, describePlace, describeUse } from './check-lines.ts';
import type { CheckReport } from './check-report.ts';
import { comparisonSections, describeComparison, describeEarlier, notCompared } from './comparison-lines.ts';
import type { CheckComparison } from './comparison-schema.ts';

const VERDICTS = {
  pass: 'met',
  fail: '**not met**',
  excepted: '**not met**, excepted',
  'not-applicable': 'does not apply',
} as const;
const OUTCOMES = {
  pass: 'Every rule is met.',
  fail: '**There are rules that are not met.**',
  excepted: '**There are rules that are not met; each has an exception.**',
} as const;

/** The report as Markdown. Everything that was read is text in it, never markup. */
export function toCheckMarkdown(report: CheckReport): string {
  const { release, checked, checkedAt, tool, profiles, ruleFiles, scope, subjects, rules, exceptions, warnings } =
    report;
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return [
    `# Check of ${escapeMarkdown(release === undefined ? checked.join(', ') : `${release.name} ${release.version}`)}`,
    '',
    OUTCOMES[report.verdict],
    '',
    scope,
    '',
    `- Checked: ${escapeMarkdown(checked.join(', '))}`,
    ...(release === undefined
      ? []
      : [`- Digest: ${release.digest}`, `- Signed by: ${escapeMarkdown(release.signers.join(', '))}`]),
    `- Profiles: ${profiles.join(', ')}`,
    ...ruleFiles.map(({ name, digest }) => `- Rules of the site: ${escapeMarkdown(name)} (${digest})`),
    `- At: ${checkedAt}, by airgap ${tool}`,
    ...warnings.map((text) => `- Not checked: ${escapeMarkdown(text)}`),
    ...subjects.flatMap((subject) => [
      '',
      `## ${escapeMarkdown(subject.name)}`,
      '',
      `${describeCounts(subject)}; ${formatCount(subject.objects.length, 'object')}; Kubernetes ${subject.kubernetes} and later.`,
      '',
      '| verdict | rule | demands | serves |',
      '| --- | --- | --- | --- |',
      ...subject.results.map(({ rule, verdict }) => {
        const { title = '', serves = [] } = byId.get(rule) ?? {};
        return `| ${VERDICTS[verdict]} | ${rule} | ${escapeMarkdown(title)} | ${escapeMarkdown(serves.join('; '))} |`;
      }),
      '',
      ...subject.results.flatMap(({ rule, violations }) =>
        violations.map(
          (violation) =>
            `- ${rule}: ${[`${describePlace(violation)}: ${violation.message}`, ...describeException(violation)].map(escapeMarkdown).join('; ')}`,
        ),
      ),
    ]),
    ...(exceptions.length === 0
      ? []
      : [
          '',
          '## Exceptions',
          '',
          ...exceptions.map((exception) => `- ${escapeMarkdown(`${describeUse(exception)}: ${exception.reason}`)}`),
        ]),
    ...(report.comparison === undefined ? [] : comparisonSection(report.comparison)),
    '',
    '## What each rule shows, and what it cannot',
    '',
    ...rules.map(
      ({ id, shows, cannotShow }) => `- ${id}: ${escapeMarkdown(shows)} It cannot show: ${escapeMarkdown(cannotShow)}`,
    ),
    '',
  ].join('\n');
}

function comparisonSection(comparison: CheckComparison): readonly string[] {
  return [
    '',
    '## Since the earlier report',
    '',
    comparison.verdict === 'worse' ? `**${describeComparison(comparison)}**` : describeComparison(comparison),
    '',
    `Compared with ${escapeMarkdown(describeEarlier(comparison))}.`,
    ...comparisonSections(comparison).flatMap(({ heading, items, counts }) => [
      '',
      `### ${escapeMarkdown(heading)}`,
      '',
      `${counts}.`,
      '',
      ...items.flatMap(({ text, places }) => [
        `- ${escapeMarkdown(text)}`,
        ...places.map((place) => `  - ${escapeMarkdown(place)}`),
      ]),
    ]),
    ...notCompared(comparison).flatMap((text) => ['', escapeMarkdown(text)]),
  ];
}

function escapeMarkdown(text: string): string {
  return toPrintable(text).replace(/[\\`*_{}[\]<>#|!&]/g, '\\$&');
}
