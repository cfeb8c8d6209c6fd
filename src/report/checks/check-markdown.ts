/** A report of a check as Markdown, for a pull request or a wiki. */
import { toPrintable } from '../printable.ts';
import { describeCounts, describePlace } from './check-lines.ts';
import type { CheckReport } from './check-report.ts';

const VERDICTS = { pass: 'met', fail: '**not met**', 'not-applicable': 'does not apply' } as const;

/** The report as Markdown. Everything that was read is text in it, never markup. */
export function toCheckMarkdown(report: CheckReport): string {
  const { release, checked, checkedAt, tool, profiles, scope, subjects, rules, warnings } = report;
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return [
    `# Check of ${escapeMarkdown(release === undefined ? checked.join(', ') : `${release.name} ${release.version}`)}`,
    '',
    report.verdict === 'pass' ? 'Every rule is met.' : '**There are rules that are not met.**',
    '',
    scope,
    '',
    `- Checked: ${escapeMarkdown(checked.join(', '))}`,
    ...(release === undefined
      ? []
      : [`- Digest: ${release.digest}`, `- Signed by: ${escapeMarkdown(release.signers.join(', '))}`]),
    `- Profiles: ${profiles.join(', ')}`,
    `- At: ${checkedAt}, by airgap ${tool}`,
    ...warnings.map((text) => `- Not checked: ${escapeMarkdown(text)}`),
    ...subjects.flatMap((subject) => [
      '',
      `## ${escapeMarkdown(subject.name)}`,
      '',
      `${describeCounts(subject)}; ${subject.objects.length} objects; Kubernetes ${subject.kubernetes} and later.`,
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
          (violation) => `- ${rule}: ${escapeMarkdown(describePlace(violation))}: ${escapeMarkdown(violation.message)}`,
        ),
      ),
    ]),
    '',
    '## What each rule proves, and what it cannot',
    '',
    ...rules.map(
      ({ id, proves, cannotProve }) =>
        `- ${id}: ${escapeMarkdown(proves)} It cannot prove: ${escapeMarkdown(cannotProve)}`,
    ),
    '',
  ].join('\n');
}

function escapeMarkdown(text: string): string {
  return toPrintable(text).replace(/[\\`*_{}[\]<>#|!&]/g, '\\$&');
}
