/** `airgap rollback` on a real API server: the state of before the upgrade, object by object. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runInside } from '../../../helpers/in-process.ts';
import { VERIFY_AND_LOAD } from '../../../../src/cli/verify-and-load-program.ts';
import { useBuiltCli } from '../../../cli/built-cli.ts';
import { sharedCluster, type KubernetesObject, type SharedCluster } from '../../../helpers/cluster.ts';
import { readObjects, type NamespaceObjects } from '../namespace-objects.ts';
import { LATER_CLASS, makeDeployableRelease, type DeployableRelease } from '../deployable-release.ts';

const cli = useBuiltCli();
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;
let next = '';

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster === undefined) return;
  release = await makeDeployableRelease(cli, cluster.kubeconfig);
  next = await release.buildNext();
  const metadata = { name: LATER_CLASS };
  const rest = { provisioner: 'example.com/later', volumeBindingMode: 'WaitForFirstConsumer' };
  await cluster.api.applyOk({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, ...rest });
});
afterAll(async () => release?.[Symbol.asyncDispose]());

interface Site {
  readonly release: DeployableRelease;
  readonly namespace: string;
  readonly list: (kind: string, api?: string) => Promise<readonly KubernetesObject[]>;
  /** Everything but jobs, without what the server counts. */
  readonly objects: () => Promise<NamespaceObjects>;
}

function site(skip: () => never): Site {
  if (cluster === undefined || release === undefined) skip();
  const namespace = `back-${randomBytes(4).toString('hex')}`;
  const { api } = cluster;
  const list: Site['list'] = (kind, group = 'api/v1') => api.list(`/${group}/namespaces/${namespace}/${kind}`);
  const objects = (): Promise<NamespaceObjects> => readObjects(api, namespace);
  return { release, namespace, list, objects };
}

test('it ends with every object as it was before the upgrade, runs no job again, and is on record', async (t) => {
  const { release: { archive, of, deploy, temp }, namespace, list, objects } = site(t.skip); // prettier-ignore
  const log = temp.join(`${namespace}.jsonl`);
  const here = ['--namespace', namespace, '--audit-log', log];
  const jobs = async (): Promise<readonly string[]> => (await list('jobs', 'apis/batch/v1')).map(({ metadata }) => metadata.name); // prettier-ignore
  expect(await deploy('whole', namespace, '--generate', 'SITE_API_PASSWORD')).toMatchObject({ exitCode: 0 });
  const before = await objects();
  expect(Object.keys(before).length).toBeGreaterThan(8);

  const none = await cli.airgap(['rollback', ...of(archive, ...here)]);
  expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('shop 1.0.0 is the release that is deployed')]); // prettier-ignore

  expect(await cli.airgap(['deploy', ...of(next, '--profile', 'whole', '--prune', ...here)])).toMatchObject({ exitCode: 0 });
  expect(await jobs()).toEqual(['init', 'migrate']);
  expect(await objects()).not.toEqual(before);

  const plan = await cli.airgap(['rollback', ...of(archive, ...here, '--plan')]);
  expect([plan.exitCode, plan.stderr]).toEqual([7, expect.stringContaining('there is something to do')]);
  expect(plan.stdout).toContain(`  remove     Job ${namespace}/init\n`);
  expect(plan.stdout).toContain(`  create     ConfigMap ${namespace}/old\n`);
  expect(plan.stdout).toContain('    ~ spec.replicas: 2 -> 1\n');
  expect(plan.stdout).toContain(`no longer part of the release; --prune deletes:\n  ConfigMap ${namespace}/new\n`);
  expect(plan.stdout).toContain(`what jobs of 1.1.0 did to data is not undone;`);

  const back = await cli.airgap(['rollback', ...of(archive, ...here, '--prune', '--json')]);
  expect({ exitCode: back.exitCode, stderr: back.stderr }).toMatchObject({ exitCode: 0 });
  expect(JSON.parse(back.stdout)).toMatchObject({
    kind: 'rollback',
    profile: 'whole',
    left: { version: '1.1.0' },
    notUndone: [`Job ${namespace}/migrate`, `Job ${namespace}/init`],
  });
  expect(await objects()).toEqual(before);
  expect(await jobs()).toEqual([]);

  // The same command again changes nothing, and does not go back further.
  const again = await cli.airgap(['rollback', ...of(archive, ...here, '--plan')]);
  expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('plan to go back from 1.1.0 at') as string });
  const record = async (): Promise<unknown> => (await list('configmaps')).find(({ metadata }) => metadata.name === 'airgap-shop')?.metadata.resourceVersion; // prettier-ignore
  const version = await record();
  for (const verb of ['rollback', 'deploy'])
    expect(await cli.airgap([verb, ...of(archive, ...here, '--profile', 'whole')])).toMatchObject({ exitCode: 0 });
  expect(await record()).toBe(version);
  const forward = await cli.airgap(['rollback', ...of(next, ...here)]);
  expect([forward.exitCode, forward.stderr]).toEqual([2, expect.stringContaining('is of no release that was complete here before shop 1.0.0')]); // prettier-ignore

  const events = (await readFile(log, 'utf8')).trimEnd().split('\n');
  const told = events.map((line) => JSON.parse(line) as { action: string; event: string });
  expect(told.filter(({ event }) => event !== 'step').map(({ action, event }) => `${action} ${event}`)).toEqual([
    ...['deploy', 'rollback', 'rollback', 'deploy'].flatMap((verb) => [`${verb} started`, `${verb} completed`]),
  ]);
  await cli.ok(['audit', 'verify', log]);

  // Forward again: its jobs run anew, for data may be that of before.
  const receipt = ['--receipt', temp.join(`${namespace}.receipt`)];
  expect(await cli.airgap(['deploy', ...of(next, '--profile', 'whole', '--prune', ...here, ...receipt)])).toMatchObject({ exitCode: 0 });
  expect(await jobs()).toEqual(['init', 'migrate']);
  await cli.ok(['audit', 'verify', log, ...receipt]);
}); // prettier-ignore

