/** `airgap place` prints every decision with its reason, for people and for machines, or what cannot hold together. */
import { expect, test } from 'vitest';
import { PlacementReport } from '../../../../src/report/placement-report.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();

const RELEASE = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.0.0
platforms: [linux/amd64, linux/arm64]
components:
  - name: db
    images: [{reference: quay.io/a/db:1, platforms: [linux/amd64]}]
  - name: ui
`;
const FLEET = `apiVersion: airgap.hexabase.ai/v1
kind: Fleet
name: acme
clusters:
  - {name: core, role: primary, kind: on-premises, region: eu, capacity: {cpu: 8}, platforms: [linux/amd64]}
  - {name: twin, role: secondary, kind: aws, region: us}
  - {name: till, role: edge, kind: on-premises, region: eu, platforms: [linux/arm64]}
links:
  - {between: [core, twin], latencyMs: 80}
placement:
  db:
    replicate: data
    resources: {cpu: '3'}
`;

async function place(
  files: Readonly<Record<string, string>>,
  ...args: readonly string[]
): ReturnType<typeof cli.airgap> {
  await writeFiles(temp.path, { 'release.yaml': RELEASE, 'fleet.yaml': FLEET, ...files });
  return cli.airgap(['place', ...args], { cwd: temp.path });
}

test('each component with every cluster, what flows, and what is left', async () => {
  const { exitCode, stdout, stderr } = await place({});
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toBe(`db: 2 of 3 clusters
  yes  core  role primary; runs linux/amd64; takes cpu 3 of 8
  yes  twin  role secondary; a link leads to its primary; takes cpu 3 of what is not stated
  no   till  role edge, not primary or secondary or dr; runs linux/arm64, the component linux/amd64
  data flows from core to twin
ui: 1 of 3 clusters
  yes  core  role primary; runs linux/amd64
  no   twin  role secondary, not primary
  no   till  role edge, not primary

CLUSTER  COMPONENTS  FREE
core     db, ui      cpu 5
twin     db

2 components of demo 1.0.0 on 2 of 3 clusters of acme
`);
  const json = await place({}, 'release.yaml', '--fleet', 'fleet.yaml', '--json');
  const document = PlacementReport.parse(JSON.parse(json.stdout));
  expect(document.components.map(({ component, clusters }) => [component, clusters])).toEqual([
    ['db', ['core', 'twin']],
    ['ui', ['core']],
  ]);
  expect(document.clusters[0]).toEqual({ cluster: 'core', components: ['db', 'ui'], free: { cpu: '5' } });
});

test('a refusal names the constraints with their places, and says of each cluster why not', async () => {
  const { exitCode, stdout, stderr } = await place({ 'fleet.yaml': FLEET.replace("'3'", '12') });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: `error: fleet.yaml: these cannot hold together:
  fleet.yaml:13:22: db: needs cpu 12 on each cluster
  fleet.yaml:12:16: db: on a primary and on a secondary or dr that a link joins
  hint: change one of them, or add a cluster or capacity; without any one of them there is a placement of these components
`,
  });
  expect(stdout).toBe(`db: 0 of 3 clusters
  no  core  has cpu 8, needs 12
  no  twin  could take it, if nothing else spoke against it
  no  till  role edge, not primary or secondary or dr; runs linux/arm64, the component linux/amd64
`);
});

test('with --json the refusal is in the document, too', async () => {
  const { exitCode, stdout, stderr } = await place({ 'fleet.yaml': FLEET.replace("'3'", '12') }, '--json');
  expect(exitCode).toBe(2);
  const document = PlacementReport.parse(JSON.parse(stdout));
  expect(document).toMatchObject({ outcome: 'impossible', conflict: { isMinimal: true }, clusters: [] });
  expect(document.conflict?.constraints).toContainEqual({
    component: 'db',
    field: 'resources.cpu',
    text: 'needs cpu 12 on each cluster',
    at: 'fleet.yaml:13:22',
  });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'UNPLACEABLE', details: { constraints: 2 } } });
});

test('an entry for a component that is not there is refused, with the nearest name', async () => {
  const { exitCode, stderr } = await place({ 'fleet.yaml': FLEET.replace('  db:', '  dbs:') });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: `error: fleet.yaml:12:5: demo 1.0.0 has no component dbs (did you mean db?)
  hint: the release has db, ui
`,
  });
});

test('a fleet.yaml that is not there is asked for', async () => {
  await writeFiles(temp.path, { 'release.yaml': RELEASE });
  const { exitCode, stderr } = await cli.airgap(['place', '--fleet', 'other.yaml'], { cwd: temp.path });
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('other.yaml') as string });
});
