/** Finds the credentials for a repository where Docker's and the containers tools keep them. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readBoundedSync } from '../../../base/files/read-file.ts';
import { parseJson } from '../../../base/json/parse-json.ts';
import { NotFoundError, UsageError } from '../../../errors.ts';
import type { Credentials } from './account.ts';
import { askHelper } from './credential-helper.ts';
import type { Environment } from '../../../base/http/proxy.ts';

const MAX_AUTH_FILE_BYTES = 4 * 1024 * 1024;
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Gives the credentials for one repository, or undefined for anonymous access. */
export type CredentialSource = (
  registry: string,
  repository: string,
  signal?: AbortSignal,
) => Promise<Credentials | undefined>;

const Entry = z
  .object({
    auth: z.string().optional(),
    username: z.string().optional(),
    password: z.string().optional(),
    identitytoken: z.string().optional(),
    registrytoken: z.string().optional(),
  })
  .nullable();
const AuthFile = z.object({
  auths: z.record(z.string(), Entry).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: z.string().nullish(),
});
type Entry = z.infer<typeof Entry>;
type AuthFile = z.infer<typeof AuthFile>;

/** Options of {@link createCredentialSource}. */
export interface CredentialOptions {
  /** @defaultValue `process.env` */
  readonly environment?: Environment | undefined;
  /** An auth file named by the user; it must exist, is asked first, and keeps the usual places from being looked at. */
  readonly authFile?: string | undefined;
}

/**
 * Searches the named file and `$REGISTRY_AUTH_FILE`, and nothing else where one of them is given, as podman does.
 * Otherwise, in this order: `$DOCKER_AUTH_CONFIG` (JSON), `$XDG_RUNTIME_DIR/containers/auth.json`,
 * `~/.config/containers/auth.json`, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, `~/.dockercfg`. In each:
 * helper of the host, then the most specific entry (`host/ns/repo` … `host`), then the file's credential store.
 * @see https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
 * @see https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export function createCredentialSource(options: CredentialOptions = {}): CredentialSource {
  const environment = options.environment ?? process.env;
  let files: readonly AuthFile[] | undefined;
  return async (registry, repository, signal) => {
    files ??= readAuthFiles(environment, options.authFile);
    for (const file of files) {
      const found = await search(file, registry, repository, environment, signal);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

async function search(
  file: AuthFile,
  registry: string,
  repository: string,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const helper = Object.entries(file.credHelpers ?? {}).find(([key]) => hostOf(key) === canonical(registry));
  const server = registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
  if (helper !== undefined) {
    const found = await askHelper(helper[1], server, environment, signal);
    if (found !== undefined) return found;
  }
  const entry = findEntry(file.auths ?? {}, registry, repository);
  const stored = entry === undefined ? undefined : toCredentials(entry, registry);
  if (stored !== undefined) return stored;
  const store = file.credsStore ?? '';
  return store === '' ? undefined : askHelper(store, server, environment, signal);
}

/** Most specific key first; keys may be URLs, of which only the host counts. */
function findEntry(auths: Readonly<Record<string, Entry>>, registry: string, repository: string): Entry | undefined {
  const components = repository.split('/');
  for (let count = components.length; count > 0; count--) {
    const key = [registry, ...components.slice(0, count)].join('/');
    const entry = Object.hasOwn(auths, key) ? auths[key] : undefined;
    if (entry !== undefined) return entry;
  }
  if (Object.hasOwn(auths, registry)) return auths[registry];
  return Object.entries(auths).find(([key]) => isHostKey(key) && hostOf(key) === canonical(registry))?.[1];
}

/** `host`, `http(s)://host/…` and Docker's old `host/v1/`; anything else with a path names a namespace. */
function isHostKey(key: string): boolean {
  return /^https?:\/\//i.test(key) || /^[^/]+(?:\/v[12]\/?)?$/.test(key);
}

