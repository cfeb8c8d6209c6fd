/** A fleet.yaml is read whole, and what is wrong with it is told with its place. `UPDATE=1` writes docs/fleet.schema.json. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseFleet } from '../../src/fleet/fleet.ts';
import { formatFleetSchema } from '../../src/fleet/fleet-schema.ts';

const PAGE = new URL('../../docs/fleet.md', import.meta.url);
const SCHEMA = new URL('../../docs/fleet.schema.json', import.meta.url);
const HEAD = 'apiVersion: airgap.hexabase.ai/v1\nkind: Fleet\nname: acme\n';
const CORE = 'clusters:\n  - {name: core, role: primary, kind: on-premises, region: eu}\n';

function refusal(text: string): string {
  try {
    parseFleet(text, 'fleet.yaml');
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('was taken');
}

test('the published schema is current', async () => {
  if (process.env['UPDATE'] === '1') await writeFile(SCHEMA, formatFleetSchema());
  expect(JSON.parse(await readFile(SCHEMA, 'utf8'))).toEqual(JSON.parse(formatFleetSchema()));
});

test('the example of docs/fleet.md is read, in the units of the product', async () => {
  const [, example = ''] = /```yaml\n(# yaml-language-server[^]*?)```/.exec(await readFile(PAGE, 'utf8')) ?? [];
  const { clusters, links, placement } = parseFleet(example, 'fleet.yaml');
  expect(clusters[0]).toEqual({
    ...{ name: 'core', role: 'primary', kind: 'on-premises', region: 'eu-central', zone: 'a' },
    capacity: { cpu: 32_000, memory: 128 * 1024 ** 3, storage: 2 * 1024 ** 4 },
    ...{ compliance: ['gdpr', 'iso27001'], registry: 'registry.core.internal:5000', context: 'core-admin' },
    ...{ siteValues: 'core.env', platforms: ['linux/amd64'] },
  });
  expect(links.at(-1)).toEqual({
    ...{ between: ['core', 'store-7'], latencyMs: 40, bandwidthMbps: 20 },
    ...{ syncIntervalMs: 3_600_000, offlineTimeoutMs: 72 * 3_600_000 },
  });
  expect([...placement.keys()].sort()).toEqual(['control-plane', 'database', 'edge-agent', 'ui']);
});

test.each([
  ['', 'fleet.yaml: is empty'],
  [`${HEAD}clusters: []\n`, 'fleet.yaml:4:11: clusters: must not be empty'],
  [
    `${HEAD}clusters:\n  - {name: a, role: main, kind: aws, region: eu}\n`,
    'fleet.yaml:5:21: clusters[0].role: must be primary or secondary or dr or edge',
  ],
  [
    `${HEAD}clusters:\n  - {name: a, role: edge, kind: aws, region: eu, capacity: {cpus: 4}}\n`,
    'fleet.yaml:5:61: clusters[0].capacity: unknown field "cpus" (did you mean cpu?)',
  ],
  [
    `${HEAD}clusters:\n  - {name: a, role: edge, kind: aws, region: eu, capacity: {memory: 64GB}}\n`,
    'fleet.yaml:5:69: clusters[0].capacity.memory: "64GB" is no quantity of Kubernetes (write it as 4, 1500m, 64Gi or 2T)',
  ],
  [
    `${HEAD}clusters:\n  - {name: a, role: edge, kind: aws, region: eu, capacity: {memory: [1]}}\n`,
    'fleet.yaml:5:69: clusters[0].capacity.memory: expected a quantity such as 4 or 64Gi, found a list',
  ],
  [
    `${HEAD}clusters:\n  - {name: a, role: edge, kind: aws, region: eu, capacity: {cpu: 4.5600000000000005}}\n`,
    'fleet.yaml:5:66: clusters[0].capacity.cpu: has more digits than a quantity may have',
  ],
  [
    `${HEAD}${CORE}  - {name: core, role: edge, kind: aws, region: eu}\n`,
    'fleet.yaml:6:12: clusters[1].name: cluster core is there already, in line 5',
  ],
  [
    `${HEAD}clusters:\n  - {name: a, role: edge, kind: aws, region: eu, context: x}\n  - {name: b, role: edge, kind: aws, region: eu, context: x}\n`,
    'fleet.yaml:6:59: clusters[1].context: x is the context of another cluster already, in line 5',
  ],
  [
    `${HEAD}${CORE}links:\n  - between: [core, cor]\n`,
    'fleet.yaml:7:21: links[0].between[1]: no cluster is called cor (did you mean core?)',
  ],
  [
    `${HEAD}${CORE}links:\n  - between: [core]\n`,
    'fleet.yaml:7:14: links[0].between: must be the names of two clusters',
  ],
  [`${HEAD}${CORE}links:\n  - between: [core, core]\n`, 'fleet.yaml:7:14: links[0].between: a link needs two clusters'],
  [
    `${HEAD}${CORE}placement:\n  db:\n    replicates: data\n`,
    'fleet.yaml:8:5: placement.db: unknown field "replicates" (did you mean replicate?)',
  ],
  [
    `${HEAD}${CORE}placement:\n  db: {maxClusters: many}\n`,
    'fleet.yaml:7:21: placement.db.maxClusters: expected a whole number or the word all, found the text "many"',
  ],
  [
    `${HEAD}${CORE}placement:\n  b: {near: {component: a}}\n  a: {near: {component: b}}\n`,
    'fleet.yaml:8:13: placement.a.near: goes round in a circle: a is near b is near a',
  ],
  [`${HEAD}${CORE}placement:\n  a: {near: {component: a}}\n`, /goes round in a circle: a is near a$/],
  [`${HEAD}${CORE}---\n${HEAD}${CORE}`, /fleet.yaml:7:1: a second document; one file declares one fleet/],
])('%j is refused', (text, message) => {
  if (typeof message === 'string') expect(refusal(text)).toBe(message);
  else expect(refusal(text)).toMatch(message);
});

test('two links between the same clusters, and one that would always be offline, are told together', () => {
  const two = `${CORE}  - {name: b, role: edge, kind: aws, region: eu}\n`;
  const links = 'links:\n  - between: [core, b]\n  - {between: [b, core], syncInterval: 2h, offlineTimeout: 1h30m}\n';
  expect(refusal(HEAD + two + links).split('\n  ')).toEqual([
    'fleet.yaml has 2 problems',
    'fleet.yaml:9:15: links[1].between: is linked already, in line 8',
    'fleet.yaml:9:60: links[1].offlineTimeout: is shorter than syncInterval: the cluster would always be offline',
  ]);
});

test('a link that says nothing of its replication is always in contact', () => {
  const clusters = `${CORE}  - {name: b, role: secondary, kind: aws, region: eu}\n`;
  const { links } = parseFleet(`${HEAD}${clusters}links:\n  - between: [core, b]\n`, 'fleet.yaml');
  expect(links).toEqual([{ between: ['core', 'b'], syncIntervalMs: 0 }]);
});
