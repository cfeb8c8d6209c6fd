/** `airgap deploy` on a real API server with its controllers: to the end, again, on to the next, and what it says where it fails. */
import { readFile, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { makeNamespace, sharedCluster, type KubernetesObject, type SharedCluster } from '../../helpers/cluster.ts';
import { LATER_CLASS, makeDeployableRelease, type DeployableRelease } from './deployable-release.ts';

const cli = useBuiltCli();
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster === undefined) return;
  release = await makeDeployableRelease(cli, cluster.kubeconfig);
  const metadata = { name: LATER_CLASS };
  const rest = { provisioner: 'example.com/later', volumeBindingMode: 'WaitForFirstConsumer' };
  await cluster.api.applyOk({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, ...rest });
});
afterAll(async () => release?.[Symbol.asyncDispose]());

interface Site {
  readonly cluster: SharedCluster;
  readonly release: DeployableRelease;
  /** Made by the deployment. */
  readonly namespace: string;
  readonly list: (kind: string) => Promise<readonly KubernetesObject[]>;
}

function site(skip: () => never): Site {
  if (cluster === undefined || release === undefined) skip();
  const namespace = `shop-${randomBytes(4).toString('hex')}`;
  const { api } = cluster;
  const paths: Readonly<Record<string, string>> = {
    configmaps: 'api/v1',
    secrets: 'api/v1',
    services: 'api/v1',
    pods: 'api/v1',
    deployments: 'apis/apps/v1',
    statefulsets: 'apis/apps/v1',
    jobs: 'apis/batch/v1',
    orders: 'apis/shop.example/v1',
  };
  const list = (kind: string): Promise<readonly KubernetesObject[]> =>
    api.list(`/${paths[kind] ?? ''}/namespaces/${namespace}/${kind}`);
  return { cluster, release, namespace, list };
}

/** Kind and name with the version of the object, of everything that a deployment may touch. */
async function versionsOf({ list }: Site): Promise<readonly string[]> {
  const found = [];
  for (const kind of ['configmaps', 'secrets', 'services', 'deployments', 'statefulsets', 'jobs']) {
    for (const { metadata } of await list(kind))
      found.push(`${kind}/${metadata.name} ${metadata.resourceVersion ?? ''}`);
  }
  return found.filter((line) => !line.includes('kube-root-ca'));
}

describe('an object of the whole cluster', () => {
  test('belongs to one deployment: another ends there, unless it takes it over, and then it is not pruned', async (t) => {
    const [one, other] = [site(t.skip), site(t.skip)];
    const { deploy } = one.release;
    const role = async (): Promise<string | undefined> => {
      const [found] = (await one.cluster.api.list('/apis/rbac.authorization.k8s.io/v1/clusterroles')).filter(
        ({ metadata }) => metadata.name === 'shop-readers',
      );
      return found?.metadata.annotations?.['airgap.hexabase.ai/deployment'];
    };
    expect(await deploy('shared', one.namespace)).toMatchObject({ exitCode: 0 });
    const owner = `${one.namespace}/airgap-shop`;
    expect(await role()).toBe(owner);
    const words = `ClusterRole shop-readers belongs to another deployment, ${owner}`;
    const plan = await deploy('shared', other.namespace, '--plan');
    expect([plan.exitCode, plan.stdout]).toEqual([7, expect.stringContaining(words)]);
    expect(plan.stderr).toMatch(/^plan: there is something to do: /m);
    expect(plan.stderr).not.toContain('error:');
    const refused = await deploy('shared', other.namespace);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining(words)]);
    expect(refused.stderr).toContain('--force-conflicts');
    expect(await role()).toBe(owner);
    expect(await deploy('shared', other.namespace, '--force-conflicts')).toMatchObject({ exitCode: 0 });
    expect(await role()).toBe(`${other.namespace}/airgap-shop`);
    const pruned = await deploy('settings', one.namespace, '--prune');
    expect([pruned.exitCode, pruned.stdout]).toEqual([0, expect.not.stringContaining('shop-readers')]);
    expect(await role()).toBe(`${other.namespace}/airgap-shop`);
    const last = await deploy('settings', other.namespace, '--prune');
    expect([last.exitCode, last.stdout]).toEqual([0, expect.stringContaining('shop-readers')]);
    expect(await role()).toBeUndefined();
  });
});

