/** The auth files of Docker and the containers tools: where they lie, what they hold, and which entries are about a host. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { readBoundedSync } from '../../../base/files/read-file.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import { parseJson } from '../../../base/json/parse-json.ts';
import { NotFoundError, UsageError } from '../../../errors.ts';

const MAX_AUTH_FILE_BYTES = 4 * 1024 * 1024;
/** Docker Hub as references name it. */
const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
const DOCKER_HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

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

/** What is known of one host or namespace. */
export type AuthEntry = z.infer<typeof Entry>;

/**
 * What an auth file says of registries.
 * @see https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
 */
export type AuthFile = z.infer<typeof AuthFile>;

/** Where the auth files lie, for one environment. */
export interface AuthFilePlaces {
  /** `$REGISTRY_AUTH_FILE`: where it is set, the others are not looked at. */
  readonly told: string | undefined;
  /** `$DOCKER_AUTH_CONFIG`, which holds the JSON itself. */
  readonly inline: string | undefined;
  /** Of the containers tools, until the next start of the machine. */
  readonly runtime: string | undefined;
  /** Of the containers tools. */
  readonly containers: string;
  /** Docker's, which the containers tools read too. */
  readonly docker: string;
  /** Docker's of long ago. */
  readonly legacy: string;
}

/** Variables that are empty do not count. */
export function authFilePlaces(environment: Environment): AuthFilePlaces {
  const value = (name: string): string | undefined => (environment[name] === '' ? undefined : environment[name]);
  const home = environment['HOME'] ?? homedir();
  const runtime = value('XDG_RUNTIME_DIR');
  return {
    told: value('REGISTRY_AUTH_FILE'),
    inline: value('DOCKER_AUTH_CONFIG'),
    runtime: runtime === undefined ? undefined : join(runtime, 'containers/auth.json'),
    containers: join(environment['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/auth.json'),
    docker: join(environment['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
    legacy: join(home, '.dockercfg'),
  };
}

/** The name under which Docker and credential helpers know a registry. */
export function serverOf(registry: string): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_KEY : registry;
}

/** Whether a key of `auths` or `credHelpers` names this host as a whole, in any of the spellings there are. */
export function namesHost(key: string, registry: string): boolean {
  return isHostKey(key) && hostOf(key) === canonical(registry);
}

/** The helper that the file names for this host alone. */
export function helperOf(file: AuthFile, registry: string): string | undefined {
  return Object.entries(file.credHelpers ?? {}).find(([key]) => hostOf(key) === canonical(registry))?.[1];
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

/**
 * What a file says; undefined when there is none.
 * @param mustExist why it has to be there, as the rest of a sentence
 * @throws UsageError `USAGE` when it cannot be read, is no auth file, or has to be there and is not.
 */
export function readAuthFile(path: string, mustExist?: string): AuthFile | undefined {
  const text = readAuthText(path, mustExist);
  return text === undefined ? undefined : parseAuthFile(text, path);
}

/** The text of {@link readAuthFile}; that of `/dev/null`, the customary way to say that nothing is known, is empty. */
export function readAuthText(path: string, mustExist?: string): string | undefined {
  if (path === '/dev/null') return '';
  try {
    return readBoundedSync(path, { what: 'an auth file', limit: MAX_AUTH_FILE_BYTES }).toString('utf8');
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
}

/** Reads the text of an auth file. @throws UsageError `USAGE` naming where it stands */
export function parseAuthFile(text: string, where: string): AuthFile {
  const json = parseAuthJson(text, where);
  const legacy = where.endsWith('.dockercfg') && !('auths' in json);
  const parsed = AuthFile.safeParse(legacy ? { auths: json } : json);
  if (!parsed.success) throw broken(where);
  return parsed.data;
}

/** All that the file holds, what is not about registries included. @throws UsageError `USAGE` naming where it stands */
export function parseAuthJson(text: string, where: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  let json: unknown;
  try {
    json = parseJson(text, { maxBytes: MAX_AUTH_FILE_BYTES, reading: 'lenient' });
  } catch {
    throw broken(where);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw broken(where);
  return json as Readonly<Record<string, unknown>>;
}

function broken(where: string): UsageError {
  return new UsageError('USAGE', `${where} is not a registry auth file`, {
    hint: 'it must hold JSON with an "auths" object',
  });
}
