/** Images in Kubernetes YAML: every kind, every list, with the place; and no false ones. */
import { describe, expect, it } from 'vitest';
import { formatReference } from '../../../src/oci/reference.ts';
import { findImages } from '../../../src/kubernetes/resources/images.ts';
import { isKubernetesFile, readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';

function imagesIn(text: string): readonly string[] {
  return readKubernetesYaml(text, 'm.yaml')
    .flatMap((resource) => findImages(resource))
    .map(({ reference, at }) => `${formatReference(reference)} ${at}`);
}

function workload(kind: string, path: readonly string[], pod: string): string {
  const indent = (depth: number): string => '  '.repeat(depth);
  const head = path.map((key, depth) => `${indent(depth)}${key}:\n`).join('');
  const body = pod.replace(/^/gm, indent(path.length));
  return `apiVersion: v1\nkind: ${kind}\nmetadata: {name: x}\n${head}${body}\n`;
}

describe('findImages', () => {
  const pod = 'containers:\n- {name: a, image: "r.io/a:1"}';
  it.each([
    ['Pod', ['spec']],
    ['PodTemplate', ['template', 'spec']],
    ['Deployment', ['spec', 'template', 'spec']],
    ['StatefulSet', ['spec', 'template', 'spec']],
    ['DaemonSet', ['spec', 'template', 'spec']],
    ['ReplicaSet', ['spec', 'template', 'spec']],
    ['ReplicationController', ['spec', 'template', 'spec']],
    ['Job', ['spec', 'template', 'spec']],
    ['CronJob', ['spec', 'jobTemplate', 'spec', 'template', 'spec']],
    ['Rollout', ['spec', 'template', 'spec']],
    ['Sidecars', ['spec', 'injected', 'deep']],
  ])('in a %s', (kind, path) => {
    const line = 3 + path.length + 2;
    expect(imagesIn(workload(kind, path, pod))).toEqual([
      `r.io/a:1 m.yaml:${line} ${kind}/x ${path.join('.')}.containers[0].image`,
    ]);
  });

  it('in init and ephemeral containers and image volumes, defaults filled in, empty ones skipped', () => {
    const text = workload(
      'Pod',
      ['spec'],
      `initContainers: [{name: i, image: busybox}]
containers: [{name: a, image: 'a/b@sha256:${'a'.repeat(64)}'}, {name: b, image: ''}, {name: c}]
ephemeralContainers: [{name: e, image: localhost:5000/e:2}]
volumes: [{name: d, image: {reference: quay.io/data/model:v1}}, {name: n, emptyDir: {}}]`,
    );
    expect(imagesIn(text).map((hit) => hit.split(' ')[0])).toEqual([
      'docker.io/library/busybox:latest',
      `docker.io/a/b@sha256:${'a'.repeat(64)}`,
      'localhost:5000/e:2',
      'quay.io/data/model:v1',
    ]);
  });

  it('in lists, documents and generated names', () => {
    const item = '{metadata: {generateName: g-}, spec: {containers: [{image: "a:1"}]}}';
    const text = `# head\n---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: PodList\n  items: [${item}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: "b:1"}]}\n`;
    expect(imagesIn(text)).toEqual([
      'docker.io/library/a:1 m.yaml:9 Pod/g- spec.containers[0].image',
      'docker.io/library/b:1 m.yaml:14 Pod/p spec.containers[0].image',
    ]);
  });

  it('through merge keys and anchors', () => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - &base {name: a, image: "a:1"}\n  - <<: *base\n    name: b\n`;
    expect(imagesIn(text)).toHaveLength(2);
  });

  it('but not in config maps, schemas, or things that only look alike', () => {
    const text = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {pod: "containers: [{image: a}]", image: nginx}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: d}
spec: {examples: {containers: [{image: x}]}}
---
apiVersion: v1
kind: Gallery
metadata: {name: e}
spec: {image: photo.jpg, containers: {image: y}, containersList: [{image: z}]}
---
apiVersion: v1
kind: Boxes
metadata: {name: f}
spec: {containers: [{image: {repository: a, tag: b}}, text]}
`;
    expect(imagesIn(text)).toEqual([]);
  });

  it.each([
    ['A bad one', /^m\.yaml:6 Pod\/x spec\.containers\[0\]\.image: /],
    ['$(IMAGE)', /^m\.yaml:6 Pod\/x/],
    ['{{ .Values.image }}', /^m\.yaml:6 Pod\/x/],
  ])('refuses %s with its place', (image, message) => {
    const text = workload('Pod', ['spec'], `containers:\n- name: a\n  image: ${JSON.stringify(image)}`);
    expect(() => imagesIn(text.replace('containers:\n  - name: a\n', 'containers:\n  - '))).toThrow(message);
  });

  it('refuses a number as image', () => {
    expect(() => imagesIn(workload('Pod', ['spec'], 'containers: [{image: 5}]'))).toThrow('an image must be text');
  });
});

describe('readKubernetesYaml', () => {
  it.each([
    ['metadata: {name: x}', 'm.yaml:1: has no kind'],
    ['---\nkind: Pod', 'm.yaml:2: Pod has no apiVersion'],
    ['[1]', 'is not a Kubernetes resource'],
    ['kind: a\nkind: b', 'duplicate key "kind"'],
    [`${'{kind: List, apiVersion: v1, items: ['.repeat(6)}{}${']}'.repeat(6)}`, 'nested too deep'],
  ])('refuses %s', (text, message) => {
    expect(() => readKubernetesYaml(text, 'm.yaml')).toThrow(message);
  });
  it('reads JSON and keeps words that older YAML takes for truth', () => {
    const [resource] = readKubernetesYaml('{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"}}', 'm.json');
    expect(resource).toMatchObject({ kind: 'ConfigMap', line: 1 });
    expect(
      readKubernetesYaml('apiVersion: v1\nkind: X\ndata: {a: yes, b: on, c: 0777}', 'm')[0]?.value['data'],
    ).toEqual({
      a: 'yes',
      b: 'on',
      c: 777,
    });
  });
  it.each([
    ['a/b.yaml', true],
    ['b.json', true],
    ['README.md', false],
    ['overlay/kustomization.yaml', false],
  ])('%s', (path, expected) => {
    expect(isKubernetesFile(path)).toBe(expected);
  });
});
