/**
 * The fast path of uploads: one keep-alive HTTP/1.1 connection that hands each borrowed chunk to the kernel before it
 * asks for the next, and reads one short answer. A general client copies and queues, at several times the cost.
 */
import type { Socket } from 'node:net';
import type { Bytes } from '../../bytes.ts';
import { MAX_HEAD_BYTES, parseHead, type Head } from './http-head.ts';
import { openSocket, type SocketOptions } from './socket.ts';

/** Bytes of an answer's body that are kept; a longer one ends the connection. */
const MAX_BODY_BYTES = 64 * 1024;
/** Silence of the server while we send. */
const STALL_MS = 60_000;
/** Servers that assemble an upload in an object store take minutes before they answer. */
const ANSWER_TIMEOUT_MS = 300_000;

/** A short answer. */
export interface ShortAnswer {
  readonly head: Head;
  /** Empty when the head does not tell its length. */
  readonly body: Buffer;
  /** Whether it came before everything was sent. */
  readonly isEarly: boolean;
}

/** What is sent. */
export interface Sending {
  /** The text of the request's head. */
  readonly head: string;
  /** As many bytes as the head says. */
  readonly content: Bytes;
  /** Told after each chunk. */
  readonly onSent: (bytes: number) => unknown;
  readonly signal?: AbortSignal | undefined;
}

/** One connection, sending one request at a time. */
export class UploadConnection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #head: Head | undefined;
  #isBusy = false;
  /** Whether it ended with an answer that this path does not take. */
  isUnfit = false;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(closed('the connection was closed')));
    socket.on('timeout', () => this.#fail(Object.assign(new Error('the server is silent'), { code: 'ETIMEDOUT' })));
    socket.unref();
  }

  /** Connects. @throws the network's own error. */
  static async open(options: Omit<SocketOptions, 'onread'>): Promise<UploadConnection> {
    return new UploadConnection(await openSocket(options));
  }

  /** Whether another request can be sent. */
  get isIdle(): boolean {
    return !this.#isBusy && this.#failure === undefined;
  }

  /**
   * Sends a request with its content and waits for the answer; an early one stops the sending.
   * @throws the network's own error, the signal's reason, or what the content throws.
   */
  async send({ head, content, onSent, signal }: Sending): Promise<ShortAnswer> {
    signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure;
    const onAbort = (): void => this.#fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#begin();
    let isComplete = false;
    try {
      this.#socket.write(head, 'latin1');
      isComplete = await this.#sendAll(content, onSent);
      this.#socket.setTimeout(ANSWER_TIMEOUT_MS);
      while (!this.#hasAnswer() && this.#failure === undefined) await this.#woken();
      return this.#answer(!isComplete);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#end(isComplete);
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#failure ??= closed('the connection was closed');
    this.#socket.destroy();
  }

  /** Returns false when an answer came before the end. */
  async #sendAll(content: Bytes, onSent: (bytes: number) => unknown): Promise<boolean> {
    for await (const chunk of content) {
      if (this.#hasAnswer()) return false;
      await this.#write(chunk);
      if (this.#hasAnswer()) return false;
      if (this.#failure !== undefined) throw this.#failure;
      onSent(chunk.length);
    }
    return true;
  }

  /** Resolves when the kernel has the bytes, or when an answer or a failure makes them pointless. */
  #write(chunk: Uint8Array): Promise<void> {
    const woken = this.#woken();
    this.#socket.write(chunk, () => this.#wake?.());
    return woken;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  #begin(): void {
    this.#isBusy = true;
    this.#received = Buffer.alloc(0);
    this.#head = undefined;
    this.#socket.ref();
    this.#socket.setTimeout(STALL_MS);
  }

  #end(isComplete: boolean): void {
    this.#isBusy = false;
    const head = this.#head;
    const isClean =
      head?.keepsAlive === true && head.length !== undefined && this.#received.length === head.size + head.length;
    if (!isComplete || !isClean) this.close();
    this.#socket.setTimeout(0);
    this.#socket.unref();
  }

  #onData(bytes: Buffer): void {
    if (!this.#isBusy || this.#received.length > MAX_HEAD_BYTES + MAX_BODY_BYTES) {
      this.#fail(closed('an answer that was not asked for'));
      return;
    }
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#head === undefined) {
      const head = parseHead(this.#received);
      if (head === 'incomplete') return;
      if (head === 'unfit') {
        this.isUnfit = true;
        this.#fail(closed('the answer is not plain HTTP/1.1'));
        return;
      }
      if (head.status >= 200) this.#head = head;
      else this.#received = this.#received.subarray(head.size); // 100 Continue and its like
    }
    if (this.#hasAnswer()) this.#wake?.();
  }

  #hasAnswer(): boolean {
    const head = this.#head;
    if (head === undefined) return false;
    const length = head.length ?? 0;
    return length > MAX_BODY_BYTES || this.#received.length >= head.size + length;
  }

  #answer(isEarly: boolean): ShortAnswer {
    if (this.#head === undefined) throw this.#failure ?? closed('no answer');
    const { size, length = 0 } = this.#head;
    return { head: this.#head, body: this.#received.subarray(size, size + length), isEarly };
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#wake?.();
  }
}

function closed(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
