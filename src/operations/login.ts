/** Logs in to a registry: asks it whether the password is right, and only then keeps it where Docker and podman look. */
import { AuthError } from '../errors.ts';
import type { Environment } from '../base/http/proxy.ts';
import type { RegistryListener } from '../stores/registry/registry-listener.ts';
import { createRegistryHost } from '../stores/registry/registry-hosts.ts';
import { refusal } from '../stores/registry/registry-refusal.ts';
import { checkCredentials } from '../stores/registry/auth/token.ts';
import {
  findLoginPlace,
  findLogins,
  storeLogin,
  type Login,
  type LoginPlace,
} from '../stores/registry/auth/stored-login.ts';

/** What {@link logIn} is told. */
export interface LoginRequest extends Login {
  /** `host[:port]` as references name it. */
  readonly registry: string;
  /** HTTP instead of HTTPS. @defaultValue found out on loopback, false elsewhere */
  readonly plainHttp?: boolean | undefined;
  /** Accepts any certificate of the registry. @defaultValue false */
  readonly insecure?: boolean | undefined;
  /** PEM file of authorities to trust beside the system's. */
  readonly caFile?: string | undefined;
  /** Hosts outside the registry's domain that may be sent the password: its token server. */
  readonly allowHosts?: readonly string[] | undefined;
  readonly environment: Environment;
  readonly listener?: RegistryListener | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What became of a login. */
export interface LoginResult extends LoginPlace {
  /** False where the registry answers without asking who is there, so that it could not say whether the password is right. */
  readonly checked: boolean;
  /** Logins for some repositories of the registry, which go before this one: `host/namespace`. */
  readonly narrower: readonly string[];
}

/**
 * Asks the registry for its base, as every client does first, with this user name and password; then keeps them.
 * @throws UsageError when the user name has a colon, or an auth file cannot be kept or read: before the registry is asked.
 * @throws AuthError when the registry or its token server refuses them, RegistryError; nothing was kept then.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#determining-support
 */
export async function logIn(request: LoginRequest): Promise<LoginResult> {
  const { registry, username, password, environment, signal } = request;
  checkCredentials({ username, password });
  findLoginPlace(registry, environment);
  const checked = await checkLogin(request);
  const place = await storeLogin(registry, { username, password }, { environment, signal });
  return { ...place, checked, narrower: findLogins(registry, environment).narrower };
}

/** Whether the registry wanted to know the account; throws when it refuses it. */
async function checkLogin({ registry, username, password, ...request }: LoginRequest): Promise<boolean> {
  const { plainHttp, insecure, caFile, allowHosts = [], environment, listener, signal } = request;
  await using host = createRegistryHost(registry, {
    ...listener,
    ...{ plainHttp, insecure, caFile, allowHosts, environment },
    credentials: { username, password },
  });
  try {
    await host.call({ method: 'GET', kind: 'login', to: '/v2/', scopes: [], signal }, async (answer) => {
      if (answer.status !== 200) throw await refusal(answer);
      await answer.discard();
    });
    return (await host.authorization([], signal)) !== undefined;
  } catch (error) {
    throw error instanceof AuthError ? asRefusedLogin(error, registry) : error;
  }
}

/** The usual next step is to log in; here it is what failed. */
function asRefusedLogin(error: AuthError, registry: string): AuthError {
  return new AuthError(error.code, error.message, {
    hint: `check the user name and the password, and that the account is one of ${registry}; nothing was stored`,
    details: error.details,
    cause: error,
  });
}
