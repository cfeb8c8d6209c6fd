/** A report of a check as one page: nothing is fetched, no script runs, and it can be printed. */
import { toPrintable } from '../printable.ts';
import { describeCounts, describePlace } from './check-lines.ts';
import type { CheckReport } from './check-report.ts';

type ReportSubject = CheckReport['subjects'][number];
type ReportRule = CheckReport['rules'][number];

const VERDICTS = { pass: 'met', fail: 'not met', 'not-applicable': 'does not apply' } as const;

const STYLE = `
:root { color-scheme: light dark; --line: #8886; --good: #176b2c; --bad: #a4161a; }
@media (prefers-color-scheme: dark) { :root { --good: #7bd88f; --bad: #ff8f8f; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
.pass { color: var(--good); } .fail { color: var(--bad); font-weight: 600; }
@media print { body { max-width: none; margin: 0; } tr { break-inside: avoid; } h2 { break-after: avoid; } }
`;

/** The report as HTML, complete with its style. Everything that was read is text in it, never markup. */
export function toCheckHtml(report: CheckReport): string {
  const { release, checked, checkedAt, tool, profiles, scope, subjects, rules, warnings } = report;
  const title = `Check of ${release === undefined ? checked.join(', ') : `${release.name} ${release.version}`}`;
  const facts: readonly (readonly [string, string])[] = [
    ['Checked', checked.join(', ')],
    ...(release === undefined
      ? []
      : ([
          ['Digest', release.digest],
          ['Signed by', release.signers.join(', ')],
        ] as const)),
    ['Profiles', profiles.join(', ')],
    ['At', checkedAt],
    ['By', `airgap ${tool}`],
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escapeHtml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="${report.verdict}">${report.verdict === 'pass' ? 'Every rule is met.' : 'There are rules that are not met.'}</p>`,
    `<p>${escapeHtml(scope)}</p>`,
    '<dl>',
    ...facts.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`),
    '</dl>',
    ...(warnings.length === 0
      ? []
      : ['<h2>Not checked</h2>', '<ul>', ...warnings.map((text) => `<li>${escapeHtml(text)}</li>`), '</ul>']),
    ...subjects.flatMap((subject) => subjectHtml(subject, rules)),
    '<h2>What each rule proves, and what it cannot</h2>',
    '<dl>',
    ...rules.map(
      ({ id, proves, cannotProve }) =>
        `<dt><code>${escapeHtml(id)}</code></dt><dd>${escapeHtml(proves)}<br>It cannot prove: ${escapeHtml(cannotProve)}</dd>`,
    ),
    '</dl>',
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function subjectHtml(subject: ReportSubject, rules: readonly ReportRule[]): readonly string[] {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return [
    `<h2>${escapeHtml(subject.name)}</h2>`,
    `<p>${escapeHtml(describeCounts(subject))}; ${subject.objects.length} objects; Kubernetes ${escapeHtml(subject.kubernetes)} and later.</p>`,
    '<table>',
    '<thead><tr><th scope="col">Verdict</th><th scope="col">Rule</th><th scope="col">Serves</th></tr></thead>',
    '<tbody>',
    ...subject.results.map(({ rule: id, verdict, violations }) => {
      const rule = byId.get(id);
      const places = violations.map(
        (violation) =>
          `<li><code>${escapeHtml(describePlace(violation))}</code>: ${escapeHtml(violation.message)}</li>`,
      );
      const list = places.length === 0 ? '' : `<ul>${places.join('')}</ul>`;
      return (
        `<tr><td class="${verdict}">${VERDICTS[verdict]}</td>` +
        `<td>${escapeHtml(rule?.title ?? '')} (<code>${escapeHtml(id)}</code>)${list}</td>` +
        `<td>${escapeHtml(rule?.serves.join('; ') ?? '')}</td></tr>`
      );
    }),
    '</tbody>',
    '</table>',
    '<details open><summary>Objects</summary><ul>',
    ...subject.objects.map(
      ({ apiVersion, kind, namespace, name }) =>
        `<li>${escapeHtml(`${kind}/${name} (${apiVersion}${namespace === undefined ? '' : `, ${namespace}`})`)}</li>`,
    ),
    '</ul></details>',
  ];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return toPrintable(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
