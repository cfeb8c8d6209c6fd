/** One HTTP exchange over undici: TLS, proxies and timeouts of each origin; no redirects, no credentials, no decoding. */
import { Readable } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { answerFailure, MAX_ERROR_BYTES, networkFailure, protocolFailure, type Asked } from './failure.ts';
import type { Place } from './location.ts';
import { proxyFor, type Environment } from './proxy.ts';
import { Reachability } from './reachability.ts';
import { secretsOf } from './redact.ts';
import { readTlsFiles } from './tls-files.ts';
import type { AirgapError } from '../../errors.ts';

const CONNECT_TIMEOUT_MS = 15_000;
/** Registries that assemble an upload in an object store take minutes before they answer. */
const HEADERS_TIMEOUT_MS = 300_000;
const BODY_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 10_000;
const CONNECTIONS_PER_ORIGIN = 16;
const MAX_HEADER_BYTES = 64 * 1024;

/** What identifies this program to registries. */
export const USER_AGENT = 'hexabase-airgap';

export interface TransportOptions {
  readonly environment: Environment;
  readonly caFile?: string | undefined;
  readonly certsDirectories?: readonly string[] | undefined;
  /** Accepts any certificate of this host (`host[:port]`). */
  readonly insecureHost?: string | undefined;
  readonly onRequest?: ((event: RequestEvent) => void) | undefined;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a request is about; tests, plans and benchmarks count by it. */
export type RequestKind = 'manifest' | 'blob' | 'upload' | 'referrers' | 'tags' | 'token';

/** One exchange on the wire, told when its answer has been read. */
export interface RequestEvent {
  readonly method: Method;
  /** `host[:port]` that was asked. */
  readonly host: string;
  readonly kind: RequestKind;
  /** 0 when no answer arrived. */
  readonly status: number;
  /** Body bytes received. */
  readonly bytesIn: number;
  /** Body bytes sent. */
  readonly bytesOut: number;
}

/** One request as it goes on the wire. */
export interface Exchange {
  readonly method: Method;
  readonly kind: RequestKind;
  readonly place: Place;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The head of an answer and its body, which must be read or discarded. */
export interface Answer {
  readonly asked: Asked;
  /** Where the answer came from, after redirects. */
  readonly place: Place;
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Throws the rest of the body away; the connection is kept when little is left. */
  discard(): Promise<void>;
}

/** TLS settings of one origin, shared by all its connections. */
export interface OriginTls {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** The connections of one client; one per registry host. */
export class Transport {
  readonly reachability: Reachability = new Reachability();
  readonly #options: TransportOptions;
  readonly #dispatchers = new Map<string, Dispatcher>();
  readonly #tls = new Map<string, OriginTls>();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * Sends one request and returns the head of its answer, whatever its status.
   * @throws RegistryError with status 0 when no answer arrived, or when the answer is encoded.
   */
  async exchange(exchange: Exchange): Promise<Answer> {
    const { method, kind, place, headers, body, signal } = exchange;
    const asked: Asked = { method, url: place.url, secrets: secretsOf(headers, place.url, body) };
    const count = { method, host: place.url.host, kind, status: 0, bytesIn: 0, bytesOut: 0 };
    try {
      signal?.throwIfAborted();
      if (body instanceof Uint8Array) count.bytesOut = body.length;
      const response = await this.#dispatcher(place.url).request<null>({
        origin: place.url.origin,
        path: place.target,
        method,
        headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers },
        body: body === undefined || body instanceof Uint8Array ? (body ?? null) : Readable.from(owned(body, count)),
        ...(signal === undefined ? {} : { signal }),
      });
      count.status = response.statusCode;
      this.reachability.answered(place.url);
      const answer = toAnswer(asked, place, response, signal, count, () => this.report(count));
      await refuseEncoding(answer);
      return answer;
    } catch (error) {
      if (count.status === 0) this.report(count);
      throw this.reachability.judge(place.url, networkFailure(asked, error, signal));
    }
  }

  /** Tells the observer of one finished exchange. */
  report(event: RequestEvent): void {
    this.#options.onRequest?.(event);
  }

