/** A docker-registry of the benchmark's own on loopback, with its access log and its CPU time. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { toolPath } from '../test/helpers/tools.ts';
import { cpuSeconds } from './proc.ts';

const START_TIMEOUT_MS = 20_000;

/** A running registry. */
export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** CPU time it has used so far. */
  cpuS(): number;
  /** Requests answered so far, as `METHOD /path`. */
  requests(): readonly string[];
}

/** Starts a registry below `work`; `storage` outlives it when given. */
export async function startRegistry(work: string, storage?: string): Promise<Registry> {
  await mkdir(work, { recursive: true });
  const folder = await mkdtemp(join(work, 'registry-'));
  const config = join(folder, 'config.json');
  const log = join(folder, 'log');
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      storage: { filesystem: { rootdirectory: storage ?? join(folder, 'storage') } },
      http: { addr: '127.0.0.1:0', secret: 'benchmark' },
    }),
  );
  const fd = openSync(log, 'a');
  const env = { PATH: process.env['PATH'] };
  const child = spawn(toolPath('docker-registry'), ['serve', config], { stdio: ['ignore', fd, fd], env });
  closeSync(fd);
  const onExit = (): boolean => child.kill('SIGKILL');
  process.once('exit', onExit);
  const exited = new Promise<void>((resolve, reject) => child.once('exit', () => resolve()).once('error', reject));
  const pid = child.pid ?? 0;
  const port = await listeningPort(() => readFileSync(log, 'utf8'));
  return {
    host: `127.0.0.1:${port}`,
    port,
    pid,
    cpuS: () => cpuSeconds(pid),
    requests: () =>
      [...readFileSync(log, 'utf8').matchAll(/"([A-Z]+ \/v2\/[^ ]*) HTTP/g)].map(([, request]) => request as string),
    async [Symbol.asyncDispose]() {
      process.off('exit', onExit);
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listeningPort(log: () => string): Promise<number> {
  for (const deadline = Date.now() + START_TIMEOUT_MS; Date.now() < deadline; await delay(20)) {
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(log())?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error(`docker-registry did not start:\n${log()}`);
}
