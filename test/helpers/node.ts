/**
 * A whole Kubernetes node for a test: kubelet, containerd and runc beside a control plane, in a network of loopback alone,
 * with a registry from which its containers come. Its processes, mounts and networks are seen nowhere else, and end with
 * the test's process, however that ends. Needs root.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { call, jump, label } from '../../src/release/samples/machine/instructions.ts';
import { createStaticElf } from '../../src/release/samples/machine/static-elf.ts';
import { programCommand } from '../e2e/support/program.ts';
import type { KubernetesObject } from './cluster/api.ts';
import { clusterTools } from './cluster/cluster-tools.ts';
import type { ClusterTools } from './cluster/cluster-tools.ts';
import {
  apiServerUrl,
  etcdUrl,
  makePlace,
  start,
  startApiServer,
  startControllers,
  startEtcd,
  TOKENS,
  type ClusterPlace,
} from './cluster/control-plane.ts';
import { openNetworkNamespace } from './network-namespace.ts';
import {
  CNI_PLUGINS,
  containerdConfiguration,
  kubeletConfiguration,
  NODE_ADDRESS,
  nodePaths,
  podNetwork,
  registryHosts,
} from './node/configuration.ts';
import { makeControlGroup } from './node/control-group.ts';
import { removeWithMounts } from './mounts.ts';
import type { ProcessResult, RunningProcess } from './process.ts';
import { pushSample } from './push-sample.ts';
import { requireTool } from './require-tool.ts';
import { runOk, type RunOptions } from './run.ts';
import { makeImage } from './sample-image.ts';
import { makeLayer } from './sample-layer.ts';
import { toolPath } from './tools.ts';

const NAME = 'node-1';
/** Nothing else is at this address, which is the node's own. */
const REGISTRY = '127.0.0.1:5000';
/** Holds the network of a pod, and does nothing. A node has it before anything is loaded. */
const SANDBOX = { repository: 'sandbox/pause', tag: '1' } as const;
const SANDBOX_IMAGE = `${REGISTRY}/${SANDBOX.repository}:${SANDBOX.tag}`;

/** What runs on this machine's kind of processor: `linux/amd64`, `linux/arm64`. */
export const NODE_PLATFORM = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** A node with its control plane. Disposing of it ends all of it and removes what is left. */
export interface KubernetesNode extends AsyncDisposable {
  /** Everything it writes. */
  readonly folder: string;
  readonly kubeconfig: string;
  /** `127.0.0.1:5000`, within the network of the node: where containers come from. */
  readonly registry: string;
  /** The image of sandboxes, as the node knows it. */
  readonly sandbox: string;
  /** Where containerd is talked to. */
  readonly socket: string;
  /** For starting more programs within the network of the node, which find the API server at its address. */
  readonly place: ClusterPlace;
  /** Runs a command in the network of the node, whatever its exit code. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** What the API server has at a path: an object, or a list with `items`; undefined where there is nothing. */
  readonly get: (path: string) => Promise<KubernetesObject | undefined>;
  /** Applies objects. @throws Error with what kubectl said when it fails */
  apply(...objects: readonly object[]): Promise<void>;
  /** Runs containerd's own client in the namespace of Kubernetes. @throws Error with what it said when it fails */
  ctr(...args: readonly string[]): Promise<string>;
  /** What the kubelet and containerd wrote. */
  log(): string;
}

/** What a node consists of; undefined, loudly, where something is missing that this machine need not have. */
function nodeTools(): ClusterTools | undefined {
  const tools = clusterTools();
  if (tools === undefined) return undefined;
  for (const name of ['containerd2', 'containerd-shim2', 'ctr2', 'runc', 'curl', 'kubectl']) {
    if (requireTool(name) === undefined) return undefined;
  }
  const missing = [
    ...(existsSync(tools.kubelet) ? [] : ['a kubelet']),
    ...(existsSync(join(CNI_PLUGINS, 'ptp')) ? [] : [CNI_PLUGINS]),
    ...(process.getuid?.() === 0 ? [] : ['root']),
  ];
  if (missing.length === 0) return tools;
  process.stderr.write(`\n!!! SKIPPED: there is no node without ${missing.join(', ')}; what this test verifies stays unverified !!!\n`); // prettier-ignore
  return undefined;
}

/**
 * Starts a node and waits until pods may be made. Undefined, loudly, where this machine cannot have one.
 * @throws Error with the output of the program that did not get there
 */
