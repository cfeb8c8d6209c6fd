/** Sends content of known length with one request and reads the short answer: fast where possible, else ordinarily. */
import type { Bytes } from '../../../base/bytes.ts';
import { MAX_ERROR_BYTES, networkFailure, protocolFailure, type Asked } from '../../../base/http/failure.ts';
import { UploadConnection } from '../../../base/http/fast-upload.ts';
import type { RegistryHost } from '../host.ts';
import { isSameOrigin, type Place } from '../../../base/http/location.ts';
import { secretsOf } from '../../../base/http/redact.ts';
import type { RepositoryScope } from '../auth/scope.ts';
import { readBody, USER_AGENT, type Transport } from '../../../base/http/transport.ts';

/** One request that carries content. */
export interface ContentRequest {
  readonly method: 'PUT' | 'PATCH';
  readonly place: Place;
  readonly scopes: readonly RepositoryScope[];
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the content. */
  readonly length: number;
  readonly content: Bytes;
  readonly signal?: AbortSignal | undefined;
}

/** A whole answer, whatever its status. */
export interface Reply {
  readonly asked: Asked;
  readonly place: Place;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** At most 64 KiB; empty when it could not be read. */
  readonly body: Uint8Array;
}

/**
 * Sends the content; an answer that comes early ends the sending. Credentials go along only to the registry itself.
 * @throws RegistryError with status 0 when the connection fails; errors of the content pass through.
 */
export async function sendContent(host: RegistryHost, request: ContentRequest): Promise<Reply> {
  const { place, scopes, length, signal } = request;
  const isOurs = isSameOrigin(place.url, await host.endpoint());
  const authorization = isOurs ? await host.authorization(scopes, signal) : undefined;
  const headers = {
    ...request.headers,
    'content-length': String(length),
    ...(authorization === undefined ? {} : { authorization }),
  };
  const sent = { ...request, headers };
  const fast = host.transport.isProxied(place.url) ? undefined : await sendFast(host, sent);
  return fast ?? sendOrdinarily(host.transport, sent);
}

async function sendFast({ transport, uploads }: RegistryHost, request: ContentRequest): Promise<Reply | undefined> {
  const { method, place, signal } = request;
  const asked: Asked = { method, url: place.url, secrets: secretsOf(request.headers, place.url) };
  const count = { method, host: place.url.host, kind: 'upload' as const, status: 0, bytesIn: 0, bytesOut: 0 };
  const watched = watch(request.content);
  let connection: UploadConnection | undefined;
  try {
    const tls = place.url.protocol === 'https:' ? transport.tlsOf(place.url) : undefined;
    connection = uploads.take(place.url) ?? (await UploadConnection.open({ url: place.url, tls, signal }));
    const answer = await connection.send({
      method,
      target: place.target,
      headers: { host: place.url.host, 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...request.headers },
      content: watched.content,
      onSent: (bytes) => (count.bytesOut += bytes),
      signal,
    });
    if (answer === undefined) return undefined;
    const { status, headers } = answer.head;
    count.status = status;
    transport.reachability.answered(place.url);
    count.bytesIn = answer.body.length;
    if (answer.isEarly && status < 300)
      throw protocolFailure(asked, status, 'accepted the content before its end', true);
    return { asked, place, status, headers, body: answer.body };
  } catch (error) {
    if (watched.failure() === error) throw error;
    throw transport.reachability.judge(place.url, networkFailure(asked, error, signal));
  } finally {
    if (connection !== undefined) uploads.keep(connection, place.url);
    if (count.status !== 0 || count.bytesOut > 0) transport.report(count);
  }
}

async function sendOrdinarily(transport: Transport, request: ContentRequest): Promise<Reply> {
  const { method, place, headers, length, signal } = request;
  const watched = watch(request.content);
  let answer;
  try {
    const body = length === 0 ? new Uint8Array(0) : watched.content;
    answer = await transport.exchange({ method, kind: 'upload', place, headers, body, signal });
  } catch (error) {
    throw watched.failure() ?? error;
  }
  let body: Uint8Array = new Uint8Array(0);
  try {
    body = await readBody(answer, MAX_ERROR_BYTES);
  } catch {
    await answer.discard(); // the status says enough
  }
  return { asked: answer.asked, place, status: answer.status, headers: answer.headers, body };
}

/** Remembers what the content itself threw: that is the source's failure, not the registry's. */
function watch(content: Bytes): { content: Bytes; failure: () => unknown } {
  let failure: unknown;
  async function* watched(): Bytes {
    try {
      yield* content;
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return { content: watched(), failure: () => failure };
}
