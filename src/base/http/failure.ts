/** Turns what a registry or the network did wrong into this project's errors: bounded, redacted, with the next step. */
import { AuthError, RegistryError, isAbort, type AirgapError, type RegistryFailure } from '../../errors.ts';
import { parseRetryAfter } from '../retry.ts';
import { redactText, showText } from './redact.ts';

/** Bytes of an error body that are read. */
export const MAX_ERROR_BYTES: number = 64 * 1024;
/** Errors of one body, and characters of one message, that are kept. */
const MAX_ERRORS = 20;
const MAX_MESSAGE_LENGTH = 500;

/** Timeouts, throttling and gateway trouble; 499 is nginx's, 522 Cloudflare's. */
const RETRYABLE_STATUS = new Set([408, 429, 499, 500, 502, 503, 504, 522]);

const CERTIFICATE_CODES =
  /^(?:CERT_|ERR_TLS_CERT|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH|INVALID_CA|ERR_SSL)/;

/** What was asked, for messages. */
export interface Asked {
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

/** The error for an answer that is not the wanted one: {@link AuthError} for 401 and 403, else {@link RegistryError}. */
export function answerFailure(
  asked: Asked,
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
  body: Uint8Array,
): AirgapError {
  const errors = parseErrors(body, asked.secrets);
  const url = redactUrl(asked.url);
  const said = errors.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join('; ');
  const message = `${asked.method} ${url} answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 401) return unauthenticated(asked, message);
  if (status === 403) {
    return new AuthError('DENIED', message, {
      hint: 'the account may not do this, or the project does not exist or is over its quota',
      details: { host: asked.url.host, status },
    });
  }
  const failure: RegistryFailure = {
    method: asked.method,
    url,
    status,
    errors,
    retryable: isRetryableStatus(status),
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  };
  return new RegistryError(message, failure, { hint: hintFor(status, errors) });
}

/** The error for credentials that are missing or refused. */
export function unauthenticated(asked: Asked, message: string, cause?: unknown): AuthError {
  return new AuthError('UNAUTHENTICATED', message, {
    cause,
    hint:
      `log in to ${asked.url.host} (docker login, podman login or helm registry login), or check its entry in ` +
      '$REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json or ' +
      '$DOCKER_CONFIG/config.json (~/.docker/config.json)',
    details: { host: asked.url.host },
  });
}

/** The error when no usable answer arrived. Aborts and errors that are ours already pass through unchanged. */
export function networkFailure(asked: Asked, cause: unknown, signal?: AbortSignal): Error {
  if (signal?.aborted === true)
    return signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError');
  if (cause instanceof Error && (isAbort(cause) || 'details' in cause)) return cause;
  const code = codeOf(cause);
  const why = clean(cause instanceof Error ? cause.message : String(cause), asked.secrets);
  const badCertificate = CERTIFICATE_CODES.test(code);
  const unknownHost = code === 'ENOTFOUND';
  const failure: RegistryFailure = {
    method: asked.method,
    url: redactUrl(asked.url),
    status: 0,
    errors: [],
    retryable: !badCertificate && !unknownHost,
  };
  let hint = 'check that the registry is reachable from here; the transfer can be started again';
  if (badCertificate) hint = certificateHint(asked.url.host);
  if (unknownHost) hint = 'check the spelling of the host name and the name server';
  return new RegistryError(`${asked.method} ${failure.url} failed: ${why}${code === '' ? '' : ` (${code})`}`, failure, {
    cause,
    hint,
  });
}

/** The error for an answer that breaks the protocol. */
export function protocolFailure(asked: Asked, status: number, why: string, retryable = false): RegistryError {
  const url = redactUrl(asked.url);
  return new RegistryError(
    `${asked.method} ${url}: ${why}`,
    { method: asked.method, url, status, errors: [], retryable },
    { hint: 'the registry, or a proxy in front of it, does not follow the distribution specification' },
  );
}

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
function parseErrors(body: Uint8Array, secrets: readonly string[] | undefined): RegistryFailure['errors'] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(body.subarray(0, MAX_ERROR_BYTES)));
  } catch {
    return [];
  }
  if (typeof json !== 'object' || json === null) return [];
  const list = 'errors' in json && Array.isArray(json.errors) ? (json.errors as unknown[]) : [json];
  return list.slice(0, MAX_ERRORS).flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { code, message, details, detail, error } = entry as Record<string, unknown>;
    const text = [message, details, detail, error].find((value) => typeof value === 'string') ?? '';
    if (typeof code !== 'string' && text === '') return [];
    return [{ code: clean(typeof code === 'string' ? code : 'UNKNOWN', secrets), message: clean(text, secrets) }];
  });
}

/** Redacted before it is cut, so that no half of a secret is left. */
function clean(text: string, secrets: readonly string[] | undefined): string {
  return showText(redactText(text.slice(0, MAX_ERROR_BYTES), secrets).trim()).slice(0, MAX_MESSAGE_LENGTH);
}

function hintFor(status: number, errors: RegistryFailure['errors']): string | undefined {
  if (errors.some(({ code }) => code === 'MANIFEST_BLOB_UNKNOWN')) {
    return 'the registry wants everything a manifest names to be there first; it may not accept indexes with missing platforms';
  }
  if (status === 404) return 'check the repository name; some registries want the repository or project created first';
  if (status === 413) return 'a proxy in front of the registry limits the size of uploads';
  if (status === 429) return 'the registry throttles; log in for a higher limit or lower the concurrency';
  return isRetryableStatus(status) ? 'the registry is in trouble; try again later' : undefined;
}

function certificateHint(host: string): string {
  return (
    `if ${host} uses a private certificate authority, name it with --ca-file, or put it in ` +
    `~/.config/containers/certs.d/${host}/ca.crt`
  );
}

function codeOf(cause: unknown): string {
  for (let at = cause, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError) return codeOf(at.errors[0]);
  }
  return '';
}