test('from a release that does not get ready, a job of it that waits is ended', async (t) => {
  const { release: { archive, of, deploy }, namespace, list } = site(t.skip); // prettier-ignore
  const here = ['--namespace', namespace];
  expect(await deploy('whole', namespace, '--generate', 'SITE_API_PASSWORD')).toMatchObject({ exitCode: 0 });
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'small', namespace }, spec: { hard: { pods: '0' } } }; // prettier-ignore
  await cluster?.api.applyOk(quota);
  const stuck = await cli.airgap(['deploy', ...of(next, '--profile', 'whole', ...here, '--step-timeout', '3')]);
  expect([stuck.exitCode, stuck.stderr]).toEqual([1, expect.stringContaining('exceeded quota')]);
  await cluster?.api.request('DELETE', `/api/v1/namespaces/${namespace}/resourcequotas/small`);
  const back = await runInside(VERIFY_AND_LOAD, of(archive, '--rollback', ...here));
  expect({ exitCode: back.exitCode, stderr: back.stderr }).toMatchObject({ exitCode: 0 });
  expect((await list('jobs', 'apis/batch/v1')).map(({ metadata }) => metadata.name)).toEqual(['init']);
});

test('what the site does not accept any more is gone back to on purpose alone; --run-jobs runs its jobs once more', async (t) => {
  const { release: { archive, of, temp }, namespace, list } = site(t.skip); // prettier-ignore
  const here = ['--namespace', namespace, '--state', temp.join(`state of ${namespace}`), '--profile', 'whole'];
  const value = ['--generate', 'SITE_API_PASSWORD'];
  for (const path of [archive, next])
    expect(await cli.airgap(['deploy', ...of(path, ...here, ...value)])).toMatchObject({ exitCode: 0 });
  const refused = await cli.airgap(['rollback', ...of(archive, ...here)]);
  expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringContaining('has sequence 1, and this site has already loaded 1.1.0')]); // prettier-ignore
  const [, digest = ''] = /--allow-rollback-to (sha256:\S+?),/.exec(refused.stderr) ?? [];
  const words = of(archive, ...here, '--allow-rollback-to', digest, '--prune', '--run-jobs');
  expect(await cli.airgap(['rollback', ...words])).toMatchObject({ exitCode: 0 });
  const [init, migrate] = await list('jobs', 'apis/batch/v1');
  expect(JSON.stringify([init?.spec, migrate?.spec])).toMatch(/"args":\["one"\].*"args":\["migrate"\]/);
  const state = await readFile(`${temp.join(`state of ${namespace}`)}/state.json`, 'utf8');
  expect(JSON.parse(state)).toMatchObject({ exceptions: [{ command: 'rollback', version: '1.0.0', overrode: ['ROLLBACK'] }] }); // prettier-ignore
});
