/** How deep kustomizations may lie in one another, and that those in a circle are told. */
import { expect, test } from 'vitest';
import { layerFiles } from '../../../src/kubernetes/resources/kustomize-layers.ts';
import type { Kustomization } from '../../../src/kubernetes/resources/kustomization.ts';

function kustomization(directory: string, more: Partial<Kustomization>): Kustomization {
  const fileName = `${directory}/kustomization.yaml`;
  const none = { lists: [], components: [], patchFiles: [], patches: [], data: [], images: [], generators: [] };
  return { fileName, directory, ...none, ...more };
}

/** Each lists, or has as a component, the next; the last lists a file. */
function chain(steps: number, by: 'lists' | 'components'): readonly Kustomization[] {
  return Array.from({ length: steps + 1 }, (_, index) =>
    kustomization(`k${index}`, index === steps ? { lists: ['app.yaml'] } : { [by]: [`k${index + 1}`] }),
  );
}

test.each(['lists', 'components'] as const)('thirty-two steps by %s lead to a file, thirty-three are refused', (by) => {
  const { layers } = layerFiles(chain(32, by), new Set(['app.yaml']));
  expect(layers.get('app.yaml')).toHaveLength(1);
  expect(() => layerFiles(chain(33, by), new Set(['app.yaml']))).toThrow(
    expect.objectContaining({ code: 'INVALID_SPEC' }),
  );
});

test('a file has the layers of each way that leads to it, the innermost first', () => {
  const all = [
    kustomization('base', { lists: ['app.yaml'] }),
    kustomization('one', { lists: ['base'] }),
    kustomization('two', { lists: ['base'] }),
  ];
  const { layers } = layerFiles(all, new Set(['app.yaml']));
  expect(layers.get('app.yaml')?.map((way) => way.map(({ fileName }) => fileName))).toEqual([
    ['base/kustomization.yaml', 'one/kustomization.yaml'],
    ['base/kustomization.yaml', 'two/kustomization.yaml'],
  ]);
});

test('kustomizations in a circle, and two of one directory, are refused', () => {
  const circle = [kustomization('a', { lists: ['b'] }), kustomization('b', { lists: ['a'] })];
  expect(() => layerFiles(circle, new Set())).toThrow(expect.objectContaining({ code: 'INVALID_SPEC' }));
  const twice = [kustomization('a', {}), kustomization('a', { fileName: 'a/kustomization.yml' })];
  expect(() => layerFiles(twice, new Set())).toThrow('kustomization.yml');
});
