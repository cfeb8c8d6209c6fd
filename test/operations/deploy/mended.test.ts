/**
 * Each way in which a cluster stops a deployment: the operator is told in the cluster's words, mends it, runs the same
 * command again, and gets to the same objects as a deployment that met nothing.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { sharedCluster, type ClusterApi, type SharedCluster } from '../../helpers/cluster.ts';
import { makeDeployableRelease, type DeployableRelease } from './deployable-release.ts';

const cli = useBuiltCli();
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster !== undefined) release = await makeDeployableRelease(cli, cluster.kubeconfig);
});
afterAll(async () => release?.[Symbol.asyncDispose]());

const newNamespace = (): string => `mended-${randomBytes(4).toString('hex')}`;

const COLLECTIONS = [
  ...['api/v1 configmaps', 'api/v1 secrets', 'api/v1 services', 'api/v1 persistentvolumeclaims'],
  ...['apis/apps/v1 deployments', 'apis/batch/v1 jobs', 'apis/blocked.example/v1 orders'],
];
/** What differs between two objects that are the same in all that was applied. */
const OF_THE_SERVER = new Set(['uid', 'resourceVersion', 'creationTimestamp', 'managedFields', 'generation', 'status', 'volumeName', 'deployment.kubernetes.io/revision']); // prettier-ignore

/** All objects of a namespace, without what the server gives each anew, the namespace itself written as NS. */
async function endState(api: ClusterApi, namespace: string): Promise<readonly string[]> {
  const found = [];
  for (const collection of COLLECTIONS) {
    const [path = '', kinds = ''] = collection.split(' ');
    const { status, body } = await api.request('GET', `/${path}/namespaces/${namespace}/${kinds}`);
    if (status === 404) continue;
    for (const item of (body as { items: readonly { metadata: { name: string } }[] }).items) {
      if (item.metadata.name === 'kube-root-ca.crt') continue;
      const text = JSON.stringify(item, (key, value: unknown) => (OF_THE_SERVER.has(key) ? undefined : value));
      found.push(`${kinds} ${text.replaceAll(namespace, 'NS')}`);
    }
  }
  return found.sort();
}

interface Way {
  readonly profile: string;
  /** Makes the cluster stop the deployment. */
  readonly spoil: (api: ClusterApi, namespace: string) => Promise<unknown>;
  /** What the operator reads. */
  readonly told: string;
  readonly mend: (api: ClusterApi, namespace: string) => Promise<unknown>;
  /** Words of the second run, and its profile where a next release is what mends it. */
  readonly again?: readonly string[];
  readonly next?: string;
}

const nothing = async (): Promise<void> => undefined;
const namespaceObject = (name: string, labels: object): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }); // prettier-ignore
const quota = (pods: string): object => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'pods' }, spec: { hard: { pods } } }); // prettier-ignore

