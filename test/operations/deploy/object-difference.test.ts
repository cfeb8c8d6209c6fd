/** A plan shows what would change and nothing that the server keeps for itself; of Secrets it shows places, no values. */
import { expect, test } from 'vitest';
import { differencesOf } from '../../../src/operations/deploy/object-difference.ts';
import type { ClusterObject } from '../../../src/kubernetes/cluster/cluster-object.ts';

function make(kind: string, rest: object, metadata: object = {}): ClusterObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'x', ...metadata }, ...rest };
}

test('places that differ, with both values', () => {
  const before = make(
    'Deployment',
    { spec: { replicas: 1, list: ['a', 'b'], gone: true }, status: { a: 1 } },
    { generation: 1 },
  );
  const after = make(
    'Deployment',
    { spec: { replicas: 2, list: ['a', 'c'], come: {} }, status: { a: 2 } },
    { generation: 2, managedFields: [] },
  );
  expect(differencesOf(before, after)).toEqual([
    { path: 'spec.replicas', from: '1', to: '2' },
    { path: 'spec.list[1]', from: '"b"', to: '"c"' },
    { path: 'spec.gone', from: 'true', to: undefined },
    { path: 'spec.come', from: undefined, to: '{}' },
  ]);
  expect(differencesOf(before, before)).toEqual([]);
});

test('lists of another length are shown whole', () => {
  const difference = differencesOf(make('A', { spec: [1] }), make('A', { spec: [1, 2] }));
  expect(difference).toEqual([{ path: 'spec', from: '[1]', to: '[1,2]' }]);
});

test('values of a Secret are hidden, and so are copies of them in annotations', () => {
  const before = make('Secret', { data: { a: 'b2xk' }, type: 'Opaque' }, { annotations: { copy: 'b2xk' } });
  const after = make('Secret', { data: { a: 'bmV3', b: 'bmV3' }, type: 'Other' }, { annotations: { copy: 'bmV3' } });
  const differences = differencesOf(before, after);
  expect(JSON.stringify(differences)).not.toMatch(/b2xk|bmV3/);
  expect(differences.map(({ path }) => path)).toEqual(['metadata.annotations.copy', 'data.a', 'data.b', 'type']);
  expect(differences.at(-1)).toEqual({ path: 'type', from: '"Opaque"', to: '"Other"' });
});
