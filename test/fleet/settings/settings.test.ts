/** What a cluster knows of the others, and what takes the place of what the manifests of a release have written. */
import { expect, test } from 'vitest';
import type { ComponentPlacement } from '../../../src/fleet/placement/placement.ts';
import { createViews, type ClusterView } from '../../../src/fleet/settings/cluster-view.ts';
import { parseEndpoint } from '../../../src/fleet/settings/endpoint.ts';
import { resolveSettings } from '../../../src/fleet/settings/written-values.ts';
import { readManifestFile } from '../../../src/kubernetes/resources/manifest-file.ts';
import { replaceWritten } from '../../../src/operations/deploy/written-values.ts';
import { fleetObjects } from '../../../src/operations/fleet/fleet-objects.ts';
import { cluster, toFleet } from '../fleet-document.ts';

const FLEET = toFleet({
  clusters: [
    cluster('core', 'primary', {
      endpoints: { api: 'https://api.core.internal/v1', db: 'tcp://10.0.0.7:5432' },
      values: { network: '10.1.0.0/16' },
    }),
    cluster('other', 'primary', { endpoints: { api: 'http://api.other.internal' } }),
    cluster('twin', 'secondary', { zone: 'a' }),
    cluster('till', 'edge'),
    cluster('idle', 'edge'),
  ],
  links: [{ between: ['twin', 'other'] }, { between: ['till', 'other'] }, { between: ['core', 'idle'] }],
});
const FLOWS: readonly ComponentPlacement[] = [
  { component: 'db', decisions: [], replication: [{ from: 'core', to: 'twin' }] },
];
const views = createViews(FLEET, FLOWS, new Set(['core', 'other', 'twin', 'till']));
function view(name: string): ClusterView {
  const found = FLEET.clusters.find((each) => each.name === name);
  if (found === undefined) throw new RangeError(name);
  return views(found);
}

test.each([
  ['core', 'core', ['twin']],
  ['twin', 'core', ['core', 'other']],
  ['till', 'other', ['other']],
  ['other', 'other', ['till', 'twin']],
])('%s follows %s, and knows %j', (name, primary, peers) => {
  const { primary: followed, peers: known } = view(name);
  expect([followed?.name, known.map((each) => each.name)]).toEqual([primary, peers]);
});

test('endpoints have a scheme, a host and a port', () => {
  expect(parseEndpoint('https://a.internal')).toMatchObject({ protocol: 'https', host: 'a.internal', port: 443 });
  expect(parseEndpoint('http://a:8080/x')).toMatchObject({ protocol: 'http', host: 'a', port: 8080 });
  for (const wrong of ['a.internal', 'tcp://a', 'tcp://a:70000', 'https://u:p@a', 'ftp://a:1', 'https://']) {
    expect(() => parseEndpoint(wrong)).toThrow('is no endpoint');
  }
});

test('facts of the cluster and of its primary take their places, on the clusters of the roles', () => {
  const settings = [
    {
      written: 'db.example',
      is: '{primary.endpoints.db.host}:{primary.endpoints.db.port}',
      roles: ['secondary' as const],
    },
    { written: 'https://api.example', is: '{primary.endpoints.api}' },
    { written: 'zone-1', is: '{self.region}-{self.zone}', roles: ['secondary' as const] },
    { written: '192.0.2.0/24', is: '{primary.values.network}', roles: ['secondary' as const] },
  ];
  expect(resolveSettings(settings, view('twin')).map(({ is }) => is)).toEqual([
    ...['10.0.0.7:5432', 'https://api.core.internal/v1', 'eu-a', '10.1.0.0/16'],
  ]);
  expect(resolveSettings(settings, view('till'))).toEqual([
    { written: 'https://api.example', is: 'http://api.other.internal' },
  ]);
});

test.each([
  '{self.zone}',
  '{primary.endpoints.db}',
  '{primary.endpoints.api.path}',
  '{other.name}',
  '{self.values.x.y}',
])('a fact that is not stated is refused: %s', (is) => {
  expect(() => resolveSettings([{ written: 'x', is }], view('till'))).toThrow('the settings of cluster till need {');
});

function replaced(object: object, values: Readonly<Record<string, string>>, isLeftOut = false): unknown {
  const { resources } = readManifestFile(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, ...object }), 'a.yaml', true); // prettier-ignore
  const written = Object.entries(values).map(([key, is]) => ({ written: key, is }));
  return replaceWritten(resources, written, () => isLeftOut).map(({ value }) => value['data']);
}

test('whole words are replaced wherever they stand, each once; images are not', () => {
  const data = {
    a: 'db.example',
    b: 'mydb.example db.example:5432,db.example.org',
    c: 'url: "https://db.example/x"',
    image: 'db.example/app:1',
  };
  expect(replaced({ data }, { 'db.example': 'db.core', 'db.core': 'wrong' }, true)).toEqual([
    {
      a: 'db.core',
      b: 'mydb.example db.core:5432,db.example.org',
      c: 'url: "https://db.core/x"',
      image: 'db.example/app:1',
    },
  ]);
  expect(
    replaced({ data: { a: 'a.b', b: 'axb', c: 'https://a.b' } }, { 'a.b': 'one', 'https://a.b': '$& two' }),
  ).toEqual([{ a: 'one', b: 'axb', c: '$& two' }]);
});

test('what is not to be found is refused: it was mistyped', () => {
  expect(() => replaced({ data: { a: 'b' } }, { 'db.exampel': 'x' })).toThrow('db.exampel');
});

test('a service mesh is told of peers that are reached by a name', () => {
  const [config, ...entries] = fleetObjects('shop', view('twin'), new Map([['core', 'PEM\n']]), true);
  expect((config?.['data'] as Record<string, string>)['ca.crt']).toBe('PEM\n');
  expect(JSON.parse((config?.['data'] as Record<string, string>)['fleet.json'] ?? '')).toMatchObject({
    ...{ self: { name: 'twin', zone: 'a' }, primary: 'core' },
    replication: [{ component: 'db', from: 'core', to: 'twin' }],
  });
  expect(entries.map(({ metadata, spec }) => [metadata.name, (spec as { hosts: unknown }).hosts])).toEqual([
    ['shop-fleet-core', ['api.core.internal']],
    ['shop-fleet-other', ['api.other.internal']],
  ]);
  expect(fleetObjects('shop', view('twin'), new Map(), false)).toHaveLength(1);
});
