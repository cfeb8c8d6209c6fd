/** Sends content of known length with one request and reads the short answer. */
import { readExplanation, type Answer } from '../../../base/http/answer.ts';
import type { Bytes } from '../../../base/bytes.ts';
import { isSameOrigin, type Place } from '../../../base/http/location.ts';
import type { RegistryHost } from '../host.ts';
import { notePace } from '../pace.ts';
import type { RepositoryScope } from '../auth/scope.ts';

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
export interface Reply extends Pick<Answer, 'asked' | 'place' | 'status' | 'headers'> {
  /** At most 64 KiB; empty when it could not be read. */
  readonly body: Uint8Array;
}

/**
 * Sends the content; an answer that comes early ends the sending. Credentials go along only to the registry itself.
 * @throws RegistryError with status 0 when the connection fails; errors of the content pass through.
 */
export async function sendContent(host: RegistryHost, request: ContentRequest): Promise<Reply> {
  const { method, place, scopes, headers, length, content, signal } = request;
  const isOurs = isSameOrigin(place.url, await host.endpoint());
  const authorization = isOurs ? await host.authorization(scopes, signal) : undefined;
  const beat = await host.pace.turn(signal);
  const answer = await host.client.request({
    method,
    kind: 'upload',
    place,
    headers,
    credentials: authorization === undefined ? undefined : { authorization },
    body: { length, chunks: content },
    signal,
  });
  notePace(host.pace, beat, answer);
  const body = await readExplanation(answer);
  return { asked: answer.asked, place: answer.place, status: answer.status, headers: answer.headers, body };
}
