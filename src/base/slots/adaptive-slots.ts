/** Slots for exchanges with one host, as many as its link has use for: more while that brings more, fewer when it fails. */
import { Slots } from './slots.ts';

/** Time over which a rate is measured, once something moved. */
const WINDOW_MS = 300;
/** More slots are worth it when the rate grows by this factor at least; twice the noise of a window. */
const WORTH_IT = 1.1;
const GROWTH = 1.5;
/** After more slots brought nothing: links get better, too. */
const RETRY_MS = 2_000;
/** After a failure that speaks of too much at once. */
const CALM_MS = 5_000;

/** The bounds of {@link AdaptiveSlots}. */
export interface AdaptiveBounds {
  /** Slots to begin with; not above `most`. */
  readonly first: number;
  readonly most: number;
  /** A clock that never goes back, in milliseconds. @defaultValue the machine's */
  readonly nowMs?: (() => number) | undefined;
}

/**
 * Its number of slots grows while all are used and the rate grows with it. It is halved by {@link congested}, and only
 * grows again after a while.
 */
export class AdaptiveSlots extends Slots {
  readonly #most: number;
  readonly #nowMs: () => number;
  #windowAtMs: number | undefined;
  #moved = 0;
  #wasScarce = false;
  /** What there was, and what it gave per millisecond, before the number was raised. */
  #before: { readonly count: number; readonly rate: number } | undefined;
  #steadyUntilMs = 0;
  #halvedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ first, most, nowMs = () => performance.now() }: AdaptiveBounds) {
    super(Math.min(first, most));
    this.#most = most;
    this.#nowMs = nowMs;
  }

  /** Told of what was moved, in any unit that is always the same. */
  moved(amount: number): void {
    const now = this.#nowMs();
    this.#windowAtMs ??= now;
    this.#moved += amount;
    this.#wasScarce ||= this.isScarce;
    const elapsedMs = now - this.#windowAtMs;
    if (elapsedMs < WINDOW_MS) return;
    if (this.#wasScarce) this.#judge(this.#moved / elapsedMs, now);
    else this.#before = undefined;
    this.#startWindow(now);
  }

  /** Told of a failure that fewer exchanges at once may avoid: throttling, overload, a connection that broke. */
  congested(): void {
    const now = this.#nowMs();
    this.#steadyUntilMs = now + CALM_MS;
    this.#before = undefined;
    this.#startWindow(now);
    // What was under way together fails together: that is one failure.
    if (now - this.#halvedAtMs < WINDOW_MS) return;
    this.#halvedAtMs = now;
    this.resize(Math.max(1, Math.floor(this.count / 2)));
  }

  #judge(rate: number, now: number): void {
    const before = this.#before;
    this.#before = undefined;
    if (before !== undefined && rate < before.rate * WORTH_IT) {
      this.#steadyUntilMs = now + RETRY_MS;
      this.resize(before.count);
    } else if (now >= this.#steadyUntilMs && this.count < this.#most) {
      this.#before = { count: this.count, rate };
      this.resize(Math.min(this.#most, Math.ceil(this.count * GROWTH)));
    }
  }

  #startWindow(now: number): void {
    this.#windowAtMs = now;
    this.#moved = 0;
    this.#wasScarce = this.isScarce;
  }
}
