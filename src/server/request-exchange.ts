/** One request and its answer: the body as it comes in, the ways to send one back, and the bytes of both. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { Refusal, toErrorBody } from './client-refusal.ts';

const NO_BODY = Buffer.alloc(0);

/** A request being answered. */
export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Undecoded, without the query string. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Body bytes received. */
  bytesIn = 0;
  /** Body bytes sent. */
  bytesOut = 0;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    this.request = request;
    this.response = response;
    this.method = request.method ?? 'GET';
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
  }

  /** Whether the client went away, so that no answer can reach it. */
  get isGone(): boolean {
    return this.request.socket.destroyed;
  }

  /** The declared length of the body in bytes, when the client declared one. */
  get contentLength(): number | undefined {
    const text = this.request.headers['content-length'];
    return text === undefined ? undefined : Number(text);
  }

  /** The body, in the largest pieces that have arrived. Leaving early keeps the connection, so that a refusal can be sent. */
  async *body(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of this.request.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      this.bytesIn += bytes.length;
      yield bytes;
    }
  }

  /**
   * The whole body in memory.
   * @throws Refusal 413 as soon as it is known to be longer than `maxBytes`.
   */
  async readBody(maxBytes: number): Promise<Buffer> {
    const tooLong = (): Refusal =>
      new Refusal('MANIFEST_INVALID', `a manifest may have ${maxBytes} bytes at most`, { status: 413 });
    if ((this.contentLength ?? 0) > maxBytes) throw tooLong();
    const chunks: Buffer[] = [];
    let received = 0;
    for await (const chunk of this.body()) {
      received += chunk.length;
      if (received > maxBytes) throw tooLong();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, received);
  }

  /** Sends a complete answer. For HEAD the body only gives `Content-Length`. */
  send(status: number, headers: OutgoingHttpHeaders = {}, body: Buffer = NO_BODY): void {
    const isBodiless = this.method === 'HEAD' || status === 204 || status === 304;
    const length = status === 204 || status === 304 ? {} : { 'Content-Length': body.length };
    if (!isBodiless) this.bytesOut += body.length;
    this.response.writeHead(status, { ...length, ...headers });
    if (this.request.complete) {
      this.response.end(isBodiless ? undefined : body);
      return;
    }
    // The client is still sending a body that is of no use. It gets its answer at once, and the rest is read and dropped:
    // cutting the connection here could lose the answer on its way.
    if (isBodiless) this.response.flushHeaders();
    else this.response.write(body);
    finished(this.request, () => this.response.end());
    this.request.resume();
  }

  /** Sends a JSON document. */
  sendJson(value: unknown, headers: OutgoingHttpHeaders = {}): void {
    this.send(200, { 'Content-Type': 'application/json', ...headers }, Buffer.from(JSON.stringify(value)));
  }

  /** Sends an error, or cuts the connection when an answer has begun already. */
  refuse(refusal: Refusal): void {
    if (this.response.headersSent) {
      this.request.socket.destroy();
      return;
    }
    this.send(refusal.status, { 'Content-Type': 'application/json', ...refusal.headers }, toErrorBody(refusal));
  }

  /** Whether `If-None-Match` names this entity tag. */
  isFresh(etag: string): boolean {
    const condition = this.request.headers['if-none-match'];
    if (condition === undefined) return false;
    return condition.split(',').some((candidate) => ['*', etag, `W/${etag}`].includes(candidate.trim()));
  }
}
