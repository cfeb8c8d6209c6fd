/** Finds and reads kubeconfigs as kubectl does: one file or several, the context that is meant, its cluster and user. */
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { FixedOrigin } from '../../../base/http/client.ts';
import type { Environment } from '../../../base/http/proxy.ts';
import { readBounded, readIfThere } from '../../../base/files/read-file.ts';
import { nearest } from '../../../base/suggestion.ts';
import { readYaml } from '../../../base/yaml-source.ts';
import { UsageError } from '../../../errors.ts';
import type { AccessRequest, ClusterAccess, ClusterUser } from './cluster-access.ts';
import { inClusterAccess } from './in-cluster.ts';
import {
  Kubeconfig,
  type KubeconfigCluster,
  type KubeconfigContext,
  type KubeconfigUser,
} from './kubeconfig-schema.ts';

const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
const MAX_FILE_BYTES = 1024 * 1024;
const DEFAULT_NAMESPACE = 'default';

/** An entry, with the folder that its relative paths start from and its file. */
interface Held<T> {
  readonly value: T;
  readonly directory: string;
  readonly file: string;
}

/** The files as one: of two entries with one name the first counts, as with kubectl. */
interface Merged {
  readonly files: readonly string[];
  readonly clusters: ReadonlyMap<string, Held<KubeconfigCluster>>;
  readonly users: ReadonlyMap<string, Held<KubeconfigUser>>;
  readonly contexts: ReadonlyMap<string, Held<KubeconfigContext>>;
  readonly current: string | undefined;
}