export async function startNode(): Promise<KubernetesNode | undefined> {
  const tools = nodeTools();
  if (tools === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'airgap-node-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => removeWithMounts(folder));
  const group = stack.use(await makeControlGroup(basename(folder)));
  const network = stack.use(await openNetworkNamespace({ ownsProcesses: true }));
  const { wrap } = network;
  await network.run(toolPath('ip'), ['address', 'add', `${NODE_ADDRESS}/32`, 'dev', 'lo']);
  const place = await makePlace(tools, folder, wrap);
  const kubeconfig = join(folder, 'kubeconfig');
  const env = { KUBECONFIG: kubeconfig, HOME: folder };
  const node = {
    ...{ folder, kubeconfig, registry: REGISTRY, sandbox: SANDBOX_IMAGE, socket: nodePaths(folder).socket, place },
    run: (command: string, args: readonly string[], options: RunOptions = {}) =>
      network.run(command, args, { ...options, env: { ...env, ...options.env } }),
    get: (path: string) => getObject(place, path),
    apply: async (...objects: readonly object[]) => {
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
      await runOk(...wrap(toolPath('kubectl'), ['apply', '--server-side', '--filename', '-']), { env, input });
    },
    ctr: async (...args: readonly string[]) => {
      const words = ['--address', nodePaths(folder).socket, '--namespace', 'k8s.io', ...args];
      return (await runOk(...wrap(toolPath('ctr2'), words))).stdout;
    },
  };

  await fillRegistry(folder);
  const [command, words] = programCommand('airgap', ['registry', join(folder, 'registry'), '--listen', REGISTRY]);
  const registry = await start(place, command, words);
  await startEtcd(place);
  const apiServer = await startApiServer(place, {
    etcd: etcdUrl(place.address),
    prefix: '/node',
    hasControllers: true,
  });
  const containerd = await startContainerd(place, folder);
  await apiServer.waitUntil('the API server was ready', () => isApiReady(place));
  await startControllers(place);
  await registry.waitUntil('the registry listened', () => registry.stdout.includes(REGISTRY));
  const kubelet = await startKubelet(place, folder, group.path);
  const log = (): string => `${kubelet.stderr}\n${containerd.stderr}`;
  await kubelet.waitUntil('the node was ready', async () => {
    const taints = (await node.get(`/api/v1/nodes/${NAME}`))?.spec ?? { taints: [] };
    return taints['taints'] === undefined;
  });
  const owned = stack.move();
  return { ...node, log, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Puts the image of sandboxes where the registry of the node will find it. */
async function fillRegistry(folder: string): Promise<void> {
  await using registry = await startRegistry({ directory: join(folder, 'registry') });
  const program = [label('again'), call('ppoll', 0, 0, 0, 0, 0), jump('again')];
  const [, architecture = ''] = NODE_PLATFORM.split('/');
  const layers = [makeLayer({ 'bin/hello': createStaticElf(architecture, program) })];
  const image = makeImage({ platform: NODE_PLATFORM, layers });
  await pushSample(registry.url, SANDBOX.repository, image, [SANDBOX.tag]);
}

async function startContainerd(place: ClusterPlace, folder: string): Promise<RunningProcess> {
  const { bin, cni, hosts } = nodePaths(folder);
  for (const path of [bin, cni, join(hosts, REGISTRY)]) await mkdir(path, { recursive: true });
  // containerd finds its shim by name.
  await symlink(toolPath('containerd-shim2'), join(bin, 'containerd-shim-runc-v2'));
  await writeFile(join(folder, 'containerd.toml'), containerdConfiguration(folder, SANDBOX_IMAGE));
  await writeFile(join(cni, 'pods.conflist'), podNetwork(folder));
  await writeFile(join(hosts, REGISTRY, 'hosts.toml'), registryHosts(REGISTRY));
  const PATH = [bin, process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].join(delimiter);
  return start(place, toolPath('containerd2'), ['--config', join(folder, 'containerd.toml')], { PATH });
}

async function startKubelet(place: ClusterPlace, folder: string, controlGroup: string): Promise<RunningProcess> {
  const file = join(folder, 'kubelet.json');
  await writeFile(file, kubeletConfiguration(folder, controlGroup));
  return start(place, place.tools.kubelet, [
    ...[`--kubeconfig=${join(folder, 'kubeconfig')}`, `--config=${file}`, `--root-dir=${nodePaths(folder).kubelet}`],
    ...[`--cert-dir=${join(folder, 'kubelet-certificates')}`, `--hostname-override=${NAME}`],
    `--node-ip=${NODE_ADDRESS}`,
  ]);
}

/** curl starts in a hundredth of the time that kubectl takes. */
async function ask({ wrap, address, certificates }: ClusterPlace, path: string): Promise<readonly [number, string]> {
  const words = ['--silent', '--cacert', certificates.caFile, '--header', `Authorization: Bearer ${TOKENS.admin}`];
  const url = `${apiServerUrl(address)}${path}`;
  const full = [...words, '--write-out', '\n%{http_code}', url];
  const { stdout } = await runOk(...(wrap?.(toolPath('curl'), full) ?? [toolPath('curl'), full]));
  const end = stdout.lastIndexOf('\n');
  return [Number(stdout.slice(end + 1)), stdout.slice(0, end)];
}

async function isApiReady(place: ClusterPlace): Promise<boolean> {
  // Nothing listens at first, which curl calls a failure.
  return ask(place, '/readyz').then(
    ([status]) => status === 200,
    () => false,
  );
}

async function getObject(place: ClusterPlace, path: string): Promise<KubernetesObject | undefined> {
  const [status, text] = await ask(place, path);
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
  return JSON.parse(text) as KubernetesObject;
}
