/** The tables of what is known by name: artifacts that are no images, and controllers that know images by themselves. */
import { describe, expect, test } from 'vitest';
import { describeArtifact } from '../../../src/kubernetes/discovery/known-artifacts.ts';
import { findUnknowable } from '../../../src/kubernetes/discovery/known-operators.ts';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';
import { parseReference } from '../../../src/oci/reference.ts';

describe('a reference', () => {
  test.each([
    ['ghcr.io/aquasecurity/trivy-db:2', 'a database of Trivy'],
    ['mirror.gcr.io/aquasec/trivy-java-db:1', 'a database of Trivy'],
    ['ghcr.io/falcosecurity/rules/falco-rules:3', 'rules or plugins of Falco'],
    ['ghcr.io/kubewarden/policies/pod-privileged:v1', 'a policy of Kubewarden'],
    ['quay.io/acme/charts/app:1.0.0', 'a Helm chart'],
    ['aquasec/trivy:0.60', undefined],
    ['falcosecurity/falco:0.40', undefined],
  ])('%s is %s', (text, what) => expect(describeArtifact(parseReference(text))).toBe(what));
});

describe('a kind whose controller has images compiled in', () => {
  const elastic = readKubernetesYaml(
    'apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nmetadata: {name: es}\nspec: {version: 9.0.0}\n',
    'm/es.yaml',
  );

  test('is named once, with what to list', () => {
    expect(findUnknowable([...elastic, ...elastic], [])).toEqual([
      expect.stringMatching(
        /^m\/es\.yaml:1 Elasticsearch\/es: .* docker\.elastic\.co\/elasticsearch\/elasticsearch:<spec\.version>$/,
      ),
    ]);
  });

  test('is not named once the release carries one of them, from whatever registry', () => {
    const carried = [parseReference('r.example.com:5000/elastic/elasticsearch:9.0.0')];
    expect(findUnknowable(elastic, carried)).toEqual([]);
    expect(findUnknowable(elastic, [parseReference('r.example.com/elastic/kibana:9.0.0')])).toHaveLength(1);
  });

  test('is another one in another group', () => {
    const other = readKubernetesYaml('apiVersion: acme.io/v1\nkind: Elasticsearch\nmetadata: {name: x}\n', 'm');
    expect(findUnknowable(other, [])).toEqual([]);
  });
});
