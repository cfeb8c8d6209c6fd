/** What an API server says when it refuses: the reason in Kubernetes' own words, and the next step for each. */
import { readExplanation, type Answer } from '../../base/http/answer.ts';
import { cleanText, isRetryableStatus, redactUrl, type Peer } from '../../base/http/network-failure.ts';
import { parseJson } from '../../base/json/parse-json.ts';
import { parseRetryAfter } from '../../base/retry.ts';
import { AuthError, HttpError, type AirgapError } from '../../errors.ts';
import { isMapping } from '../resources/yaml-documents.ts';

const MAX_STATUS_BYTES = 1024 * 1024;
/** Single faults of one refusal that are shown. */
const MAX_CAUSES = 20;
/** What a server-side apply answers, as an error of its own, to a field that is not in the schema. */
const UNKNOWN_FIELD = /field not declared in schema|unknown field|strict decoding error|duplicate field/;
/** What an account may not do, as RBAC says it; other refusals with 403 are those of quotas and admission. */
const NO_RIGHT = /cannot \S+ resource|cannot impersonate/;

/** A refusal as it came. @see https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface RefusalStatus {
  /** `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden` …; empty where none was given. */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly string[];
}

/** An API server, to the HTTP client. `settings`: the file that says how it is reached. */
export function apiServerPeer(settings: string): Peer {
  return {
    name: 'the API server',
    specification: 'the Kubernetes API',
    settings,
    failure: (message, failure, options) => new HttpError('CLUSTER', message, failure, options),
  };
}

/**
 * Reads the body of a refusal and makes the error of it.
 * @param doing what was to be done, in front of the message: `apply Deployment shop/api`
 */
export async function refusal(answer: Answer, doing: string, user: string): Promise<AirgapError> {
  const { asked, status, headers } = answer;
  const { reason, message, causes } = readStatus(await readExplanation(answer), asked.secrets);
  const said = message === '' ? `the API server answered ${status}` : message;
  const text = `cannot ${doing}: ${said}`;
  if (status === 401) {
    return new AuthError('UNAUTHENTICATED', text, {
      hint: `the credentials of ${user === '' ? 'the user' : user} are missing, wrong or expired: log in again, or use another context`,
    });
  }
  if (status === 403 && NO_RIGHT.test(message)) {
    return new AuthError('DENIED', text, {
      hint: 'use an account that may do this, or have the missing role given to this one',
    });
  }
  const isStrict = UNKNOWN_FIELD.test(message);
  const isConflict = status === 409 && reason === 'Conflict' && causes.length > 0;
  const failure = {
    method: asked.method,
    url: redactUrl(asked.url),
    status,
    // An unknown field is answered with 500, and stays unknown.
    retryable: isRetryableStatus(status) && !isStrict,
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  };
  return new HttpError(isConflict ? 'CONFLICT' : 'CLUSTER', text, failure, {
    // A conflict is told in the message field by field already.
    items: isConflict ? [] : causes.filter((cause) => !message.includes(cause)),
    hint: hintFor({ reason, message, causes }, status, isStrict),
    details: { status, reason: reason === '' ? undefined : reason },
  });
}

function hintFor({ reason, message }: RefusalStatus, status: number, isStrict: boolean): string | undefined {
  if (isStrict)
    return 'the cluster does not know this field: its Kubernetes, or a custom resource definition, is of another version';
  if (reason === 'Conflict')
    return 'another program has set these fields: let it give them up, or take them over with --force-conflicts';
  if (/exceeded quota/.test(message)) return 'raise the quota of the namespace, or ask for less';
  if (/violates PodSecurity/.test(message))
    return 'change the label pod-security.kubernetes.io/enforce of the namespace, or the values of the release';
  if (/admission webhook|denied the request/.test(message))
    return 'a policy of the cluster refuses it: ask for an exception, or change the values of the release';
  if (/failed calling webhook/.test(message))
    return 'a webhook of the cluster does not answer: look at the pods behind it';
  if (/field is immutable|may not change|updates to .* are forbidden/.test(message))
    return 'what is there cannot be changed in place: delete it, keeping what belongs to it, and run the same command again';
  if (status === 413) return 'the object is larger than the cluster takes';
  return undefined;
}

/** Understands what answers hold: a Status, or plain text. */
export function readStatus(body: Uint8Array, secrets: readonly string[] | undefined): RefusalStatus {
  let value: unknown;
  try {
    value = parseJson(body, { maxBytes: MAX_STATUS_BYTES, reading: 'lenient' });
  } catch {
    value = undefined;
  }
  if (!isMapping(value))
    return { reason: '', message: cleanText(Buffer.from(body).toString('utf8'), secrets), causes: [] };
  const text = (held: unknown): string => (typeof held === 'string' ? cleanText(held, secrets) : '');
  const details = isMapping(value['details']) ? value['details'] : {};
  const causes = (Array.isArray(details['causes']) ? details['causes'] : [])
    .filter(isMapping)
    .slice(0, MAX_CAUSES)
    .map((cause) => [text(cause['field']), text(cause['message'])].filter((part) => part !== '').join(': '));
  return { reason: text(value['reason']), message: text(value['message']), causes };
}
