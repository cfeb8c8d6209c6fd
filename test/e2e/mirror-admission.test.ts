/** An admission policy names images by their places as pods are made: applied to a real API server, in every spelling. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DIALECTS } from '../../src/kubernetes/mirrors/dialects.ts';
import { makeNamespace, sharedCluster, type KubernetesObject } from '../helpers/cluster.ts';
import { mapOf } from '../kubernetes/mirrors/map.ts';

const MAX_TRIES = 600;
const DIGEST = `sha256:${'a'.repeat(64)}`;
const MAP = mapOf([
  'nginx:1=in.example:5000/m/docker.io/library/nginx:1',
  'team/app:1=in.example:5000/m/docker.io/team/app:1',
  'quay.example:8443/a/b:1=in.example:5000/other:1',
  'quay.example:8443/a/b/c:1=in.example:5000/m/quay/a/b/c:1',
  'quay.example:8443/d:1=in.example:5000/m/quay/d:1',
]);

/** As a pod names it, and as it is then. */
const IMAGES: Readonly<Record<string, string>> = {
  'nginx:1': 'in.example:5000/m/docker.io/library/nginx:1',
  nginx: 'in.example:5000/m/docker.io/library/nginx',
  'library/nginx:1': 'in.example:5000/m/docker.io/library/nginx:1',
  'docker.io/nginx:1': 'in.example:5000/m/docker.io/library/nginx:1',
  'index.docker.io/library/nginx:1': 'in.example:5000/m/docker.io/library/nginx:1',
  'team/app:1': 'in.example:5000/m/docker.io/team/app:1',
  [`team/app@${DIGEST}`]: `in.example:5000/m/docker.io/team/app@${DIGEST}`,
  [`team/app:1@${DIGEST}`]: `in.example:5000/m/docker.io/team/app:1@${DIGEST}`,
  'quay.example:8443/a/b:1': 'in.example:5000/other:1',
  'quay.example:8443/a/b/c:1': 'in.example:5000/m/quay/a/b/c:1',
  'quay.example:8443/a/bc:1': 'in.example:5000/m/quay/a/bc:1',
  'quay.example/d:1': 'quay.example/d:1',
  'localhost/x:1': 'localhost/x:1',
  'in.example:5000/m/docker.io/library/nginx:1': 'in.example:5000/m/docker.io/library/nginx:1',
};

test('pods are made with the places of their images', async (t) => {
  const cluster = (await sharedCluster()) ?? t.skip();
  const { api } = cluster;
  await using namespace = await makeNamespace(api, 'mirrors');
  const [policy, binding] = parseAllDocuments(DIALECTS.admission.write(MAP).files[0]?.content ?? '').map(
    (document) => document.toJSON() as KubernetesObject,
  );
  // Other tests share the cluster.
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } };
  const own = { ...binding, spec: { ...binding?.spec, matchResources: { namespaceSelector } } };
  // What would be passed over is to be seen here.
  await api.applyOk({ ...policy, spec: { ...policy?.spec, failurePolicy: 'Fail' } });
  await api.applyOk(own);
  try {
    const names = Object.keys(IMAGES);
    const containers = names.map((image, index) => ({ name: `c${index}`, image }));
    const spec = {
      automountServiceAccountToken: false,
      containers,
      initContainers: [{ name: 'i', image: 'nginx:1', args: ['nginx:1'] }],
      volumes: [
        { name: 'v', image: { reference: 'nginx:1' } },
        { name: 'e', emptyDir: {} },
      ],
    };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'all', namespace: namespace.name }, spec };
    const place = IMAGES['nginx:1'];
    // A policy takes effect some moments after it is there.
    const isChanged = ({ spec: now }: KubernetesObject): boolean => (now as typeof spec).containers[0]?.image === place;
    let made = await api.applyOk(pod, { dryRun: true });
    for (let tries = 0; tries < MAX_TRIES && !isChanged(made); tries += 1) {
      await delay(50);
      made = await api.applyOk(pod, { dryRun: true });
    }
    const shown = made.spec as typeof spec;
    expect(Object.fromEntries(shown.containers.map(({ image }, index) => [names[index], image]))).toEqual(IMAGES);
    expect(shown.initContainers).toEqual([expect.objectContaining({ image: place, args: ['nginx:1'] })]);
    expect(shown.volumes).toEqual([
      expect.objectContaining({ name: 'v', image: expect.objectContaining({ reference: place }) as object }),
      { name: 'e', emptyDir: {} },
    ]);
    await api.applyOk(pod);
    const debugging = { spec: { ephemeralContainers: [{ name: 'debug', image: 'team/app:1' }] } };
    const running = `${namespace.path}/pods/all`;
    const type = 'application/strategic-merge-patch+json';
    await api.request('PATCH', `${running}/ephemeralcontainers`, debugging, type);
    const { ephemeralContainers } = (await api.get(running)).spec ?? {};
    expect(ephemeralContainers).toEqual([expect.objectContaining({ image: IMAGES['team/app:1'] })]);
  } finally {
    await api.request('DELETE', await api.pathOf(own));
    await api.request('DELETE', await api.pathOf(policy));
  }
});
