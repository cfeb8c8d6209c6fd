/** Turns what the network or a server's HTTP did wrong into errors: redacted, in the client's words, with the next step. */
import { HttpError, isAbort, nodeCode, type ErrorOptions, type HttpFailure } from '../../errors.ts';
import { redactText, showText } from './redact.ts';

/** Bytes of the text of a refusal that are looked at, and characters of it that are kept. */
export const MAX_ERROR_BYTES: number = 64 * 1024;
const MAX_MESSAGE_LENGTH = 500;

/** Timeouts, throttling and gateway trouble; 499 is nginx's, 522 Cloudflare's. */
const RETRYABLE_STATUS = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

/** What the codes of TLS mean for who has to do something; the first that fits. None of it passes by itself. */
const TLS_FAULTS: readonly (readonly [RegExp, (host: string, settings?: string) => string])[] = [
  [/^CERT_HAS_EXPIRED$/, (host) => `the certificate of ${host} has expired: have it renewed, and check the clock here`],
  [/^CERT_NOT_YET_VALID$/, (host) => `the certificate of ${host} is not valid yet: check the clock here, then its dates`],
  [/^ERR_TLS_CERT_ALTNAME|^HOSTNAME_MISMATCH$/, (host) => `the certificate is for other names: use one of these instead of ${host}, or have it made for this name too`],
  [/^CERT_REVOKED$/, (host) => `the certificate of ${host} is revoked: have it replaced`],
  [/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|HANDSHAKE_FAILURE/, (host, settings) => `${host} may want a client certificate: put it and its key in ${settings ?? `~/.config/containers/certs.d/${host}/ as client.cert and client.key`}`],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/, (host) => `${host} does not speak TLS there: check the port, or say that it speaks plain HTTP (--plain-http, --plain-http-from)`],
  [/^(?:CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(?:GET|VERIFY)|INVALID_CA)/, (host, settings) => `if ${host} uses a private certificate authority, ${settings === undefined ? `name it with --ca-file, or put it in ~/.config/containers/certs.d/${host}/ca.crt` : `put it in ${settings}`}`],
  [/^ERR_SSL/, (host) => `${host} and this program do not agree on how to speak TLS: check the port, and any proxy in between`],
]; // prettier-ignore
/** What Node advises its own users; here it would be wrong. */
const NODE_ADVICE = /; if the root CA is installed locally.*$/s;

/** Which hosts the answers of a server may lead to. */
export interface Reach {
  /** Whether a host name, as URLs have it, may be reached. */
  readonly allows: (hostname: string) => boolean;
  /** What to do where it may not. */
  readonly hint: string;
}

/** The kind of server a client talks to: its words in messages, and the class of its errors. */
export interface Peer {
  /** With its article, such as `the registry`. */
  readonly name: string;
  /** The specification it should follow, such as `the distribution specification`. */
  readonly specification: string;
  /** The file that its authorities and client certificates are taken from. @defaultValue `--ca-file` and `certs.d` */
  readonly settings?: string | undefined;
  /** Hosts that its answers may lead to. @defaultValue any */
  readonly reach?: Reach | undefined;
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
  const said = (cause instanceof Error ? cause.message : String(cause)).replace(NODE_ADVICE, '');
  const why = cleanText(said, asked.secrets);
  const tlsFault = TLS_FAULTS.find(([codes]) => codes.test(code))?.[1];
  const unknownHost = code === 'ENOTFOUND';
  const url = redactUrl(asked.url);
  let hint = `check that ${peer.name} is reachable from here; the transfer can be started again`;
  if (tlsFault !== undefined) hint = tlsFault(asked.url.host, peer.settings);
  if (unknownHost) hint = 'check the spelling of the host name and the name server';
  return peer.failure(
    `${method} ${url} failed: ${why}${code === '' ? '' : ` (${code})`}`,
    { method, url, status: 0, retryable: tlsFault === undefined && !unknownHost },
    { cause, hint },
  );
}

/**
 * Whether an exchange failed because no one answers there, at least now: it may have been right to ask. A server that is
 * not trusted answers.
 */
export function isSilence(error: unknown): boolean {
  if (!(error instanceof HttpError) || error.failure.status !== 0) return false;
  const code = codeOf(error);
  return code !== '' && !TLS_FAULTS.some(([codes]) => codes.test(code));
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

function codeOf(cause: unknown): string {
  for (let at = cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = nodeCode(at);
    if (code !== undefined) return code;
    if (at instanceof AggregateError) return codeOf(at.errors[0]);
  }
  return '';
}
