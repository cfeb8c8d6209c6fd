/** Strict HTTP/1.1 heads for the fast paths: written by hand, read only when nothing about them is unusual. */

/** Bytes of one answer's head. */
export const MAX_HEAD_BYTES: number = 32 * 1024;
const MAX_HEADERS = 200;
const STATUS_LINE = /^HTTP\/1\.1 (\d{3})(?: [^\r\n]*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/;
const END_OF_HEAD = '\r\n\r\n';

/** The head of an answer. */
export interface Head {
  readonly status: number;
  /** Lower-case names; repeated headers joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body when the head tells them. */
  readonly length: number | undefined;
  /** Whether the body is chunked. One without either ends with the connection. */
  readonly isChunked: boolean;
  /** Whether the connection can serve again after the body. */
  readonly keepsAlive: boolean;
  /** Bytes of the head itself. */
  readonly size: number;
}

/** The text of a request; undefined when a part of it could break out of its line. */
export function formatHead(
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(target)) return undefined;
  const lines = [`${method} ${target} HTTP/1.1`];
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[A-Za-z0-9-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value)) return undefined;
    lines.push(`${name}: ${value}`);
  }
  return lines.join('\r\n') + END_OF_HEAD;
}

/** Reads a head; `incomplete` when its end has not come, `unfit` when it is broken, too long, or not plain HTTP/1.1. */
export function parseHead(bytes: Buffer): Head | 'incomplete' | 'unfit' {
  const end = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(END_OF_HEAD);
  if (end < 0) return bytes.length >= MAX_HEAD_BYTES ? 'unfit' : 'incomplete';
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = Number(STATUS_LINE.exec(first)?.[1]);
  if (!(status >= 100) || lines.length > MAX_HEADERS) return 'unfit';
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value = ''] = HEADER_LINE.exec(line) ?? [];
    if (name === undefined) return 'unfit';
    const key = name.toLowerCase();
    if (key === 'content-length' && headers[key] !== undefined) return 'unfit';
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  const length = lengthOf(status, headers);
  if (length === 'unfit') return 'unfit';
  const isChunked = length === 'chunked';
  const keepsAlive = length !== undefined && !/(?:^|[\s,])close(?:$|[\s,])/i.test(headers['connection'] ?? '');
  const size = end + END_OF_HEAD.length;
  return { status, headers, length: isChunked ? undefined : length, isChunked, keepsAlive, size };
}

/** @see https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length */
function lengthOf(status: number, headers: Readonly<Record<string, string>>): number | 'chunked' | 'unfit' | undefined {
  const coding = headers['transfer-encoding'];
  if (coding !== undefined) {
    return coding.toLowerCase() === 'chunked' && headers['content-length'] === undefined ? 'chunked' : 'unfit';
  }
  if (status === 204 || status === 304) return 0;
  const text = headers['content-length'];
  if (text === undefined) return undefined;
  return /^\d{1,15}$/.test(text) ? Number(text) : 'unfit';
}
