/** Every error a person can meet: a class per who must act, a stable code to match on, and one exit code each. */

/** Stable, documented codes. Match on these, not on class identity or message text. */
export type ErrorCode =
  | 'USAGE'
  | 'INVALID_SPEC'
  | 'INVALID_REFERENCE'
  | 'SUSPECT'
  | 'UNPLACEABLE'
  | 'UNAUTHENTICATED'
  | 'DENIED'
  | 'DIGEST_MISMATCH'
  | 'SIZE_MISMATCH'
  | 'MALFORMED'
  | 'UNSIGNED'
  | 'SIGNATURE_INVALID'
  | 'UNTRUSTED_SIGNER'
  | 'SUBJECT_MISMATCH'
  | 'EXPIRED'
  | 'REVOKED'
  | 'ROLLBACK'
  | 'FORK'
  | 'CLOCK'
  | 'NOT_FOUND'
  | 'MISSING_CONTENT'
  | 'REGISTRY'
  | 'STORE_IO'
  | 'NO_SPACE'
  | 'LOCKED'
  | 'TARGET_FAULT'
  | 'INCOMPLETE'
  | 'CHECK_FAILED'
  | 'EVIDENCE_LOST'
  | 'CLUSTER'
  | 'CONFLICT'
  | 'NOT_READY'
  | 'CHANGES'
  | 'UNSUPPORTED';

/** What an error may carry beside its message. */
export interface ErrorOptions {
  /** The next step for the reader: a command to run, a field to change. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Which file, reference or digest; never a secret. */
  readonly details?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** What the message is about, one by one: part of the message, and shown on lines of their own. */
  readonly items?: readonly string[] | undefined;
  /** Lines of a file that the reader may add as they stand; shown after the message, not indented. */
  readonly addition?: readonly string[] | undefined;
}