function hostOf(key: string): string {
  return canonical(key.replace(/^https?:\/\//i, '').replace(/\/.*$/, ''));
}

function canonical(host: string): string {
  return DOCKER_HUB_HOSTS.has(host) ? DOCKER_HUB : host;
}

/** An empty entry only marks that a credential store knows the host. */
function toCredentials(entry: Entry, registry: string): Credentials | undefined {
  if (entry === null) return undefined;
  if (entry.registrytoken !== undefined && entry.registrytoken !== '') return { registryToken: entry.registrytoken };
  const { auth = '', username = '', password, identitytoken: identityToken = '' } = entry;
  const basic = auth === '' ? { username, password } : decodeAuth(auth, registry);
  if (identityToken !== '') return { ...basic, identityToken };
  return basic.username === '' || basic.password === undefined ? undefined : basic;
}

/** base64 of `user:password`; the password may hold colons and may be padded with NUL. */
function decodeAuth(auth: string, registry: string): { username: string; password: string } {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon <= 0) {
    throw new UsageError('USAGE', `the auth file's entry for ${registry} is not base64 of user:password`, {
      hint: `log in to ${registry} again`,
    });
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}

function readAuthFiles(environment: Environment, named: string | undefined): readonly AuthFile[] {
  const home = environment['HOME'] ?? homedir();
  const runtime = environment['XDG_RUNTIME_DIR'];
  const config = environment['XDG_CONFIG_HOME'] ?? join(home, '.config');
  const docker = environment['DOCKER_CONFIG'] ?? join(home, '.docker');
  const told = environment['REGISTRY_AUTH_FILE'] ?? '';
  const inline = environment['DOCKER_AUTH_CONFIG'];
  if (named !== undefined || told !== '') {
    const files = [
      named === undefined ? undefined : readAuthFile(named, 'it was named'),
      told === '' ? undefined : readAuthFile(told, '$REGISTRY_AUTH_FILE names it'),
    ];
    return files.filter((file) => file !== undefined);
  }
  return [
    inline === undefined || inline === '' ? undefined : parseAuthFile(inline, '$DOCKER_AUTH_CONFIG'),
    runtime === undefined || runtime === '' ? undefined : readAuthFile(join(runtime, 'containers/auth.json')),
    readAuthFile(join(config, 'containers/auth.json')),
    readAuthFile(join(docker, 'config.json')),
    readAuthFile(join(home, '.dockercfg')),
  ].filter((file) => file !== undefined);
}

function readAuthFile(path: string, mustExist?: string): AuthFile | undefined {
  // The customary way to say that there are no credentials.
  if (path === '/dev/null') return {};
  let bytes: Buffer;
  try {
    bytes = readBoundedSync(path, { what: 'an auth file', limit: MAX_AUTH_FILE_BYTES });
  } catch (error) {
    if (error instanceof NotFoundError) {
      if (mustExist === undefined) return undefined;
      throw new UsageError('USAGE', `there is no auth file ${path}, and ${mustExist}`, {
        cause: error,
        hint: 'log in to make it, or name the file that is meant',
      });
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError('USAGE', `cannot read the auth file ${why}`, { cause: error, hint: 'check its permissions' });
  }
  return parseAuthFile(bytes.toString('utf8'), path);
}

function parseAuthFile(text: string, where: string): AuthFile {
  const broken = (): UsageError =>
    new UsageError('USAGE', `${where} is not a registry auth file`, {
      hint: 'it must hold JSON with an "auths" object',
    });
  if (text.trim() === '') return {};
  let json: unknown;
  try {
    json = parseJson(text, { maxBytes: MAX_AUTH_FILE_BYTES, reading: 'lenient' });
  } catch {
    throw broken();
  }
  const legacy = where.endsWith('.dockercfg') && typeof json === 'object' && json !== null && !('auths' in json);
  const parsed = AuthFile.safeParse(legacy ? { auths: json } : json);
  if (!parsed.success) throw broken();
  return parsed.data;
}
