/**
 * The one HTTP client: it sends a request over the cheapest path that fits, follows redirects, and keeps credentials at
 * the origin they are for. It knows nothing of what is behind the addresses: the words and errors come from its peer.
 */
import type { Bytes } from '../bytes.ts';
import { isStreamed, type Answer, type Content, type HttpRequest, type RequestEvent } from './answer.ts';
import type { Wire } from './http-exchange.ts';
import { FastPath } from './fast/fast-path.ts';
import { networkFailure, protocolFailure, type Asked, type Peer } from './network-failure.ts';
import { GeneralPath } from './general-path.ts';
import { isSameOrigin, resolveLocation, type Place } from './location.ts';
import { Origins, type FixedOrigin, type OriginOptions } from './origins.ts';
import { Reachability } from './reachability.ts';
import { speaksTls } from './tls-probe.ts';

export type { FixedOrigin };

/** Hops of one request. */
const MAX_REDIRECTS = 5;

/** Options of {@link HttpClient}. */
export interface HttpClientOptions extends OriginOptions {
  /** Words and errors for what is behind the addresses. */
  readonly peer: Peer;
  /** Told of every exchange on the wire. */
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
}

/** A client with its connections, settings and what it has learned of origins. Close it after use. */
export class HttpClient {
  readonly #wire: Wire;
  readonly #fast: FastPath;
  readonly #general: GeneralPath;
  /** Origins that answered in a way the fast path does not take. */
  readonly #unfit = new Set<string>();

  constructor(options: HttpClientOptions) {
    const { peer, onRequest } = options;
    this.#wire = { peer, onRequest, origins: new Origins(options), reachability: new Reachability(peer) };
    this.#fast = new FastPath(this.#wire);
    this.#general = new GeneralPath(this.#wire);
  }

  /**
   * Sends the request and returns the head of its answer, whatever its status. A redirect that can be followed is:
   * every one of GET and HEAD; 307 and 308 of other methods, with a body that can be sent again. Any other is returned.
   * @throws HttpError (of the peer's class) with status 0 when no answer arrived, or for a redirect that is refused.
   * @throws the signal's reason when aborted; what the content of a streamed body throws passes through.
   * @see https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
   */
  async request(first: HttpRequest): Promise<Answer> {
    let request = first;
    for (let hops = 0; ; hops++) {
      const { body } = request;
      const answer = await (isStreamed(body) ? this.#sendStreamed(request, body) : this.#exchange(request));
      const next = redirectOf(answer, request);
      if (next === undefined) return answer;
      await answer.discard();
      if (hops >= MAX_REDIRECTS) throw protocolFailure(answer.asked, answer.status, 'redirects too often');
      const staysHome = isSameOrigin(request.place.url, next.url);
      request = { ...request, place: next, credentials: staysHome ? request.credentials : undefined };
    }
  }

  /** What a request of this kind is called in errors that are not about an answer. */
  asked(method: string, url: URL): Asked {
    return { peer: this.#wire.peer, method, url };
  }

  /** Whether the port of this URL answers a TLS greeting. @throws HttpError, to be tried again, when nothing listens. */
  async speaksTls(url: URL): Promise<boolean> {
    try {
      return await speaksTls(url);
    } catch (error) {
      throw this.#wire.reachability.explain(url, networkFailure(this.asked('GET', url), error));
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    this.#fast.close();
    await this.#general.close();
  }

  /** The fast path where it fits; an origin that does not fit it is asked twice once, and never again. */
  async #exchange(request: HttpRequest): Promise<Answer> {
    const { origin } = request.place.url;
    const { body, isBulk = false } = request;
    const isWorthIt = isBulk || (isStreamed(body) && body.length > 0);
    const isOpen = isWorthIt && !this.#unfit.has(origin) && this.#wire.origins.proxyOf(request.place.url) === undefined;
    if (!isOpen) return this.#general.exchange(request);
    const onUnfit = (): unknown => this.#unfit.add(origin);
    const answer = isStreamed(body)
      ? await this.#fast.upload(request, body, onUnfit)
      : await this.#fast.download(request, onUnfit);
    return answer ?? this.#general.exchange(request);
  }

  /** What the content itself threw is the failure of its source, not of this exchange. */
  async #sendStreamed(request: HttpRequest, body: Content): Promise<Answer> {
    let failure: { readonly error: unknown } | undefined;
    async function* watched(): Bytes {
      try {
        yield* body.chunks;
      } catch (error) {
        failure = { error };
        throw error;
      }
    }
    try {
      return await this.#exchange({ ...request, body: { ...body, chunks: watched() } });
    } catch (error) {
      throw failure === undefined ? error : failure.error;
    }
  }
}

/** Where the answer sends the request next; undefined when it is to be returned as it is. */
function redirectOf(answer: Answer, { method, body, redirect }: HttpRequest): Place | undefined {
  const { status } = answer;
  const location = answer.headers['location'];
  if (redirect === 'manual' || location === undefined || ![301, 302, 303, 307, 308].includes(status)) return undefined;
  const reads = method === 'GET' || method === 'HEAD';
  const keepsMethod = status === 307 || status === 308;
  const canFollow = reads || (keepsMethod && !isStreamed(body));
  return canFollow ? resolveLocation(answer, location, 'a redirect') : undefined;
}
