/** What a fleet's deployment prints. `UPDATE=1` writes docs/fleet-deploy.schema.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { ClusterError, IncompleteError } from '../../../src/errors.ts';
import type { ClusterOutcome } from '../../../src/operations/fleet/roll-out.ts';
import type { ClusterTask } from '../../../src/operations/fleet/cluster-tasks.ts';
import {
  describeFleetDeployment,
  FleetDeployReport,
  formatFleetDeploySchema,
  toFleetDeployReport,
  type ClusterResult,
  type FleetDeployment,
} from '../../../src/report/fleet/fleet-deploy-report.ts';
import { cluster, toFleet } from '../../fleet/fleet-document.ts';

const COPY = new URL('../../../docs/fleet-deploy.schema.json', import.meta.url);
const { clusters } = toFleet({
  clusters: ['a', 'b', 'c', 'd'].map((name) => cluster(name, name === 'a' ? 'primary' : 'edge')),
});
const tasks: readonly ClusterTask[] = clusters.map((each) => ({
  cluster: each,
  components: ['db', 'ui'],
  platforms: each.name === 'd' ? ['linux/arm64'] : undefined,
  profile: each.role,
}));
const done = {
  kind: 'done',
  value: { document: { kind: 'deploy' }, lines: ['deployed shop'], hasChanges: false },
} as const satisfies ClusterOutcome<ClusterResult>;
const shortfall = new IncompleteError('EVIDENCE_LOST', 'a signature is lost');
const failed = new ClusterError('NOT_READY', 'step platform: not ready\n  Pod x', { hint: 'look at it' });
const DEPLOYMENT: FleetDeployment = {
  ...{ fleet: 'acme', release: { name: 'shop', version: '1.0.0' }, isPlan: false, tasks },
  outcomes: new Map<string, ClusterOutcome<ClusterResult>>([
    ['a', { ...done, value: { ...done.value, shortfall } }],
    ['b', { kind: 'failed', error: failed }],
    ['c', { kind: 'not begun', since: 'a' }],
    ['d', done],
  ]),
};

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatFleetDeploySchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatFleetDeploySchema()));
});

test('a line for each cluster says how it ended and why', () => {
  expect(describeFleetDeployment(DEPLOYMENT)).toEqual([
    'a:',
    '  deployed shop',
    '',
    'd:',
    '  deployed shop',
    '',
    'CLUSTER  ROLE     PROFILE  COMPONENTS  OUTCOME',
    'a        primary  primary  db, ui      deployed, but EVIDENCE_LOST: a signature is lost',
    'b        edge     edge     db, ui      failed: NOT_READY: step platform: not ready',
    'c        edge     edge     db, ui      not begun: a has to be deployed first',
    'd        edge     edge     db, ui      deployed',
    '',
    'shop 1.0.0: 2 of 4 clusters of acme deployed',
  ]);
});

test('the document holds the report of each cluster, and why it is not deployed', () => {
  const document = FleetDeployReport.parse(toFleetDeployReport(DEPLOYMENT));
  expect(
    document.clusters.map(({ cluster: name, outcome, error, after, report }) => [
      name,
      outcome,
      error?.code,
      after,
      report?.['kind'],
    ]),
  ).toEqual([
    ['a', 'deployed', 'EVIDENCE_LOST', undefined, 'deploy'],
    ['b', 'failed', 'NOT_READY', undefined, undefined],
    ['c', 'not begun', undefined, 'a', undefined],
    ['d', 'deployed', undefined, undefined, 'deploy'],
  ]);
  expect(document.clusters[1]?.error).toEqual({
    code: 'NOT_READY',
    message: 'step platform: not ready\n  Pod x',
    hint: 'look at it',
  });
});

test('a plan says where there is something to do', () => {
  const outcomes = new Map<string, ClusterOutcome<ClusterResult>>([
    ['a', { ...done, value: { ...done.value, hasChanges: true } }],
    ['d', done],
  ]);
  const { clusters: told } = toFleetDeployReport({ ...DEPLOYMENT, isPlan: true, outcomes });
  expect(told.map(({ outcome }) => outcome)).toEqual(['would change', 'not begun', 'not begun', 'unchanged']);
});
