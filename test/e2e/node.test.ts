/**
 * The shipped release on a real node that reaches nothing else: one archive, one command, and a platform that answers.
 * Kubelet, containerd and runc are the real ones; the images are samples that do what the charts ask of the real ones.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBuiltCli } from '../cli/built-cli.ts';
import { makeCertificates, type Certificates } from '../helpers/certificates.ts';
import { childScript } from '../helpers/child-script.ts';
import type { KubernetesObject } from '../helpers/cluster/api.ts';
import { apiServerUrl, start, TOKENS } from '../helpers/cluster/control-plane.ts';
import { mountsBelow } from '../helpers/mounts.ts';
import { NODE_PLATFORM, startNode, type KubernetesNode } from '../helpers/node.ts';
import { NODE_ADDRESS } from '../helpers/node/configuration.ts';
import type { ProcessResult, RunningProcess } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { toolPath } from '../helpers/tools.ts';
import { fillSiteValues, makeShippedRelease, type ShippedRelease } from '../operations/deploy/shipped-release.ts';
import { writeFiles } from '../kubernetes/charts/chart-files.ts';
import { programCommand, programEnvironment } from './support/program.ts';

const NAMESPACE = 'hexabase-system';
const HOST = 'hexabase.example.internal';
const PROFILE = 'site';
/** The chart as it is, small enough for any machine. */
const VALUES = `controlPlane: {replicas: 1}\nui: {replicas: 1}\ningress: {host: ${HOST}}\n`;
/** Another way to deploy the archive, which cannot work. */
const BROKEN = 'broken';
/** What a sample of the control plane can be told beside serving. The chart's own `init` runs in front of it. */
const INIT = {
  workload: 'Deployment/hexabase-control-plane',
  container: 'control-plane',
  command: ['/usr/bin/control-plane', 'migrate'],
} as const;

/** What tests read of a pod. */
interface Pod extends KubernetesObject {
  readonly spec: { readonly containers: readonly Container[]; readonly initContainers?: readonly Container[] };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}
interface Container {
  readonly name: string;
  readonly image: string;
}
interface ContainerStatus {
  readonly name: string;
  readonly imageID: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: { readonly waiting?: { readonly reason: string } };
}
interface Site {
  readonly node: KubernetesNode;
  readonly release: ShippedRelease;
  readonly certificates: Certificates;
  /** What containerd does, as it tells it. */
  readonly events: RunningProcess;
}

const cli = useBuiltCli();
const stack = new AsyncDisposableStack();
let site: Site | undefined;

beforeAll(async () => {
  if (requireTool('helm4') === undefined) return;
  const node = await startNode();
  if (node === undefined) return;
  stack.use(node);
  const release = stack.use(
    await makeShippedRelease(cli, {
      platform: NODE_PLATFORM,
      images: 'running',
      change: async (spec, folder) => {
        await writeFile(folder.join('site.yaml'), VALUES);
        for (const chart of spec.components.flatMap(({ charts = [] }) => charts)) {
          chart.values = [{ name: PROFILE, files: ['site.yaml'], renderManifests: true }];
        }
        await writeFiles(folder.path, { [`manifests/${BROKEN}/01-all.yaml`]: JSON.stringify(brokenWorkload()) });
        spec.components[0]?.manifests.push(`manifests/${BROKEN}/01-all.yaml`);
        // What it demands is of other sets of values, and a workload that is to fail meets none of it.
        delete spec.check;
        spec.deploy = { init: { ...INIT, profiles: [PROFILE] } };
      },
    }),
  );
  const certificates = await makeCertificates(release.temp.path, [HOST]);
  await node.apply(...(await objectsOfSite(node, certificates)));
  const ingress = await childScript(new URL('../helpers/node/site-ingress.ts', import.meta.url));
  const { address, certificates: ofCluster } = node.place;
  const words = [ingress, apiServerUrl(address), ofCluster.caFile, TOKENS.admin, NODE_ADDRESS];
  const front = await start(node.place, process.execPath, words);
  const events = await start(node.place, toolPath('ctr2'), ['--address', node.socket, 'events']);
  await front.waitUntil('the ingress listened', () => front.stdout.includes('ready'));
  site = { node, release, certificates, events };
});
afterAll(() => stack.disposeAsync());

