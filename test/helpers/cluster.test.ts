/** The cluster that tests get is a Kubernetes: it runs what it is given, refuses what it must, and fails as staged. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  kubectl,
  makeNamespace,
  sharedCluster,
  startCluster,
  type ClusterApi,
  type KubernetesObject,
} from './cluster.ts';

function podSpec(image: string, rest: object = {}): object {
  return { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'main', image }], ...rest } };
}

function workload(
  kind: 'Deployment' | 'DaemonSet' | 'StatefulSet',
  name: string,
  image: string,
  rest: object = {},
): object {
  const selector = { matchLabels: { app: 'a' } };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { selector, template: podSpec(image), ...(kind === 'StatefulSet' ? { serviceName: name } : {}), ...rest },
  };
}

function job(name: string, image: string): object {
  const spec = { backoffLimit: 0, template: podSpec(image, { restartPolicy: 'Never' }) };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec };
}

async function applyAll(api: ClusterApi, namespace: string, objects: readonly object[]): Promise<void> {
  for (const object of objects) await api.applyOk(object, { namespace });
}

function hasCondition(type: string): (object: KubernetesObject) => boolean {
  return ({ status }) =>
    ((status?.['conditions'] ?? []) as readonly { readonly type: string; readonly status: string }[]).some(
      (condition) => condition.type === type && condition.status === 'True',
    );
}

/** Why the containers of pods that match wait. */
async function waitingReasons(api: ClusterApi, path: string): Promise<readonly string[]> {
  type Container = { readonly state?: { readonly waiting?: { readonly reason: string } } };
  return (await api.list(`${path}/pods`)).flatMap(({ status }) =>
    ((status?.['containerStatuses'] ?? []) as readonly Container[]).flatMap(
      ({ state }) => state?.waiting?.reason ?? [],
    ),
  );
}

test('workloads become ready on fake nodes, a claim gets its volume, a load balancer its address', async (t) => {
  const { api } = (await sharedCluster()) ?? t.skip();
  await using space = await makeNamespace(api, 'ready');
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  const port = { selector: { app: 'a' }, ports: [{ port: 80 }] };
  await applyAll(api, space.name, [
    workload('Deployment', 'web', 'registry.example/web:1', { replicas: 3 }),
    workload('StatefulSet', 'db', 'registry.example/db:1', { replicas: 2, volumeClaimTemplates: [claim] }),
    workload('DaemonSet', 'agent', 'registry.example/agent:1'),
    job('init', 'registry.example/init:1'),
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'way-in' }, spec: { type: 'LoadBalancer', ...port } },
  ]);
  const apps = `/apis/apps/v1/namespaces/${space.name}`;
  await api.waitFor(`${apps}/deployments/web`, 'ready', ({ status }) => status?.['readyReplicas'] === 3);
  await api.waitFor(`${apps}/statefulsets/db`, 'ready', ({ status }) => status?.['readyReplicas'] === 2);
  // Nodes for storage alone are tainted.
  await api.waitFor(`${apps}/daemonsets/agent`, 'ready', ({ status }) => status?.['numberReady'] === 3);
  await api.waitFor(`/apis/batch/v1/namespaces/${space.name}/jobs/init`, 'complete', hasCondition('Complete'));
  const isBound = ({ status }: KubernetesObject): boolean => status?.['phase'] === 'Bound';
  await api.waitFor(`${space.path}/persistentvolumeclaims/data-db-1`, 'bound', isBound);
  const balancer = await api.waitFor(`${space.path}/services/way-in`, 'reachable', ({ status }) => {
    return JSON.stringify(status).includes('ingress');
  });
  expect(balancer.status).toEqual({ loadBalancer: { ingress: [{ ip: '192.0.2.10', ipMode: 'VIP' }] } });
});

test('what an image’s path asks for fails so: not there, crashing, never ready, a job that fails', async (t) => {
  const { api } = (await sharedCluster()) ?? t.skip();
  const failing = { missing: 'ImagePullBackOff', crash: 'CrashLoopBackOff' };
  for (const [path, reason] of Object.entries(failing)) {
    await using space = await makeNamespace(api, path);
    await applyAll(api, space.name, [workload('Deployment', 'web', `registry.example/${path}/web:1`)]);
    await expect.poll(() => waitingReasons(api, space.path)).toEqual([reason]);
  }
  await using space = await makeNamespace(api, 'unready');
  await applyAll(api, space.name, [
    workload('Deployment', 'web', 'registry.example/unready/web:1'),
    job('init', 'registry.example/fail/init:1'),
  ]);
  await api.waitFor(`/apis/batch/v1/namespaces/${space.name}/jobs/init`, 'failed', hasCondition('Failed'));
  const isRunning = ({ status }: KubernetesObject): boolean => status?.['phase'] === 'Running';
  await expect.poll(async () => (await api.list(`${space.path}/pods`)).some(isRunning)).toBe(true);
  const { status } = await api.get(`/apis/apps/v1/namespaces/${space.name}/deployments/web`);
  expect(status?.['readyReplicas']).toBeUndefined();
});

test('users without rights are refused by name, and fields that no schema has too', async (t) => {
  const cluster = (await sharedCluster()) ?? t.skip();
  for (const user of ['dev', 'client']) {
    const { stderr, exitCode } = await kubectl(cluster, ['--context', user, 'get', 'pods']);
    expect(stderr).toContain(`User "${user}" cannot list`);
    expect(exitCode).toBe(1);
  }
  await using space = await makeNamespace(cluster.api, 'strict');
  const answer = await cluster.api.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, dta: {} },
    { namespace: space.name },
  );
  expect(JSON.stringify(answer)).toContain('.dta: field not declared in schema');
});

test('exec runs a program that the test puts into place, and logs are what the test writes', async (t) => {
  const cluster = (await sharedCluster()) ?? t.skip();
  await using space = await makeNamespace(cluster.api, 'exec');
  const program = join(cluster.programs, `say-${space.name}`);
  await writeFile(program, '#!/bin/sh\necho "said $1"\n');
  await chmod(program, 0o755);
  await applyAll(cluster.api, space.name, [workload('Deployment', 'web', 'registry.example/web:1')]);
  const deployment = `/apis/apps/v1/namespaces/${space.name}/deployments/web`;
  await cluster.api.waitFor(deployment, 'ready', ({ status }) => status?.['readyReplicas'] === 1);
  const within = ['--namespace', space.name];
  const said = await kubectl(cluster, [...within, 'exec', 'deployment/web', '--', `say-${space.name}`, 'it']);
  expect(said).toMatchObject({ stdout: 'said it\n', exitCode: 0 });
  const logs = await kubectl(cluster, [...within, 'logs', 'deployment/web']);
  expect(logs).toMatchObject({ stdout: 'started\n', stderr: '', exitCode: 0 });
});

describe('a cluster of the test’s own', () => {
  test('beside another keeps objects of its own, and keeps them while its API server is away', async (t) => {
    const cluster = (await sharedCluster()) ?? t.skip();
    await using second = (await startCluster({ beside: cluster, nodes: [] })) ?? t.skip();
    await using space = await makeNamespace(second.api, 'member');
    expect(await cluster.api.request('GET', space.path)).toMatchObject({ status: 404 });
    await second.stopApiServer();
    await expect(second.api.get(space.path)).rejects.toThrow('ECONNREFUSED');
    await second.startApiServer();
    expect(await second.api.get(space.path)).toMatchObject({ kind: 'Namespace', metadata: { name: space.name } });
  });
});
