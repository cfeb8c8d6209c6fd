/** Placements worked out by hand. */
import { expect, test } from 'vitest';
import { cluster, place, summary, type FleetParts } from '../fleet-document.ts';

const core = cluster('core', 'primary', { zone: 'a', capacity: { cpu: 8, memory: '32Gi', storage: '1Ti' } });
const core2 = cluster('core-2', 'primary', { zone: 'b', capacity: { cpu: 4, memory: '16Gi' } });
const second = cluster('second', 'secondary', { region: 'us', kind: 'aws', compliance: ['soc2'] });
const spare = cluster('spare', 'dr', { region: 'ap', capacity: { cpu: 2 } });
const shop = cluster('shop', 'edge', { compliance: ['pci-dss', 'gdpr'], platforms: ['linux/arm64'] });
const plant = cluster('plant', 'edge', { region: 'eu-south', compliance: ['gdpr'] });
const ALL = [core, core2, second, spare, shop, plant];
const LINKS = [
  { between: ['core', 'second'], latencyMs: 80, bandwidthMbps: 1000 },
  { between: ['core-2', 'spare'], latencyMs: 120 },
  { between: ['core', 'shop'], latencyMs: 12, bandwidthMbps: 20, syncInterval: '1h', offlineTimeout: '72h' },
  { between: ['plant', 'core-2'], latencyMs: 30, syncInterval: '15m' },
];

interface Case extends Partial<FleetParts> {
  readonly is: string;
  readonly components?: readonly string[];
  readonly expected: ReturnType<typeof summary>;
}

