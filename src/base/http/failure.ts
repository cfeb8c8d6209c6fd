/** Turns what the network or a server's HTTP did wrong into errors: redacted, in the client's words, with the next step. */
import type { HttpError } from '../../errors.ts';
import { isAbort, nodeCode, type ErrorOptions, type HttpFailure } from '../../errors.ts';
import { redactText, showText } from './redact.ts';

/** Bytes of the text of a refusal that are looked at, and characters of it that are kept. */
export const MAX_ERROR_BYTES: number = 64 * 1024;
const MAX_MESSAGE_LENGTH = 500;

/** Timeouts, throttling and gateway trouble; 499 is nginx's, 522 Cloudflare's. */
const RETRYABLE_STATUS = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

const CERTIFICATE_CODES =
  /^(?:CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL)/;

/** The kind of server a client talks to: its words in messages, and the class of its errors. */
export interface Peer {
  /** With its article, such as `the registry`. */
  readonly name: string;
  /** The specification it should follow, such as `the distribution specification`. */
  readonly specification: string;
  /** The error for a failed exchange. */
  readonly failure: (message: string, failure: HttpFailure, options: ErrorOptions) => HttpError;
}

/** What was asked, for messages. */
export interface Asked {
  readonly peer: Peer;
  readonly method: string;
  readonly url: URL;
  /** What must not come back in a message; see redact.ts. */
  readonly secrets?: readonly string[] | undefined;
}

/** The URL without query string and credentials: signed parts and tokens live there. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Whether a status is worth asking again. */
export function isRetryableStatus(status: number): boolean {
  return RETRYABLE_STATUS.has(status);
}

/** The error when no usable answer arrived. Aborts and errors that are ours already pass through unchanged. */
export function networkFailure(asked: Asked, cause: unknown, signal?: AbortSignal): Error {
  if (signal?.aborted === true)
    return signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError');
  if (cause instanceof Error && (isAbort(cause) || 'details' in cause)) return cause;
  const { peer, method } = asked;
  const code = codeOf(cause);
  const why = cleanText(cause instanceof Error ? cause.message : String(cause), asked.secrets);
  const badCertificate = CERTIFICATE_CODES.test(code);
  const unknownHost = code === 'ENOTFOUND';
  const url = redactUrl(asked.url);
  let hint = `check that ${peer.name} is reachable from here; the transfer can be started again`;
  if (badCertificate) hint = certificateHint(asked.url.host);
  if (unknownHost) hint = 'check the spelling of the host name and the name server';
  return peer.failure(
    `${method} ${url} failed: ${why}${code === '' ? '' : ` (${code})`}`,
    { method, url, status: 0, retryable: !badCertificate && !unknownHost },
    { cause, hint },
  );
}

/** The error for an answer that breaks the protocol. */
export function protocolFailure(
  { peer, method, url }: Asked,
  status: number,
  why: string,
  retryable = false,
): HttpError {
  return peer.failure(
    `${method} ${redactUrl(url)}: ${why}`,
    { method, url: redactUrl(url), status, retryable },
    { hint: `${peer.name}, or a proxy in front of it, does not follow ${peer.specification}` },
  );
}

/** What a server said, fit for a message: redacted before it is cut, so that no half of a secret is left. */
export function cleanText(text: string, secrets: readonly string[] | undefined): string {
  return showText(redactText(text.slice(0, MAX_ERROR_BYTES), secrets).trim()).slice(0, MAX_MESSAGE_LENGTH);
}

function certificateHint(host: string): string {
  return (
    `if ${host} uses a private certificate authority, name it with --ca-file, or put it in ` +
    `~/.config/containers/certs.d/${host}/ca.crt`
  );
}

function codeOf(cause: unknown): string {
  for (let at = cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = nodeCode(at);
    if (code !== undefined) return code;
    if (at instanceof AggregateError) return codeOf(at.errors[0]);
  }
  return '';
}
