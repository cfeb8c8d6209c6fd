/** The Docker Engine of this machine: where it listens, what it is, which images it has. */
import type Docker from 'dockerode';
import * as z from 'zod';
import { abortable } from '../../base/abortable.ts';
import type { CallOptions } from '../../content/store.ts';
import { AirgapError, isAbort, NotFoundError, StoreError, UsageError } from '../../errors.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { normalizePlatform, type Platform } from '../../oci/platform.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
/** How long a question may take whose answer the Engine has at hand. */
const ANSWER_TIMEOUT_MS = 60_000;
const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,511}$/;

/** Options of everything that talks to the Engine. */
export interface DockerOptions extends CallOptions {
  /**
   * `unix:///path` or `tcp://127.0.0.1:port`.
   * @defaultValue the environment's `DOCKER_HOST`, else `unix:///var/run/docker.sock`
   */
  readonly host?: string | undefined;
}

/** A connection to the Engine. */
export interface Engine {
  readonly docker: Docker;
  /** What messages call it: `Docker Engine unix:///var/run/docker.sock`. */
  readonly name: string;
}

/** An image the Engine has. */
export interface DockerImage {
  /** As it was asked for. */
  readonly name: string;
  /** With the containerd image store the digest of the manifest or index, with the classic stores that of the config. */
  readonly id: Digest;
  readonly platform: Platform;
}

const Version = z.object({ Os: z.string().max(100), Arch: z.string().max(100) });
const Inspected = z.object({
  Id: z.custom<Digest>(isDigest),
  Os: z.string().max(100),
  Architecture: z.string().max(100),
  Variant: z.string().max(100).nullish(),
});

/**
 * The platform of the Engine's own containers.
 * @throws StoreError `STORE_IO` when no Engine answers.
 * @see https://docs.docker.com/reference/api/engine/
 */
export async function dockerPlatform(options: DockerOptions = {}): Promise<Platform> {
  const engine = await openEngine(options);
  const version = Version.safeParse(await answerOf(engine, engine.docker.version(), options.signal));
  if (!version.success) throw new StoreError('STORE_IO', `${engine.name} does not say its platform`);
  return normalizePlatform({ os: version.data.Os, architecture: version.data.Arch });
}

/**
 * Which of these images the Engine has, by the name asked for; absent ones are absent from the answer.
 * @throws StoreError `STORE_IO` when no Engine answers.
 */
export async function inspectDockerImages(
  names: readonly string[],
  options: DockerOptions = {},
): Promise<ReadonlyMap<string, DockerImage>> {
  const engine = await openEngine(options);
  const found = new Map<string, DockerImage>();
  for (const name of names) {
    const image = await inspect(engine, name, options.signal);
    if (image !== undefined) found.set(name, image);
  }
  return found;
}

/** One image, or undefined when the Engine does not have it. */
export async function inspect(engine: Engine, name: string, signal?: AbortSignal): Promise<DockerImage | undefined> {
  try {
    const answer = await answerOf(engine, engine.docker.getImage(imageName(name)).inspect(), signal);
    const image = Inspected.safeParse(answer);
    if (!image.success) throw new StoreError('STORE_IO', `${engine.name} does not describe ${name} as documented`);
    const { Id: id, Os: os, Architecture: architecture, Variant: variant } = image.data;
    return { name, id, platform: normalizePlatform({ os, architecture, variant: variant ?? undefined }) };
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

/** A name that is safe as part of a request's path. */
export function imageName(name: string): string {
  if (NAME.test(name) && !name.split('/').some((part) => part === '' || part === '.' || part === '..')) return name;
  throw new UsageError('INVALID_REFERENCE', `${JSON.stringify(name.slice(0, 100))} cannot be the name of an image`);
}

/** Connects lazily: the first question tells whether anybody listens. */
export async function openEngine(options: DockerOptions): Promise<Engine> {
  options.signal?.throwIfAborted();
  const host = options.host ?? process.env['DOCKER_HOST'] ?? '';
  const chosen = host === '' ? DEFAULT_HOST : host;
  const address = parseHost(chosen);
  // Loaded only when needed: it is large, and most commands never speak to an Engine.
  const { default: Client } = await import('dockerode');
  // What is left out would be taken from the environment.
  const none = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined, timeout: undefined };
  return { docker: new Client({ ...none, ...address, protocol: 'http' }), name: `Docker Engine ${chosen}` };
}

function parseHost(host: string): { socketPath: string } | { host: string; port: number } {
  if (host.startsWith('unix:///')) return { socketPath: host.slice('unix://'.length) };
  const url = /^(tcp|http):/.test(host) && URL.canParse(host) ? new URL(host.replace(/^tcp:/, 'http:')) : undefined;
  if (url !== undefined && LOOPBACK.includes(url.hostname) && url.pathname === '/' && url.username === '') {
    return { host: url.hostname, port: url.port === '' ? 2375 : Number(url.port) };
  }
  throw new StoreError('UNSUPPORTED', `a Docker Engine at ${JSON.stringify(host.slice(0, 100))} is not supported`, {
    hint: 'use unix:///path or tcp://127.0.0.1:port; for a remote Engine forward its socket, for example with ssh -L',
  });
}

/** Waits for a short answer. */
export async function answerOf<T>(engine: Engine, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  return waitFor(engine, answer, signal === undefined ? timeout : AbortSignal.any([signal, timeout]));
}

/** Waits for an answer as long as the signal allows; failures become the product's own errors. */
export async function waitFor<T>(engine: Engine, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await abortable(answer, signal);
  } catch (error) {
    throw toStoreError(engine, error);
  }
}

/** Aborts and the product's own errors pass; the rest is what the Engine said, or that nothing answered. */
export function toStoreError(engine: Engine, error: unknown): unknown {
  if (error instanceof AirgapError || isAbort(error) || !(error instanceof Error)) return error;
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  if (typeof statusCode === 'number') {
    const said = error.message.replace(/^\(HTTP code \d+\) [^-]* - /, '').trim();
    if (statusCode === 404) return new NotFoundError('NOT_FOUND', `${engine.name}: ${said}`, { cause: error });
    return new StoreError('STORE_IO', `${engine.name} refused (${statusCode}): ${said}`, { cause: error });
  }
  if (error.name === 'TimeoutError') {
    return new StoreError('STORE_IO', `${engine.name} does not answer`, {
      hint: 'check that the Engine answers: docker version',
      cause: error,
    });
  }
  const hint =
    code === 'EACCES'
      ? 'you may not use its socket: run as root, or as a member of the group that owns it'
      : 'start Docker, or say where it listens with DOCKER_HOST';
  const what = code === 'ECONNRESET' || code === 'EPIPE' ? 'broke the connection' : 'cannot be reached';
  return new StoreError('STORE_IO', `${engine.name} ${what}: ${error.message}`, { hint, cause: error });
}
