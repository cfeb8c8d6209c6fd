/** One bounded exchange with a service that helps to sign: no redirects, a deadline, and an error that names it. */
import { AuthError, HttpError, StoreError, UsageError, type AirgapError } from '../../errors.ts';
import { encodedFailure, encodingOf } from '../../base/http/answer.ts';
import { HttpClient } from '../../base/http/client.ts';
import type { Peer } from '../../base/http/network-failure.ts';
import { placeOf } from '../../base/http/location.ts';
import { isLoopbackHost } from '../../base/http/network-policy.ts';

/** Until the whole answer is there. */
const TIMEOUT_MS = 30_000;
/** Of one answer. */
export const MAX_ANSWER_BYTES: number = 256 * 1024;
const MAX_REASON_CHARACTERS = 300;

const SERVICE: Peer = {
  name: 'the service',
  specification: 'HTTP/1.1',
  failure: (message, failure, options) => new HttpError('STORE_IO', message, failure, options),
};

/** Where and how services are asked. */
export interface ServiceOptions {
  /** Proxies and certificate authorities are named here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue 30,000 */
  readonly timeoutMs?: number | undefined;
}

/** One question. */
export interface ServiceRequest {
  /** What it is called in errors, such as `the certificate authority`. */
  readonly what: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted; absent for a GET. */
  readonly body?: Buffer | undefined;
  /** Kept out of whatever is said about the answer. */
  readonly secret?: string | undefined;
}

/**
 * The URL of a service. Tokens go there, so that it is HTTPS but on this machine.
 * @throws UsageError
 */
export function parseServiceUrl(text: string, option: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackHost(url.hostname));
  if (url !== undefined && isPlain && isSafe) return url;
  throw new UsageError('USAGE', `${option} ${text} is not an https:// URL without user, query and fragment`, {
    hint: 'http:// is accepted for this machine only',
  });
}

/** A path below the URL of a service. */
export function below(base: URL, path: string): URL {
  return new URL(`${base.href.replace(/\/+$/, '')}${path}`);
}

/**
 * Asks and reads the whole answer.
 * @throws AuthError `DENIED` when it refuses who asks. @throws StoreError `STORE_IO` when it is not reached in time, or answers anything but success.
 */
export async function askService(request: ServiceRequest, options: ServiceOptions): Promise<Buffer> {
  const { what, url, headers, body, secret } = request;
  const { environment, signal, timeoutMs = TIMEOUT_MS } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const client = new HttpClient({ peer: SERVICE, environment });
  try {
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await client.request({
      ...{ method, kind: 'service', place: placeOf(url), headers, body, redirect: 'manual' },
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    const bytes = await readAll(answer.body);
    if (encodingOf(answer) !== undefined) throw encodedFailure(answer);
    if (answer.status >= 200 && answer.status < 300) return bytes;
    throw refusal(request, answer.status, bytes);
  } catch (cause) {
    signal?.throwIfAborted();
    if (cause instanceof AuthError || (cause instanceof StoreError && cause.code === 'STORE_IO')) throw cause;
    const why = deadline.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(cause);
    throw serviceFailure(what, url, withoutSecret(why, secret), cause);
  } finally {
    await client.close();
  }
}

/** The error for a service that did not do its part. Nothing is left half-done: what it was for is not written. */
export function serviceFailure(what: string, url: URL, why: string, cause?: unknown): AirgapError {
  return new StoreError('STORE_IO', `${what} ${url.origin}${url.pathname} failed: ${why}`, {
    hint: 'nothing was signed; check the URL and that the service is reachable, then run the same command again',
    cause,
  });
}

/** Why something failed, in the words of the error or of what caused it. */
export function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON_CHARACTERS);
}

async function readAll(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refusal({ what, url, secret }: ServiceRequest, status: number, body: Buffer): AirgapError {
  const said = withoutSecret(body.toString('utf8').slice(0, MAX_REASON_CHARACTERS), secret);
  const why = `status ${status}${said === '' ? '' : `, ${said}`}`;
  if (status !== 401 && status !== 403) return serviceFailure(what, url, why);
  return new AuthError('DENIED', `${what} ${url.origin}${url.pathname} refuses: ${why}`, {
    hint: 'the identity token may be for another audience or issuer than it accepts, or have expired',
  });
}

function withoutSecret(text: string, secret: string | undefined): string {
  return secret === undefined || secret === '' ? text : text.replaceAll(secret, '***');
}
