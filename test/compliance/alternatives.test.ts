/** Folders that define the same objects are alternatives; others are parts of one deployment. */
import { expect, test } from 'vitest';
import { divideAlternatives } from '../../src/compliance/alternatives.ts';
import { readKubernetesYaml, type KubernetesResource } from '../../src/kubernetes/resources/yaml-documents.ts';

function object(fileName: string, name: string, apiVersion = 'apps/v1'): readonly KubernetesResource[] {
  return readKubernetesYaml(`apiVersion: ${apiVersion}\nkind: Deployment\nmetadata: {name: ${name}}\n`, fileName);
}

function divide(...resources: readonly (readonly KubernetesResource[])[]): readonly string[] {
  return divideAlternatives(resources.flat()).map(
    (group) => `${group.folder}: ${group.resources.map(({ fileName }) => fileName).join(' ')}`,
  );
}

test('folders with different objects belong together', () => {
  expect(divide(object('m/a/1.yaml', 'a'), object('m/b/1.yaml', 'b'))).toEqual([': m/a/1.yaml m/b/1.yaml']);
});

test('folders with one object in common are deployed one at a time, and the rest by itself', () => {
  expect(
    divide(
      object('m/base.yaml', 'base'),
      object('m/small/1.yaml', 'a'),
      object('m/large/1.yaml', 'a', 'apps/v1beta1'),
      object('m/other/1.yaml', 'b'),
    ),
  ).toEqual([': m/base.yaml m/other/1.yaml', 'm/small: m/small/1.yaml', 'm/large: m/large/1.yaml']);
});

test('a file that says one thing twice is no alternative to itself', () => {
  expect(divide(object('a.yaml', 'a'), object('a.yaml', 'a'))).toEqual([': a.yaml a.yaml']);
});