/** Base of every expected failure. Anything that is not an `AirgapError` (or an abort) is a bug. */
export class AirgapError extends Error {
  static {
    this.prototype.name = 'AirgapError';
  }
  /** Stable: what programs match on. */
  readonly code: ErrorCode;
  /** What to do next. */
  readonly hint: string | undefined;
  /** What it is about, such as the member and its offset. */
  readonly details: Readonly<Record<string, string | number | boolean | undefined>>;
  /** The single things that are wrong, where there are several. */
  readonly items: readonly string[];
  /** What to add to a file, line by line; empty in most errors. */
  readonly addition: readonly string[];
  /** `message` names the thing that is wrong, and never a secret. */
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    const { items = [], addition = [] } = options;
    super([message, ...items].join('\n  '), options.cause === undefined ? undefined : { cause: options.cause });
    this.items = items;
    this.addition = addition;
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** The person must change the input: a flag, a file, a reference. Exit 2. */
export class UsageError extends AirgapError {
  static {
    this.prototype.name = 'UsageError';
  }
}

/** Credentials are missing, wrong, or not allowed to do this. Exit 4. */
export class AuthError extends AirgapError {
  static {
    this.prototype.name = 'AuthError';
  }
}

/** The bytes are not what they are declared to be. Do not load them. Exit 3. */
export class IntegrityError extends AirgapError {
  static {
    this.prototype.name = 'IntegrityError';
  }
}

/** No one the user trusts vouches for the bytes. Exit 3. */
export class TrustError extends AirgapError {
  static {
    this.prototype.name = 'TrustError';
  }
}

/** Something that was named does not exist. Exit 1. */
export class NotFoundError extends AirgapError {
  static {
    this.prototype.name = 'NotFoundError';
  }
}

/** A store on this machine failed: disk, Docker Engine, unsupported operation. Exit 1. */
export class StoreError extends AirgapError {
  static {
    this.prototype.name = 'StoreError';
  }
}

/** All was done that could be, as asked for; what could not, or is not as it was, is named. Exit 5. */
export class IncompleteError extends AirgapError {
  static {
    this.prototype.name = 'IncompleteError';
  }
}

/** Rules that were asked for do not hold; what was checked is named with object and field. Exit 6. */
export class CheckError extends AirgapError {
  static {
    this.prototype.name = 'CheckError';
  }
}

/** What a cluster was given does not become what it should: it does not get ready, or its state is not what it has to be. Exit 1. */
export class ClusterError extends AirgapError {
  static {
    this.prototype.name = 'ClusterError';
  }
}

/** A plan, which changes nothing, has found something to do. Exit 7. */
export class ChangesError extends AirgapError {
  static {
    this.prototype.name = 'ChangesError';
  }
}

/** What is known of an exchange over HTTP that failed. */
export interface HttpFailure {
  /** Of the request, such as `GET`. */
  readonly method: string;
  /** Without query string or credentials. */
  readonly url: string;
  /** HTTP status; 0 when no answer arrived. */
  readonly status: number;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** From `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A server answered with an error, broke the protocol or did not answer. Exit 1. */
export class HttpError extends AirgapError {
  static {
    this.prototype.name = 'HttpError';
  }
  /** What was asked, and what came back. */
  readonly failure: HttpFailure;
  /** `failure` says what was asked, and what came back. */
  constructor(code: ErrorCode, message: string, failure: HttpFailure, options: ErrorOptions = {}) {
    super(code, message, options);
    this.failure = failure;
  }
}

/** What a registry said when it refused, in the distribution specification's own codes. */
export interface RegistryFailure extends HttpFailure {
  /** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  /** Set when the refusal is that content is missing which a manifest names. */
  readonly missesContent?: boolean | undefined;
  /** Set when the refusal may be that content is not what its digest or its type says. */
  readonly doubtsContent?: boolean | undefined;
}

/** A registry answered with an error or did not answer. Exit 1. */
export class RegistryError extends HttpError {
  static {
    this.prototype.name = 'RegistryError';
  }
  /** What was asked, and what the registry answered. */
  declare readonly failure: RegistryFailure;
  /** `failure` says what was asked, and what the registry answered. */
  constructor(message: string, failure: RegistryFailure, options: ErrorOptions = {}) {
    super('REGISTRY', message, failure, options);
  }
}

/** The message of an error without its items. */
function headlineOf({ message, items }: AirgapError): string {
  return message.slice(0, message.length - items.reduce((length, item) => length + item.length + 3, 0));
}

/** The same error with what was being done in front of its message; `hint` is for errors that have none. */
export function inContext(error: unknown, doing: string, hint?: string): unknown {
  if (!(error instanceof AirgapError)) return error;
  const message = `${doing}: ${headlineOf(error)}`;
  const options = { hint: error.hint ?? hint, cause: error, details: error.details, items: error.items };
  if (error instanceof RegistryError) return new RegistryError(message, error.failure, options);
  if (error instanceof HttpError) return new HttpError(error.code, message, error.failure, options);
  const Same = error.constructor as typeof AirgapError;
  return new Same(error.code, message, options);
}

/** The same error with what else is to be known behind its message. */
export function withRemark(error: unknown, remark: string): unknown {
  if (!(error instanceof AirgapError) || error instanceof HttpError) return error;
  const Same = error.constructor as typeof AirgapError;
  const { hint, details, items } = error;
  return new Same(error.code, `${headlineOf(error)}; ${remark}`, { hint, details, items, cause: error });
}

/**
 * The same of a file that a person gave: what is wrong with it is theirs to change, and says nothing of any archive.
 * @param code of the UsageError that an {@link IntegrityError} or a {@link TrustError} becomes
 */
export function toInputError(error: unknown, code: 'USAGE' | 'INVALID_SPEC' = 'USAGE'): unknown {
  if (!(error instanceof IntegrityError || error instanceof TrustError)) return error;
  const { hint, details, items } = error;
  return new UsageError(code, headlineOf(error), { hint, details, items, cause: error });
}

/** The one exit-code table. */
export const ExitCode = {
  ok: 0,
  failure: 1,
  usage: 2,
  untrusted: 3,
  auth: 4,
  incomplete: 5,
  checkFailed: 6,
  changes: 7,
  interrupted: 130,
} as const;

/** Maps any thrown value to the process exit code. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return ExitCode.usage;
  if (error instanceof IntegrityError || error instanceof TrustError) return ExitCode.untrusted;
  if (error instanceof AuthError) return ExitCode.auth;
  if (error instanceof IncompleteError) return ExitCode.incomplete;
  if (error instanceof CheckError) return ExitCode.checkFailed;
  if (error instanceof ChangesError) return ExitCode.changes;
  if (isAbort(error)) return ExitCode.interrupted;
  return ExitCode.failure;
}

/** Why it was: work that is stopped half-way may fail in its own words; what stopped it is the reason to give. */
export function reasonOf(error: unknown, signal: AbortSignal): unknown {
  return signal.aborted && exitCodeOf(error) === ExitCode.failure ? signal.reason : error;
}

/** The stable code of any failure; of those that are no {@link AirgapError}, `INTERRUPTED`, `SYSTEM` or `INTERNAL`. */
export function codeOf(error: unknown): ErrorCode | 'INTERRUPTED' | 'SYSTEM' | 'INTERNAL' {
  if (error instanceof AirgapError) return error.code;
  if (isAbort(error)) return 'INTERRUPTED';
  return isSystemError(error) ? 'SYSTEM' : 'INTERNAL';
}

/** The code that Node gave an error, whatever its kind: `ENOENT`, `ERR_INVALID_URL`; none of this product's own. */
export function nodeCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof AirgapError || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Whether it is a failed system call, such as a file that cannot be written: the message names the call and the path. */
export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'syscall' in error && nodeCode(error) !== undefined;
}

/** Whether the value is the outcome of an aborted `AbortSignal`. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
