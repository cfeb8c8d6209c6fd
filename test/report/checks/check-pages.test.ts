/** The page and the Markdown of a report: everything is in it, nothing is fetched, and no text becomes markup. */
import { expect, test } from 'vitest';
import { evaluateRules } from '../../../src/compliance/evaluate.ts';
import { rulesOf } from '../../../src/compliance/profiles.ts';
import {
  checkLines,
  describeCounts,
  describeException,
  describePlace,
  describeUse,
} from '../../../src/report/checks/check-lines.ts';
import { countVerdicts } from '../../../src/report/checks/check-evidence.ts';
import { toCheckHtml } from '../../../src/report/checks/check-html.ts';
import { toCheckMarkdown } from '../../../src/report/checks/check-markdown.ts';
import { toCheckReport } from '../../../src/report/checks/check-report.ts';
import { makeSpoiled, toSubject } from '../../compliance/sound-objects.ts';

const HOSTILE = '<script>alert(1)</script> ![x](https://tracker.example/x) | \u202e';
const objects = makeSpoiled('Deployment', ['metadata', 'name'], HOSTILE);
const subject = toSubject([...Object.values(objects)], { isCarried: () => false, name: HOSTILE });
const rules = rulesOf([]);
const report = toCheckReport(
  {
    checked: ['release.tar'],
    checkedAt: '2026-11-27T12:00:00Z',
    tool: '0.1.0',
    release: { name: 'demo', version: '1.0.0', digest: `sha256:${'a'.repeat(64)}`, signers: ['b'.repeat(64)] },
    profiles: ['general'],
    warnings: [HOSTILE],
  },
  rules,
  evaluateRules(rules, [subject]),
);

test('the page names release, signer, rules and violations', () => {
  const html = toCheckHtml(report);
  const lacking = [
    ...['demo 1.0.0', `sha256:${'a'.repeat(64)}`, 'b'.repeat(64), 'no evidence of conduct'],
    ...rules.map(({ id }) => `<code>${id}</code>`),
    ...report.rules.map(({ title }) => title.replaceAll('&', '&amp;')),
    'spec.template.spec.containers[0].image',
    'ConfigMap/api (v1, app)',
  ].filter((text) => !html.includes(text));
  expect(lacking).toEqual([]);
});

test('one object is one object', () => {
  const [first] = report.subjects;
  const single = { ...report, subjects: first === undefined ? [] : [{ ...first, objects: first.objects.slice(0, 1) }] };
  expect(toCheckHtml(single)).toContain('; 1 object; Kubernetes 1.34');
  expect(toCheckMarkdown(single)).toContain('; 1 object; Kubernetes 1.34');
});

test('the page fetches nothing, and shows as text what would be markup', () => {
  const html = toCheckHtml(report);
  expect(html).not.toMatch(/<script|<img|<iframe|\ssrc=|\shref="(?!#|data:,")|url\(|@import/i);
  expect(html).not.toContain('\u202e');
  expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
});

test('in Markdown too, nothing that was read becomes markup', () => {
  const text = toCheckMarkdown(report);
  expect(text).not.toMatch(/(^|[^\\])<script|(^|[^\\])!\[/);
  expect(text).not.toContain('\u202e');
  expect(text).toContain(
    '| **not met** | image-pinned | Every image is named by digest, or travels with the release |',
  );
  expect(rules.filter(({ id }) => !text.includes(`\n- ${id}: `))).toEqual([]);
});

test('what was not read, and exceptions, have their sections where there are some, and only there', () => {
  const sections = (given: typeof report): string[] => [...toCheckHtml(given).matchAll(/<h2 id="([^"]+)">/g)].map(([, id = '']) => id); // prettier-ignore
  expect(sections(report)).toEqual(['not-checked', 'subject-1', 'rules']);
  const exceptions = [
    { rule: 'r', object: 'Deployment/api', until: '2027-01-01', expired: false, used: 2, at: 'f:1', reason: 'because' },
  ] as unknown as typeof report.exceptions;
  expect(sections({ ...report, warnings: [], exceptions })).toEqual(['subject-1', 'exceptions', 'rules']);
  expect(checkLines(report)[0]).toBe(`demo 1.0.0 (sha256:${'a'.repeat(64)})`);
  const { release: _, ...withoutRelease } = report;
  expect(checkLines(withoutRelease)[0]).toContain('for Kubernetes');
  expect(toCheckHtml(withoutRelease)).toContain('<title>Check of release.tar</title>');
  expect(toCheckHtml(withoutRelease)).not.toContain('Signed by');
  expect(checkLines(report)).not.toContain('Exceptions:');
  expect(checkLines({ ...report, exceptions })).toContain(
    '  r at Deployment/api: until 2027-01-01, needed at 2 places (f:1)',
  );
});

type Violation = Parameters<typeof describePlace>[0];
type Use = Parameters<typeof describeUse>[0];

test.each([
  [{ kind: 'Pod', name: 'a', field: 'spec', file: 'f.yaml', line: 2 }, 'f.yaml:2 Pod/a spec'],
  [{ kind: 'Pod', name: 'a', field: 'spec', file: 'f.yaml' }, 'f.yaml Pod/a spec'],
  [{ kind: 'Pod', name: '', namespace: 'ns', field: 'spec' }, 'Pod in ns spec'],
  [{ kind: 'Pod', name: '', field: 'spec' }, 'Pod in the cluster spec'],
])('the place of a violation: %j', (violation, words) => {
  expect(describePlace(violation as Violation)).toBe(words);
});

test.each([
  [undefined, []],
  [{ reason: 'r', until: 'u', expired: false }, ['excepted until u: r']],
  [{ reason: 'r', until: 'u', expired: true, approvedBy: 'me' }, ['exception ended on u, approved by me: r']],
])('the exception of a violation: %j', (exception, lines) => {
  expect(describeException({ exception } as Violation)).toEqual(lines);
});

test.each([
  [
    { rule: 'r', object: 'P/a', until: 'u', expired: true, used: 0, at: 'f:1' },
    'r at P/a: ended on u, nothing needs it (f:1)',
  ],
  [
    { rule: 'r', object: 'P/a', namespace: 'n', field: 'x', until: 'u', expired: false, used: 1, at: 'f:1' },
    'r at P/a in n x: until u, needed at 1 place (f:1)',
  ],
])('what became of an exception: %j', (use, line) => {
  expect(describeUse(use as Use)).toBe(line);
});

test('verdicts are counted, exceptions where there are some', () => {
  const results = ['pass', 'pass', 'fail', 'not-applicable'].map((verdict) => ({ verdict }));
  type Subject = Parameters<typeof describeCounts>[0];
  expect(describeCounts({ results } as Subject)).toBe('2 rules pass, 1 fail, 1 do not apply');
  const more = [...results, { verdict: 'excepted' }];
  expect(describeCounts({ results: more } as Subject)).toBe(
    '2 rules pass, 1 fail, 1 not met with an exception, 1 do not apply',
  );
});

test('over all that was checked, verdicts are counted by kind', () => {
  const results = ['pass', 'fail', 'not-applicable'].map((verdict) => ({ verdict }));
  const subjects = [{ results }, { results: results.slice(0, 1) }] as unknown as typeof report.subjects;
  expect(countVerdicts({ ...report, subjects })).toEqual({ pass: 2, fail: 1, excepted: 0, notApplicable: 1 });
});
