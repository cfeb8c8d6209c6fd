/** A containerd of the test's own: own root, state and socket, gone without a trace afterwards. Needs root. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { startProcess, type ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

const START_TIMEOUT_MS = 400_000;

/** containerd generations: Debian's 1.6, and 2.x. */
export type ContainerdGeneration = 1 | 2;

/** The tools each generation needs, for requireTool. */
export const CONTAINERD_TOOLS: Readonly<Record<ContainerdGeneration, readonly [string, string]>> = {
  1: ['containerd', 'ctr'],
  2: ['containerd2', 'ctr2'],
};

/** Without the Kubernetes and node-resource plugins, which use fixed paths of the machine. */
const DISABLED_PLUGINS = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.cri.v1.images',
  'io.containerd.cri.v1.runtime',
  'io.containerd.nri.v1.nri',
  'io.containerd.internal.v1.opt',
];

/** A running containerd. Disposing of it is stopping it. */
export interface Containerd extends AsyncDisposable {
  readonly socketPath: string;
  /** Runs `ctr` of the same generation in the namespace `k8s.io`, the one Kubernetes reads. */
  ctr(args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  log(): string;
  /** Stops it and removes everything of it. */
  stop(): Promise<void>;
}

/** Starts a containerd and waits until it answers. */
export async function startContainerd(generation: ContainerdGeneration): Promise<Containerd> {
  const [daemonName, clientName] = CONTAINERD_TOOLS[generation];
  const folder = await mkdtemp(join(tmpdir(), 'airgap-containerd-'));
  const socketPath = join(folder, 'containerd.sock');
  const configPath = join(folder, 'config.toml');
  await writeFile(configPath, configuration(folder, socketPath));
  const daemon = await startProcess(toolPath(daemonName), ['--config', configPath], { cwd: folder });

  function ctr(args: readonly string[], options?: RunOptions): Promise<ProcessResult> {
    return run(toolPath(clientName), ['--address', socketPath, '--namespace', 'k8s.io', ...args], options);
  }
  async function stop(): Promise<void> {
    await daemon.stop();
    await removeWithMounts(folder);
  }
  async function answers(): Promise<boolean> {
    return (await ctr(['version'], { timeoutMs: 60_000 })).exitCode === 0;
  }

  try {
    await daemon.waitUntil('containerd answered', answers, START_TIMEOUT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { socketPath, ctr, log: () => daemon.stderr, stop, [Symbol.asyncDispose]: stop };
}

function configuration(folder: string, socketPath: string): string {
  return [
    'version = 2',
    `root = "${join(folder, 'root')}"`,
    `state = "${join(folder, 'state')}"`,
    `temp = "${join(folder, 'temp')}"`,
    `disabled_plugins = [${DISABLED_PLUGINS.map((plugin) => `"${plugin}"`).join(', ')}]`,
    '[grpc]',
    `  address = "${socketPath}"`,
    '[ttrpc]',
    `  address = "${socketPath}.ttrpc"`,
    '',
  ].join('\n');
}
