/** Decides what `Authorization` a request carries: learns it from challenges, keeps tokens, renews them ahead of time. */
import { abortable } from '../../../base/abortable.ts';
import type { RetryPolicy } from '../../../base/retry.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { Credentials } from './account.ts';
import type { CredentialSource } from './credentials.ts';
import { keyOf, KeptTokens, type KeptToken } from './kept-tokens.ts';
import { coversScopes, demandedScopes, formatScopes, uniteScopes, type RepositoryScope } from './scope.ts';
import { basicOf, requestToken } from './token.ts';
import type { HttpClient } from '../../../base/http/client.ts';

type Mode =
  | { readonly kind: 'unknown' | 'open' | 'basic' }
  | { readonly kind: 'bearer'; readonly realm: string; readonly service: string | undefined };

/** What an authorizer works with. */
export interface AuthorizerOptions {
  readonly client: HttpClient;
  /** The registry as references name it; credentials are looked up under this name. */
  readonly registry: string;
  readonly credentials: CredentialSource;
  readonly retry: RetryPolicy;
  /** Sends an account that is known before it is asked for. @defaultValue false */
  readonly sendsAccount?: boolean | undefined;
}

/** Authorization for one registry host. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #mode: Mode = { kind: 'unknown' };
  #leader: Promise<void> | undefined;
  readonly #tokens = new KeptTokens();
  readonly #pending = new Map<string, Promise<KeptToken>>();
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>();
  /** Refresh tokens that a token server replaced, by the one it replaced. */
  readonly #rotated = new Map<string, string>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    if (options.sendsAccount === true) this.#mode = { kind: 'basic' };
  }

  /**
   * Until the registry has shown how it wants to be asked, one request goes first and the others wait for its answer.
   * The first gets a function to call when that answer is in.
   */
  async lead(signal?: AbortSignal): Promise<(() => void) | undefined> {
    while (this.#mode.kind === 'unknown') {
      if (this.#leader === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#leader = promise;
        return () => {
          this.#leader = undefined;
          resolve();
        };
      }
      await abortable(this.#leader, signal);
    }
    return undefined;
  }

  /** Told of an answer other than 401. */
  admitted(): void {
    if (this.#mode.kind === 'unknown') this.#mode = { kind: 'open' };
  }

  /** The header for a request with these needs; undefined before any challenge and for anonymous access. */
  async authorization(
    endpoint: URL,
    own: readonly RepositoryScope[],
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    if (this.#mode.kind === 'basic') {
      const credentials = await this.#credentialsFor(own, signal);
      return this.#options.sendsAccount === true ? accountOf(credentials) : basicOf(credentials);
    }
    if (this.#mode.kind !== 'bearer') return undefined;
    const kept = this.#tokens.usable(own, Date.now());
    if (kept !== undefined) return `Bearer ${kept.value}`;
    return this.#bearer(endpoint, own, formatScopes(own), signal);
  }

  /**
   * The header to try next after a 401; undefined when there is nothing better than what was refused. `fresh` says
   * that the refused header was made for this very request.
   */
  async challenged(
    endpoint: URL,
    header: string | undefined,
    own: readonly RepositoryScope[],
    refused: { readonly authorization: string | undefined; readonly fresh: boolean },
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const challenge = pick(parseChallenges(header));
    if (challenge === undefined) return undefined;
    if (challenge.scheme === 'basic') {
      this.#mode = { kind: 'basic' };
      const basic = basicOf(await this.#credentialsFor(own, signal));
      return basic === refused.authorization ? undefined : basic;
    }
    const { realm = '', service, scope } = challenge.parameters;
    this.#mode = { kind: 'bearer', realm, service };
    const known = this.#tokens.get(own);
    const sameToken = known !== undefined && refused.authorization === `Bearer ${known.value}`;
    const scopes = uniteScopes(demandedScopes(scope, own), known?.scopes ?? [], formatScopes(own));
    if (sameToken && refused.fresh && coversScopes(known.scopes, scopes)) return undefined;
    if (sameToken) this.#tokens.forget(own);
    const next = await this.#bearer(endpoint, own, scopes, signal);
    return next === refused.authorization ? undefined : next;
  }

  /** Whether there are credentials for the first repository of a request. */
  async hasCredentials(own: readonly RepositoryScope[], signal?: AbortSignal): Promise<boolean> {
    return (await this.#credentialsFor(own, signal)) !== undefined;
  }

  /** Forgets the token of these needs: the registry refused it in the middle of something. */
  forget(own: readonly RepositoryScope[]): void {
    this.#tokens.forget(own);
  }

  async #bearer(
    endpoint: URL,
    own: readonly RepositoryScope[],
    scopes: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const credentials = await this.#credentialsFor(own, signal);
    if (credentials?.registryToken !== undefined) return `Bearer ${credentials.registryToken}`;
    const key = `${keyOf(own)} ${scopes.join(' ')}`;
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      // Shared by all who need it, so no single caller's signal may end it.
      pending = this.#request(endpoint, own, scopes, credentials).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    const token = await abortable(pending, signal);
    return `Bearer ${token.value}`;
  }

  async #request(
    endpoint: URL,
    own: readonly RepositoryScope[],
    scopes: readonly string[],
    credentials: Credentials | undefined,
  ): Promise<KeptToken> {
    const { client, retry } = this.#options;
    const { realm, service } = this.#mode.kind === 'bearer' ? this.#mode : { realm: '', service: undefined };
    const refresh = credentials?.identityToken;
    const current = refresh === undefined ? credentials : { ...credentials, identityToken: this.#latest(refresh) };
    const token = await requestToken(
      client,
      { registry: endpoint, realm, service, scopes, credentials: current },
      retry,
    );
    if (refresh !== undefined && token.refreshToken !== undefined) this.#rotated.set(refresh, token.refreshToken);
    const kept = { ...token, scopes };
    this.#tokens.keep(own, kept);
    return kept;
  }

  #latest(refresh: string): string {
    return this.#rotated.get(refresh) ?? refresh;
  }

  #credentialsFor(own: readonly RepositoryScope[], signal: AbortSignal | undefined): Promise<Credentials | undefined> {
    const repository = own[0]?.repository ?? '';
    let found = this.#credentials.get(repository);
    if (found === undefined) {
      found = this.#options.credentials(this.#options.registry, repository);
      found.catch(() => this.#credentials.delete(repository));
      this.#credentials.set(repository, found);
    }
    return abortable(found, signal);
  }
}

/** What can be sent without having been asked for. */
function accountOf(credentials: Credentials | undefined): string | undefined {
  const { registryToken } = credentials ?? {};
  return registryToken === undefined ? basicOf(credentials) : `Bearer ${registryToken}`;
}

/** Bearer where offered, else Basic; schemes we do not speak are passed over. */
function pick(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters['realm'] !== undefined) ??
    challenges.find(({ scheme }) => scheme === 'basic')
  );
}
