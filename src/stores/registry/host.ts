/** One client per registry host: authorization, redirects, retries and a bound on what runs at once. */
import { DEFAULT_RETRY, retrying, type RetryPolicy } from '../../base/retry.ts';
import { AuthError, type AirgapError } from '../../errors.ts';
import { Authorizer } from './auth/authorizer.ts';
import { parseChallenges } from './auth/challenge.ts';
import type { CredentialSource } from './auth/credentials.ts';
import { findEndpoint } from './endpoint.ts';
import { isStreamed, type Answer, type HttpRequest, type Method } from '../../base/http/answer.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { isSameOrigin, placeOf, type Place } from '../../base/http/location.ts';
import type { RepositoryScope } from './auth/scope.ts';
import { AdaptiveSlots } from '../../base/slots/adaptive-slots.ts';
import { requestToken } from './auth/token.ts';
import { notePace, Pace } from './pace.ts';
import { createPieceSource, type PieceSource } from './blobs/parallel-blob.ts';
import type { RegistryListener } from './registry-listener.ts';
import { loginHint, refusal } from './registry-refusal.ts';

/** Exchanges at once to begin with, of each kind. */
const FIRST_SLOTS = 8;
/** The first answer, one with a fresh token, one with the scopes that was then told to be missing. */
const MAX_AUTHORIZATION_TRIES = 3;

/** What a request is about; tests, plans and benchmarks count by it. */
export type RequestKind = 'manifest' | 'blob' | 'upload' | 'referrers' | 'tags' | 'token' | 'file' | 'login';

/** What a host client works with. */
export interface HostOptions {
  /** As references name it. */
  readonly registry: string;
  readonly client: HttpClient;
  readonly credentials: CredentialSource;
  readonly plainHttp?: boolean | undefined;
  /** Sends an account that is known before it is asked for. @defaultValue false */
  readonly sendsAccount?: boolean | undefined;
  /** Requests, downloads and uploads at once at most, each; how many there are follows what the link gives. */
  readonly concurrency: number;
  readonly retry?: RetryPolicy | undefined;
  readonly onDecision?: RegistryListener['onDecision'];
}

/** One request to this registry. */
export interface HostRequest {
  readonly method: Method;
  readonly kind: RequestKind;
  /** A path below the registry's base, or a place a registry named. */
  readonly to: string | Place;
  readonly scopes: readonly RepositoryScope[];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: HttpRequest['body'];
  readonly isBulk?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue `follow` */
  readonly redirect?: 'follow' | 'manual' | undefined;
}

