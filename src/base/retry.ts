/** Retries whole idempotent units of work with jittered exponential back-off, and obeys `Retry-After`. */
import { HttpError } from '../errors.ts';
import { wait } from './wait.ts';

/** Longest wait a server may demand with `Retry-After`, in milliseconds. */
export const MAX_RETRY_AFTER_MS: number = 60_000;

/** How often and how patiently a unit is tried, and who hears of it. */
export interface RetryPolicy {
  /** Tries in all, the first included. @defaultValue 5 */
  readonly tries: number;
  /** Ceiling of the first wait, in milliseconds; it doubles each time. @defaultValue 250 */
  readonly baseMs: number;
  /** Ceiling of any wait of ours, in milliseconds. @defaultValue 10000 */
  readonly maxMs: number;
  /** Told before each wait of every unit under this policy. */
  readonly onRetry?: ((error: unknown, delayMs: number) => void) | undefined;
}

export const DEFAULT_RETRY: RetryPolicy = { tries: 5, baseMs: 250, maxMs: 10_000 };

/** The usual patience with another number of repetitions; undefined, and with it every default, where none is given. */
export function retryPolicy(retries: number | undefined): RetryPolicy | undefined {
  return retries === undefined ? undefined : { ...DEFAULT_RETRY, tries: retries + 1 };
}

/** Options of {@link retrying}. */
export interface RetryOptions {
  readonly policy?: RetryPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue {@link isRetryable} */
  readonly isRetryable?: ((error: unknown) => boolean) | undefined;
  /** Told before each wait, beside that of the policy. */
  readonly onRetry?: ((error: unknown, delayMs: number) => void) | undefined;
}

/** Failures of which the tries are used up. */
const spent = new WeakSet<Error>();

/**
 * Runs the unit until it succeeds, fails for good, or the tries are used up; the last failure is thrown.
 * The unit must be safe to run again from its start: a consumed stream is not.
 *
 * Units lie in one another (a copy asks for an upload, which sends a request). What one of them tried as often as it may
 * is final for those around it: a request is sent `tries` times in all, not `tries` times at each level.
 */
export async function retrying<T>(unit: (attempt: number) => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const policy = options.policy ?? DEFAULT_RETRY;
  const retryable = options.isRetryable ?? isRetryable;
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await unit(attempt);
    } catch (error) {
      if (options.signal?.aborted === true || isSpent(error) || !retryable(error)) throw error;
      if (attempt >= policy.tries) throw spendTries(error);
      const delayMs = retryDelayMs(attempt, policy, error);
      policy.onRetry?.(error, delayMs);
      options.onRetry?.(error, delayMs);
      await wait(delayMs, options.signal);
    }
  }
}

/** The same failure, which no unit around tries again; for those that count their tries themselves. */
export function spendTries(error: unknown): unknown {
  if (error instanceof Error) spent.add(error);
  return error;
}

/** Also of a failure that is told as the cause of another one. */
function isSpent(error: unknown): boolean {
  return error instanceof Error && (spent.has(error) || isSpent(error.cause));
}

/** Whether the same request may succeed later: the server said so, or no answer arrived. */
export function isRetryable(error: unknown): boolean {
  return error instanceof HttpError && error.failure.retryable;
}

/** The wait after failure number `attempt`, in milliseconds: never shorter than the server's `Retry-After`. */
export function retryDelayMs(attempt: number, policy: RetryPolicy, error?: unknown): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** (attempt - 1));
  const jittered = ceiling / 2 + (Math.random() * ceiling) / 2;
  const demanded = error instanceof HttpError ? (error.failure.retryAfterMs ?? 0) : 0;
  return Math.max(jittered, Math.min(demanded, MAX_RETRY_AFTER_MS));
}

/**
 * `Retry-After` in milliseconds from `nowMs`, at most {@link MAX_RETRY_AFTER_MS}; undefined when absent or unreadable.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const delayMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(delayMs, 0), MAX_RETRY_AFTER_MS);
}