  /** TLS settings for an origin: authorities, client certificate, and whether certificates count. */
  tlsOf(url: URL): OriginTls {
    const known = this.#tls.get(url.host);
    if (known !== undefined) return known;
    const { environment, caFile, certsDirectories, insecureHost } = this.#options;
    const files = readTlsFiles(url.host, { environment, caFile, certsDirectories });
    const tls: OriginTls = {
      // Made once: reading a few hundred authorities takes longer than a handshake.
      secureContext: createSecureContext({ ca: [...files.ca], cert: files.cert, key: files.key }),
      rejectUnauthorized: insecureHost !== url.host,
    };
    this.#tls.set(url.host, tls);
    return tls;
  }

  /** Whether requests to this URL go through a proxy. */
  isProxied(url: URL): boolean {
    return proxyFor(url, this.#options.environment) !== undefined;
  }

  async close(): Promise<void> {
    const open = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }

  #dispatcher(url: URL): Dispatcher {
    const known = this.#dispatchers.get(url.origin);
    if (known !== undefined) return known;
    const tls = url.protocol === 'https:' ? this.tlsOf(url) : undefined;
    const settings = {
      allowH2: false,
      connections: CONNECTIONS_PER_ORIGIN,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const proxy = proxyFor(url, this.#options.environment);
    const dispatcher =
      proxy === undefined
        ? new Agent({ ...settings, connect: { timeout: CONNECT_TIMEOUT_MS, ...tls } })
        : new ProxyAgent({
            ...settings,
            uri: proxy.href,
            ...(tls === undefined ? {} : { requestTls: tls }),
            ...(proxy.protocol === 'https:' ? { proxyTls: this.tlsOf(proxy) } : {}),
          });
    this.#dispatchers.set(url.origin, dispatcher);
    return dispatcher;
  }
}

/** Reads a whole body. @throws RegistryError when it is longer than allowed or breaks off. */
export async function readBody(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > maxBytes) throw protocolFailure(answer.asked, answer.status, `the answer is over ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Reads the body of a refusal and makes the error of it. */
export async function refusal(answer: Answer): Promise<AirgapError> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= MAX_ERROR_BYTES) break;
    }
  } catch {
    chunks.length = 0; // the status says enough when the explanation breaks off
  }
  return answerFailure(answer.asked, answer.status, answer.headers, Buffer.concat(chunks));
}

function toAnswer(
  asked: Asked,
  place: Place,
  response: Dispatcher.ResponseData<null>,
  signal: AbortSignal | undefined,
  count: { bytesIn: number },
  onEnd: () => void,
): Answer {
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    headers[name.toLowerCase()] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    asked,
    place,
    status: response.statusCode,
    headers,
    body: readable(asked, response, signal, count, onEnd),
    discard: async () => {
      try {
        await response.body.dump({ limit: MAX_ERROR_BYTES });
      } catch {
        response.body.destroy(); // nobody waits for the rest
      }
      onEnd();
    },
  };
}

async function* readable(
  asked: Asked,
  response: Dispatcher.ResponseData<null>,
  signal: AbortSignal | undefined,
  count: { bytesIn: number },
  onEnd: () => void,
): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      count.bytesIn += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw networkFailure(asked, error, signal);
  } finally {
    onEnd();
  }
}

/** undici may keep a chunk longer than it is lent to us. */
async function* owned(content: AsyncIterable<Uint8Array>, count: { bytesOut: number }): AsyncIterable<Uint8Array> {
  for await (const chunk of content) {
    count.bytesOut += chunk.length;
    yield Buffer.from(chunk);
  }
}

async function refuseEncoding(answer: Answer): Promise<void> {
  const encoding = answer.headers['content-encoding'];
  if (encoding === undefined || encoding.trim().toLowerCase() === 'identity' || answer.status >= 300) return;
  await answer.discard();
  throw protocolFailure(
    answer.asked,
    answer.status,
    `answered with Content-Encoding ${encoding.slice(0, 40)} although only identity was accepted`,
  );
}