describe('a whole platform', () => {
  test('comes up by digest, stays as it is when deployed again, and goes on to the next release', async (t) => {
    const here = site(t.skip);
    const { namespace, list } = here;
    const { deploy, temp, target } = here.release;
    const log = temp.join(`${namespace}.jsonl`);
    const words = ['--audit-log', log, '--generate', 'SITE_API_PASSWORD'];

    const unfilled = await deploy('whole', namespace);
    expect(unfilled).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('SITE_API_PASSWORD_BASE64') as string,
    });
    const plan = await deploy('whole', namespace, '--plan', ...words.slice(2));
    expect(plan).toMatchObject({
      exitCode: 7,
      stdout: expect.stringContaining('12 objects of 12 would change') as string,
    });

    const first = await deploy('whole', namespace, ...words);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain(
      'everything is ready, and 2 services have pods behind them\nreached at https://shop.example\n',
    );
    expect(first.stdout).toContain(`PersistentVolumeClaim ${namespace}/later waits for the first pod that uses it\n`);
    const images = (await list('pods')).flatMap(({ spec }) => (spec?.['containers'] as { image: string }[])[0]?.image);
    expect(images.length).toBeGreaterThanOrEqual(4);
    const place = new RegExp(`^${target.host}/127\\.0\\.0\\.1_\\d+/team/app@sha256:[0-9a-f]{64}$`);
    for (const image of images) expect(image).toMatch(place);
    const [settings] = (await list('configmaps')).filter(({ metadata }) => metadata.name === 'settings');
    expect(settings?.data?.['worker.yaml']).toMatch(/@sha256:[0-9a-f]{64}"}$/);

    const before = await versionsOf(here);
    const again = await deploy('whole', namespace);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stdout).toContain('0 created, 0 configured, 9 unchanged; 2 jobs had run already\n');
    expect(await deploy('whole', namespace, '--plan')).toMatchObject({ exitCode: 0 });
    expect(await versionsOf(here)).toEqual(before);

    const events = (await readFile(log, 'utf8')).trimEnd().split('\n');
    const told = events.map((line) => JSON.parse(line) as { event: string; step?: { name: string } });
    expect(told.map(({ event, step }) => step?.name ?? event)).toEqual(
      ['started', 'load', 'namespaces', 'settings', 'before', 'database', 'platform', 'after', 'check', 'completed'],
    ); // prettier-ignore
    await cli.ok(['audit', 'verify', log]);

    const next = await deploy('next', namespace, '--plan');
    expect(next.stdout).toContain(`    ~ spec.replicas: 1 -> 2\n`);
    expect(next.stdout).toContain(`  run        Job ${namespace}/init\n`);
    expect(next.stdout).toContain(`no longer part of the release; --prune deletes:\n  ConfigMap ${namespace}/old\n`);
    const password = await passwordOf(here);
    expect(await deploy('next', namespace)).toMatchObject({ exitCode: 0 });
    expect((await list('configmaps')).map(({ metadata }) => metadata.name)).toContain('old');
    expect(await passwordOf(here)).toBe(password);
    const pruned = await deploy('next', namespace, '--prune');
    expect(pruned).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2 jobs had run already') as string });
    expect((await list('configmaps')).map(({ metadata }) => metadata.name)).not.toContain('old');
    expect(await deploy('next', namespace, '--plan')).toMatchObject({ exitCode: 0 });
  });

  async function passwordOf({ list }: Site): Promise<string | undefined> {
    const keys = (await list('secrets')).find(({ metadata }) => metadata.name === 'keys');
    return keys?.data?.['password'];
  }

  test('a definition is established before its objects are applied', async (t) => {
    const { release: { deploy }, namespace, list } = site(t.skip); // prettier-ignore
    const { exitCode, stderr } = await deploy('definitions', namespace);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const [order] = await list('orders');
    expect((order?.spec as { image: string }).image).toMatch(/@sha256:/);
  });

  test('a job that is done does not run again when it was removed', async (t) => {
    const { cluster: { api }, release: { deploy }, namespace, list } = site(t.skip); // prettier-ignore
    expect(await deploy('whole', namespace, '--generate', 'SITE_API_PASSWORD')).toMatchObject({ exitCode: 0 });
    await api.request('DELETE', `/apis/batch/v1/namespaces/${namespace}/jobs/init?propagationPolicy=Background`);
    expect(await deploy('whole', namespace)).toMatchObject({ exitCode: 0 });
    expect((await list('jobs')).map(({ metadata }) => metadata.name)).toEqual(['migrate']);
  });
});

