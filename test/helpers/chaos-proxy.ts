/** A TCP proxy on loopback that misbehaves as real links do: cut, slow, late, or with a byte changed. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Slices per second when a link is slow, so that it drips and does not jump. */
const SLICES_PER_SECOND = 20;

/** What goes wrong. Offsets count the bytes of one connection in one direction, HTTP headers and TLS records included. */
export interface Faults {
  /** Cut a connection when this many bytes have come from the server; none of those beyond pass. */
  readonly cutDownloadAfterBytes?: number;
  /** Cut a connection when this many bytes have come from the client; none of those beyond pass. */
  readonly cutUploadAfterBytes?: number;
  /** How many connections are cut before the link is sound. @defaultValue all */
  readonly cuts?: number;
  /** `reset` gives ECONNRESET, `end` a clean end of the stream in the middle of a body. @defaultValue 'reset' */
  readonly cutWith?: 'reset' | 'end';
  /** Flip the lowest bit of the byte at this offset from the server, once. */
  readonly flipDownloadByteAt?: number;
  /** Speed limit per connection and direction. */
  readonly bytesPerSecond?: number;
  /** Added before each chunk. */
  readonly latencyMs?: number;
  /** When so many bytes in all have come from the server, no more pass, either way, until the faults are changed. */
  readonly holdDownloadAfterBytes?: number;
  /** When so many bytes in all have come from the client, no more pass, either way, until the faults are changed. */
  readonly holdUploadAfterBytes?: number;
  /** Refuse connections: reset them as soon as they are made. */
  readonly refuse?: boolean;
}

/** A running proxy. Disposing of it is stopping it. */
export interface ChaosProxy extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Connections made, cut, and bytes passed on, up to now. */
  readonly counts: {
    readonly connections: number;
    readonly cuts: number;
    readonly downloaded: number;
    readonly uploaded: number;
  };
  /** Changes what goes wrong from now on, for open connections too; counts start anew. */
  setFaults(faults: Faults): void;
  /** Leads new connections to another port; to none, and they are refused. */
  setTarget(port: number | undefined): void;
  /** Cuts every open connection now. */
  cutAll(): void;
  /** Closes every connection and the port. */
  stop(): Promise<void>;
}

/** Starts a proxy on an ephemeral port in front of a server on loopback. */
export async function startChaosProxy(targetPort: number, faults: Faults = {}): Promise<ChaosProxy> {
  const state = { faults, counts: { connections: 0, cuts: 0, downloaded: 0, uploaded: 0 }, flipped: false };
  const open = new Set<Socket>();
  let target: number | undefined = targetPort;
  let changed = Promise.withResolvers<void>();

  function change(next: Faults): void {
    state.faults = next;
    changed.resolve();
    changed = Promise.withResolvers<void>();
  }

  function isHeld(): boolean {
    const { holdDownloadAfterBytes = Infinity, holdUploadAfterBytes = Infinity } = state.faults;
    return state.counts.downloaded >= holdDownloadAfterBytes || state.counts.uploaded >= holdUploadAfterBytes;
  }

  async function pump(from: Socket, to: Socket, direction: 'downloaded' | 'uploaded'): Promise<void> {
    let passed = 0;
    for await (const chunk of from as AsyncIterable<Buffer>) {
      for (const slice of slices(chunk, state.faults.bytesPerSecond)) {
        const { latencyMs, bytesPerSecond } = state.faults;
        if (latencyMs !== undefined) await delay(latencyMs);
        if (bytesPerSecond !== undefined) await delay((slice.length / bytesPerSecond) * 1000);
        while (isHeld()) await changed.promise;
        const cutAfter =
          direction === 'downloaded' ? state.faults.cutDownloadAfterBytes : state.faults.cutUploadAfterBytes;
        const isCut =
          cutAfter !== undefined &&
          passed + slice.length > cutAfter &&
          state.counts.cuts < (state.faults.cuts ?? Infinity);
        const allowed = isCut ? slice.subarray(0, Math.max(0, cutAfter - passed)) : slice;
        if (direction === 'downloaded') flip(allowed, passed);
        passed += allowed.length;
        state.counts[direction] += allowed.length;
        if (allowed.length > 0 && !to.write(allowed)) await once(to, 'drain');
        if (isCut) {
          state.counts.cuts += 1;
          await cut(from, to);
          return;
        }
      }
    }
    to.end();
  }

  function flip(slice: Buffer, start: number): void {
    const at = state.faults.flipDownloadByteAt;
    if (at === undefined || state.flipped || at < start || at >= start + slice.length) return;
    slice[at - start] = (slice[at - start] ?? 0) ^ 1;
    state.flipped = true;
  }

  async function cut(from: Socket, to: Socket): Promise<void> {
    if (state.faults.cutWith === 'end') {
      to.end();
      from.destroy();
      return;
    }
    // What was allowed to pass must arrive before the reset overtakes it.
    while (to.writableLength > 0 && !to.destroyed) await delay(1);
    await delay(5);
    from.resetAndDestroy();
    to.resetAndDestroy();
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    state.counts.connections += 1;
    if (state.faults.refuse === true || target === undefined) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      // The loss of one side is passed on to the other; it is not this proxy's failure.
      socket.on('error', () => undefined);
      socket.once('close', () => open.delete(socket));
    }
    client.once('close', () => upstream.destroySoon());
    upstream.once('close', () => client.destroySoon());
    for (const pumping of [pump(client, upstream, 'uploaded'), pump(upstream, client, 'downloaded')]) {
      pumping.catch(() => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  async function stop(): Promise<void> {
    change({});
    for (const socket of open) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  }
  return {
    port,
    host: `127.0.0.1:${port}`,
    get counts() {
      return { ...state.counts };
    },
    setFaults(next) {
      state.flipped = false;
      state.counts = { connections: 0, cuts: 0, downloaded: 0, uploaded: 0 };
      change(next);
    },
    setTarget(next) {
      target = next;
    },
    cutAll() {
      for (const socket of open) socket.resetAndDestroy();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function* slices(chunk: Buffer, bytesPerSecond: number | undefined): Generator<Buffer> {
  const size = bytesPerSecond === undefined ? chunk.length : Math.max(1, Math.ceil(bytesPerSecond / SLICES_PER_SECOND));
  for (let start = 0; start < chunk.length; start += size) yield chunk.subarray(start, start + size);
}