/** What a site has before anything is deployed: storage, and the certificate of its address. */
async function objectsOfSite(node: KubernetesNode, { certFile, keyFile }: Certificates): Promise<readonly object[]> {
  const certificate = { 'tls.crt': await readFile(certFile, 'utf8'), 'tls.key': await readFile(keyFile, 'utf8') };
  const metadata = { name: 'hexabase-tls', namespace: NAMESPACE };
  const storageClass = {
    metadata: { name: 'disk', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  };
  const volume = {
    storageClassName: 'disk',
    capacity: { storage: '100Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: `${node.folder}/disk-1`, type: 'DirectoryOrCreate' },
  };
  const provisioner = { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    { apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls', metadata, stringData: certificate },
    { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', ...storageClass, ...provisioner },
    { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'disk-1' }, spec: volume },
  ];
}

/** A program that ends with 2, whatever becomes of it. */
function brokenWorkload(): object {
  const labels = { app: 'broken' };
  const containers = [
    { name: 'main', image: 'registry.hexabase.ai/hexabase/control-plane:1.5.0', args: ['not-a-command'] },
  ];
  const template = { metadata: { labels }, spec: { containers } };
  // Without a probe it would be ready for the moment in which it runs.
  const spec = { minReadySeconds: 5, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'broken' }, spec };
}

async function podsOf({ get }: KubernetesNode): Promise<readonly Pod[]> {
  const list = await get(`/api/v1/namespaces/${NAMESPACE}/pods`);
  return (list?.['items'] ?? []) as readonly Pod[];
}

function deploy({ node, release }: Site, profile: string, ...more: readonly string[]): Promise<ProcessResult> {
  const words = [release.archive, '--key', release.publicKey, '--to', `docker://${node.registry}`, '--deploy'];
  const [command, all] = programCommand('verify-and-load', [...words, '--profile', profile, ...more]);
  return node.run(command, all, { env: programEnvironment({ KUBECONFIG: node.kubeconfig }) });
}

interface ContainerdEvent {
  readonly topic: string;
  readonly id?: string;
  readonly image?: string;
  readonly container_id?: string;
}

/** How often containerd told `topic` of a container of an image, dead and removed ones too. */
function countEvents({ events }: Site, topic: '/tasks/start' | '/tasks/exec-started', image: string): number {
  const told = events.stdout.split('\n').flatMap((line): readonly ContainerdEvent[] => {
    const [, of = '', text = ''] = / (\/\S+) (\{.*\})$/.exec(line) ?? [];
    return of === '' ? [] : [{ ...(JSON.parse(text) as object), topic: of }];
  });
  const created = told.filter((event) => event.topic === '/containers/create' && event.image?.includes(image));
  const ids = created.map(({ id }) => id);
  return told.filter((event) => event.topic === topic && ids.includes(event.container_id)).length;
}

test('one command from the archive brings it up, and the same command again changes nothing', async (t) => {
  const here = site ?? t.skip();
  const { node, release, certificates } = here;
  const values = await fillSiteValues(release, PROFILE, certificates);

  const first = await deploy(here, PROFILE, '--site-values', values);
  expect(first, `${node.log().slice(-4000)}\n${first.stdout}${first.stderr}`).toMatchObject({ exitCode: 0 });
  expect(first.stdout).toContain(
    `everything is ready, and 3 services have pods behind them\nreached at https://${HOST}\n`,
  );

  expect(first.stdout).toMatch(
    /ran, in Pod .*\n  \| hexabase\/control-plane 1\.5\.0 .*: migrate: a sample changes nothing\n/,
  );

  const pods = await podsOf(node);
  expect(pods.map(({ spec }) => spec.containers[0]?.name).sort()).toEqual([
    'control-plane',
    'database',
    'edge-agent',
    'ui',
  ]);
  const place = `${node.registry}/registry.hexabase.ai/hexabase/`;
  for (const { spec, status } of pods) {
    expect(status.phase).toBe('Running');
    const containers = [...(spec.initContainers ?? []), ...spec.containers];
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    expect(statuses).toHaveLength(containers.length);
    for (const { name, imageID, ready, restartCount } of statuses) {
      // What the node took from the registry is what the archive was verified to hold.
      expect(imageID).toBe(containers.find((container) => container.name === name)?.image);
      expect(imageID).toMatch(/@sha256:[0-9a-f]{64}$/);
      expect(imageID.startsWith(place)).toBe(true);
      expect([ready, restartCount]).toEqual([true, 0]);
    }
  }

  const page = [
    '--silent',
    '--show-error',
    '--cacert',
    certificates.caFile,
    '--resolve',
    `${HOST}:443:${NODE_ADDRESS}`,
  ];
  const answer = await node.run(toolPath('curl'), [...page, `https://${HOST}/`]);
  expect(answer).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^# hexabase\/ui 1\.5\.0 linux\//) as string,
  });

  for (let run = 2; run <= 3; run += 1) {
    const again = await deploy(here, PROFILE);
    expect([again.exitCode, again.stdout]).toEqual([
      0,
      expect.stringMatching(/^0 created, 0 configured, \d+ unchanged/m),
    ]);
  }
  const identityOf = ({ metadata, status }: Pod): unknown => [
    metadata.uid,
    status.containerStatuses?.map(({ restartCount }) => restartCount),
  ];
  expect((await podsOf(node)).map(identityOf)).toEqual(pods.map(identityOf));
  // The container that the chart has for it, and the command that the release names.
  expect(countEvents(here, '/tasks/start', 'hexabase/cli@')).toBe(1);
  expect(countEvents(here, '/tasks/exec-started', 'hexabase/control-plane@')).toBe(1);
});

