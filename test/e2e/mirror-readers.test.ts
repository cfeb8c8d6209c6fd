/**
 * Every image of a mirror run is found by its original name through each dialect, by the programs that read it: real
 * ones, in a network where nothing but the registry with the images can be reached.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { useBuiltCli } from '../cli/built-cli.ts';
import { CONTAINERD_TOOLS, startContainerd } from '../helpers/containerd.ts';
import { DOCKERD_TOOLS, startDockerd } from '../helpers/dockerd.ts';
import { openNetworkNamespace, type NetworkNamespace } from '../helpers/network-namespace.ts';
import { startProcess, type ProcessResult, type RunningProcess } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeImage, type SampleNode } from '../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';

const cli = useBuiltCli();

/** By original name: an official image, one by digest alone, one of a registry with a port, one that gets another path. */
const APP = makeImage({ labels: { is: 'app' } });
const IMAGES: Readonly<Record<string, SampleNode>> = {
  'docker.io/library/hello:1': makeImage({ labels: { is: 'hello' } }),
  [`docker.io/team/app@${APP.descriptor.digest}`]: APP,
  'quay.example:8443/a/b.c:2': makeImage({ labels: { is: 'b.c' } }),
  'quay.example:8443/a/b.c/d:2': makeImage({ labels: { is: 'd' } }),
};
const RENAMED = 'quay.example:8443/a/b.c';

let temp: TempDir & AsyncDisposable;
let network: NetworkNamespace;
let registry: RunningProcess;

beforeAll(async () => {
  temp = await makeTempDir();
  await mirrorImages(['kept', 'm'], ['renamed', 'n', '--name-map', 'names.txt'], ['root', '', '--strip-registry']);
  network = await openNetworkNamespace();
  const program = fileURLToPath(new URL('../helpers/serve-registry.ts', import.meta.url));
  registry = await startProcess(...network.wrap(process.execPath, [program, temp.join('target')]));
  await registry.waitUntil('the registry listened', () => registry.stdout.includes('\n'));
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await network?.[Symbol.asyncDispose]();
  await temp?.[Symbol.asyncDispose]();
});

/** Brings all images into a registry whose content stays, each time under other names; the mappings stay too. */
async function mirrorImages(...runs: readonly (readonly [string, string, ...(readonly string[])])[]): Promise<void> {
  await using source = await startRegistry({ directory: temp.join('source') });
  await using target = await startRegistry({ directory: temp.join('target') });
  for (const [name, image] of Object.entries(IMAGES)) {
    const [, host = '', path = '', tag = 'x'] = /^([^/]+)\/([^:@]+)(?::([^@]+))?/.exec(name) ?? [];
    await pushSample(source.url, `${host.replace(':', '_')}/${path}`, image, [tag]);
  }
  await writeFile(temp.join('list.txt'), `${Object.keys(IMAGES).join('\n')}\n`);
  await writeFile(temp.join('names.txt'), `${RENAMED}=other/name\n`);
  const from = ['docker.io=docker.io', 'quay.example:8443=quay.example_8443'];
  const mirrors = from.flatMap((rule) => ['--mirror', rule.replace('=', `=${source.host}/`)]);
  for (const [report, prefix, ...options] of runs) {
    const to = ['--to', `docker://${target.host}/${prefix}`, '--evidence', 'ignore', '--report', temp.join(report)];
    await cli.ok(['mirror', 'list.txt', ...to, ...mirrors, ...options], { cwd: temp.path });
  }
  await writeFile(temp.join('host'), target.host);
}

/** Where each image is, by its original name. */
async function placesIn(report: string): Promise<ReadonlyMap<string, string>> {
  const mapping = await readFile(temp.join(report, 'mapping.txt'), 'utf8');
  const host = registry.stdout.trim().replace('http://', '');
  // The registry of the run has another port now.
  const lines = mapping
    .replaceAll(await readFile(temp.join('host'), 'utf8'), host)
    .trim()
    .split('\n');
  return new Map(lines.map((line) => line.split('=') as [string, string]));
}

/** The configuration of a dialect, in a directory. */
async function configure(report: string, format: string, exitCode = 0): Promise<string> {
  const file = temp.join(`${report}-${format}.txt`);
  const directory = temp.join(`${report}-${format}`);
  await rm(directory, { recursive: true, force: true });
  await writeFile(file, [...(await placesIn(report))].map((place) => `${place.join('=')}\n`).join(''));
  const args = ['mirror-config', file, '--format', format, '--plain-http', '--output', directory];
  expect(await cli.airgap(args)).toMatchObject({ exitCode });
  return directory;
}

