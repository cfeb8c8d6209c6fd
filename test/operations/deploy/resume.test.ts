/** A deployment that was ended at any moment, or that met a cluster which was away, gets to the same end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBuiltCli } from '../../cli/built-cli.ts';
import {
  makeNamespace,
  sharedCluster,
  startCluster,
  type KubernetesObject,
  type SharedCluster,
} from '../../helpers/cluster.ts';
import { tries } from '../../helpers/effort.ts';
import { readObjects, withoutNamespace } from './namespace-objects.ts';
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

function site(skip: () => never): { readonly cluster: SharedCluster; readonly release: DeployableRelease } {
  return cluster === undefined || release === undefined ? skip() : { cluster, release };
}

/** Kills of one deployment, one after the other, each in a run that goes on with it. */
const KILLS = 5;
/** A round on a busy machine. */
const ROUND_MS = 600_000;

test('killed at requests spread over all of it, it goes on: the end is the same, each job ran once, the log holds', async (t) => {
  const { cluster: { api }, release: { words, deploy, temp } } = site(t.skip); // prettier-ignore
  const requests = (stderr: string): number => stderr.split(/^(?:GET|PATCH|DELETE) https:/m).length - 1;
  const more = (log: string): readonly string[] => ['--audit-log', log, '--generate', 'SITE_API_PASSWORD', '--verbose'];
  const calm = `calm-${randomBytes(4).toString('hex')}`;
  const whole = await deploy('whole', calm, ...more(temp.join('calm.jsonl')));
  expect(whole).toMatchObject({ exitCode: 0 });
  // What a run with nothing to do asks, each run does: there the kills are.
  const all = requests((await deploy('whole', calm, '--verbose')).stderr);
  expect(all).toBeGreaterThan(30);
  const expected = withoutNamespace(await readObjects(api, calm), calm);
  const rounds = tries(1);
  let killed = 0;
  for (let round = 0; round < rounds; round += 1) {
    const namespace = `killed-${randomBytes(4).toString('hex')}`;
    const log = temp.join(`${namespace}.jsonl`);
    const passwords = new Set<string | undefined>();
    const uids = new Map<string, Set<string | undefined>>();
    const look = async (): Promise<void> => {
      for (const { metadata } of await api.list(`/apis/batch/v1/namespaces/${namespace}/jobs`))
        uids.set(metadata.name, (uids.get(metadata.name) ?? new Set()).add(metadata.uid));
      const secrets: readonly KubernetesObject[] = await api.list(`/api/v1/namespaces/${namespace}/secrets`);
      const keys = secrets.find(({ metadata }) => metadata.name === 'keys');
      if (keys !== undefined) passwords.add(keys.data?.['password']);
    };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const point = Math.ceil((all * (kill * rounds + round + 1)) / (KILLS * rounds + 1));
      await using running = await cli.start(words('whole', namespace, ...more(log)));
      if (await running.killWhen(() => requests(running.stderr) >= point)) killed += 1;
      await look();
    }
    const last = await deploy('whole', namespace, ...more(log));
    expect({ exitCode: last.exitCode, stderr: last.exitCode === 0 ? '' : last.stderr }).toEqual({ exitCode: 0, stderr: '' });
    await look();
    expect([...uids].map(([name, seen]) => [name, seen.size]).sort()).toEqual([['init', 1], ['migrate', 1]]);
    expect(passwords.size).toBe(1);
    expect(withoutNamespace(await readObjects(api, namespace), namespace)).toEqual(expected);
    expect(await deploy('whole', namespace, '--plan')).toMatchObject({ exitCode: 0 });
    await cli.ok(['audit', 'verify', log]);
  }
  expect(killed).toBe(KILLS * rounds);
}, tries(ROUND_MS)); // prettier-ignore

test('an object that is being deleted is waited for, and is there afterwards', async (t) => {
  const { cluster: { api }, release: { deploy } } = site(t.skip); // prettier-ignore
  await using here = await makeNamespace(api, 'deleted');
  const path = `${here.path}/configmaps/settings-5`;
  const metadata = { name: 'settings-5', finalizers: ['example.com/held'] };
  await api.applyOk(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { index: 'old' } },
    { namespace: here.name },
  );
  await api.request('DELETE', path);
  const held = await deploy('settings', here.name, '--step-timeout', '1');
  expect(held).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('settings-5 is still being deleted; it is held by example.com/held') as string,
  });
  const deploying = deploy('settings', here.name);
  await delay(500);
  await api.request('PATCH', path, { metadata: { finalizers: null } }, 'application/merge-patch+json');
  expect(await deploying).toMatchObject({ exitCode: 0 });
  expect((await api.get(path)).data).toEqual({ index: '5' });
});

test('an API server that is restarted in the middle is waited for', async (t) => {
  const { cluster: shared, release: { words } } = site(t.skip); // prettier-ignore
  await using own = (await startCluster({ nodes: [], beside: shared })) ?? t.skip();
  const more = ['--kubeconfig', own.files.kubeconfig, '--verbose'];
  await using running = await cli.start(words('settings', 'restarted', ...more));
  await running.waitUntil('the third was applied', () => running.stderr.includes('settings-2'));
  await own.stopApiServer();
  await delay(300);
  await own.startApiServer();
  const { exitCode, stderr } = await running.ended;
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  const found = await own.api.list('/api/v1/namespaces/restarted/configmaps');
  expect(found.filter(({ metadata }) => metadata.name.startsWith('settings-'))).toHaveLength(12);
});
