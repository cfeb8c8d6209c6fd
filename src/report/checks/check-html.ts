/** A report of a check as one page: nothing is fetched, no script runs, and it can be printed. */
import { formatCount } from '../format.ts';
import { toPrintable } from '../printable.ts';
import { describeCounts, describeException, describePlace, describeUse } from './check-lines.ts';
import type { CheckReport } from './check-report.ts';
import {
  comparisonSections,
  describeComparison,
  describeEarlier,
  notCompared,
  type ComparisonItem,
} from './comparison-lines.ts';
import type { CheckComparison } from './comparison-schema.ts';

type ReportSubject = CheckReport['subjects'][number];
type ReportRule = CheckReport['rules'][number];
type ReportResult = ReportSubject['results'][number];

const VERDICTS = {
  pass: 'met',
  fail: 'not met',
  excepted: 'not met, excepted',
  'not-applicable': 'does not apply',
} as const;
const OUTCOMES = {
  pass: 'Every rule is met.',
  fail: 'There are rules that are not met.',
  excepted: 'There are rules that are not met; each has an exception.',
} as const;

// Both colours of each verdict have a contrast of 4.5 and more to the canvas of browsers, and words stand beside them.
const STYLE = `
:root { color-scheme: light dark; --line: #8886; --good: #176b2c; --bad: #a4161a; --warn: #7a4b00; }
@media (prefers-color-scheme: dark) { :root { --good: #7bd88f; --bad: #ff8f8f; --warn: #f2c46d; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3, p, li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; padding: .4rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top; }
th[scope=row] { font-weight: normal; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem; overflow-wrap: anywhere; }
code { overflow-wrap: anywhere; }
.pass { color: var(--good); } .fail { color: var(--bad); font-weight: 600; } .excepted { color: var(--warn); font-weight: 600; }
.skip { position: absolute; left: -99rem; } .skip:focus { position: static; }
@media print { body { max-width: none; margin: 0; } tr { break-inside: avoid; } h2 { break-after: avoid; } nav, .skip { display: none; } }
`;

