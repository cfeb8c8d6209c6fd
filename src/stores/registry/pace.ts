/** Spreads requests over time once a registry throttles: fewer and fewer at first, more again when it answers. */
import type { Answer } from '../../base/http/answer.ts';
import { parseRetryAfter, type RetryPolicy } from '../../base/retry.ts';
import { wait } from '../../base/wait.ts';

/** Answers in a row after which the pace is doubled. */
const ANSWERS_BEFORE_FASTER = 20;

/** Which pace a request was sent at. */
export type Beat = number;

/** The pace of one host. At first there is none: requests go out at once. */
export class Pace {
  readonly #firstMs: number;
  readonly #slowestMs: number;
  readonly #nowMs: () => number;
  readonly #sleep: typeof wait;
  /** Between two requests. */
  #intervalMs = 0;
  #nextAtMs = 0;
  #beat: Beat = 0;
  #answers = 0;

  /** Clock and waits may be others than the machine's. */
  constructor({ baseMs, maxMs }: RetryPolicy, nowMs: () => number = Date.now, sleep: typeof wait = wait) {
    this.#firstMs = Math.min(baseMs, maxMs);
    this.#slowestMs = maxMs;
    this.#nowMs = nowMs;
    this.#sleep = sleep;
  }

  /** Milliseconds between two requests; 0 without throttling. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** Waits until the next request may go out. @throws the signal's reason when aborted. */
  async turn(signal?: AbortSignal): Promise<Beat> {
    if (this.#intervalMs > 0) {
      const now = this.#nowMs();
      const at = Math.max(now, this.#nextAtMs);
      this.#nextAtMs = at + this.#intervalMs;
      await this.#sleep(at - now, signal);
    }
    return this.#beat;
  }

  /** Told of any answer but "too many requests". */
  answered(): void {
    if (this.#intervalMs === 0 || ++this.#answers < ANSWERS_BEFORE_FASTER) return;
    this.#answers = 0;
    this.#intervalMs = this.#intervalMs / 2 < this.#firstMs ? 0 : this.#intervalMs / 2;
  }

  /**
   * Told of "too many requests" to a request of this beat, and how long the host wants to be left alone. Says whether the
   * request is worth sending again at the new pace: true unless it was sent at the slowest there is.
   */
  throttled(beat: Beat, retryAfterMs = 0): boolean {
    this.#answers = 0;
    this.#nextAtMs = Math.max(this.#nextAtMs, this.#nowMs() + retryAfterMs);
    // What was sent before the pace was last slowed says nothing about the pace.
    if (beat !== this.#beat) return true;
    if (this.#intervalMs >= this.#slowestMs) return false;
    this.#intervalMs = Math.min(Math.max(this.#intervalMs * 2, this.#firstMs), this.#slowestMs);
    this.#nextAtMs = Math.max(this.#nextAtMs, this.#nowMs() + this.#intervalMs);
    this.#beat++;
    return true;
  }
}

/** Tells the pace of an answer; says whether a request that was throttled is worth sending again at the new pace. */
export function notePace(pace: Pace, beat: Beat, { status, headers }: Pick<Answer, 'status' | 'headers'>): boolean {
  if (status === 429) return pace.throttled(beat, parseRetryAfter(headers['retry-after'], Date.now()));
  pace.answered();
  return false;
}
