/** A server on loopback that answers as a test tells it to, and remembers what it was asked. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createRawServer, type AddressInfo, type Socket } from 'node:net';

/** One request, its body read to the end unless the answer came first. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

export interface ScriptedServer extends AsyncDisposable {
  /** `127.0.0.1:port`, or with the address it was told to listen on. */
  readonly host: string;
  readonly asked: Asked[];
}

/** Answers requests; the handler is told how many requests of this method and path came before. */
export type Answerer = (request: IncomingMessage, response: ServerResponse, nth: number) => void | Promise<void>;

/** `address` is of loopback: another than 127.0.0.1 stands for another host. A `port` is one that was free before. */
export async function startScriptedServer(answer: Answerer, address = '127.0.0.1', port = 0): Promise<ScriptedServer> {
  const asked: Asked[] = [];
  const seen = new Map<string, number>();
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, headers });
    const key = `${method} ${url}`;
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    void Promise.resolve(answer(request, response, nth)).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return {
    host: `${address}:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Speaks raw bytes: each connection is handed to the test. */
export async function startRawServer(onConnection: (socket: Socket, nth: number) => void): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    onConnection(socket, count++);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads a request body to its end. */
export async function drain(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
