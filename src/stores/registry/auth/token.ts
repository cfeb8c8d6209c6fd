/** Exchanges credentials for a bearer token, as the registry's challenge tells: plain GET, or OAuth2 with a refresh token. */
import { parseJson } from '../../../base/json/parse-json.ts';
import { retrying, type RetryPolicy } from '../../../base/retry.ts';
import { AuthError, UsageError } from '../../../errors.ts';
import type { Credentials } from './account.ts';
import { readJson, type Answer } from '../../../base/http/answer.ts';
import type { HttpClient } from '../../../base/http/client.ts';
import { cleanText, protocolFailure, redactUrl } from '../../../base/http/network-failure.ts';
import { placeOf } from '../../../base/http/location.ts';
import { assertMayFollow } from '../../../base/http/network-policy.ts';
import { refusal, unauthenticated } from '../registry-refusal.ts';

const MAX_TOKEN_BYTES = 1024 * 1024;
const DEFAULT_LIFE_S = 60;
const MAX_LIFE_S = 24 * 3600;
/** A token is renewed this long before it ends, or when a fifth of a short life is left. */
const RENEW_AHEAD_MS = 15_000;
const CLIENT_ID = 'hexabase-airgap';

/** What a token server answers to GET that knows POST only. */
const TAKES_NO_GET: readonly number[] = [404, 405, 501];

/** What is asked of a token server. */
export interface TokenRequest {
  /** The registry that named the realm. */
  readonly registry: URL;
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Token {
  readonly value: string;
  /** Milliseconds since the epoch after which a new one is asked for. */
  readonly renewAtMs: number;
  /** A replacement of the refresh token that was used. */
  readonly refreshToken: string | undefined;
}

/**
 * Gets a token. Fewer rights than asked for are no error here: the registry decides.
 * @throws AuthError `UNAUTHENTICATED` or `DENIED` when the token server refuses.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @see https://distribution.github.io/distribution/spec/auth/oauth/
 */
export async function requestToken(
  client: HttpClient,
  request: TokenRequest,
  retry: RetryPolicy,
  nowMs: () => number = Date.now,
): Promise<Token> {
  const realm = realmOf(client, request);
  return retrying(
    async () => {
      const { identityToken } = request.credentials ?? {};
      if (identityToken !== undefined) {
        const grant = { grant_type: 'refresh_token', refresh_token: identityToken };
        const answer = await askOauth(client, realm, request, grant);
        if (answer.status === 200) return readToken(answer, nowMs());
        const canAskPlainly = [401, 404, 405].includes(answer.status) && basicOf(request.credentials) !== undefined;
        if (!canAskPlainly) throw await refusedBy(answer, request);
        await answer.discard();
      }
      const answer = await askPlain(client, realm, request);
      if (answer.status === 200) return readToken(answer, nowMs());
      // Some token servers take forms only.
      const form = TAKES_NO_GET.includes(answer.status) ? passwordGrant(request.credentials) : undefined;
      if (form === undefined) throw await refusedBy(answer, request);
      await answer.discard();
      const second = await askOauth(client, realm, request, form);
      if (second.status !== 200) throw await refusedBy(second, request);
      return readToken(second, nowMs());
    },
    { policy: retry, signal: request.signal },
  );
}

/** The `Basic` header of a user name and password; undefined without them. */
export function basicOf(credentials: Credentials | undefined): string | undefined {
  const { username = '', password } = credentials ?? {};
  if (username === '' || password === undefined) return undefined;
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

function realmOf(client: HttpClient, { registry, realm }: TokenRequest): URL {
  const { peer } = client.asked('GET', registry);
  if (!URL.canParse(realm)) {
    const why = `the realm of its challenge, ${JSON.stringify(cleanText(realm, []).slice(0, 100))}, is not a URL`;
    throw protocolFailure({ peer, method: 'GET', url: registry }, 401, why);
  }
  const url = new URL(realm);
  assertMayFollow(peer, registry, url, 'its token requests');
  return url;
}

async function askPlain(client: HttpClient, realm: URL, request: TokenRequest): Promise<Answer> {
  const url = new URL(realm);
  const { credentials, scopes, service, signal } = request;
  const basic = basicOf(credentials);
  if (service !== undefined) url.searchParams.append('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (basic !== undefined) {
    url.searchParams.append('account', credentials?.username ?? '');
    url.searchParams.append('client_id', CLIENT_ID);
  }
  return client.request({
    method: 'GET',
    kind: 'token',
    place: placeOf(url),
    headers: { accept: 'application/json' },
    credentials: basic === undefined ? undefined : { authorization: basic },
    signal,
  });
}

async function askOauth(
  client: HttpClient,
  realm: URL,
  { service, scopes, signal }: TokenRequest,
  grant: Readonly<Record<string, string>>,
): Promise<Answer> {
  const form = new URLSearchParams({
    ...grant,
    ...(service === undefined ? {} : { service }),
    client_id: CLIENT_ID,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  });
  // No redirect is followed: the body is the secret.
  return client.request({
    method: 'POST',
    kind: 'token',
    place: placeOf(realm),
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
    redirect: 'manual',
    signal,
  });
}

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-4.3 */
function passwordGrant(credentials: Credentials | undefined): Readonly<Record<string, string>> | undefined {
  const { username = '', password } = credentials ?? {};
  if (username === '' || password === undefined) return undefined;
  return { grant_type: 'password', username, password };
}

async function readToken(answer: Answer, nowMs: number): Promise<Token> {
  const body = await readJson(answer, MAX_TOKEN_BYTES);
  let json: unknown;
  try {
    json = parseJson(body, { maxBytes: MAX_TOKEN_BYTES, reading: 'lenient' });
  } catch {
    json = undefined;
  }
  const fields = typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  const value = [fields['token'], fields['access_token']].find((text) => typeof text === 'string' && text !== '');
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw protocolFailure(answer.asked, answer.status, 'the token server answered without a token');
  }
  const life = fields['expires_in'];
  const lifeMs = Math.min(typeof life === 'number' && life > 0 ? life : DEFAULT_LIFE_S, MAX_LIFE_S) * 1000;
  const refreshToken = typeof fields['refresh_token'] === 'string' ? fields['refresh_token'] : undefined;
  return { value, renewAtMs: nowMs + lifeMs - Math.min(RENEW_AHEAD_MS, lifeMs / 5), refreshToken };
}

async function refusedBy(answer: Answer, request: TokenRequest): Promise<Error> {
  const error = await refusal(answer);
  // A token server says 400 for credentials it cannot read and for scopes it will not give.
  if (answer.status !== 400 && !(error instanceof AuthError)) return error;
  if (answer.status === 403) return error;
  const who = request.credentials === undefined ? 'anonymous access' : 'the credentials';
  const message = `the token server ${redactUrl(answer.asked.url)} of ${request.registry.host} refuses ${who} (${answer.status})`;
  return unauthenticated(request.registry, message, error, request.credentials !== undefined);
}

/** Refuses an explicit user name without password and the like. @throws UsageError `USAGE` */
export function checkCredentials(credentials: Credentials): Credentials {
  const { username, password, identityToken, registryToken } = credentials;
  const complete = username !== undefined && username !== '' && password !== undefined && !username.includes(':');
  if (complete || identityToken !== undefined || registryToken !== undefined) return credentials;
  throw new UsageError('USAGE', 'registry credentials need a user name (without a colon) and a password', {
    hint: 'give both, or neither to use the auth files',
  });
}