/** The report as HTML, complete with its style. Everything that was read is text in it, never markup. */
export function toCheckHtml(report: CheckReport): string {
  const { release, checked, scope, subjects, rules, exceptions, warnings, comparison } = report;
  const title = `Check of ${release === undefined ? checked.join(', ') : `${release.name} ${release.version}`}`;
  const sections = [
    ...(warnings.length === 0 ? [] : [listSection('not-checked', 'Not checked', warnings)]),
    ...(comparison === undefined ? [] : [comparisonSection(comparison)]),
    ...subjects.map((subject, index) => subjectSection(`subject-${index + 1}`, subject, rules)),
    ...(exceptions.length === 0
      ? []
      : [
          listSection(
            'exceptions',
            'Exceptions',
            exceptions.map((exception) => `${describeUse(exception)}: ${exception.reason}`),
          ),
        ]),
    rulesSection(rules),
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    // Without one, browsers ask for /favicon.ico beside a page that is served.
    '<link rel="icon" href="data:,">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<a class="skip" href="#results">To the results</a>',
    '<header>',
    `<h1>${escapeHtml(title)}</h1>`,
    `<p class="${report.verdict}">${OUTCOMES[report.verdict]}</p>`,
    `<p>${escapeHtml(scope)}</p>`,
    '<dl>',
    ...factsOf(report).map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`),
    '</dl>',
    '</header>',
    '<nav aria-label="Contents"><ul>',
    ...sections.map(({ id, heading }) => `<li><a href="#${id}">${escapeHtml(heading)}</a></li>`),
    '</ul></nav>',
    '<main id="results" tabindex="-1">',
    ...sections.flatMap(({ id, heading, lines }) => [
      `<section aria-labelledby="${id}">`,
      `<h2 id="${id}">${escapeHtml(heading)}</h2>`,
      ...lines,
      '</section>',
    ]),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

interface Section {
  readonly id: string;
  readonly heading: string;
  readonly lines: readonly string[];
}

function factsOf({ release, checked, checkedAt, tool, profiles, ruleFiles }: CheckReport) {
  const signed =
    release === undefined
      ? []
      : [['Digest', release.digest] as const, ['Signed by', release.signers.join(', ')] as const];
  const own = ruleFiles.map(({ name, digest }) => ['Rules of the site', `${name} (${digest})`] as const);
  return [
    ['Checked', checked.join(', ')] as const,
    ...signed,
    ['Profiles', profiles.join(', ')] as const,
    ...own,
    ['At', checkedAt] as const,
    ['By', `airgap ${tool}`] as const,
  ];
}

function listSection(id: string, heading: string, texts: readonly string[]): Section {
  return { id, heading, lines: ['<ul>', ...texts.map((text) => `<li>${escapeHtml(text)}</li>`), '</ul>'] };
}

const COMPARED = { worse: 'fail', incomplete: 'excepted', better: 'pass', same: 'pass' } as const;

function comparisonSection(comparison: CheckComparison): Section {
  const lines = [
    `<p class="${COMPARED[comparison.verdict]}">${describeComparison(comparison)}</p>`,
    `<p>Compared with ${escapeHtml(describeEarlier(comparison))}.</p>`,
    ...comparisonSections(comparison).flatMap(({ heading, items, counts }) => [
      `<h3>${escapeHtml(heading)}</h3>`,
      `<p>${counts}.</p>`,
      ...(items.length === 0 ? [] : ['<ul>', ...items.map(comparisonItem), '</ul>']),
    ]),
    ...notCompared(comparison).map((text) => `<p>${escapeHtml(text)}</p>`),
  ];
  return { id: 'comparison', heading: 'Since the earlier report', lines };
}

function comparisonItem({ text, places }: ComparisonItem): string {
  const list = places.map((place) => `<li><code>${escapeHtml(place)}</code></li>`).join('');
  return `<li>${escapeHtml(text)}${list === '' ? '' : `<ul>${list}</ul>`}</li>`;
}

function rulesSection(rules: readonly ReportRule[]): Section {
  const lines = rules.map(
    ({ id, shows, cannotShow }) =>
      `<dt><code>${escapeHtml(id)}</code></dt><dd>${escapeHtml(shows)}<br>It cannot show: ${escapeHtml(cannotShow)}</dd>`,
  );
  return { id: 'rules', heading: 'What each rule shows, and what it cannot', lines: ['<dl>', ...lines, '</dl>'] };
}

function subjectSection(id: string, subject: ReportSubject, rules: readonly ReportRule[]): Section {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  const counts = `${describeCounts(subject)}; ${formatCount(subject.objects.length, 'object')}; Kubernetes ${subject.kubernetes} and later.`;
  const lines = [
    `<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">`,
    '<table>',
    `<caption>${escapeHtml(counts)}</caption>`,
    '<thead><tr><th scope="col">Verdict</th><th scope="col">Rule</th><th scope="col">Serves</th></tr></thead>',
    '<tbody>',
    ...subject.results.map((result) => resultRow(result, byId.get(result.rule))),
    '</tbody>',
    '</table>',
    '</div>',
    '<details open><summary>Objects</summary><ul>',
    ...subject.objects.map(
      ({ apiVersion, kind, namespace, name }) =>
        `<li>${escapeHtml(`${kind}/${name} (${apiVersion}${namespace === undefined ? '' : `, ${namespace}`})`)}</li>`,
    ),
    '</ul></details>',
  ];
  return { id, heading: subject.name, lines };
}

function resultRow({ rule: id, verdict, violations }: ReportResult, rule: ReportRule | undefined): string {
  const places = violations.map((violation) => {
    const notes = describeException(violation).map((text) => `<br><span class="excepted">${escapeHtml(text)}</span>`);
    return `<li><code>${escapeHtml(describePlace(violation))}</code>: ${escapeHtml(violation.message)}${notes.join('')}</li>`;
  });
  const list = places.length === 0 ? '' : `<ul>${places.join('')}</ul>`;
  return (
    `<tr><td class="${verdict}">${VERDICTS[verdict]}</td>` +
    `<th scope="row">${escapeHtml(rule?.title ?? '')} (<code>${escapeHtml(id)}</code>)${list}</th>` +
    `<td>${escapeHtml(rule?.serves.join('; ') ?? '')}</td></tr>`
  );
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