/** Every image that a reader finds, by the digest that it found. */
async function found(names: readonly string[], find: (name: string) => Promise<ProcessResult>): Promise<object> {
  const pairs: [string, string][] = [];
  for (const name of names) {
    const { stdout, stderr } = await find(name);
    pairs.push([name, `${stdout}${stderr}`.match(/sha256:[0-9a-f]{64}/g)?.at(-1) ?? stderr]);
  }
  return Object.fromEntries(pairs);
}

const expected = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, IMAGES[name]?.descriptor.digest]));

const ALL = Object.keys(IMAGES);

test.each(['skopeo', 'skopeo-current'])('registries.conf as %s reads it, with paths that are kept and that change', async (name) => {
  const skopeo = requireTool(name);
  if (skopeo === undefined) return;
  for (const report of ['kept', 'renamed']) {
    const home = temp.join(`${name}-${report}`);
    const written = await configure(report, 'registries-conf');
    await mkdir(join(home, '.config/containers'), { recursive: true });
    await rename(written, join(home, '.config/containers/registries.conf.d'));
    const find = (image: string): Promise<ProcessResult> =>
      network.run(skopeo, ['inspect', '--no-tags', '--format', '{{.Digest}}', `docker://${image}`], { env: { HOME: home } });
    expect(await found(ALL, find)).toEqual(expected(ALL));
  }
}); // prettier-ignore

test.each([1, 2] as const)('hosts.toml as containerd %i reads it; what it cannot express is what was named', async (generation) => {
  const [daemon, client] = CONTAINERD_TOOLS[generation].map(requireTool);
  if (daemon === undefined || client === undefined) return;
  await using containerd = await startContainerd(generation);
  for (const [report, names, exitCode] of [['kept', ALL, 0], ['renamed', ALL.filter((each) => !each.startsWith(`${RENAMED}:`)), 5]] as const) {
    const directory = await configure(report, 'containerd', exitCode);
    const find = async (image: string): Promise<ProcessResult> => {
      const ctr = ['--address', containerd.socketPath, '--namespace', report];
      const fetched = await network.run(client, [...ctr, 'content', 'fetch', '--hosts-dir', directory, image]);
      return fetched.exitCode === 0 ? network.run(client, [...ctr, 'images', 'ls', `name==${image}`]) : fetched;
    };
    expect(await found(names, find)).toEqual(expected(names));
  }
}); // prettier-ignore

test('daemon.json as the Docker Engine reads it, for Docker Hub', async () => {
  if (DOCKERD_TOOLS[28].map(requireTool).includes(undefined)) return;
  const settings = await readFile(join(await configure('root', 'docker', 5), 'daemon.json'), 'utf8');
  await using engine = await startDockerd(28, { settings, wrap: (...command) => network.wrap(...command) });
  const hub = ALL.filter((name) => name.startsWith('docker.io/'));
  expect(await found(hub, (image) => engine.docker(['pull', image]))).toEqual(expected(hub));
});

test('images: as kustomize reads them, in every spelling', async () => {
  const kubectl = requireTool('kubectl');
  if (kubectl === undefined) return;
  await configure('renamed', 'kustomize');
  const spelled = ALL.flatMap((name) => [name, name.replace('docker.io/', ''), name.replace('docker.io/library/', '')]);
  const containers = spelled.map((image, index) => ({ name: `c${index}`, image }));
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'all' }, spec: { containers } };
  await mkdir(temp.join('overlay'));
  await writeFile(temp.join('overlay/pod.json'), JSON.stringify(pod));
  await writeFile(
    temp.join('overlay/kustomization.yaml'),
    'resources: [pod.json]\ncomponents: [../renamed-kustomize]\n',
  );
  const { stdout } = await runOk(kubectl, ['kustomize', temp.join('overlay')], { env: { HOME: temp.path } });
  const written = parse(stdout) as typeof pod;
  const places = await placesIn('renamed');
  expect(written.spec.containers.map(({ image }) => image)).toEqual(
    ALL.flatMap((name) => [places.get(name), places.get(name), places.get(name)]),
  );
});
