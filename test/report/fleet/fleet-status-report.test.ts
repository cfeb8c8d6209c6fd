/** What the status of a fleet prints. `UPDATE=1` writes docs/fleet-status.schema.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AuthError } from '../../../src/errors.ts';
import {
  describeFleetStatus,
  FleetStatusReport,
  formatFleetStatusSchema,
  toFleetStatusReport,
  type FleetComparison,
} from '../../../src/report/fleet/fleet-status-report.ts';
import { cluster, toFleet } from '../../fleet/fleet-document.ts';

const COPY = new URL('../../../docs/fleet-status.schema.json', import.meta.url);
const DEPLOYED = {
  ...{ namespace: 'shop', version: '2.0.0', digest: 'sha256:a', profile: 'edge', components: ['db'] },
  state: 'complete',
} as const;
const { clusters } = toFleet({
  clusters: [cluster('a', 'primary'), cluster('b', 'edge'), cluster('c', 'edge')],
});
type Status = FleetComparison['clusters'][number];
const STATUS: readonly Omit<Status, 'cluster'>[] = [
  { placed: ['db'], deployed: DEPLOYED, state: 'current', differences: [] },
  {
    ...{ placed: ['db', 'ui'], deployed: { ...DEPLOYED, version: '1.0.0' }, state: 'differs' },
    differences: ['has 1.0.0, not 2.0.0', 'lacks ui'],
  },
  { placed: [], state: 'unknown', differences: [], error: new AuthError('DENIED', 'may not') },
];
const COMPARISON: FleetComparison = {
  fleet: 'acme',
  release: { name: 'shop', version: '2.0.0' },
  clusters: clusters.flatMap((each, index) => {
    const status = STATUS[index];
    return status === undefined ? [] : [{ cluster: each, ...status }];
  }),
};

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatFleetStatusSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatFleetStatusSchema()));
});

test('a row for each cluster, with what is different below it', () => {
  expect(describeFleetStatus(COMPARISON)).toEqual([
    'CLUSTER  ROLE     STATE    VERSION  PLACED',
    'a        primary  current  2.0.0    db',
    'b        edge     differs  1.0.0    db, ui',
    '  has 1.0.0, not 2.0.0',
    '  lacks ui',
    'c        edge     unknown  -        -',
    '  DENIED: may not',
    '',
    'shop 2.0.0: 1 of 3 clusters of acme have what is placed there',
  ]);
});

test('the document has the same', () => {
  const { clusters: told } = FleetStatusReport.parse(toFleetStatusReport(COMPARISON));
  expect(
    told.map(({ cluster: name, state, deployed: has, error }) => [name, state, has?.version, error?.code]),
  ).toEqual([
    ['a', 'current', '2.0.0', undefined],
    ['b', 'differs', '1.0.0', undefined],
    ['c', 'unknown', undefined, 'DENIED'],
  ]);
});
