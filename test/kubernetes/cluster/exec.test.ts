/** A command in a container: what it says, how it ended, and what is told when the connection or the API server does not play along. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { ClusterAccess } from '../../../src/kubernetes/cluster/access/cluster-access.ts';
import { ClusterClient } from '../../../src/kubernetes/cluster/cluster-client.ts';
import type { ExecResult } from '../../../src/kubernetes/cluster/exec.ts';

const REQUEST = { namespace: 'shop', pod: 'api-1', container: 'main', command: ['tool', 'init', '--name=a b&c'] };
const SUCCESS = JSON.stringify({ status: 'Success' });

/** A frame of a server: never masked. */
function frame(opcode: number, payload: Uint8Array, isLast = true): Buffer {
  const first = (isLast ? 0x80 : 0) | opcode;
  const head =
    payload.length < 126
      ? [first, payload.length]
      : payload.length < 65_536
        ? [first, 126, payload.length >> 8, payload.length & 255]
        : [first, 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (payload.length >> shift) & 255)];
  return Buffer.concat([Buffer.from(head), payload]);
}

function channel(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([number]), Buffer.from(text)]);
}

const binary = (number: number, text: string): Buffer => frame(2, channel(number, text));

interface Scripted {
  readonly asked: readonly IncomingMessage[];
  readonly exec: (signal?: AbortSignal) => Promise<ExecResult>;
}