test('what a program wrote before it ended comes back from the kubelet, with how it ended', async (t) => {
  const here = site ?? t.skip();
  const { exitCode, stderr } = await deploy(here, BROKEN, '--namespace', 'broken', '--step-timeout', '10');
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('Deployment broken/broken: ')]);
  expect(stderr).toMatch(/main: CrashLoopBackOff|ended with exit code 2/);
  expect(stderr).toMatch(/main \| hexabase\/control-plane 1\.5\.0 \S+: this sample knows serve, migrate/);
});

test('the node reaches nothing but itself', async (t) => {
  const { node } = site ?? t.skip();
  const { exitCode, stderr } = await node.run(toolPath('curl'), ['--silent', '--show-error', 'http://192.0.2.1/']);
  expect([exitCode, stderr]).toEqual([7, expect.stringContaining('192.0.2.1')]);
});

test('an image that the kubelet pulled is not there for it under a name that was preloaded; one that it did not pull is', async (t) => {
  const { node } = site ?? t.skip();
  const pulled =
    (await podsOf(node)).flatMap(({ spec }) => spec.containers).find(({ name }) => name === 'ui')?.image ?? '';
  const names = { pulled: 'registry.example/preloaded/ui:1', preloaded: 'registry.example/preloaded/pause:1' };
  await node.ctr('images', 'tag', pulled, names.pulled);
  await node.ctr('images', 'tag', node.sandbox, names.preloaded);
  const namespace = 'default';
  for (const [name, image] of Object.entries(names)) {
    const container = { name: 'main', image, imagePullPolicy: 'Never' };
    await node.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { containers: [container] },
    });
  }
  const pod = async (name: string): Promise<Pod | undefined> =>
    (await node.get(`/api/v1/namespaces/${namespace}/pods/${name}`)) as Pod | undefined;
  await expect
    .poll(async () => (await pod('pulled'))?.status.containerStatuses?.[0]?.state?.waiting?.reason)
    .toBe('ErrImageNeverPull');
  await expect.poll(async () => (await pod('preloaded'))?.status.phase).toBe('Running');
});

test('all of it is gone afterwards: processes, mounts, control groups, files', async (t) => {
  const { node } = site ?? t.skip();
  await stack.disposeAsync();
  expect(existsSync(node.folder)).toBe(false);
  expect(await mountsBelow(node.folder)).toEqual([]);
  const name = basename(node.folder);
  // Those who entered the namespace end just after what they started in it.
  const commands = (): readonly string[] =>
    readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .map((pid) => readIfThere(`/proc/${pid}/cmdline`))
      .filter((command) => command.includes(name));
  await expect.poll(commands).toEqual([]);
  const groups = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? readdirSync(join('/sys/fs/cgroup', entry.name)) : [entry.name]))
    .filter((group) => group.includes(name));
  expect(groups).toEqual([]);
});

/** A process may end while it is looked at. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
