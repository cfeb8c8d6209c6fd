/** A link as there are between sites: round trips, a limit for each connection and one for all, in front of a port. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What a link is like. */
export interface LinkProfile {
  /** Between a question and its answer. */
  readonly rttMs: number;
  /** Bytes per second and connection, in each direction. */
  readonly perConnection: number;
  /** Bytes per second of all connections together, in each direction. */
  readonly inAll: number;
}

/** A running link. */
export interface Link extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly host: string;
}

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

/** Reads `rtt=40ms,per=10MB,all=60MB`; `per=all` sets no limit of its own. @throws Error naming what is wrong. */
export function parseLink(text: string): LinkProfile {
  const parts = new Map(
    text.split(',').map((part): [string, string] => {
      const [name = '', value = ''] = part.split('=');
      return [name, value];
    }),
  );
  const rttMs = Number(/^(\d+)ms$/.exec(parts.get('rtt') ?? '')?.[1] ?? Number.NaN);
  const inAll = toRate(parts.get('all'));
  const perConnection = parts.get('per') === 'all' ? inAll : toRate(parts.get('per'));
  if (![rttMs, inAll, perConnection].every((value) => value > 0) || parts.size !== 3)
    throw new Error(`--link takes rtt=40ms,per=10MB,all=60MB, not ${text}`);
  return { rttMs, perConnection, inAll };
}

function toRate(text = ''): number {
  const [, count, unit = ''] = /^(\d+)([KMG]B)$/.exec(text) ?? [];
  return Number(count) * (UNITS[unit] ?? Number.NaN);
}

/** Lets bytes pass at a rate, in the order of asking. */
class Gate {
  readonly #rate: number;
  #freeAtMs = 0;

  constructor(bytesPerSecond: number) {
    this.#rate = bytesPerSecond;
  }

  /** When so many bytes have passed, in the clock of `performance.now()`. */
  reserve(bytes: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + (bytes / this.#rate) * 1000;
    return this.#freeAtMs;
  }
}

/** Puts a link in front of a port of this machine. */
export async function startLink(port: number, { rttMs, perConnection, inAll }: LinkProfile): Promise<Link> {
  const open = new Set<Socket>();
  const [up, down] = [new Gate(inAll), new Gate(inAll)];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    // A connection is there after one round trip; here it is there at once, so its first bytes wait for that.
    const readyAtMs = performance.now() + rttMs;
    for (const [from, to, gate] of [
      [client, upstream, up],
      [upstream, client, down],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy()).once('close', () => open.delete(from));
      void carry(from, to, [gate, new Gate(perConnection)], rttMs / 2, from === client ? readyAtMs : 0);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Bytes leave at the rate of the gates and arrive half a round trip later, in their order. */
async function carry(
  from: Socket,
  to: Socket,
  gates: readonly Gate[],
  latencyMs: number,
  readyAtMs: number,
): Promise<void> {
  let delivered = Promise.resolve();
  const deliver = (atMs: number, what: () => void): void => {
    delivered = delivered.then(() => until(atMs)).then(what);
  };
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const leavesAtMs = Math.max(readyAtMs, ...gates.map((gate) => gate.reserve(chunk.length)));
      deliver(leavesAtMs + latencyMs, () => to.write(chunk));
      await until(leavesAtMs);
    }
    deliver(performance.now() + latencyMs, () => to.end());
  } catch {
    to.destroy();
  }
}

/** Timers are of whole milliseconds; what is nearer than one has come. */
async function until(atMs: number): Promise<void> {
  const ms = atMs - performance.now();
  if (ms >= 1) await delay(ms);
}