/** A registry host, shared by all its repositories. */
export class RegistryHost implements AsyncDisposable {
  readonly registry: string;
  readonly client: HttpClient;
  readonly retry: RetryPolicy;
  /** How far uploads have stepped down from one PUT to smaller pieces; see upload.ts. */
  uploadStep = -1;
  /**
   * Slots of requests that end by themselves, of downloads, which wait for their consumer, and of uploads, which wait
   * for their content: apart, so that none can stand in the way of what it waits for.
   */
  readonly calls: AdaptiveSlots;
  readonly reads: AdaptiveSlots;
  readonly writes: AdaptiveSlots;
  /** Transfers at once at most. */
  readonly concurrency: number;
  /** What is known for fetching blobs in pieces. */
  readonly pieces: PieceSource = createPieceSource(() => this.reads.free);
  /** How fast it may be asked. */
  readonly pace: Pace;
  /** Set once the host has shown that it has no referrers API; see referrers.ts. */
  lacksReferrers = false;
  readonly #authorizer: Authorizer;
  readonly #options: HostOptions;
  #endpoint: Promise<URL> | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    this.registry = options.registry;
    this.client = options.client;
    this.concurrency = options.concurrency;
    const slots = (): AdaptiveSlots => new AdaptiveSlots({ first: FIRST_SLOTS, most: options.concurrency });
    [this.calls, this.reads, this.writes] = [slots(), slots(), slots()];
    this.retry = options.retry ?? DEFAULT_RETRY;
    this.pace = new Pace(this.retry);
    this.#authorizer = new Authorizer({
      client: options.client,
      registry: options.registry,
      credentials: options.credentials,
      retry: this.retry,
      sendsAccount: options.sendsAccount,
    });
  }

  /** The base URL of the API. */
  async endpoint(): Promise<URL> {
    this.#endpoint ??= findEndpoint(this.client, this.registry, this.#options.plainHttp);
    try {
      return await this.#endpoint;
    } catch (error) {
      this.#endpoint = undefined;
      throw error;
    }
  }

  /** The place of a path of the API. */
  async place(path: string): Promise<Place> {
    return placeOf(new URL(path, await this.endpoint()));
  }

  /** Sends a request and reads its answer, as one unit that is tried again when it may succeed later. */
  async call<T>(request: HostRequest, read: (answer: Answer) => Promise<T>): Promise<T> {
    return retrying(
      async () => {
        const release = await this.calls.acquire(request.signal);
        try {
          const result = await read(await this.send(request));
          this.calls.moved(1);
          return result;
        } finally {
          release();
        }
      },
      { policy: this.retry, signal: request.signal, onRetry: () => this.congested() },
    );
  }

  /**
   * Sends one request with authorization, once; its answer may be any but 401.
   * @throws AuthError `UNAUTHENTICATED` when credentials are missing or refused, `DENIED` when they do not suffice.
   */
  async send(request: HostRequest): Promise<Answer> {
    const endpoint = await this.endpoint();
    const place = typeof request.to === 'string' ? await this.place(request.to) : request.to;
    const isOurs = isSameOrigin(endpoint, place.url);
    const done = isOurs ? await this.#authorizer.lead(request.signal) : undefined;
    try {
      let authorization = isOurs ? await this.authorization(request.scopes, request.signal) : undefined;
      for (let tries = 1; ; tries++) {
        const answer = await this.#exchange(request, place, authorization);
        if (answer.status !== 401) {
          if (isOurs) this.#authorizer.admitted();
          return answer;
        }
        const next = isOurs ? await this.#afterRefusal(answer, request, authorization, tries) : undefined;
        if (next === undefined) throw await this.#refused(answer, request, authorization);
        await answer.discard();
        authorization = next;
      }
    } finally {
      done?.();
    }
  }

  /** The `Authorization` header for these needs, as far as the registry has shown how it wants to be asked. */
  async authorization(scopes: readonly RepositoryScope[], signal?: AbortSignal): Promise<string | undefined> {
    return this.#authorizer.authorization(await this.endpoint(), scopes, signal);
  }

  /** Forgets the token of these needs, which the registry refused in the middle of an upload. */
  forgetToken(scopes: readonly RepositoryScope[]): void {
    this.#authorizer.forget(scopes);
  }

  /** Takes fewer exchanges at once for a while: one of them failed in a way that this may avoid. */
  congested(): void {
    for (const slots of [this.calls, this.reads, this.writes]) slots.congested();
  }

  /** Says that another way than usual is taken, and why. */
  decided(line: string): void {
    this.#options.onDecision?.(line);
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.client.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #exchange(request: HostRequest, place: Place, authorization: string | undefined): Promise<Answer> {
    const { method, kind, headers, body, isBulk, signal, redirect } = request;
    const credentials = authorization === undefined ? undefined : { authorization };
    const sent: HttpRequest = { method, kind, place, headers, credentials, body, isBulk, signal, redirect };
    const answer = await this.#paced(sent);
    const isElsewhere = answer.status === 401 && !isSameOrigin(answer.place.url, place.url);
    return isElsewhere ? this.#askElsewhere(answer, sent) : answer;
  }

  /** A registry that throttles is asked more slowly, rather than as often as before until the tries are used up. */
  async #paced(request: HttpRequest): Promise<Answer> {
    for (;;) {
      const beat = await this.pace.turn(request.signal);
      const answer = await this.client.request(request);
      const isWorthAnother = notePace(this.pace, beat, answer);
      if (answer.status === 429) {
        this.congested();
        const interval = formatSeconds(this.pace.intervalMs);
        this.decided(`${this.registry} throttles: it is asked once in ${interval}`);
      }
      if (answer.status !== 429 || !isWorthAnother || isStreamed(request.body)) return answer;
      await answer.discard();
    }
  }

  /** A redirect led to another registry that wants a token of its own: an anonymous one, never ours. */
  async #askElsewhere(answer: Answer, request: HttpRequest): Promise<Answer> {
    const challenge = parseChallenges(answer.headers['www-authenticate']).find(({ scheme }) => scheme === 'bearer');
    const { realm, service, scope } = challenge?.parameters ?? {};
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (realm === undefined || !reads) return answer;
    await answer.discard();
    const token = await requestToken(
      this.client,
      {
        registry: answer.place.url,
        realm,
        service,
        scopes: scope === undefined ? [] : [scope],
        credentials: undefined,
        signal: request.signal,
      },
      this.retry,
    );
    const credentials = { authorization: `Bearer ${token.value}` };
    return this.client.request({ ...request, place: answer.place, credentials });
  }

  async #afterRefusal(
    answer: Answer,
    { scopes, signal }: HostRequest,
    authorization: string | undefined,
    tries: number,
  ): Promise<string | undefined> {
    if (tries >= MAX_AUTHORIZATION_TRIES || !isSameOrigin(answer.place.url, await this.endpoint())) return undefined;
    const refused = { authorization, fresh: tries > 1 };
    return this.#authorizer.challenged(
      await this.endpoint(),
      answer.headers['www-authenticate'],
      scopes,
      refused,
      signal,
    );
  }

  /** With credentials that gave a token, a 401 means that the account lacks the right. */
  async #refused(answer: Answer, request: HostRequest, authorization: string | undefined): Promise<Error> {
    const error = await refusal(answer);
    const hasCredentials = await this.#authorizer.hasCredentials(request.scopes);
    if (authorization?.startsWith('Bearer ') !== true || !hasCredentials) {
      return asLogin(error, this.registry, authorization !== undefined && hasCredentials);
    }
    return new AuthError('DENIED', error.message, {
      hint: `the account known for ${this.registry} may not do this; ask for the right or log in with another one`,
      details: error.details,
      cause: error,
    });
  }
}

function formatSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

/** A wrong password and none are answered alike; the next step is another. */
function asLogin(error: AirgapError, registry: string, isWrong: boolean): AirgapError {
  if (!(error instanceof AuthError)) return error;
  const what = isWrong ? `${registry} refuses the user name and password` : `no login for ${registry} is known`;
  const options = { hint: loginHint(registry, isWrong), details: error.details, cause: error };
  return new AuthError('UNAUTHENTICATED', `${what}: ${error.message}`, options);
}
