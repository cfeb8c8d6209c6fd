/** A TCP proxy on loopback that counts what passes, for the runs that are not timed. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Bytes as they go over the wire, HTTP heads included, as the client sees them. */
export interface WireBytes {
  readonly received: number;
  readonly sent: number;
}

/** A running proxy. */
export interface CountingProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  bytes(): WireBytes;
}

/** Starts a proxy in front of a port of this machine. */
export async function startCountingProxy(port: number): Promise<CountingProxy> {
  const open = new Set<Socket>();
  let received = 0;
  let sent = 0;
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    client.on('data', (chunk) => (sent += chunk.length));
    upstream.on('data', (chunk) => (received += chunk.length));
    client.pipe(upstream).pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      // A side that goes away takes the other with it; the contender judges what that means.
      socket.on('error', () => other.destroy()).once('close', () => open.delete(socket));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    bytes: () => ({ received, sent }),
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
