/** Opens connections through a SOCKS5 proxy, which looks names up itself. */
import { once } from 'node:events';
import { connect, isIP, isIPv4, SocketAddress, type Socket } from 'node:net';
import { bareHost } from './network-policy.ts';

const DEFAULT_PORT = 1080;
const VERSION = 5;
const NO_LOGIN = 0;
const LOGIN = 2;
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([[1, 4], [4, 16]]); // prettier-ignore
const REFUSALS: readonly string[] = [
  'general failure', 'not allowed by its rules', 'network unreachable', 'host unreachable', 'connection refused',
  'time to live expired', 'command not supported', 'address type not supported',
]; // prettier-ignore

/**
 * A connection to `host:port` through the proxy (`socks5://[user:password@]host[:port]`).
 * @throws Error with a code: the network's own, or `ESOCKS` when the proxy refuses.
 * @see https://www.rfc-editor.org/rfc/rfc1928 and, for the login, https://www.rfc-editor.org/rfc/rfc1929
 */
export async function connectThroughSocks(proxy: URL, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const proxyPort = proxy.port === '' ? DEFAULT_PORT : Number(proxy.port);
  const socket = connect({ host: bareHost(proxy.hostname), port: proxyPort });
  const onTimeout = (): unknown => socket.destroy(failure('the proxy does not answer in time', 'ETIMEDOUT'));
  socket.setTimeout(timeoutMs, onTimeout);
  try {
    await once(socket, 'connect');
    const reader = new Reader(socket);
    await greet(socket, reader, decodeURIComponent(proxy.username), decodeURIComponent(proxy.password));
    socket.write(Buffer.concat([Buffer.of(VERSION, 1, 0), addressOf(bareHost(host)), portOf(port)]));
    const [, refusal = 0, , type = 0] = await reader.take(4);
    if (refusal !== 0) throw failure(`the proxy refuses: ${REFUSALS[refusal - 1] ?? `reason ${refusal}`}`);
    await reader.take((ADDRESS_BYTES.get(type) ?? (await reader.take(1))[0] ?? 0) + 2);
    reader.release();
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.setTimeout(0).off('timeout', onTimeout);
  return socket;
}

async function greet(socket: Socket, reader: Reader, user: string, password: string): Promise<void> {
  socket.write(user === '' ? Buffer.of(VERSION, 1, NO_LOGIN) : Buffer.of(VERSION, 2, NO_LOGIN, LOGIN));
  const [version, method] = await reader.take(2);
  if (version !== VERSION) throw failure('the proxy does not speak SOCKS5');
  if (method === NO_LOGIN) return;
  if (method !== LOGIN || user === '') throw failure('the proxy wants a login, or one of a kind that is not supported');
  socket.write(Buffer.concat([Buffer.of(1), textOf(user), textOf(password)]));
  const [, status] = await reader.take(2);
  if (status !== 0) throw failure('the proxy refuses the user name and password in its URL');
}

function addressOf(host: string): Buffer {
  if (isIP(host) === 0) return Buffer.concat([Buffer.of(3), textOf(host)]);
  if (isIPv4(host)) return Buffer.of(1, ...host.split('.').map(Number));
  const groups = new SocketAddress({ address: host, family: 'ipv6' }).address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))));
  const [head = [], tail] = groups;
  const all = tail === undefined ? head : [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.of(4, ...all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** @throws Error when it is longer than the protocol has room for. */
function textOf(text: string): Buffer {
  const bytes = Buffer.from(text);
  if (bytes.length > 255) throw failure('a host, user or password is too long for SOCKS5');
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function portOf(port: number): Buffer {
  return Buffer.of(port >> 8, port & 0xff);
}

/** The bytes of a socket, in exact amounts. */
class Reader {
  readonly #socket: Socket;
  #held: Buffer = Buffer.alloc(0);
  #isOver = false;
  #wake: (() => void) | undefined;
  readonly #onData = (bytes: Buffer): void => {
    this.#held = Buffer.concat([this.#held, bytes]);
    this.#wake?.();
  };
  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#wake?.();
  };

  constructor(socket: Socket) {
    this.#socket = socket.on('data', this.#onData).on('end', this.#onOver).on('close', this.#onOver);
    socket.on('error', this.#onOver);
  }

  /** @throws Error when the socket ends before. */
  async take(length: number): Promise<Buffer> {
    while (this.#held.length < length) {
      if (this.#isOver) throw this.#socket.errored ?? failure('the proxy hung up');
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  /** Gives the socket back, with what came behind the last bytes taken. */
  release(): void {
    const socket = this.#socket.off('data', this.#onData).off('end', this.#onOver).off('close', this.#onOver);
    socket.off('error', this.#onOver).pause();
    if (this.#held.length > 0) socket.unshift(this.#held);
  }
}

function failure(message: string, code = 'ESOCKS'): Error {
  return Object.assign(new Error(message), { code });
}