const OTHER_DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'purchases.blocked.example' },
  spec: {
    group: 'blocked.example',
    scope: 'Namespaced',
    names: { kind: 'Order', plural: 'purchases', singular: 'purchase' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

const WAYS: Readonly<Record<string, Way>> = {
  'an image that is not there': {
    profile: 'missing',
    spoil: nothing,
    told: 'ImagePullBackOff',
    mend: nothing,
    next: 'small',
  },
  'a storage class that is missing': {
    profile: 'no-storage',
    spoil: nothing,
    told: 'storageclass.storage.k8s.io "not-here" not found',
    mend: (api, namespace) => api.applyOk(volumeFor(namespace)),
  },
  'a quota that is exceeded': {
    profile: 'small',
    spoil: async (api, namespace) => {
      await api.applyOk(namespaceObject(namespace, {}));
      await api.applyOk(quota('0'), { namespace });
    },
    told: 'exceeded quota: pods',
    mend: async (api, namespace) => {
      await api.applyOk(quota('5'), { namespace });
      // A controller that was refused waits longer each time: it tries at once when its object is touched.
      await api.request('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/api`);
    },
  },
  'a policy of admission': {
    profile: 'small',
    spoil: (api, namespace) =>
      api.applyOk(namespaceObject(namespace, { 'pod-security.kubernetes.io/enforce': 'restricted' })),
    told: 'violates PodSecurity',
    mend: async (api, namespace) => {
      await api.applyOk(namespaceObject(namespace, { 'pod-security.kubernetes.io/enforce': 'privileged' }));
      await api.request('DELETE', `/apis/apps/v1/namespaces/${namespace}/deployments/api`);
    },
  },
  'a field of another manager': {
    profile: 'settings',
    spoil: async (api, namespace) => {
      await api.applyOk(namespaceObject(namespace, {}));
      const theirs = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'settings-3' },
        data: { index: 'theirs' },
      };
      await api.applyOk(theirs, { namespace, fieldManager: 'tuner' });
    },
    told: 'conflict with "tuner"',
    mend: nothing,
    again: ['--force-conflicts'],
  },
};

function volumeFor(namespace: string): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `for-${namespace}` },
    spec: {
      ...{ accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, storageClassName: 'not-here' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: 'data' },
      hostPath: { path: '/fake' },
    },
  };
}

