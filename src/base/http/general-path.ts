/** The path that takes any request: one exchange over undici, through proxies too; no redirects, no decoding. */
import { Readable } from 'node:stream';
import { Agent, buildConnector, ProxyAgent, type Dispatcher } from 'undici';
import type { Bytes } from '../bytes.ts';
import { isStreamed, type Answer, type HttpRequest } from './answer.ts';
import { Exchange, type Wire } from './http-exchange.ts';
import { MAX_ERROR_BYTES } from './network-failure.ts';
import { isSocks } from './proxy.ts';
import { connectThroughSocks } from './socks.ts';
import { upgradeConnection } from './upgrade/upgrade.ts';

const CONNECT_TIMEOUT_MS = 15_000;
/** Servers that assemble an upload in an object store take minutes before they answer. */
const HEADERS_TIMEOUT_MS = 300_000;
const BODY_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 10_000;
const CONNECTIONS_PER_ORIGIN = 16;
const MAX_HEADER_BYTES = 64 * 1024;

/** The general connections of one client. */
export class GeneralPath {
  readonly #wire: Wire;
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Sends one request and returns the head of its answer. @throws HttpError with status 0 when no answer arrived. */
  async exchange(request: HttpRequest): Promise<Answer> {
    const { method, place, body, signal, upgradeTo } = request;
    const exchange = new Exchange(this.#wire, request);
    try {
      signal?.throwIfAborted();
      if (upgradeTo !== undefined) return await this.#upgrade(request, upgradeTo, exchange);
      const response = await this.#dispatcher(place.url).request<null>({
        origin: place.url.origin,
        path: place.target,
        method,
        headers: { ...exchange.headers, ...(isStreamed(body) ? { 'content-length': String(body.length) } : {}) },
        body: outgoing(body, exchange),
        ...(signal === undefined ? {} : { signal }),
      });
      exchange.answered(response.statusCode);
      return {
        asked: exchange.asked,
        place,
        status: response.statusCode,
        headers: joined(response.headers),
        body: exchange.counted(response.body as Bytes, () => exchange.end()),
        discard: async () => {
          try {
            await response.body.dump({ limit: MAX_ERROR_BYTES });
          } catch {
            response.body.destroy(); // the rest is not requested
          }
          exchange.end();
        },
      };
    } catch (error) {
      throw exchange.failed(error);
    }
  }

  /** The connection is the caller's from then on, and no longer one of this client's. */
  async #upgrade({ method, place, signal }: HttpRequest, upgrade: string, exchange: Exchange): Promise<Answer> {
    const { headers } = exchange;
    const options = { origin: place.url.origin, path: place.target, method, headers, upgrade };
    const {
      status,
      headers: answered,
      socket,
      body,
    } = await upgradeConnection(this.#dispatcher(place.url), options, signal);
    exchange.answered(status);
    return {
      asked: exchange.asked,
      place,
      status,
      headers: joined(answered),
      body: exchange.counted(Readable.from(body.length === 0 ? [] : [body]), () => exchange.end()),
      discard: async () => exchange.end(),
      ...(socket === undefined ? {} : { socket }),
    };
  }

  async close(): Promise<void> {
    const open = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
  }

  #dispatcher(url: URL): Dispatcher {
    const known = this.#dispatchers.get(url.origin);
    if (known !== undefined) return known;
    const { origins } = this.#wire;
    const tls = origins.tlsOf(url);
    const settings = {
      allowH2: false,
      connections: CONNECTIONS_PER_ORIGIN,
      headersTimeout: HEADERS_TIMEOUT_MS,
      bodyTimeout: BODY_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const proxy = origins.proxyOf(url);
    const proxyTls = proxy === undefined || isSocks(proxy) ? undefined : origins.tlsOf(proxy);
    const connect = { timeout: CONNECT_TIMEOUT_MS, ...tls };
    let dispatcher: Dispatcher;
    if (proxy === undefined) dispatcher = new Agent({ ...settings, connect });
    else if (isSocks(proxy)) dispatcher = new Agent({ ...settings, connect: socksConnector(proxy, connect) });
    else {
      dispatcher = new ProxyAgent({
        ...settings,
        uri: proxy.href,
        ...(tls === undefined ? {} : { requestTls: tls }),
        ...(proxyTls === undefined ? {} : { proxyTls }),
      });
    }
    this.#dispatchers.set(url.origin, dispatcher);
    return dispatcher;
  }
}

/** undici's own connector, over sockets that a SOCKS5 proxy has opened. */
function socksConnector(proxy: URL, settings: buildConnector.BuildOptions): buildConnector.connector {
  const connectPlain = buildConnector(settings);
  return (options, callback) => {
    const isSecure = options.protocol === 'https:';
    const port = options.port === '' ? (isSecure ? 443 : 80) : Number(options.port);
    connectThroughSocks(proxy, options.hostname, port, CONNECT_TIMEOUT_MS).then(
      (httpSocket) => (isSecure ? connectPlain({ ...options, httpSocket }, callback) : callback(null, httpSocket)),
      (error: unknown) => callback(error as Error, null),
    );
  };
}

function outgoing(body: HttpRequest['body'], exchange: Exchange): Uint8Array | Readable | null {
  if (body === undefined) return null;
  if (isStreamed(body)) return body.length === 0 ? new Uint8Array(0) : Readable.from(owned(body.chunks, exchange));
  exchange.bytesOut = body.length;
  return body;
}

/** undici may keep a chunk longer than it is lent to us. */
async function* owned(chunks: Bytes, count: { bytesOut: number }): Bytes {
  for await (const chunk of chunks) {
    count.bytesOut += chunk.length;
    yield Buffer.from(chunk);
  }
}

function joined(headers: Dispatcher.ResponseData['headers']): Answer['headers'] {
  const entries = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return Object.fromEntries(entries) as Answer['headers'];
}
