/** docs/discover.schema.json is the schema of `discover --json`. `UPDATE=1 npx vitest run test/report/discovery-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Discovery } from '../../src/operations/discover.ts';
import { describeDiscovery, formatDiscoverySchema, toDiscoveryReport } from '../../src/report/discovery-report.ts';

const COPY = new URL('../../docs/discover.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatDiscoverySchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatDiscoverySchema()));
});

const place = (at: string) => ({ at }) as Discovery['images'][number]['evidence'][number];
const nothing: Discovery = { images: [], unknowable: [], advice: undefined, cluster: undefined, warnings: [] };

test('a row for each place, the image beside the first, and what runs without being in the release', () => {
  const discovery: Discovery = {
    ...nothing,
    images: [
      { reference: 'r.example/a:1', certainty: 'certain', verdict: 'certain', evidence: [place('x:1'), place('y:2')] },
      {
        reference: 'r.example/b:1',
        certainty: 'suspect',
        verdict: 'dismissed',
        reason: 'docs',
        evidence: [place('z:3')],
      },
    ],
    unknowable: ['an operator'],
    advice: ['c is not used'],
    cluster: [
      { reference: 'r.example/a:1', isInRelease: true, pods: ['ns/one'] },
      { reference: 'r.example/d:1', isInRelease: false, pods: ['ns/two', 'ns/three'] },
    ],
  };
  expect(describeDiscovery(discovery).map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
    'r.example/a:1 certain x:1',
    'y:2',
    'r.example/b:1 dismissed z:3',
    '(docs)',
    'unknowable: an operator',
    'advice: c is not used',
    'runs in the cluster, not in the release: r.example/d:1',
    'ns/two',
    'ns/three',
    '1 certain image, 0 suspects, 1 dismissed, 1 unknowable, 1 of 2 that run are not in the release',
  ]);
  expect(toDiscoveryReport(discovery)).toMatchObject({
    advice: ['c is not used'],
    cluster: [{ pods: ['ns/one'] }, {}],
  });
});

test('what was not asked for is not said to be none', () => {
  expect(describeDiscovery(nothing)).toEqual(['0 certain images, 0 suspects']);
  const report = toDiscoveryReport(nothing);
  expect(Object.keys(report).sort()).toEqual(['images', 'kind', 'schemaVersion', 'unknowable', 'warnings']);
});
