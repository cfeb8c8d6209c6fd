/** One exchange on the wire: what was asked, what is counted of it, and how its failures are told. */
import { networkFailure, redactUrl, type Asked, type Peer } from './network-failure.ts';
import type { HttpRequest, RequestEvent } from './answer.ts';
import type { Origins } from './origins.ts';
import type { Reachability } from './reachability.ts';
import { secretsOf } from './redact.ts';

/** What identifies this program to servers. */
const USER_AGENT = 'hexabase-airgap';

/** What all paths of one client share. */
export interface Wire {
  readonly peer: Peer;
  readonly origins: Origins;
  readonly reachability: Reachability;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
}

/** An exchange from its request to the end of its answer. */
export class Exchange {
  readonly asked: Asked;
  /** As they go on the wire: those of the request, its credentials, and what every request carries. */
  readonly headers: Readonly<Record<string, string>>;
  status = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly #wire: Wire;
  readonly #request: HttpRequest;
  readonly #startedMs = performance.now();
  #isOver = false;

  constructor(wire: Wire, request: HttpRequest) {
    const { method, place, headers, credentials, body } = request;
    this.#wire = wire;
    this.#request = request;
    this.headers = { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers, ...credentials };
    const secrets = secretsOf(this.headers, place.url, body);
    this.asked = { peer: wire.peer, method, url: place.url, secrets };
  }

  /** Told when the head of an answer is here. */
  answered(status: number): void {
    this.status = status;
    this.#wire.reachability.answered(this.#request.place.url);
  }

  /** Tells the observer, once, that nothing more comes. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { method, kind, place } = this.#request;
    const { status, bytesIn, bytesOut } = this;
    const { onRequest } = this.#wire;
    if (onRequest === undefined) return;
    const durationMs = performance.now() - this.#startedMs;
    const [{ host }, url] = [place.url, redactUrl(place.url)];
    onRequest({ method, host, url, kind, status, bytesIn, bytesOut, durationMs });
  }

  /** The error to throw for what went wrong before the head of an answer was here. */
  failed(error: unknown): Error {
    this.end();
    return this.#wire.reachability.explain(this.#request.place.url, this.#explain(error));
  }

  /** The body, its bytes counted and its failures explained; `onEnd` runs when it was read or abandoned. */
  async *counted(chunks: AsyncIterable<Uint8Array>, onEnd: () => void): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of chunks) {
        this.bytesIn += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw this.#explain(error);
    } finally {
      onEnd();
    }
  }

  #explain(error: unknown): Error {
    return networkFailure(this.asked, error, this.#request.signal);
  }
}
