/** What a registry says when it refuses: the specification's own error bodies, and the next step for each. */
import { AuthError, RegistryError, type AirgapError, type RegistryFailure } from '../../errors.ts';
import { readExplanation, type Answer } from '../../base/http/answer.ts';
import { cleanText, isRetryableStatus, redactUrl, type Asked, type Peer } from '../../base/http/network-failure.ts';
import { parseJson } from '../../base/json/parse-json.ts';
import { parseRetryAfter } from '../../base/retry.ts';

/** How registries answer content that they find to be something else than its digest or its type says; the codes differ. */
const DOUBTED_CONTENT = new Set([400, 416, 422]);
/** How registries refuse a manifest that names what they do not have; some have their own word for it. */
const MISSING_CONTENT = ['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'MANIFEST_INVALID', 'BLOB_UNKNOWN', 'NOT_FOUND'];
/** What servers in Go and nginx answer to plain HTTP where they speak TLS. */
const SPEAKS_TLS = /HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS port/i;
/** Errors of one body that are kept. */
const MAX_ERRORS = 20;
/** What was read of an explanation ends with the chunk that reached its limit. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A registry, to the HTTP client. */
export const REGISTRY: Peer = {
  name: 'the registry',
  specification: 'the distribution specification',
  failure: (message, failure, options) => new RegistryError(message, { errors: [], ...failure }, options),
};

/** Reads the body of a refusal and makes the error of it. */
export async function refusal(answer: Answer): Promise<AirgapError> {
  return answerFailure(answer.asked, answer.status, answer.headers, await readExplanation(answer));
}

/** The error for an answer that is not the requested one: {@link AuthError} for 401 and 403, else {@link RegistryError}. */
export function answerFailure(asked: Asked, status: number, headers: Answer['headers'], body: Uint8Array): AirgapError {
  const errors = parseErrors(body, asked.secrets);
  const url = redactUrl(asked.url);
  const said = errors.map(({ code, message }) => (message === '' ? code : `${code}: ${message}`)).join('; ');
  const message = `${asked.method} ${url} answered ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 401) return unauthenticated(asked.url, message);
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
    ...(errors.some(({ code }) => MISSING_CONTENT.includes(code)) ? { missesContent: true } : {}),
    ...(DOUBTED_CONTENT.has(status) ? { doubtsContent: true } : {}),
    retryable: isRetryableStatus(status),
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  };
  return new RegistryError(message, failure, { hint: hintFor(asked, status, errors, body) });
}

/** The next step of who is not known, or is known by something that is refused. */
export function loginHint(host: string, isWrong: boolean): string {
  const places =
    '$REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json or ' +
    '$DOCKER_CONFIG/config.json (~/.docker/config.json)';
  return isWrong
    ? `log in to ${host} again: the password or token that is stored in ${places} is wrong or has expired`
    : `log in to ${host} (airgap login or verify-and-load with --login, docker login, podman login), or check its entry in ${places}`;
}

/** The error for credentials that are missing or refused. */
export function unauthenticated({ host }: URL, message: string, cause?: unknown, isWrong = false): AuthError {
  return new AuthError('UNAUTHENTICATED', message, {
    cause,
    hint: loginHint(host, isWrong),
    details: { host },
  });
}

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
function parseErrors(body: Uint8Array, secrets: readonly string[] | undefined): RegistryFailure['errors'] {
  let json: unknown;
  try {
    json = parseJson(body, { maxBytes: MAX_BODY_BYTES, reading: 'lenient' });
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
    return [
      { code: cleanText(typeof code === 'string' ? code : 'UNKNOWN', secrets), message: cleanText(text, secrets) },
    ];
  });
}

function hintFor(
  { url }: Asked,
  status: number,
  errors: RegistryFailure['errors'],
  body: Uint8Array,
): string | undefined {
  if (status === 400 && SPEAKS_TLS.test(Buffer.from(body.subarray(0, 1024)).toString('latin1'))) {
    return 'it speaks TLS at this port: leave out --plain-http or --plain-http-from';
  }
  if (errors.some(({ code }) => code === 'MANIFEST_BLOB_UNKNOWN')) {
    return 'the registry wants everything a manifest names to be there first; it may not accept indexes with missing platforms';
  }
  if (status === 404) return 'check the repository name; some registries want the repository or project created first';
  if (status === 405) {
    return 'it takes no such request here: a registry that is read-only or under maintenance, a mirror that only passes on, or no registry at all';
  }
  if (status === 413) {
    const limited = url.pathname.includes('/manifests/') ? 'manifests, often to 4 MiB' : 'uploads';
    return `the registry or a proxy in front of it limits the size of ${limited}; ask its operator to raise the limit`;
  }
  if (status === 507) return 'the disk of the registry is full; make room there and run the same command again';
  if (status === 429)
    return 'the registry throttles: log in for a higher limit, lower --concurrency, or run the same command again later';
  return isRetryableStatus(status)
    ? 'the registry or a proxy in front of it is in trouble; run the same command again later'
    : undefined;
}
