/** Opens registries: one client per host, shared by all repositories of that host. */
import { DEFAULT_RETRY, type RetryPolicy } from '../../base/retry.ts';
import type { Reference } from '../../oci/reference.ts';
import type { Credentials } from './auth/account.ts';
import { createCredentialSource } from './auth/credentials.ts';
import { RegistryHost } from './host.ts';
import { API_HOSTS } from './endpoint.ts';
import type { Environment } from '../../base/http/proxy.ts';
import { RegistryRepository, type RepositoryOptions } from './repository.ts';
import { checkCredentials } from './auth/token.ts';
import type { Peer } from '../../base/http/network-failure.ts';
import { HttpClient } from '../../base/http/client.ts';
import { confineTo } from './reach.ts';
import type { RegistryListener } from './registry-listener.ts';
import { REGISTRY } from './registry-refusal.ts';

/** More at once has not been seen to bring more. */
const DEFAULT_CONCURRENCY = 24;

/** Options of {@link createRegistryHost}. */
export interface RegistryHostOptions extends RegistryListener {
  /** Go before every auth file. */
  readonly credentials?: Credentials | undefined;
  /** An auth file to ask first. */
  readonly authFile?: string | undefined;
  /** PEM file of authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** Replaces the standard `certs.d` directories. */
  readonly certsDirectories?: readonly string[] | undefined;
  /** What is behind the address, for messages. @defaultValue a registry */
  readonly peer?: Peer | undefined;
  /** Sends an account that is known before it is asked for. @defaultValue false */
  readonly sendsAccount?: boolean | undefined;
  /** Keeps the registry within its own domain and these hosts. @defaultValue it may send us anywhere that is safe */
  readonly allowHosts?: readonly string[] | undefined;
  /** HTTP instead of HTTPS. @defaultValue found out on loopback, false elsewhere */
  readonly plainHttp?: boolean | undefined;
  /** Accepts any certificate of the registry. @defaultValue false */
  readonly insecure?: boolean | undefined;
  /** Requests, downloads and uploads at once at most, each: as many as the link has use for. @defaultValue 24 */
  readonly concurrency?: number | undefined;
  /** How often and how patiently a failed request is repeated. */
  readonly retry?: RetryPolicy | undefined;
  /** Proxies, homes and auth files are looked up here. @defaultValue `process.env` */
  readonly environment?: Environment | undefined;
}

/** The client of one registry host, `host[:port]` as references name it. Nothing is sent yet. Close it after use. */
export function createRegistryHost(registry: string, options: RegistryHostOptions = {}): RegistryHost {
  const { allowHosts, environment = process.env, peer = REGISTRY } = options;
  const apiHost = API_HOSTS[registry] ?? registry;
  const explicit = options.credentials === undefined ? undefined : checkCredentials(options.credentials);
  return new RegistryHost({
    registry,
    client: new HttpClient({
      peer: allowHosts === undefined ? peer : { ...peer, reach: confineTo(apiHost, allowHosts) },
      environment,
      caFile: options.caFile,
      certsDirectories: options.certsDirectories,
      insecureHost: options.insecure === true ? apiHost : undefined,
      onRequest: options.onRequest,
    }),
    credentials:
      explicit === undefined
        ? createCredentialSource({ environment, authFile: options.authFile })
        : async () => explicit,
    plainHttp: options.plainHttp,
    sendsAccount: options.sendsAccount,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    retry: { ...(options.retry ?? DEFAULT_RETRY), onRetry: options.onRetry },
    onDecision: options.onDecision,
  });
}

/** The repository a reference names, on a shared host client or on one of its own (then `host.close()` it). */
export function openRepository(
  reference: Pick<Reference, 'registry' | 'repository'>,
  options: RegistryHostOptions & RepositoryOptions & { readonly host?: RegistryHost | undefined } = {},
): RegistryRepository {
  const host = options.host ?? createRegistryHost(reference.registry, options);
  return new RegistryRepository(host, reference.repository, options);
}
