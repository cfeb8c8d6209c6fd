/** A reverse proxy that spoils answers by rule: a status instead, a byte changed, a body that ends early. */
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';

/** What happens to one answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly flipByteAt: number }
  | { readonly endAfterBytes: number };

/** Decides on a request; `nth` counts the earlier ones with the same method and path. Undefined lets it pass. */
export type FaultRule = (method: string, path: string, nth: number) => Fault | undefined;

/** A running proxy. */
export interface FaultyProxy extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
  /** `GET /v2/…`, in order; without queries. */
  readonly asked: string[];
  /** Changes the rule and forgets what was asked. */
  setRule(rule: FaultRule): void;
}

/** Starts a proxy in front of a server on loopback; it spoils nothing until told. */
export async function startFaultyProxy(targetPort: number): Promise<FaultyProxy> {
  let rule: FaultRule = () => undefined;
  const seen = new Map<string, number>();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const path = url.replace(/\?.*$/, '');
    const key = `${method} ${path}`;
    const nth = seen.get(key) ?? 0;
    seen.set(key, nth + 1);
    asked.push(key);
    const fault = rule(method, path, nth);
    if (fault !== undefined && 'status' in fault) {
      request.resume();
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    }
    const outgoing = forward({ host: '127.0.0.1', port: targetPort, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      void spoil(answer, fault, (chunk) => response.write(chunk)).then(
        (isWhole) => (isWhole ? response.end() : response.destroy()),
        () => response.destroy(),
      );
    });
    outgoing.on('error', () => response.destroy());
    pipeline(request, outgoing, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    setRule(next) {
      rule = next;
      seen.clear();
      asked.length = 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Passes a body on, spoilt. @returns whether it was passed to its end. */
async function spoil(
  answer: IncomingMessage,
  fault: Fault | undefined,
  write: (chunk: Buffer) => void,
): Promise<boolean> {
  let passed = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (fault !== undefined && 'flipByteAt' in fault) {
      const at = fault.flipByteAt - passed;
      if (at >= 0 && at < chunk.length) chunk[at] = (chunk[at] ?? 0) ^ 1;
    }
    const left = fault !== undefined && 'endAfterBytes' in fault ? fault.endAfterBytes - passed : chunk.length;
    if (left < chunk.length) {
      write(chunk.subarray(0, left));
      return false;
    }
    write(chunk);
    passed += chunk.length;
  }
  return true;
}
