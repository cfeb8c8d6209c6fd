/** A Docker Engine of the test's own: own state, own socket, no network, gone without a trace afterwards. Needs root. */
import { request } from 'node:http';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeWithMounts } from './mounts.ts';
import { signalGroup, startProcess, type ProcessResult } from './process.ts';
import { run, type RunOptions } from './run.ts';
import { toolPath } from './tools.ts';

const START_TIMEOUT_MS = 400_000;
const STOP_GRACE_MS = 15_000;

/** Engine generations: 20.10 with the classic image store, 28 with containerd's, which keeps manifest digests. */
export type DockerGeneration = 20 | 28;

/** The tools each generation needs, for requireTool. */
export const DOCKERD_TOOLS: Readonly<Record<DockerGeneration, readonly [string, string]>> = {
  20: ['dockerd', 'docker'],
  28: ['dockerd28', 'docker28'],
};

/** A running engine. Disposing of it is stopping it. */
export interface Dockerd extends AsyncDisposable {
  readonly socketPath: string;
  /** `unix://<socketPath>` */
  readonly host: string;
  /** Runs the docker command line of the same generation against this engine. */
  docker(args: readonly string[], options?: RunOptions): Promise<ProcessResult>;
  /** The engine's log up to now. */
  log(): string;
  /** Stops the engine and removes everything of it. */
  stop(): Promise<void>;
}

/** Options of {@link startDockerd}. */
export interface DockerdOptions {
  /** Registries it may speak plain HTTP to, `127.0.0.0/8` apart, which it always may. */
  readonly insecureRegistries?: readonly string[];
  /** Its daemon.json. @defaultValue `{}` */
  readonly settings?: string;
  /** Wraps the command, for example to start it inside a network namespace. */
  readonly wrap?: (command: string, args: readonly string[]) => readonly [string, readonly string[]];
}

/** Starts an engine and waits until it answers. */
export async function startDockerd(generation: DockerGeneration, options: DockerdOptions = {}): Promise<Dockerd> {
  const [daemonName, clientName] = DOCKERD_TOOLS[generation];
  const folder = await mkdtemp(join(tmpdir(), 'airgap-dockerd-'));
  const socketPath = join(folder, 'docker.sock');
  const host = `unix://${socketPath}`;
  const execRoot = join(folder, 'exec');
  const configPath = join(folder, 'daemon.json');
  await mkdir(join(folder, 'client'));
  // The machine's own daemon.json must not apply.
  await writeFile(configPath, options.settings ?? '{}');
  const args = [
    ...['--config-file', configPath, '--data-root', join(folder, 'data'), '--exec-root', execRoot],
    ...['--pidfile', join(folder, 'docker.pid'), '--host', host, '--group', 'root'],
    ...['--bridge=none', '--iptables=false', '--ip6tables=false'],
    ...(generation === 28 ? ['--feature', 'containerd-snapshotter=true'] : []),
    ...(options.insecureRegistries ?? []).map((registry) => `--insecure-registry=${registry}`),
  ];
  const [command, wrappedArgs] = options.wrap?.(toolPath(daemonName), args) ?? [toolPath(daemonName), args];
  // Only unix sockets: an engine that another process configured through the environment is not this one.
  const daemon = await startProcess(command, wrappedArgs, { env: { DOCKER_HOST: undefined }, cwd: folder });

  async function stop(): Promise<void> {
    await daemon.stop(STOP_GRACE_MS);
    // An engine that had to be killed leaves the containerd it started, which has a process group of its own.
    await killByPidFile(join(execRoot, 'containerd', 'containerd.pid'));
    await removeWithMounts(folder);
  }

  try {
    await daemon.waitUntil('the Docker Engine answered', () => answersPing(socketPath), START_TIMEOUT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    socketPath,
    host,
    docker: (dockerArgs, runOptions) =>
      run(toolPath(clientName), ['--config', join(folder, 'client'), '--host', host, ...dockerArgs], runOptions),
    log: () => daemon.stderr,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function killByPidFile(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const pid = Number(text);
  if (!Number.isInteger(pid) || pid <= 1) return;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  if (name.trim() === 'containerd') signalGroup(pid, 'SIGKILL');
}

function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => {
      resolve(false);
    });
    ping.end();
  });
}
