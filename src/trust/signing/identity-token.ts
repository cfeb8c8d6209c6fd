/** Finds the OpenID Connect token that says who signs: a file, the environment, or the GitHub Actions job that runs. */
import { parseJson } from '../../base/json/parse-json.ts';
import { readBounded } from '../../base/files/read-file.ts';
import { AuthError, UsageError } from '../../errors.ts';
import { ActionsTokenAnswer, TokenClaims } from './signing-service-schema.ts';
import { askService, MAX_ANSWER_BYTES, type ServiceOptions } from './signing-service.ts';

const MAX_TOKEN_BYTES = 64 * 1024;
/** Whom the token is for, as Fulcio expects. */
const AUDIENCE = 'sigstore';
const JWT = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;

/** A token, and what of it has to be known here. A secret: its holder signs in this name until it expires. */
export interface IdentityToken {
  readonly text: string;
  /** What is signed to prove possession of the key: the mail address, or else the subject. */
  readonly subject: string;
}

/** Where a token comes from. */
export interface TokenSource extends ServiceOptions {
  /** Path of a file; without it the environment is asked. */
  readonly file?: string | undefined;
  readonly now: () => Date;
}

/**
 * Gets a token that has not expired.
 * @throws UsageError when there is none, or it is none. @throws AuthError `UNAUTHENTICATED` when it has expired.
 */
export async function getIdentityToken(source: TokenSource): Promise<IdentityToken> {
  const { name, text } = await readToken(source);
  const [, payload = ''] = JWT.exec(text) ?? [];
  const claims = parseClaims(payload);
  const subject = claims?.email ?? claims?.sub;
  if (claims === undefined || subject === undefined) {
    // Without the text: it may be a token all the same.
    throw new UsageError('USAGE', `${name} does not hold an OpenID Connect token`, {
      hint: 'it is a JSON Web Token with an issuer and a subject',
    });
  }
  if (claims.exp !== undefined && claims.exp * 1000 <= source.now().getTime()) {
    throw new AuthError('UNAUTHENTICATED', `the token of ${name} expired at ${toTime(claims.exp)}`, {
      hint: 'get a new one and run the same command again; a build goes on where it stopped',
    });
  }
  return { text, subject };
}

async function readToken(source: TokenSource): Promise<{ readonly name: string; readonly text: string }> {
  const { file, environment } = source;
  if (file !== undefined) return { name: file, text: await readTokenFile(file, source.signal) };
  const { SIGSTORE_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN } = environment;
  if (SIGSTORE_ID_TOKEN !== undefined && SIGSTORE_ID_TOKEN !== '') {
    return { name: 'SIGSTORE_ID_TOKEN', text: SIGSTORE_ID_TOKEN.trim() };
  }
  if (ACTIONS_ID_TOKEN_REQUEST_URL !== undefined && ACTIONS_ID_TOKEN_REQUEST_TOKEN !== undefined) {
    return {
      name: 'GitHub Actions',
      text: await askActions(ACTIONS_ID_TOKEN_REQUEST_URL, ACTIONS_ID_TOKEN_REQUEST_TOKEN, source),
    };
  }
  throw new UsageError('USAGE', 'no identity token to sign with', {
    hint: 'give --identity-token FILE or SIGSTORE_ID_TOKEN; a job of GitHub Actions needs "permissions: id-token: write"',
  });
}

async function askActions(address: string, secret: string, options: ServiceOptions): Promise<string> {
  if (!URL.canParse(address)) throw new UsageError('USAGE', 'ACTIONS_ID_TOKEN_REQUEST_URL is not a URL');
  const url = new URL(address);
  url.searchParams.set('audience', AUDIENCE);
  const headers = { accept: 'application/json', authorization: `Bearer ${secret}` };
  const answer = await askService({ what: 'the token service', url, headers, secret }, options);
  const parsed = ActionsTokenAnswer.safeParse(read(answer));
  if (parsed.success) return parsed.data.value;
  throw new AuthError('UNAUTHENTICATED', `the token service ${url.origin} answered without a token`);
}

async function readTokenFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const bytes = await readBounded(path, { what: 'an identity token', limit: MAX_TOKEN_BYTES, signal });
  return bytes.toString('utf8').trim();
}

function parseClaims(payload: string): TokenClaims | undefined {
  const parsed = TokenClaims.safeParse(read(Buffer.from(payload, 'base64url')));
  return parsed.success ? parsed.data : undefined;
}

function read(json: Uint8Array): unknown {
  try {
    return parseJson(json, { maxBytes: MAX_ANSWER_BYTES, reading: 'lenient' });
  } catch {
    return undefined;
  }
}

function toTime(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? 'no time at all' : time.toISOString();
}