/**
 * Finds out how the cluster that is meant is reached. Nothing is asked over the network.
 * @throws UsageError `USAGE` for a file, context, cluster or user that is not there or says nothing that can be used.
 * @see https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
export async function findClusterAccess(request: AccessRequest, environment: Environment): Promise<ClusterAccess> {
  const merged = await readConfigs(request.kubeconfig, environment);
  if (merged === undefined) {
    const inside = request.context === undefined ? await inClusterAccess(request, environment) : undefined;
    if (inside !== undefined) return inside;
    throw new UsageError('USAGE', 'no kubeconfig says which cluster is meant', {
      hint: 'give --kubeconfig FILE, set KUBECONFIG, or put it in ~/.kube/config',
    });
  }
  return await toAccess(merged, request);
}

async function readConfigs(named: string | undefined, environment: Environment): Promise<Merged | undefined> {
  if (named !== undefined) return merge([await readConfig(named, true)]);
  const listed = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  const paths = listed.length > 0 ? listed : [join(environment['HOME'] ?? homedir(), '.kube', 'config')];
  const found = [];
  for (const path of paths) found.push(await readConfig(path, false));
  const there = found.filter((config) => config !== undefined);
  if (there.length === 0 && listed.length > 0) {
    throw new UsageError('USAGE', `KUBECONFIG names no file that is there: ${listed.join(', ')}`, {
      hint: 'correct it, or give --kubeconfig FILE',
    });
  }
  return there.length === 0 ? undefined : merge(there);
}

interface ReadConfig {
  readonly file: string;
  readonly config: Kubeconfig;
}

async function readConfig<Must extends boolean>(
  file: string,
  must: Must,
): Promise<ReadConfig | (Must extends true ? never : undefined)> {
  const options = { what: 'a kubeconfig', limit: MAX_CONFIG_BYTES };
  const bytes = must ? await readBounded(file, options) : await readIfThere(file, options);
  if (bytes === undefined) return undefined as Must extends true ? never : undefined;
  const [document] = readYaml(bytes.toString('utf8'), file, { maxLength: MAX_CONFIG_BYTES, uniqueKeys: false });
  const parsed = Kubeconfig.safeParse(document?.value ?? {});
  if (parsed.success) return { file, config: parsed.data };
  const [issue] = parsed.error.issues;
  throw new UsageError('USAGE', `${file} is no kubeconfig: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`, {
    hint: 'compare it with: kubectl config view --kubeconfig FILE',
  });
}

function merge(configs: readonly ReadConfig[]): Merged {
  const collect = <T>(entriesOf: (config: Kubeconfig) => readonly (readonly [string, T])[]): Map<string, Held<T>> => {
    const all = new Map<string, Held<T>>();
    for (const { file, config } of configs) {
      for (const [name, value] of entriesOf(config)) {
        if (!all.has(name)) all.set(name, { value, directory: dirname(resolve(file)), file });
      }
    }
    return all;
  };
  return {
    files: configs.map(({ file }) => file),
    clusters: collect(({ clusters }) => (clusters ?? []).map(({ name, cluster }) => [name, cluster])),
    users: collect(({ users }) => (users ?? []).map(({ name, user }) => [name, user ?? {}])),
    contexts: collect(({ contexts }) => (contexts ?? []).map(({ name, context }) => [name, context])),
    current: configs.map(({ config }) => config['current-context']).find((name) => (name ?? '') !== '') ?? undefined,
  };
}

async function toAccess(merged: Merged, request: AccessRequest): Promise<ClusterAccess> {
  const files = merged.files.join(', ');
  const contextName = request.context ?? merged.current;
  if (contextName === undefined) {
    throw new UsageError('USAGE', `${files} has no current context`, {
      hint: `give --context, one of: ${[...merged.contexts.keys()].join(', ')}`,
    });
  }
  const context = pick(merged.contexts, contextName, 'context', files);
  const cluster = pick(merged.clusters, context.value.cluster, 'cluster', files);
  const userName = context.value.user ?? '';
  const user: Held<KubeconfigUser> =
    userName === '' ? { ...context, value: {} } : pick(merged.users, userName, 'user', files);
  const { server } = cluster.value;
  if (typeof server !== 'string' || !/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new UsageError('USAGE', `cluster ${context.value.cluster} of ${cluster.file} has no server address`, {
      hint: 'server is https://host:port',
    });
  }
  const url = new URL(server);
  return {
    name: `context ${contextName} of ${context.file}`,
    server: url,
    origin: { origin: url.origin, ...(await originOf(cluster)), ...(await pairOf(user)) },
    user: toUser(userName, user, request),
    namespace: request.namespace ?? (context.value.namespace || DEFAULT_NAMESPACE),
    settings: cluster.file,
  };
}

function pick<T>(entries: ReadonlyMap<string, Held<T>>, name: string, what: string, files: string): Held<T> {
  const found = entries.get(name);
  if (found !== undefined) return found;
  const names = [...entries.keys()];
  const meant = nearest(name, names);
  throw new UsageError('USAGE', `${files} has no ${what} ${name}`, {
    hint: meant === undefined ? `it has: ${names.join(', ') || 'none'}` : `did you mean ${meant}?`,
  });
}

async function originOf(held: Held<KubeconfigCluster>): Promise<Omit<FixedOrigin, 'origin'>> {
  const { value } = held;
  const proxy = value['proxy-url'] ?? '';
  if (proxy !== '' && !(/^(https?|socks5h?):\/\//.test(proxy) && URL.canParse(proxy))) {
    throw new UsageError('USAGE', `proxy-url of ${held.file} is no URL of a proxy`, {
      hint: 'write http://host:port, https://host:port or socks5://host:port',
    });
  }
  return {
    ca: await pemOf(held, value['certificate-authority-data'], value['certificate-authority'], 'an authority'),
    serverName: value['tls-server-name'] || undefined,
    isInsecure: value['insecure-skip-tls-verify'] ?? false,
    proxy: proxy === '' ? undefined : new URL(proxy),
  };
}

async function pairOf(held: Held<KubeconfigUser>): Promise<Pick<FixedOrigin, 'cert' | 'key'>> {
  const { value } = held;
  const cert = await pemOf(held, value['client-certificate-data'], value['client-certificate'], 'a client certificate');
  const key = await pemOf(held, value['client-key-data'], value['client-key'], 'a client key');
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError('USAGE', `${held.file} has a client certificate without its key, or the other way round`);
  }
  return { cert, key };
}

/** Data goes before files, as with kubectl. */
async function pemOf(
  { directory, file }: Held<unknown>,
  data: string | null | undefined,
  path: string | null | undefined,
  what: string,
): Promise<string | undefined> {
  if ((data ?? '') === '' && (path ?? '') === '') return undefined;
  const from = path && absolute(path, directory);
  const text =
    data || !from
      ? Buffer.from(data ?? '', 'base64').toString('utf8')
      : (await readBounded(from, { what, limit: MAX_FILE_BYTES })).toString('utf8');
  if (text.includes('-----BEGIN ')) return text;
  throw new UsageError('USAGE', `${data || !from ? file : from} holds no PEM for ${what}`, {
    hint: 'get the kubeconfig again from where it was made',
  });
}

function toUser(name: string, held: Held<KubeconfigUser>, { as, asGroup }: AccessRequest): ClusterUser {
  const { value, directory, file } = held;
  if (value['auth-provider'] && !value.exec && !value.token) {
    throw new UsageError(
      'UNSUPPORTED',
      `user ${name} of ${file} logs in with auth-provider ${value['auth-provider'].name}`,
      {
        hint: 'Kubernetes has removed these: use an exec plugin (kubelogin, gke-gcloud-auth-plugin), or a token',
      },
    );
  }
  const groups = value['as-groups'] ?? [];
  if (groups.length > 1) {
    throw new UsageError('UNSUPPORTED', `user ${name} of ${file} is impersonated with ${groups.length} groups`, {
      hint: 'one group is sent; give --as and --as-group',
    });
  }
  const impersonated = as ?? value.as ?? undefined;
  if (impersonated === undefined && asGroup !== undefined) throw new UsageError('USAGE', '--as-group needs --as');
  return {
    name,
    token: value.token || undefined,
    tokenFile: value.tokenFile ? absolute(value.tokenFile, directory) : undefined,
    basic: value.username ? { username: value.username, password: value.password ?? '' } : undefined,
    exec: value.exec ?? undefined,
    execDirectory: directory,
    impersonates: impersonated === undefined ? undefined : { user: impersonated, group: asGroup ?? groups[0] },
  };
}

function absolute(path: string, directory: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}
