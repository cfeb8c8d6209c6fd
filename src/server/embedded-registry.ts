/** The embedded registry: distribution-spec over a plain directory, on loopback unless told otherwise. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { UsageError } from '../errors.ts';
import { Exchange } from './request-exchange.ts';
import { answer, type RouterContext } from './router.ts';
import { openStorage } from './directory/storage.ts';
import { Uploads } from './uploads.ts';

/** Bytes a connection buffers each way: uploads reach the disk in pieces up to this size. */
const BUFFER_BYTES = 256 * 1024;
/** A client must send its headers within this time. */
const HEADERS_TIMEOUT_MS = 20_000;
/** How long requests under way may take to end after {@link EmbeddedRegistry.close}. */
const CLOSE_GRACE_MS = 2_000;
const MAX_HEADER_BYTES = 32 * 1024;

/** One answered (or broken) request. */
export interface RequestRecord {
  readonly method: string;
  /** Undecoded, without the query string. */
  readonly path: string;
  /** 0 when the client went away before an answer. */
  readonly status: number;
  /** Body bytes received. */
  readonly bytesIn: number;
  /** Body bytes sent. */
  readonly bytesOut: number;
}

/** Options of {@link startRegistry}. */
export interface RegistryOptions {
  /** Where everything is kept; made when missing. */
  readonly directory: string;
  /** @defaultValue '127.0.0.1' */
  readonly host?: string | undefined;
  /** @defaultValue 0, any free port */
  readonly port?: number | undefined;
  /** Permits a `host` that other machines can reach. There is no authentication and no TLS. */
  readonly allowNonLoopback?: boolean | undefined;
  /** Serves what is there, changes nothing, and refuses writing methods with 405. */
  readonly readOnly?: boolean | undefined;
  /** Takes indexes whose manifests are not all in the repository. @defaultValue false */
  readonly acceptSparseIndexes?: boolean | undefined;
  /** Takes DELETE of blobs, manifests and tags; the space of what is deleted is not given back. @defaultValue false */
  readonly allowDelete?: boolean | undefined;
  /** A connection without traffic for so long is cut. @defaultValue 120000 */
  readonly idleTimeoutMs?: number | undefined;
  /** The clock by which an upload session is idle, in milliseconds. @defaultValue Date.now */
  readonly nowMs?: (() => number) | undefined;
  /** Told of every request when it is over. */
  readonly onRequest?: ((record: RequestRecord) => void) | undefined;
  /** Told of failures that are the registry's own, which clients only see as status 500. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A running registry. */
export interface EmbeddedRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** `127.0.0.1:PORT`, as it stands in references. */
  readonly host: string;
  /** Takes no new requests, lets those under way end for two seconds, then cuts every connection. */
  close(): Promise<void>;
}

/**
 * Starts a registry. What an earlier one stored in the directory is served; what it left half-written is removed.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 * @throws UsageError `USAGE` for a host beyond loopback without `allowNonLoopback`, or an address that is taken.
 * @throws StoreError `STORE_IO` when the directory cannot be prepared.
 */
export async function startRegistry(options: RegistryOptions): Promise<EmbeddedRegistry> {
  const { host = '127.0.0.1', port = 0, readOnly = false, onRequest } = options;
  if (!isLoopback(host) && options.allowNonLoopback !== true) {
    throw new UsageError('USAGE', `the registry would be reachable from other machines at ${host}`, {
      hint: 'it has no authentication and no TLS; allow it explicitly if the network is trusted',
    });
  }
  const storage = await openStorage(options.directory, readOnly);
  const context: RouterContext = {
    storage,
    uploads: new Uploads(storage, options.nowMs),
    isReadOnly: readOnly,
    allowDelete: options.allowDelete === true,
    acceptSparseIndexes: options.acceptSparseIndexes ?? false,
    onError: options.onError,
  };
  const running = new Set<Promise<void>>();
  const unanswered = new Set<Promise<void>>();
  const server = createServer({
    highWaterMark: BUFFER_BYTES,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A large blob over a slow link may take hours; only silence ends a request.
    requestTimeout: 0,
    connectionsCheckingInterval: HEADERS_TIMEOUT_MS / 4,
    noDelay: true,
  });
  server.timeout = options.idleTimeoutMs ?? 120_000;
  server.keepAliveTimeout = 30_000;
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const exchange = new Exchange(request, response);
    if (onRequest !== undefined) response.once('close', () => onRequest(toRecord(exchange)));
    const answered = new Promise<void>((resolve) => response.once('close', resolve));
    track(answered, unanswered);
    track(answer(exchange, context), running);
  });
  await listen(server, host, port);
  const address = `${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
  let stopped: Promise<void> | undefined;
  const close = (): Promise<void> => (stopped ??= stop(server, running, unanswered));
  return { url: `http://${address}`, host: address, close, [Symbol.asyncDispose]: close };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function toRecord({ method, path, response, bytesIn, bytesOut }: Exchange): RequestRecord {
  return { method, path, status: response.headersSent ? response.statusCode : 0, bytesIn, bytesOut };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const hint = 'choose another port, or 0 for any free one';
      reject(new UsageError('USAGE', `the registry cannot listen on ${host}:${port}`, { cause, hint }));
    });
    server.listen(port, host, resolve);
  });
}

/** Keeps a promise that never rejects in the set until it settles. */
function track(work: Promise<void>, set: Set<Promise<void>>): void {
  set.add(work);
  void work.then(() => set.delete(work));
}

async function stop(
  server: Server,
  running: ReadonlySet<Promise<void>>,
  unanswered: ReadonlySet<Promise<void>>,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const deadline = new AbortController();
  const grace = delay(CLOSE_GRACE_MS, undefined, { signal: deadline.signal }).catch(() => undefined);
  await Promise.race([Promise.all(unanswered), grace]);
  deadline.abort();
  server.closeAllConnections();
  // Nothing touches the directory any more once this has resolved.
  await Promise.all(running);
  await closed;
}
