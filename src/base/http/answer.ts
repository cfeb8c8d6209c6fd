/** What is asked over HTTP and what is answered: the two shapes that every path of the client speaks. */
import type { Duplex } from 'node:stream';
import type { Bytes } from '../bytes.ts';
import type { HttpError } from '../../errors.ts';
import { MAX_ERROR_BYTES, protocolFailure, type Asked } from './network-failure.ts';
import type { Place } from './location.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Content that is streamed, once: it cannot be sent again. */
export interface Content {
  /** Bytes. */
  readonly length: number;
  /** Exactly that many bytes; each chunk is borrowed until the next is asked for. */
  readonly chunks: Bytes;
}

/** One request. */
export interface HttpRequest {
  readonly method: Method;
  /** What it is about, for those who count requests. */
  readonly kind: string;
  readonly place: Place;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Headers for the origin of `place` alone: a redirect to another one never carries them, nor does one back. */
  readonly credentials?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | Content | undefined;
  /** A GET of much content: the chunks of its body are borrowed, each until the next is asked for. @defaultValue false */
  readonly isBulk?: boolean | undefined;
  /** The protocol that the connection is to be turned over to, such as `websocket`; only without a body. */
  readonly upgradeTo?: string | undefined;
  /** @defaultValue `follow` */
  readonly redirect?: 'follow' | 'manual' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One exchange on the wire, told when its answer has been read. */
export interface RequestEvent {
  readonly method: Method;
  /** `host[:port]` that was asked. */
  readonly host: string;
  /** Without accounts and secrets. */
  readonly url: string;
  /** The request's own `kind`. */
  readonly kind: string;
  /** 0 when no answer arrived. */
  readonly status: number;
  /** Body bytes received. */
  readonly bytesIn: number;
  /** Body bytes sent. */
  readonly bytesOut: number;
  /** Until the end of the answer's body. */
  readonly durationMs: number;
}

/** The head of an answer and its body, which must be read or discarded. */
export interface Answer {
  readonly asked: Asked;
  /** Where the answer came from, after redirects. */
  readonly place: Place;
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it came: a `Content-Encoding` is not undone. */
  readonly body: Bytes;
  /** The connection, where it was turned over to another protocol: the caller destroys it. */
  readonly socket?: Duplex | undefined;
  /** Throws the rest of the body away; the connection is kept when little is left. */
  discard(): Promise<void>;
}

/** Whether the body is a stream, which can be sent once only. */
export function isStreamed(body: HttpRequest['body']): body is Content {
  return body !== undefined && !(body instanceof Uint8Array);
}

/** Reads a whole body. @throws HttpError when it is longer than allowed or breaks off. */
export async function readBody(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    if (length > maxBytes) throw protocolFailure(answer.asked, answer.status, `the answer is over ${maxBytes} bytes`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** The encoding of a body, which was not asked for; undefined when the body is what it is. */
export function encodingOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? undefined : encoding;
}

/** The error for a body that was encoded all the same. */
export function encodedFailure({ asked, status, headers }: Pick<Answer, 'asked' | 'status' | 'headers'>): HttpError {
  const encoding = encodingOf({ headers }) ?? '';
  const why = `answered with Content-Encoding ${encoding.slice(0, 40)} although only identity was accepted`;
  return protocolFailure(asked, status, why);
}

/**
 * Reads the whole body of an answer that holds JSON. Some servers name an encoding that they did not apply.
 * @throws HttpError when it is longer than allowed, breaks off, or is encoded.
 */
export async function readJson(answer: Answer, maxBytes: number): Promise<Buffer> {
  const bytes = await readBody(answer, maxBytes);
  const looksPlain = /^\s*[[{]/.test(bytes.toString('latin1', 0, 64));
  if (encodingOf(answer) !== undefined && !looksPlain) throw encodedFailure(answer);
  return bytes;
}

/** Reads what explains a status, up to 64 KiB; nothing when that breaks off, since the status says enough. */
export async function readExplanation(answer: Answer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of answer.body) {
      chunks.push(Buffer.from(chunk));
      length += chunk.length;
      if (length >= MAX_ERROR_BYTES) break;
    }
  } catch {
    return Buffer.alloc(0);
  }
  return Buffer.concat(chunks);
}
