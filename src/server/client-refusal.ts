/** How the registry says no: the specification's error codes, their HTTP statuses and the one JSON shape they travel in. */
import { StoreError } from '../errors.ts';
import { isDiskFull } from '../base/files/system-errors.ts';

/**
 * Error codes, and the status each has unless the refusing place says otherwise. The last three are not in the
 * specification's table; every registry of the field uses them for the same things.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
const STATUS_OF = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  UNKNOWN: 500,
} as const;

/** A code of the distribution specification. */
export type RefusalCode = keyof typeof STATUS_OF;

/** What a refusal may say beside its code and message. */
export interface RefusalOptions {
  /** @defaultValue the code's own status */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Machine-readable circumstances: the digest, the name. */
  readonly detail?: unknown;
  readonly cause?: unknown;
}

/** Thrown by the handlers, answered by the router; it never leaves the server as an exception. */
export class Refusal extends Error {
  static {
    this.prototype.name = 'Refusal';
  }
  readonly code: RefusalCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: unknown;
  constructor(code: RefusalCode, message: string, options: RefusalOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? STATUS_OF[code];
    this.headers = options.headers ?? {};
    this.detail = options.detail ?? null;
  }
}

/** The body of a refusal: `{"errors":[{code,message,detail}]}`. */
export function toErrorBody(refusal: Refusal): Buffer {
  const { code, message, detail } = refusal;
  return Buffer.from(JSON.stringify({ errors: [{ code, message, detail }] }));
}

/** Turns an unexpected failure into an answer that tells the client nothing about this machine's paths. */
export function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (isDiskFull(error) || (error instanceof StoreError && error.code === 'NO_SPACE')) {
    return new Refusal('UNKNOWN', 'the disk of the registry is full', { status: 507, cause: error });
  }
  return new Refusal('UNKNOWN', 'internal error of the registry', { cause: error });
}
