/** Starts Debian's docker-registry for a test: plain, with TLS, with htpasswd, with bearer tokens. */
import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const PROGRAM = '/usr/bin/docker-registry';
const START_TIMEOUT_MS = 400_000;

/** The account that every guarded registry of the tests knows. */
export const ACCOUNT = { username: 'alice', password: 's3cret:with colon' } as const;

/** Whether this machine has the registry; without it the suites that need it must fail loudly. */
export function hasDockerRegistry(): boolean {
  return existsSync(PROGRAM);
}

/** Where tokens come from. */
export interface TokenAuth {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** PEM file of the certificate whose key signs the tokens. */
  readonly rootCertBundle: string;
}

export interface DockerRegistryOptions {
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile?: string } | undefined;
  readonly htpasswd?: boolean | undefined;
  readonly token?: TokenAuth | undefined;
  /** Kept content of an earlier registry. */
  readonly storage?: string | undefined;
}

/** A running registry. */
export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly port: number;
  /** Its directory of content; removed on stop when it was made here. */
  readonly storage: string;
  /** Everything it wrote so far. */
  readonly log: () => string;
  /** Ends the process with SIGKILL and keeps the content. */
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts a registry on loopback and waits until it listens. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  if (!hasDockerRegistry()) throw new Error(`${PROGRAM} is missing: apt-get install docker-registry`);
  const directory = await mkdtemp(join(tmpdir(), 'docker-registry-'));
  const storage = options.storage ?? join(directory, 'storage');
  await mkdir(storage, { recursive: true });
  const config = join(directory, 'config.json');
  await writeFile(config, JSON.stringify(await configuration(directory, storage, options)));
  const child = spawn(PROGRAM, ['serve', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], GOGC: process.env['GOGC'] },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  const stop = async (): Promise<void> => {
    await end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const port = await listeningPort(child, () => log);
    const host = `127.0.0.1:${port}`;
    return { host, port, storage, log: () => log, kill: () => end('SIGKILL'), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function configuration(directory: string, storage: string, options: DockerRegistryOptions): Promise<object> {
  const { tls, token } = options;
  const htpasswd = join(directory, 'htpasswd');
  if (options.htpasswd === true) {
    const { stdout } = await run('htpasswd', ['-Bbn', ACCOUNT.username, ACCOUNT.password]);
    await writeFile(htpasswd, stdout.trim() + '\n');
  }
  return {
    version: 0.1,
    log: { accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: {
      addr: '127.0.0.1:0',
      secret: 'fixed for the test',
      ...(tls === undefined
        ? {}
        : {
            tls: {
              certificate: tls.certFile,
              key: tls.keyFile,
              ...(tls.clientCaFile === undefined ? {} : { clientcas: [tls.clientCaFile] }),
            },
          }),
    },
    ...(options.htpasswd === true ? { auth: { htpasswd: { realm: 'test', path: htpasswd } } } : {}),
    ...(token === undefined
      ? {}
      : {
          auth: {
            token: {
              realm: token.realm,
              service: token.service,
              issuer: token.issuer,
              rootcertbundle: token.rootCertBundle,
            },
          },
        }),
  };
}

async function listeningPort(child: ChildProcess, log: () => string): Promise<number> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const found = /listening on 127\.0\.0\.1:(\d+)/.exec(log())?.[1];
    if (found !== undefined) return Number(found);
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`docker-registry did not start:\n${log()}`);
}

/** Digests of all blobs (layers, configs and manifests) the registry stores. */
export async function storedBlobs(storage: string): Promise<readonly string[]> {
  const root = join(storage, 'docker/registry/v2/blobs/sha256');
  if (!existsSync(root)) return [];
  const prefixes = await readdir(root);
  const names = await Promise.all(prefixes.map((prefix) => readdir(join(root, prefix))));
  return names.flat().map((name) => `sha256:${name}`);
}

/** Bytes of one stored blob. */
export async function storedBytes(storage: string, digest: string): Promise<Buffer> {
  const hex = digest.slice('sha256:'.length);
  return readFile(join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'));
}
