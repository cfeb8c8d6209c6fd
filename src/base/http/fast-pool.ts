/** Keeps fast connections for the next request to the same origin, and gives answers the common shape. */
import type { Bytes } from '../bytes.ts';
import { networkFailure, type Asked } from './failure.ts';
import { FastConnection, type FastBody } from './fast-connection.ts';
import type { Place } from './location.ts';
import { secretsOf } from './redact.ts';
import { Resting } from './resting.ts';
import { USER_AGENT, type Answer, type RequestKind, type Transport } from './transport.ts';

/** A connection that rested longer may have been closed by the server without our noticing. */
const MAX_IDLE_MS = 8_000;

/** One GET on the fast path. */
export interface FastRequest {
  readonly kind: RequestKind;
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Fast connections of one client. */
export class FastPool {
  readonly #transport: Transport;
  readonly #resting = new Resting<FastConnection>(MAX_IDLE_MS);

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Sends a GET over a fast connection; undefined when the ordinary path must be taken instead.
   * @throws RegistryError with status 0 when no answer arrived.
   */
  async get({ kind, place, headers, signal }: FastRequest): Promise<Answer | undefined> {
    const asked: Asked = { method: 'GET', url: place.url, secrets: secretsOf(headers, place.url) };
    if (this.#transport.isProxied(place.url)) return undefined;
    const wire = {
      host: place.url.host,
      'user-agent': USER_AGENT,
      accept: '*/*',
      'accept-encoding': 'identity',
      ...headers,
    };
    const count = { method: 'GET' as const, host: place.url.host, kind, status: 0, bytesIn: 0, bytesOut: 0 };
    try {
      const { connection, body } = await this.#exchange(place, wire, signal);
      if (body === undefined) return undefined;
      const { head } = body;
      count.status = head.status;
      this.#transport.reachability.answered(place.url);
      let isOpen = true;
      const end = (): void => {
        if (isOpen) this.#transport.report(count);
        isOpen = false;
        this.#resting.keep(connection, place.url);
      };
      return {
        asked,
        place,
        status: head.status,
        headers: head.headers,
        body: counted(asked, body.chunks, count, end, signal),
        discard: async () => {
          await body.discard();
          end();
        },
      };
    } catch (error) {
      this.#transport.report(count);
      throw this.#transport.reachability.judge(place.url, networkFailure(asked, error, signal));
    }
  }

  close(): void {
    this.#resting.close();
  }

  /** A resting connection may be dead without our knowing: then the request is sent again on a new one. */
  async #exchange(
    place: Place,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<{ connection: FastConnection; body: FastBody | undefined }> {
    const rested = this.#resting.take(place.url);
    if (rested !== undefined) {
      try {
        return { connection: rested, body: await rested.get(place.target, headers, signal) };
      } catch {
        signal?.throwIfAborted();
      }
    }
    const tls = place.url.protocol === 'https:' ? this.#transport.tlsOf(place.url) : undefined;
    const connection = await FastConnection.open({ url: place.url, tls, signal });
    return { connection, body: await connection.get(place.target, headers, signal) };
  }
}

async function* counted(
  asked: Asked,
  chunks: Bytes,
  count: { bytesIn: number },
  onEnd: () => void,
  signal: AbortSignal | undefined,
): Bytes {
  try {
    for await (const chunk of chunks) {
      count.bytesIn += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw networkFailure(asked, error, signal);
  } finally {
    onEnd();
  }
}
