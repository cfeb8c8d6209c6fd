/**
 * The fast path of downloads: one keep-alive HTTP/1.1 connection whose socket reads straight into a few buffers that
 * are used again and again. A general client makes a new buffer for every read, which costs more than all the rest.
 * Only answers that say where their body ends are taken; anything else is left to the general path.
 */
import type { Socket } from 'node:net';
import { ChunkedBody } from './chunked.ts';
import { MAX_HEAD_BYTES, parseHead, type Head } from './http-head.ts';
import { openSocket, type SocketOptions } from './socket.ts';

/** Larger buffers are badly aligned by the allocator and hash at a fifth of the speed. */
const BUFFER_BYTES = 256 * 1024;
/** One is being filled, one is lent to the consumer, one waits in between. */
const BUFFERS = 3;
/** A buffer is handed over from here on: TLS brings 16 KiB at a time, and every hand-over costs. */
const FULL_ENOUGH_BYTES = 192 * 1024;
/** A smaller amount is handed over to a waiting consumer when nothing more came for this long. */
const FLUSH_DELAY_MS = 10;
/** The end of a chunked body is found by the consumer only, who must not wait for it. */
const CHUNKED_FLUSH_DELAY_MS = 1;
/** Silence of the server, while we are reading, that ends the transfer. */
const STALL_MS = 60_000;
/** A body this small is read to its end to keep the connection. */
const MAX_DRAINED_BYTES = 64 * 1024;

/** An answer whose body is being received. */
export interface Download {
  readonly head: Head;
  /** Borrowed chunks: the whole body, without its framing. Leaving the loop early ends the connection. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Lets go of a body that will not be read (on). */
  readonly discard: () => Promise<void>;
}

/**
 * One connection, answering one request at a time.
 *
 * The socket asks for the place of its next read right after each read, so the buffer being filled may change only in
 * `#onRead`. Elsewhere, what has come is lent as a part of it while reading goes on behind that part.
 */
export class DownloadConnection {
  readonly #free: Buffer[] = [];
  /** Buffers that were not needed yet: a slow connection gets by with one. */
  #unmade = BUFFERS - 1;
  readonly #ready: Buffer[] = [];
  #current: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  /** What lies from here to `#filled` in the current buffer has not been handed over. */
  #start = 0;
  #filled = 0;
  #lent: Buffer | undefined;
  #state: 'idle' | 'head' | 'body' | 'closed' = 'idle';
  /** Bytes of the body that have not arrived; infinite until the end of a chunked one is found. */
  #left = 0;
  #isPaused = false;
  #stalledWhilePaused = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #flush: NodeJS.Timeout | undefined;
  #head: Head | 'unfit' | undefined;
  #socket!: Socket;

  /** Connects. @throws the network's own error. */
  static async open(options: Omit<SocketOptions, 'onread'>): Promise<DownloadConnection> {
    const connection = new DownloadConnection();
    const onread = {
      buffer: () => connection.#current.subarray(connection.#filled),
      callback: (length: number) => connection.#onRead(length),
    };
    connection.#attach(await openSocket({ ...options, onread }));
    return connection;
  }