describe('what is in the way is told in the words of the cluster', () => {
  test.for([
    ['missing', 'main: ImagePullBackOff: Back-off pulling image'],
    ['unready', 'Deployment NAMESPACE/api: 0 of 1 replicas are ready'],
    ['failing', 'Job NAMESPACE/init: BackoffLimitExceeded'],
    ['no-storage', 'storageclass.storage.k8s.io "not-here" not found'],
  ])('of what does not get ready: %s', async ([profile = '', message = ''], t) => {
    const { release: { deploy }, namespace } = site(t.skip); // prettier-ignore
    const { exitCode, stderr } = await deploy(profile, namespace, '--step-timeout', '5');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining(message.replace('NAMESPACE', namespace)) as string,
    });
  });

  test('of a job that failed, its exit code and its last lines; it runs anew the next time', async (t) => {
    const { release: { deploy }, namespace, list } = site(t.skip); // prettier-ignore
    const { stderr } = await deploy('failing', namespace);
    expect(stderr).toContain('container main of');
    expect(stderr).toContain('ended with exit code 1');
    expect(stderr).toContain('main | started');
    const [first] = await list('jobs');
    await deploy('failing', namespace);
    const [second] = await list('jobs');
    expect(second?.metadata.uid).not.toBe(first?.metadata.uid);
  });

  test('of quotas and of policies for pods', async (t) => {
    const { cluster: { api }, release: { deploy } } = site(t.skip); // prettier-ignore
    await using small = await makeNamespace(api, 'quota');
    const hard = { pods: '0' };
    await api.applyOk({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small', namespace: small.name },
      spec: { hard },
    });
    const full = await deploy('unready', small.name, '--step-timeout', '5');
    expect(full).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('exceeded quota: small') as string });
    await using strict = await makeNamespace(api, 'strict');
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await api.applyOk({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: strict.name, labels } });
    const refused = await deploy('unready', strict.name, '--step-timeout', '5');
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('violates PodSecurity') as string });
  });

  test('of unknown fields, which are not dropped', async (t) => {
    const { release: { deploy }, namespace, list } = site(t.skip); // prettier-ignore
    const { exitCode, stderr } = await deploy('strict', namespace);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('.dta: field not declared in schema') as string,
    });
    expect((await list('configmaps')).map(({ metadata }) => metadata.name)).not.toContain('settings');
  });

  test('of fields that another program has set, which are taken over only when asked for', async (t) => {
    const { cluster: { api }, release: { deploy } } = site(t.skip); // prettier-ignore
    await using here = await makeNamespace(api, 'conflict');
    const theirs = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings-3' },
      data: { index: 'theirs', own: 'x' },
    };
    await api.applyOk(theirs, { namespace: here.name, fieldManager: 'tuner' });
    const { exitCode, stderr } = await deploy('settings', here.name, '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { code: 'CONFLICT', message: expect.stringMatching(/conflict with "tuner".*\.data\.index/s) as string },
    });
    const plan = await deploy('settings', here.name, '--plan');
    expect(plan.stdout).toContain('the cluster would refuse 1 of them as they are\n');
    expect(await deploy('settings', here.name, '--force-conflicts')).toMatchObject({ exitCode: 0 });
    const { data } = await api.get(`${here.path}/configmaps/settings-3`);
    expect(data).toEqual({ index: '3', own: 'x' });
  });

  test('of accounts: who may not is told what, and who is not known is told to log in', async (t) => {
    const { cluster: { kubeconfig }, release: { deploy, temp }, namespace } = site(t.skip); // prettier-ignore
    const dev = await deploy('settings', namespace, '--context', 'dev');
    expect(dev).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/User "dev" cannot get resource/) as string,
    });
    const certified = await deploy('settings', namespace, '--context', 'client');
    expect(certified).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/User "\S+" cannot get resource/) as string,
    });
    const text = (await readFile(kubeconfig, 'utf8')).replaceAll(/"?token"?: *"?[\w.-]+"?/g, 'token: expired');
    await writeFile(temp.join('expired'), text);
    const expired = await deploy('settings', namespace, '--kubeconfig', temp.join('expired'));
    expect(expired).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('log in again') as string });
    expect(expired.stderr).not.toContain('Bearer');
  });
});
