/** The page and the Markdown of a report: everything is in it, nothing is fetched, and no text becomes markup. */
import { expect, test } from 'vitest';
import { evaluateRules } from '../../../src/compliance/evaluate.ts';
import { rulesOf } from '../../../src/compliance/profiles.ts';
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
    'spec.template.spec.containers[0].image',
    'ConfigMap/api (v1, app)',
  ].filter((text) => !html.includes(text));
  expect(lacking).toEqual([]);
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
