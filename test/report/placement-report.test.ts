/** docs/placement.schema.json is the schema of `place --json`. `UPDATE=1 npx vitest run test/report/placement-report.test.ts` writes it. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { describePlacement, formatPlacementSchema, toPlacementReport } from '../../src/report/placement-report.ts';

const COPY = new URL('../../docs/placement.schema.json', import.meta.url);

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(COPY, formatPlacementSchema());
  expect(JSON.parse(await readFile(COPY, 'utf8'))).toEqual(JSON.parse(formatPlacementSchema()));
});

const release = { name: 'demo', version: '1.0.0' };
const component = {
  component: 'db',
  decisions: [
    { cluster: 'a', isPlaced: true, reasons: ['first', 'second'] },
    { cluster: 'b', isPlaced: false, reasons: ['full'] },
  ],
  replication: [{ from: 'a', to: 'b' }],
};

test('a placement is told by component and cluster, with what is left of those that are used', () => {
  const placement = {
    outcome: 'placed' as const,
    components: [component],
    clusters: [
      { cluster: 'a', components: ['db'], free: { cpu: 1500 } },
      { cluster: 'b', components: [], free: {} },
    ],
  };
  const lines = describePlacement({ fleet: 'f', release, placement });
  expect(lines.map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
    'db: 1 of 2 clusters',
    'yes a first; second',
    'no b full',
    'data flows from a to b',
    '',
    'CLUSTER COMPONENTS FREE',
    expect.stringMatching(/^a db cpu 1/) as string,
    '',
    '1 component of demo 1.0.0 on 1 of 2 clusters of f',
  ]);
  const report = toPlacementReport({ fleet: 'f', release, placement });
  expect(report).toMatchObject({ outcome: 'placed', clusters: [{ cluster: 'a' }, { cluster: 'b', free: {} }] });
  expect(report).not.toHaveProperty('conflict');
});

test('where there is no placement, nothing is said to be used, and the conflict is told to machines', () => {
  const constraints = [
    { component: 'db', field: 'count', text: 'three', at: 'fleet.yaml:3' },
    { component: 'db', field: 'cpu', text: 'all' },
  ];
  const conflict = { constraints, components: ['db'], isMinimal: true };
  const placement = { outcome: 'impossible', components: [component], conflict } as unknown as Parameters<
    typeof describePlacement
  >[0]['placement'];
  expect(describePlacement({ fleet: 'f', release, placement })).toHaveLength(4);
  const report = toPlacementReport({ fleet: 'f', release, placement });
  expect(report).toMatchObject({ outcome: 'impossible', clusters: [], conflict: { isMinimal: true, constraints } });
  const undecided = { fleet: 'f', release, placement: { outcome: 'undecided' as const } };
  expect(describePlacement(undecided)).toEqual([]);
  expect(toPlacementReport(undecided)).toMatchObject({ outcome: 'undecided', components: [], clusters: [] });
});
