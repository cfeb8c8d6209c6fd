/** Finds the credentials for a repository where Docker's and the containers tools keep them. */
import type { Environment } from '../../../base/http/proxy.ts';
import { UsageError } from '../../../errors.ts';
import type { Credentials } from './account.ts';
import {
  authFilePlaces,
  helperOf,
  namesHost,
  parseAuthFile,
  readAuthFile,
  serverOf,
  type AuthEntry,
  type AuthFile,
} from './auth-file.ts';
import { askHelper } from './credential-helper.ts';

/** Gives the credentials for one repository, or undefined for anonymous access. */
export type CredentialSource = (
  registry: string,
  repository: string,
  signal?: AbortSignal,
) => Promise<Credentials | undefined>;

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
  const helper = helperOf(file, registry);
  const server = serverOf(registry);
  if (helper !== undefined) {
    const found = await askHelper(helper, server, environment, signal);
    if (found !== undefined) return found;
  }
  const entry = findEntry(file.auths ?? {}, registry, repository);
  const stored = entry === undefined ? undefined : toCredentials(entry, registry);
  if (stored !== undefined) return stored;
  const store = file.credsStore ?? '';
  return store === '' ? undefined : askHelper(store, server, environment, signal);
}

/** Most specific key first; keys may be URLs, of which only the host counts. */
function findEntry(
  auths: Readonly<Record<string, AuthEntry>>,
  registry: string,
  repository: string,
): AuthEntry | undefined {
  const components = repository.split('/');
  for (let count = components.length; count > 0; count--) {
    const key = [registry, ...components.slice(0, count)].join('/');
    const entry = Object.hasOwn(auths, key) ? auths[key] : undefined;
    if (entry !== undefined) return entry;
  }
  if (Object.hasOwn(auths, registry)) return auths[registry];
  return Object.entries(auths).find(([key]) => namesHost(key, registry))?.[1];
}

/** An empty entry only marks that a credential store knows the host. */
function toCredentials(entry: AuthEntry, registry: string): Credentials | undefined {
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
  const { told, inline, runtime, containers, docker, legacy } = authFilePlaces(environment);
  const files =
    named !== undefined || told !== undefined
      ? [
          named === undefined ? undefined : readAuthFile(named, 'it was named'),
          told === undefined ? undefined : readAuthFile(told, '$REGISTRY_AUTH_FILE names it'),
        ]
      : [
          inline === undefined ? undefined : parseAuthFile(inline, '$DOCKER_AUTH_CONFIG'),
          runtime === undefined ? undefined : readAuthFile(runtime),
          ...[containers, docker, legacy].map((path) => readAuthFile(path)),
        ];
  return files.filter((file) => file !== undefined);
}
