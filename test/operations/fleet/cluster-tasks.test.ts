/** What each cluster of a fleet gets of a release, and what a fleet.yaml has to say for it. */
import { expect, test } from 'vitest';
import type { InventoryFile } from '../../../src/archive/inventory/inventory-schema.ts';
import { planClusters, type ClusterTaskOptions } from '../../../src/operations/fleet/cluster-tasks.ts';
import { cluster, toFleet, type ClusterEntry } from '../../fleet/fleet-document.ts';

const REACHED = { registry: 'registry.example:5000', context: 'admin' } as const;
const at = (name: string): Partial<ClusterEntry> => ({ ...REACHED, context: name });

interface Given {
  readonly clusters: readonly ClusterEntry[];
  readonly profiles?: readonly string[];
  readonly platforms?: string[];
  readonly placed?: Readonly<Record<string, readonly string[]>>;
  readonly options?: ClusterTaskOptions;
}

function plan({
  clusters,
  profiles = ['edge', 'primary', 'secondary'],
  platforms = ['linux/amd64', 'linux/arm64'],
  placed,
  options,
}: Given): Readonly<Record<string, unknown>> {
  const files = profiles.map((name) => ({ path: `manifests/${name}/01-all.yaml` })) as unknown as InventoryFile[];
  const all = placed ?? Object.fromEntries(clusters.map(({ name }) => [name, ['db']]));
  const tasks = planClusters(toFleet({ clusters }), new Map(Object.entries(all)), { files, platforms }, options);
  return Object.fromEntries(tasks.map(({ cluster: { name }, profile, platforms: own }) => [name, [profile, own]]));
}

test('the manifests that are called as the role, those of a secondary for a dr, or those that the entry names', () => {
  const clusters = [
    cluster('a', 'primary', at('a')),
    cluster('b', 'dr', at('b')),
    cluster('c', 'edge', { ...at('c'), profile: 'primary' }),
    cluster('d', 'edge', at('d')),
  ];
  const none = undefined;
  expect(plan({ clusters })).toEqual({
    a: ['primary', none],
    b: ['secondary', none],
    c: ['primary', none],
    d: ['edge', none],
  });
  expect(plan({ clusters: clusters.slice(0, 1), profiles: ['small'] })).toEqual({ a: ['small', none] });
  expect(plan({ clusters: clusters.slice(3), options: { profile: 'secondary' } })).toEqual({ d: ['secondary', none] });
});

test('platforms of its nodes that the release has, where it has more', () => {
  const clusters = [
    cluster('a', 'primary', { ...at('a'), platforms: ['linux/arm64', 'windows/amd64'] }),
    cluster('b', 'edge', { ...at('b'), platforms: ['linux/arm64', 'linux/amd64'] }),
  ];
  expect(plan({ clusters })).toEqual({ a: ['primary', ['linux/arm64']], b: ['edge', undefined] });
});

test('clusters on which nothing is placed are left out, and all but those that are asked for', () => {
  const clusters = [cluster('a', 'primary', at('a')), cluster('b', 'edge', at('b')), cluster('c', 'edge')];
  const placed = { a: ['db'], b: ['db'] };
  expect(Object.keys(plan({ clusters, placed }))).toEqual(['a', 'b']);
  expect(Object.keys(plan({ clusters, placed, options: { only: ['b'] } }))).toEqual(['b']);
  expect(() => plan({ clusters, placed, options: { only: ['c'] } })).toThrow('nothing is placed on c');
  expect(() => plan({ clusters, placed, options: { only: ['core'] } })).toThrow('test has no cluster core');
});

test('everything that a fleet.yaml does not say of its clusters is told at once', () => {
  const clusters = [
    cluster('a', 'primary', { ...REACHED, profile: 'large' }),
    cluster('b', 'secondary', { registry: 'r.example' }),
    cluster('c', 'edge', { kubeconfig: 'edge.conf' }),
  ];
  expect(() => plan({ clusters })).toThrow(
    [
      'test does not say how these clusters are deployed',
      'a has profile large, which is not in the archive',
      'b has neither a context nor a kubeconfig',
      'c has no registry',
    ].join('\n  '),
  );
  expect(() => plan({ clusters: [cluster('a', 'primary', REACHED)], profiles: ['x', 'y'] })).toThrow(
    'a has no profile',
  );
});
