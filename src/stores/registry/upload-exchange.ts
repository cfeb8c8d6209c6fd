/** Sends content of known length with one request and reads the short answer. */
import type { Bytes } from '../../content/store.ts';
import { MAX_ERROR_BYTES, type Asked } from './failure.ts';
import type { RegistryHost } from './host.ts';
import { isSameOrigin, type Place } from './location.ts';
import type { RepositoryScope } from './scope.ts';
import { readBody } from './transport.ts';

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
  const { method, place, scopes, length, content, signal } = request;
  const isOurs = isSameOrigin(place.url, await host.endpoint());
  const authorization = isOurs ? await host.authorization(scopes, signal) : undefined;
  const headers = {
    ...request.headers,
    'content-length': String(length),
    ...(authorization === undefined ? {} : { authorization }),
  };
  const answer = await host.transport.exchange({
    method,
    kind: 'upload',
    place,
    headers,
    body: length === 0 ? new Uint8Array(0) : content,
    signal,
  });
  let body: Uint8Array = new Uint8Array(0);
  try {
    body = await readBody(answer, MAX_ERROR_BYTES);
  } catch {
    await answer.discard(); // the status says enough
  }
  return { asked: answer.asked, place, status: answer.status, headers: answer.headers, body };
}
