/** Resources are pointed at another registry by digest, at every place, and what they named before is kept. */
import { expect, test } from 'vitest';
import { relocateImages, type RelocatedResource } from '../../../src/kubernetes/relocation/relocate.ts';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';

const PLACES = new Map([
  ['quay.io/shop/api:1.0', 'registry.internal/quay.io/shop/api@sha256:aa'],
  ['docker.io/library/postgres:16', 'registry.internal/docker.io/library/postgres@sha256:bb'],
  ['quay.io/shop/worker:2', 'registry.internal/quay.io/shop/worker@sha256:cc'],
]);
const [API, DB, WORKER] = [...PLACES.values()];

function relocate(yaml: string): RelocatedResource {
  const [resource] = readKubernetesYaml(yaml, 'a.yaml');
  if (resource === undefined) throw new Error('no resource');
  return relocateImages(resource, PLACES, new Set(['quay.io', 'docker.io']));
}

test('containers, however they spell their images, and env and args of images that the release carries', () => {
  const { value, foreign, replacements } = relocate(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, annotations: {own: x}}
spec:
  template:
    spec:
      initContainers: [{name: wait, image: postgres:16}]
      containers:
        - name: api
          image: quay.io/shop/api:1.0
          args: [--worker=quay.io/shop/worker:2, --other=quay.io/shop/unknown:9]
          env: [{name: WORKER_IMAGE, value: quay.io/shop/worker:2}]
`);
  expect(value['spec']).toEqual({
    template: {
      spec: {
        initContainers: [{ name: 'wait', image: DB }],
        containers: [
          {
            name: 'api',
            image: API,
            args: [`--worker=${WORKER}`, '--other=quay.io/shop/unknown:9'],
            env: [{ name: 'WORKER_IMAGE', value: WORKER }],
          },
        ],
      },
    },
  });
  expect(foreign).toEqual([]);
  expect(replacements).toHaveLength(4);
  const { annotations } = value['metadata'] as { annotations: Record<string, string> };
  expect(annotations['own']).toBe('x');
  expect(JSON.parse(annotations['airgap.hexabase.ai/original-images'] ?? '')).toEqual({
    'spec.template.spec.initContainers[0].image': 'postgres:16',
    'spec.template.spec.containers[0].image': 'quay.io/shop/api:1.0',
    'spec.template.spec.containers[0].args[0]': 'quay.io/shop/worker:2',
    'spec.template.spec.containers[0].env[0].value': 'quay.io/shop/worker:2',
  });
});

test('texts of ConfigMaps and Secrets, within other text, and whatever else is there stays as it is', () => {
  const config = relocate(`
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data:
  config.yaml: |
    # keeps its comment
    proxy: {image: "quay.io/shop/worker:2", port: 80}
    other: quay.io/shop/worker:21
`);
  expect((config.value['data'] as Record<string, string>)['config.yaml']).toBe(
    `# keeps its comment\nproxy: {image: "${WORKER}", port: 80}\nother: quay.io/shop/worker:21\n`,
  );
  const data = Buffer.from('image: quay.io/shop/worker:2').toString('base64');
  const secret = relocate(`{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {a: ${data}, b: AAEC}}`);
  const { a, b } = secret.value['data'] as Record<string, string>;
  expect(Buffer.from(a ?? '', 'base64').toString()).toBe(`image: ${WORKER}`);
  expect(b).toBe('AAEC');
});

test('fields of custom resources; a transport in front of an image stays', () => {
  const { value } = relocate(`
{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: v},
 spec: {template: {spec: {volumes: [{name: d, containerDisk: {image: "docker://quay.io/shop/api:1.0"}}]}}}}
`);
  expect(JSON.stringify(value['spec'])).toContain(`docker://${API ?? ''}`);
});

test('an image that a node would pull and the release does not carry is said', () => {
  const { value, foreign, replacements } = relocate(
    '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "nginx:1"}]}}',
  );
  expect(foreign).toEqual(['docker.io/library/nginx:1 (spec.containers[0].image)']);
  expect(replacements).toEqual([]);
  expect(value).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'a', image: 'nginx:1' }] },
  });
});

test('an image that is named in parts is left and listed', () => {
  const { untouched, replacements } = relocate(
    '{apiVersion: shop.example/v1, kind: Shop, metadata: {name: s}, spec: {image: {repository: quay.io/shop/worker, tag: "2"}}}',
  );
  expect(replacements).toEqual([]);
  expect(untouched).toHaveLength(1);
  expect(untouched[0]).toContain('quay.io/shop/worker:2');
});