const CASES: readonly Case[] = [
  { is: 'a component without an entry goes to the first primary', components: ['ui'], expected: { ui: ['core'] } },
  {
    is: 'roles are in order of preference',
    placement: { ui: { roles: ['edge', 'primary'] } },
    expected: { ui: ['plant'] },
  },
  {
    is: 'one cluster for each role is no wish: the next role only helps when the first is not enough',
    placement: { ui: { roles: ['primary', 'dr'], minClusters: 3 } },
    expected: { ui: ['core', 'core-2', 'spare'] },
  },
  {
    is: 'kinds',
    placement: { ui: { roles: ['primary', 'secondary'], kinds: ['aws', 'gcp'] } },
    expected: { ui: ['second'] },
  },
  {
    is: 'all labels are needed, and not one of them',
    placement: { pay: { roles: ['edge'], compliance: ['gdpr', 'pci-dss'] } },
    expected: { pay: ['shop'] },
  },
  {
    is: 'allowed regions by pattern',
    placement: { db: { roles: ['edge', 'secondary'], regions: { allow: ['eu-*', 'us'] } } },
    expected: { db: ['plant'] },
  },
  {
    is: 'a pattern without a star is the whole name',
    placement: { db: { roles: ['edge'], regions: { allow: ['eu'] }, maxClusters: 'all' } },
    expected: { db: ['shop'] },
  },
  {
    is: 'denied regions win over allowed ones',
    placement: { db: { roles: ['edge', 'secondary'], regions: { allow: ['*'], deny: ['eu*'] } } },
    expected: { db: ['second'] },
  },
  {
    is: 'all that take it',
    placement: { agent: { roles: ['edge', 'primary'], maxClusters: 'all' } },
    expected: { agent: ['core', 'core-2', 'plant', 'shop'] },
  },
  {
    is: 'as many as allowed, the preferred ones first',
    placement: { agent: { roles: ['edge', 'primary'], maxClusters: 3 } },
    expected: { agent: ['core', 'plant', 'shop'] },
  },
  {
    is: 'capacity counts: the second component finds the first primary full',
    placement: { db: { resources: { cpu: 6 } }, api: { resources: { cpu: '2500m' } } },
    expected: { db: ['core'], api: ['core-2'] },
  },
  {
    is: 'what a cluster does not state is not counted',
    placement: { db: { roles: ['secondary'], resources: { cpu: 4000, memory: '4Pi' } } },
    expected: { db: ['second'] },
  },
  {
    is: 'room is found by going back: the small one that could go anywhere gives way',
    clusters: [
      cluster('a', 'primary', { capacity: { cpu: 4, memory: '8Gi' } }),
      cluster('b', 'primary', { capacity: { cpu: 4, memory: '4Gi' } }),
    ],
    // By weight, x comes first and takes a; but y needs the memory of a.
    placement: { x: { resources: { cpu: 4, memory: '1Gi' } }, y: { resources: { cpu: 3, memory: '8Gi' } } },
    expected: { x: ['b'], y: ['a'] },
  },
  {
    is: 'capacity that is exactly enough is enough',
    placement: { db: { resources: { cpu: '8000m', memory: '32Gi', storage: '1024Gi' } } },
    expected: { db: ['core'] },
  },
  {
    is: 'redundancy over regions',
    placement: { dns: { roles: ['primary', 'secondary', 'dr'], spread: { regions: 3 } } },
    expected: { dns: ['core', 'second', 'spare'] },
  },
  {
    is: 'redundancy over zones of one region',
    placement: { dns: { spread: { zones: 2 } } },
    expected: { dns: ['core', 'core-2'] },
  },
  {
    is: 'spread and number: three clusters, two of them may share a region',
    placement: { dns: { roles: ['primary', 'secondary'], minClusters: 3, spread: { regions: 2 } } },
    expected: { dns: ['core', 'core-2', 'second'] },
  },
  {
    is: 'workloads are on one primary and every secondary and dr',
    placement: { ui: { replicate: 'workload' } },
    expected: { ui: ['core', 'second', 'spare'] },
  },
  {
    is: 'data is copied only where a link leads',
    placement: { db: { replicate: 'data' } },
    expected: { db: ['core', 'second'] },
  },
  {
    is: 'data is on another primary where the first has no room',
    placement: { db: { replicate: 'data', resources: { cpu: 2 } }, big: { resources: { cpu: 7 } } },
    expected: { big: ['core'], db: ['core-2', 'spare'] },
  },
  {
    is: 'near its data: on the same cluster',
    placement: { db: { roles: ['secondary'] }, job: { roles: ['primary', 'secondary'], near: { component: 'db' } } },
    expected: { db: ['second'], job: ['second'] },
  },
  {
    is: 'near its data: in the same region is enough, and a chain holds',
    placement: {
      db: { regions: { allow: ['eu'] } },
      cache: { roles: ['edge'], near: { component: 'db', within: 'region' } },
      app: { roles: ['edge'], near: { component: 'cache', within: 'cluster' } },
    },
    expected: { app: ['shop'], cache: ['shop'], db: ['core'] },
  },
  {
    is: 'the data goes where those that are near to it have room',
    placement: { db: {}, job: { near: { component: 'db' }, resources: { cpu: 3 } }, big: { resources: { cpu: 7 } } },
    expected: { big: ['core'], db: ['core-2'], job: ['core-2'] },
  },
  {
    is: 'data goes to one cluster more where two jobs are near to it',
    placement: { db: {}, job: { near: { component: 'db' }, minClusters: 2 } },
    expected: { db: ['core', 'core-2'], job: ['core', 'core-2'] },
  },
  {
    is: 'near enough to a primary, by link',
    placement: { till: { roles: ['edge'], maxLatencyMs: 12, maxClusters: 'all' } },
    expected: { till: ['shop'] },
  },
  {
    is: 'often enough in contact; a primary always is, and a link without an interval too',
    placement: { sync: { roles: ['edge', 'primary', 'secondary'], maxSyncInterval: '30m', maxClusters: 'all' } },
    expected: { sync: ['core', 'core-2', 'plant', 'second'] },
  },
  {
    is: 'bandwidth that no link states is not taken for enough',
    placement: { video: { roles: ['dr', 'edge', 'secondary'], minBandwidthMbps: 100 } },
    expected: { video: ['second'] },
  },
  {
    is: 'refused: no cluster has the label',
    placement: { db: { compliance: ['gdpr'] }, ui: {} },
    expected: ['db.compliance', 'db.minClusters', 'db.roles'],
  },
  {
    is: 'refused: too large for every primary, whatever its labels and regions',
    placement: { db: { resources: { cpu: 9, memory: '1Gi' }, regions: { allow: ['eu'] }, kinds: ['on-premises'] } },
    expected: ['db.minClusters', 'db.resources.cpu', 'db.roles'],
  },
  {
    is: 'refused: a spread over more clusters than are allowed',
    placement: { dns: { roles: ['primary', 'secondary', 'dr'], spread: { regions: 3 }, maxClusters: 2 } },
    expected: ['dns.maxClusters', 'dns.spread.regions'],
  },
  {
    is: 'refused: two that each fit alone; the third has no part in it',
    clusters: [core],
    placement: { a: { resources: { cpu: 5 } }, b: { resources: { cpu: 4 } }, c: { resources: { cpu: 1 } } },
    expected: ['a.minClusters', 'a.resources.cpu', 'b.minClusters', 'b.resources.cpu'],
  },
  {
    is: 'refused: ten that need more than half of nine clusters, of which no two are alike',
    clusters: Array.from({ length: 9 }, (_, index) =>
      cluster(`k${index}`, 'primary', { capacity: { cpu: 10 + index } }),
    ),
    placement: Object.fromEntries(
      Array.from({ length: 10 }, (_, index) => [`p${index}`, { resources: { cpu: `${9 + index / 100}` } }]),
    ),
    expected: Array.from({ length: 10 }, (_, index) => [`p${index}.minClusters`, `p${index}.resources.cpu`]).flat(),
  },
  {
    is: 'refused: no link joins a primary with a secondary',
    links: [],
    placement: { db: { replicate: 'data' } },
    expected: ['db.replicate'],
  },
  {
    is: 'refused: near to what is elsewhere by its own rules',
    placement: {
      db: { kinds: ['aws'], roles: ['secondary'] },
      job: { near: { component: 'db' }, kinds: ['on-premises'] },
    },
    expected: ['db.kinds', 'job.kinds', 'job.minClusters', 'job.near'],
  },
];

test.each(CASES)('$is', ({ clusters = ALL, links = LINKS, placement, components, expected }) => {
  const usable = clusters === ALL ? links : [];
  expect(summary(place({ clusters, links: usable, placement }, components))).toEqual(expected);
});
