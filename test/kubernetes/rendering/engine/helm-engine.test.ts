/** Helm's engine in its sandbox: the same bytes each time, notes apart, several charts at once, large ones in time. */
import { beforeAll, expect, test } from 'vitest';
import type { ChartRenderer } from '../../../../src/kubernetes/rendering/chart-renderer.ts';
import { chartYaml, CORPUS, packFiles, pod, requestFor, type CorpusChart } from '../corpus.ts';
import { HELM_ENGINE } from '../renderers.ts';

let engine: ChartRenderer | undefined;
beforeAll(async () => {
  engine = await HELM_ENGINE.open();
});

const chartOf = (name: string): CorpusChart => CORPUS.find((chart) => chart.name === name) as CorpusChart;

test('notes are told, and are no document', async (t) => {
  const renderer = engine ?? t.skip();
  const { notes, documents } = await renderer.render(await requestFor(chartOf('notes')));
  expect(notes).toBe('Thank you for notes, shop.\n');
  expect(documents.map(({ source }) => source)).toEqual(['notes/templates/app.yaml']);
});

test('time stands still and chance repeats itself: passwords, keys and dates are the same each time', async (t) => {
  const renderer = engine ?? t.skip();
  const template = [
    'a: {{ randAlphaNum 20 }}',
    'b: {{ now }}',
    'c: {{ uuidv4 }}',
    'd: {{ genPrivateKey "ecdsa" | sha256sum }}',
    'e: {{ (genSelfSignedCert "x" nil nil 365).Cert | sha256sum }}',
    'f: {{ bcrypt "secret" }}',
    'g: {{ shuffle "abcdefghijklmnop" }}',
  ].join('\n');
  const files = { 'Chart.yaml': chartYaml('chance'), 'templates/a.yaml': template };
  const request = await requestFor({ name: 'chance', files, holds: /./ });
  const [first, second] = [await renderer.render(request), await renderer.render(request)];
  expect(second).toEqual(first);
  expect(first.documents[0]?.text).toMatch(/^a: \w{20}\nb: 2020-01-01 00:00:00/);
  const lines = first.documents[0]?.text.split('\n') ?? [];
  expect(new Set(lines.map((line) => line.slice(3))).size).toBe(lines.length);
});

test('charts are rendered side by side', async (t) => {
  const renderer = engine ?? t.skip();
  const charts = ['tpl', 'several', 'nested'].map(chartOf);
  const rendered = await Promise.all(charts.map(async (chart) => renderer.render(await requestFor(chart))));
  for (const [index, { documents }] of rendered.entries()) {
    expect(documents.map(({ text }) => text).join('')).toMatch(charts[index]?.holds ?? /never/);
  }
});

test('five megabytes, and sixty charts in one, are rendered within the limits', async (t) => {
  const renderer = engine ?? t.skip();
  const large = `{{ range until 80 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{{ . }}\ndata:\n  text: {{ repeat 65536 "x" }}\n{{ end }}`;
  const big = await renderer.render(
    await requestFor({ name: 'big', files: { 'Chart.yaml': chartYaml('big'), 'templates/a.yaml': large }, holds: /./ }),
  );
  expect(big.documents).toHaveLength(80);
  const names = Array.from({ length: 60 }, (_, index) => `sub${index}`);
  const packages = await Promise.all(
    names.map((name) =>
      packFiles(name, { 'Chart.yaml': chartYaml(name), 'templates/p.yaml': pod(name, `r/${name}:1`) }),
    ),
  );
  const files = {
    'Chart.yaml': chartYaml(
      'many',
      `dependencies:\n${names.map((name) => `  - {name: ${name}, version: 1.2.3}\n`).join('')}`,
    ),
    ...Object.fromEntries(names.map((name, index) => [`charts/${name}-1.2.3.tgz`, packages[index] as Buffer])),
  };
  const many = await renderer.render(await requestFor({ name: 'many', files, holds: /./ }));
  expect(many.documents.map(({ source }) => source.split('/')[2]).sort()).toEqual([...names].sort());
});
