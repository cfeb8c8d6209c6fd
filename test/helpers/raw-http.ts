/** HTTP requests sent exactly as written: no path is normalised, no redirect followed, no body decoded. */
import { once } from 'node:events';
import {
  request,
  type Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';

/** A complete answer. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What {@link send} may send beside the method and the path. */
export interface RawRequest {
  readonly headers?: OutgoingHttpHeaders;
  /** Pieces are sent one by one, chunked, unless `headers` give a length. */
  readonly body?: Buffer | string | readonly (Buffer | string)[] | undefined;
  readonly agent?: Agent;
}

/** Sends a request to the server at `origin` (`http://host:port`) and reads the whole answer. */
export async function send(origin: string, method: string, path: string, options: RawRequest = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  const { headers = {}, body } = options;
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body);
  const pieces = isWhole ? [body] : (body ?? []);
  const length = isWhole ? { 'Content-Length': Buffer.byteLength(body) } : {};
  const bodiless = body === undefined && method !== 'GET' && method !== 'HEAD' ? { 'Content-Length': 0 } : {};
  const outgoing = request({
    hostname,
    port,
    method,
    path,
    headers: { ...length, ...bodiless, ...headers },
    ...(options.agent === undefined ? { agent: false } : { agent: options.agent }),
  });
  const answered = once(outgoing, 'response');
  for (const piece of pieces) outgoing.write(piece);
  outgoing.end();
  const [response] = (await answered) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** The codes of an error answer. */
export function errorCodes(answer: RawAnswer): string[] {
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string }[] };
  return errors.map((error) => error.code);
}
