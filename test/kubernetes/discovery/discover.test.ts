/** Discovery over a corpus of hiding places: none missed, none added, each with the place that names it. */
import { expect, test } from 'vitest';
import { findInResources, uniteFindings } from '../../../src/kubernetes/discovery/discover.ts';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';
import { HIDING_PLACES, of } from './corpus.ts';

test.each(HIDING_PLACES)('$name', ({ text, certain = [], suspect = [] }) => {
  const images = uniteFindings(findInResources(readKubernetesYaml(text, 'm.yaml')));
  const named = (certainty: string): readonly string[] =>
    images.filter((image) => image.certainty === certainty).map(({ reference }) => reference);
  expect({ certain: named('certain'), suspect: named('suspect') }).toEqual({ certain, suspect });
});

test('the corpus holds at least forty places', () => {
  expect(new Set(HIDING_PLACES.map(({ text }) => text)).size).toBeGreaterThanOrEqual(40);
});

test('each finding says where it stands, into the text within a text', () => {
  const text = `${of('v1', 'Pod', '{containers: [{image: "quay.io/a:1"}]}')}---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  config.yaml: |
    image: quay.io/a:1
    proxy: {image: "quay.io/b:1"}
`;
  const images = uniteFindings(
    findInResources(readKubernetesYaml(text, 'm.yaml'), { chart: 'app', values: 'default' }),
  );
  expect(images.map(({ reference, certainty }) => [reference, certainty])).toEqual([
    ['quay.io/a:1', 'certain'],
    ['quay.io/b:1', 'suspect'],
  ]);
  expect(images[0]?.evidence[0]).toEqual({
    file: 'm.yaml',
    kind: 'Pod',
    name: 'x',
    path: 'spec.containers[0].image',
    chart: 'app',
    values: 'default',
    rule: 'container',
    at: 'm.yaml:4 Pod/x spec.containers[0].image',
  });
  expect(images[0]?.evidence[1]).toMatchObject({ kind: 'ConfigMap', rule: 'field' });
  expect(images[1]?.evidence.map(({ at }) => at)).toEqual([
    'm.yaml:6 ConfigMap/c data["config.yaml"] > proxy.image (field)',
  ]);
});
