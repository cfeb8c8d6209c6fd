/** Opens the sockets of the fast path: TCP or TLS, ready to be written to. */
import { connect, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bareHost } from '../network-policy.ts';
import type { OriginTls } from '../origins.ts';

const CONNECT_TIMEOUT_MS = 15_000;

/** Where to connect. */
export interface SocketOptions {
  readonly url: URL;
  /** Needed for https. */
  readonly tls: OriginTls | undefined;
  /** Takes over reading; without it the socket is an ordinary stream. */
  readonly onread?: OnReadOpts | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A connected socket, its certificate checked. @throws the network's own error, or the signal's reason. */
export async function openSocket({ url, tls, onread, signal }: SocketOptions): Promise<Socket> {
  signal?.throwIfAborted();
  const host = bareHost(url.hostname);
  const isSecure = url.protocol === 'https:';
  const port = url.port === '' ? (isSecure ? 443 : 80) : Number(url.port);
  const common = { host, port, ...(onread === undefined ? {} : { onread }) };
  const socket = isSecure
    ? connectTls({ ...common, ...tls, servername: isIP(host) === 0 ? host : '', ALPNProtocols: ['http/1.1'] })
    : connect(common);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal?.reason as Error);
  const onClose = (): void => reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' }));
  signal?.addEventListener('abort', onAbort, { once: true });
  socket
    .once(isSecure ? 'secureConnect' : 'connect', resolve)
    .once('error', reject)
    .once('close', onClose);
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
    reject(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' }));
  });
  try {
    await promise;
  } catch (error) {
    socket.on('error', () => undefined); // the first failure is the one that is told
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    socket.removeAllListeners('timeout').setTimeout(0);
    socket.off('error', reject).off('close', onClose);
  }
  socket.setNoDelay(true);
  return socket;
}