describe('what stops a deployment is told, and once it is mended the same command gets to the same end:', () => {
  test.for(Object.keys(WAYS))('%s', async (name, t) => {
    const { api } = cluster ?? t.skip();
    const { deploy } = release ?? t.skip();
    const way = WAYS[name] as Way;
    const [namespace, untroubled] = [newNamespace(), newNamespace()];
    await way.spoil(api, namespace);
    const stopped = await deploy(way.profile, namespace, '--step-timeout', '4');
    expect(stopped).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(way.told) as string });
    await way.mend(api, namespace);
    const profile = way.next ?? way.profile;
    const again = await deploy(profile, namespace, ...(way.again ?? []));
    expect([again.exitCode, again.stderr]).toEqual([0, expect.any(String)]);
    if (way.profile === 'no-storage') await api.applyOk(volumeFor(untroubled));
    expect(await deploy(profile, untroubled)).toMatchObject({ exitCode: 0 });
    const state = await endState(api, namespace);
    expect(state.length).toBeGreaterThan(1);
    expect(state).toEqual(await endState(api, untroubled));
  });

  test('a definition whose names another has taken', async (t) => {
    const { api } = cluster ?? t.skip();
    const { deploy } = release ?? t.skip();
    const [namespace, untroubled] = [newNamespace(), newNamespace()];
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await api.applyOk(OTHER_DEFINITION);
    await api.waitFor(`${path}/purchases.blocked.example`, 'established', ({ status }) => JSON.stringify(status).includes('"type":"Established","status":"True"') || JSON.stringify(status).includes('InitialNamesAccepted')); // prettier-ignore
    try {
      const stopped = await deploy('blocked', namespace, '--step-timeout', '20');
      expect(stopped).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is already in use') as string });
      await api.request('DELETE', `${path}/purchases.blocked.example`);
      // The server looks at the names again in its own time.
      await api.waitFor(`${path}/orders.blocked.example`, 'accepted', ({ status }) => JSON.stringify(status).includes('"reason":"NoConflicts"')); // prettier-ignore
      const again = await deploy('blocked', namespace);
      expect([again.exitCode, again.stderr]).toEqual([0, expect.any(String)]);
      const state = await endState(api, namespace);
      expect(await deploy('blocked', untroubled, '--force-conflicts')).toMatchObject({ exitCode: 0 });
      expect(state).toEqual(await endState(api, untroubled));
    } finally {
      for (const name of ['purchases', 'orders']) await api.request('DELETE', `${path}/${name}.blocked.example`);
    }
  });

  test('credentials that have expired', async (t) => {
    const { api, kubeconfig } = cluster ?? t.skip();
    const { deploy, temp } = release ?? t.skip();
    const [namespace, untroubled] = [newNamespace(), newNamespace()];
    const expired = temp.join(`${namespace}.kubeconfig`);
    await writeFile(
      expired,
      (await readFile(kubeconfig, 'utf8')).replaceAll(/"?token"?: *"?[\w.-]+"?/g, 'token: expired'),
    );
    const stopped = await deploy('settings', namespace, '--kubeconfig', expired);
    expect(stopped).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('log in again') as string });
    expect(await deploy('settings', namespace)).toMatchObject({ exitCode: 0 });
    expect(await deploy('settings', untroubled)).toMatchObject({ exitCode: 0 });
    expect(await endState(api, namespace)).toEqual(await endState(api, untroubled));
  });

  test('a link that is lost for a while is waited for; one that stays lost is told, and the next run goes on', async (t) => {
    const { api, kubeconfig, server } = cluster ?? t.skip();
    const { deploy, words, temp } = release ?? t.skip();
    await using link = await startLink(new URL(server));
    const over = temp.join('link.kubeconfig');
    await writeFile(over, (await readFile(kubeconfig, 'utf8')).replace(server, link.url));
    const [waited, stopped, untroubled] = [newNamespace(), newNamespace(), newNamespace()];
    const isThere = (namespace: string) => async (): Promise<number> =>
      (await api.request('GET', `/api/v1/namespaces/${namespace}/configmaps/settings-2`)).status;

    const deploying = deploy('settings', waited, '--kubeconfig', over);
    await expect.poll(isThere(waited), { timeout: 120_000, interval: 5 }).toBe(200);
    await link.setUp(false);
    await delay(400);
    await link.setUp(true);
    expect(await deploying).toMatchObject({ exitCode: 0 });
    expect(link.cuts()).toBeGreaterThan(0);

    const stop = new AbortController();
    const lost = cli.airgap(words('settings', stopped, '--kubeconfig', over), { signal: stop.signal });
    await expect.poll(isThere(stopped), { timeout: 120_000, interval: 5 }).toBe(200);
    await link.setUp(false);
    await delay(400);
    stop.abort(new DOMException('interrupted', 'AbortError'));
    expect(await lost).toMatchObject({ exitCode: 130 });
    const told = await deploy('settings', stopped, '--kubeconfig', over);
    expect(told).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/ECONNREFUSED[\s\S]*hint: nothing has ever answered there/) as string }); // prettier-ignore
    await link.setUp(true);
    expect(await deploy('settings', stopped, '--kubeconfig', over)).toMatchObject({ exitCode: 0 });
    expect(await deploy('settings', untroubled)).toMatchObject({ exitCode: 0 });
    const state = await endState(api, untroubled);
    expect(state).toHaveLength(13);
    for (const namespace of [waited, stopped]) expect(await endState(api, namespace)).toEqual(state);
  });
});

interface Link extends AsyncDisposable {
  readonly url: string;
  /** Connections that were cut. */
  readonly cuts: () => number;
  /** Down, it cuts every connection and closes its port. */
  readonly setUp: (isUp: boolean) => Promise<void>;
}

/** A link to a server under its own address, so that its certificate holds. */
async function startLink({ hostname, port }: URL): Promise<Link> {
  const open = new Set<Socket>();
  let cuts = 0;
  const server = createServer((inner) => {
    inner.on('error', () => undefined);
    const outer = connect(Number(port), hostname);
    for (const socket of [inner, outer]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        inner.destroy();
        outer.destroy();
      });
    }
    inner.pipe(outer).pipe(inner);
  });
  server.listen(0, hostname);
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: `https://${hostname}:${own}`,
    cuts: () => cuts,
    setUp: async (isUp) => {
      if (isUp) {
        server.listen(own, hostname);
        await once(server, 'listening');
        return;
      }
      cuts += open.size;
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.resetAndDestroy();
      await closed;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
}