  /** Whether another request can be sent. */
  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  /**
   * Sends the head of a GET; undefined when the answer is not one for this path: then the connection is gone.
   * @throws the network's own error, or the signal's reason.
   */
  async get(text: string, signal?: AbortSignal): Promise<Download | undefined> {
    signal?.throwIfAborted();
    if (this.#state !== 'idle') throw this.#failure ?? reset('the connection was closed');
    const onAbort = (): void => this.#fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    const done = (): void => signal?.removeEventListener('abort', onAbort);
    this.#state = 'head';
    this.#head = undefined;
    this.#socket.ref();
    this.#socket.setTimeout(STALL_MS);
    this.#socket.write(text, 'latin1');
    const head = await this.#receivedHead();
    if (head instanceof Error || head === 'unfit') {
      done();
      this.close();
      if (head === 'unfit') return undefined;
      throw head;
    }
    let isOver = false;
    const end = (): void => {
      isOver = true;
      done();
    };
    const chunks = this.#chunks(head, end);
    // Once over, the connection may already serve another request.
    return { head, chunks, discard: async () => (isOver ? undefined : this.#discard(chunks, end)) };
  }

  /** Ends the connection. */
  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#flush);
    this.#socket.destroy();
    this.#wake?.();
  }

  async #receivedHead(): Promise<Head | 'unfit' | Error> {
    for (;;) {
      if (this.#head !== undefined) return this.#head;
      if (this.#failure !== undefined) return this.#failure;
      await this.#woken();
    }
  }

  async *#chunks(head: Head, end: () => void): AsyncGenerator<Uint8Array> {
    const chunked = head.isChunked ? new ChunkedBody() : undefined;
    try {
      for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) {
        if (chunked === undefined) yield chunk;
        else yield* chunked.contentOf(chunk);
        if (chunked?.isDone === true) this.#endChunked();
      }
      const hasRoom = BUFFER_BYTES - this.#filled > MAX_HEAD_BYTES;
      if (head.keepsAlive && hasRoom && this.#state === 'body') this.#rest();
    } finally {
      end();
      if (this.#state !== 'idle') this.close();
    }
  }

  /** The end was found within what came: bytes behind it are no reason to distrust what lies before. */
  #endChunked(): void {
    if (this.#ready.length > 0 || this.#filled > this.#start) this.close();
    this.#left = 0;
  }

  /** The next filled part; undefined at the end. Asking gives the one before back. */
  async #next(): Promise<Uint8Array | undefined> {
    this.#takeBack();
    for (;;) {
      // What came before a failure is good, and lets a resumed transfer get ahead however often it breaks.
      if (this.#left === 0 || this.#failure !== undefined) this.#handOver();
      const chunk = this.#ready.shift();
      if (chunk !== undefined) return (this.#lent = chunk);
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#left === 0 || this.#state !== 'body') return undefined;
      if (this.#filled > this.#start) this.#armFlush();
      await this.#woken();
    }
  }

  #takeBack(): void {
    const memory = this.#lent?.buffer;
    this.#lent = undefined;
    if (memory === undefined || memory === this.#current.buffer) return;
    if (this.#ready.some(({ buffer }) => buffer === memory)) return;
    this.#free.push(Buffer.from(memory));
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#stalledWhilePaused) this.#socket.setTimeout(STALL_MS);
    this.#stalledWhilePaused = false;
    this.#socket.resume();
  }

  async #discard(chunks: AsyncGenerator<Uint8Array>, end: () => void): Promise<void> {
    if (this.#state === 'body' && this.#left <= MAX_DRAINED_BYTES) {
      try {
        while ((await chunks.next()).done !== true);
      } catch {
        this.close(); // the rest is not requested
      }
      return;
    }
    end();
    this.close();
    await chunks.return(undefined);
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(reset('the connection was closed')));
    socket.on('timeout', () => {
      if (this.#isPaused) this.#stalledWhilePaused = true;
      else this.#fail(Object.assign(new Error(`nothing came for ${STALL_MS / 1000} s`), { code: 'ETIMEDOUT' }));
    });
    this.#rest();
  }

  /** Waits for the next request without keeping the process alive. */
  #rest(): void {
    this.#state = 'idle';
    this.#socket.setTimeout(0);
    this.#socket.unref();
  }

  /** Bytes have arrived at the end of the current buffer. Returns false to stop reading. */
  #onRead(length: number): boolean {
    this.#filled += length;
    if (this.#state === 'head') this.#readHead();
    else if (this.#state === 'body') this.#left -= length;
    else this.#fail(reset('an answer that was not asked for'));
    if (this.#state !== 'body') return this.#state === 'head';
    if (this.#left < 0) {
      this.#start = this.#filled;
      this.#fail(reset('more bytes came than announced'));
      return false;
    }
    if (this.#filled < FULL_ENOUGH_BYTES && this.#left > 0) {
      if (this.#wake !== undefined && this.#filled > this.#start) this.#armFlush();
      return true;
    }
    if (this.#filled === this.#start) {
      this.#start = this.#filled = 0; // an empty body: nothing is lent, the buffer can be used from its start
      return true;
    }
    const next = this.#takeFree();
    if (next === undefined) return this.#onOverrun();
    this.#handOver();
    this.#current = next;
    this.#start = this.#filled = 0;
    this.#isPaused = this.#free.length + this.#unmade === 0 && this.#left > 0;
    return !this.#isPaused;
  }

  #takeFree(): Buffer | undefined {
    if (this.#free.length > 0 || this.#unmade === 0) return this.#free.pop();
    this.#unmade--;
    return Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** TLS gives what it has decrypted even after it was told to stop; the spare buffer is far larger than that. */
  #onOverrun(): boolean {
    if (this.#filled === BUFFER_BYTES && this.#left > 0) this.#fail(reset('more bytes came than can be held'));
    this.#isPaused = true;
    return false;
  }

  #readHead(): void {
    const head = parseHead(this.#current.subarray(this.#start, this.#filled));
    if (head === 'incomplete') return;
    if (head === 'unfit' || head.status < 200) this.#head = 'unfit';
    else if (head.length !== undefined || head.isChunked) {
      this.#head = head;
      this.#state = 'body';
      this.#start += head.size;
      this.#left = head.length === undefined ? Number.POSITIVE_INFINITY : head.length - (this.#filled - this.#start);
    } else if (head.status >= 300) {
      // A refusal or a redirect whose body is not plain: the head says enough.
      this.#head = { ...head, length: 0, keepsAlive: false };
      this.#start = this.#filled;
      this.close();
    } else this.#head = 'unfit';
    this.#wake?.();
  }

  /** Makes what has come available; reading goes on behind it. */
  #handOver(): void {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    if (this.#filled > this.#start) this.#ready.push(this.#current.subarray(this.#start, this.#filled));
    this.#start = this.#filled;
    this.#wake?.();
  }

  #armFlush(): void {
    const delayMs = Number.isFinite(this.#left) ? FLUSH_DELAY_MS : CHUNKED_FLUSH_DELAY_MS;
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined;
      if (this.#state === 'body') this.#handOver();
    }, delayMs);
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #fail(error: Error): void {
    if (this.#state === 'closed') return;
    const isComplete = this.#state === 'body' && this.#left === 0;
    if (!isComplete) this.#failure ??= error;
    this.close();
  }
}

function reset(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