/** An API server that turns each connection over and then does as it is told. */
async function withServer<T>(
  answer: (socket: Duplex, request: IncomingMessage, nth: number) => void,
  use: (scripted: Scripted) => Promise<T>,
): Promise<T> {
  const server = createServer();
  const asked: IncomingMessage[] = [];
  const sockets = new Set<Duplex>();
  server.on('upgrade', (request, socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answer(socket, request, asked.push(request));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const access: ClusterAccess = {
    name: 'a test',
    server: url,
    origin: { origin: url.origin },
    user: { name: 'op', token: 'token-of-op' },
    namespace: 'shop',
    settings: 'kubeconfig',
  };
  try {
    await using client = new ClusterClient(access, { environment: {}, retry: { tries: 2, baseMs: 1, maxMs: 1 } });
    return await use({ asked, exec: (signal) => client.exec(REQUEST, { signal }) });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

function accept(socket: Duplex, { headers }: IncomingMessage, key = headers['sec-websocket-key'] ?? ''): void {
  const hash = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write(`${[...lines, `Sec-WebSocket-Accept: ${hash}`].join('\r\n')}\r\n\r\n`);
}

function refuse(socket: Duplex, status: string, body: object): void {
  const text = JSON.stringify(body);
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
}

describe('a command in a container', () => {
  test('is asked for word by word, and both of its outputs come back in their order', async () => {
    await withServer(
      (socket, request) => {
        accept(socket, request);
        socket.write(Buffer.concat([binary(1, 'one\n'), binary(2, 'two\n'), binary(1, ''), binary(3, SUCCESS)]));
      },
      async ({ asked, exec }) => {
        expect(await exec()).toEqual({ exitCode: 0, output: 'one\ntwo\n' });
        const url = new URL(asked[0]?.url ?? '', 'http://a');
        expect(url.pathname).toBe('/api/v1/namespaces/shop/pods/api-1/exec');
        expect(url.searchParams.getAll('command')).toEqual(REQUEST.command);
        expect(asked[0]?.headers).toMatchObject({
          authorization: 'Bearer token-of-op',
          // A kubelet refuses anything else.
          accept: '*/*',
          'sec-websocket-protocol': 'v5.channel.k8s.io, v4.channel.k8s.io',
        });
      },
    );
  });

  test('ends with its own exit code', async () => {
    const causes = [{ reason: 'ExitCode', message: '7' }];
    const status = { status: 'Failure', reason: 'NonZeroExitCode', message: 'exit 7', details: { causes } };
    await withServer(
      (socket, request) => {
        accept(socket, request);
        socket.write(Buffer.concat([binary(2, 'no database\n'), binary(3, JSON.stringify(status))]));
      },
      async ({ exec }) => expect(await exec()).toEqual({ exitCode: 7, output: 'no database\n' }),
    );
  });

  test('is understood however its frames are cut, and pings in between are answered', async () => {
    const whole = binary(1, 'x'.repeat(70_000));
    const message = channel(1, 'parts');
    const pieces = [
      frame(2, message.subarray(0, 3), false),
      frame(9, Buffer.from('hi')),
      frame(0, message.subarray(3)),
    ];
    const bytes = Buffer.concat([whole, ...pieces]);
    const pong = Promise.withResolvers<Buffer>();
    await withServer(
      (socket, request) => {
        accept(socket, request);
        for (let at = 0; at < bytes.length; at += 1000) socket.write(bytes.subarray(at, at + 1000));
        socket.once('data', (chunk: Buffer) => {
          pong.resolve(chunk);
          socket.write(binary(3, SUCCESS));
        });
      },
      async ({ exec }) => {
        const { output } = await exec();
        expect([output.length, output.endsWith('xparts')]).toEqual([64 * 1024, true]);
        const [first, second, ...rest] = await pong.promise;
        // Masked, as everything of a client.
        expect([first, second]).toEqual([0x8a, 0x82]);
        const [mask, payload] = [rest.slice(0, 4), rest.slice(4, 6)];
        expect(payload.map((byte, index) => byte ^ (mask[index] ?? 0))).toEqual([...Buffer.from('hi')]);
      },
    );
  });

  test('that cannot be started says why, and is not taken for one that failed', async () => {
    const status = { status: 'Failure', reason: 'InternalError', message: 'executable file not found in $PATH' };
    await withServer(
      (socket, request) => {
        accept(socket, request);
        socket.write(binary(3, JSON.stringify(status)));
      },
      async ({ exec }) =>
        expect(exec()).rejects.toMatchObject({
          code: 'CLUSTER',
          message: 'cannot run tool in container main of shop/api-1: executable file not found in $PATH',
        }),
    );
  });
});

describe('what goes wrong on the way', () => {
  test('a refusal is told in the words of the API server', async () => {
    const message = 'pods "api-1" is forbidden: User "op" cannot create resource "pods/exec" in API group ""';
    await withServer(
      (socket) => refuse(socket, '403 Forbidden', { kind: 'Status', reason: 'Forbidden', message }),
      async ({ exec }) =>
        expect(exec()).rejects.toMatchObject({ code: 'DENIED', message: expect.stringContaining(message) as string }),
    );
  });

  test('an API server that is away for a moment is asked again, since nothing has been started', async () => {
    await withServer(
      (socket, request, nth) => {
        if (nth === 1) return refuse(socket, '503 Service Unavailable', { kind: 'Status', message: 'starting' });
        accept(socket, request);
        socket.write(binary(3, SUCCESS));
      },
      async ({ asked, exec }) => {
        expect(await exec()).toMatchObject({ exitCode: 0 });
        expect(asked).toHaveLength(2);
      },
    );
  });

  test.for([
    ['is cut', (socket: Duplex): void => void socket.destroy()],
    ['is closed', (socket: Duplex): void => void socket.end(frame(8, Buffer.from([3, 232])))],
    ['carries a masked frame', (socket: Duplex): void => void socket.write(Buffer.from([0x82, 0x81, 1, 2, 3, 4, 5]))],
    [
      'announces far too much',
      (socket: Duplex): void => void socket.write(Buffer.from([0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0])),
    ],
    ['begins in the middle', (socket: Duplex): void => void socket.write(frame(0, channel(1, 'x')))],
  ] as const)(
    'a connection that %s leaves open how the command ended, and it is not started twice',
    async ([, end]) => {
      await withServer(
        (socket, request) => {
          accept(socket, request);
          socket.write(binary(1, 'begun\n'));
          setImmediate(() => end(socket));
        },
        async ({ asked, exec }) => {
          await expect(exec()).rejects.toMatchObject({
            code: 'CLUSTER',
            message: 'the connection to tool in container main of shop/api-1 broke off before it had ended',
            hint: expect.stringContaining('runs once more') as string,
          });
          expect(asked).toHaveLength(1);
        },
      );
    },
  );

  test('what answers with another key is no WebSocket', async () => {
    await withServer(
      (socket, request) => accept(socket, request, 'of another'),
      async ({ exec }) => expect(exec()).rejects.toThrow('no WebSocket'),
    );
  });

  test('a caller that no longer waits is told so at once', async () => {
    const stop = new AbortController();
    await withServer(
      (socket, request) => {
        accept(socket, request);
        setImmediate(() => stop.abort(new DOMException('interrupted', 'AbortError')));
      },
      async ({ exec }) => expect(exec(stop.signal)).rejects.toThrow('interrupted'),
    );
  });
});
