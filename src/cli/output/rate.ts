/** How fast long work is, and how long it will take. */
import { formatBytes, formatDuration } from '../../report/format.ts';

/** The rate is measured over about this time, so that it follows the network and does not flicker. */
const RATE_WINDOW_MS = 4_000;
/** The first moments of a transfer say nothing about the rest: handshakes, small manifests. */
const SETTLING_MS = 1_000;

/** Bytes per second over the last few seconds. */
export class Rate {
  readonly #clock: () => number;
  #bytes = 0;
  /** Waiting for the first byte does not count. */
  #since: number | undefined;

  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  add(bytes: number): void {
    const now = this.#clock();
    this.#since ??= now;
    this.#bytes += bytes;
    // Both halves shrink together, so the quotient stays and older bytes weigh less.
    if (now - this.#since > RATE_WINDOW_MS) {
      this.#bytes /= 2;
      this.#since = now - (now - this.#since) / 2;
    }
  }

  /** 0 while nothing is known. */
  get perSecond(): number {
    const elapsedMs = this.#since === undefined ? 0 : this.#clock() - this.#since;
    return elapsedMs < SETTLING_MS || this.#bytes <= 0 ? 0 : (this.#bytes / elapsedMs) * 1000;
  }
}

/** `54%  12.3 MiB / 22.7 MiB  5.1 MiB/s  2 s left`; rate and time left once they are known. */
export function formatAmount(done: number, total: number, rate: Rate | undefined): string {
  const percent = total === 0 ? 100 : Math.floor((Math.min(done, total) / total) * 100);
  const amount = `${percent}%`.padStart(4) + `  ${formatBytes(done)} / ${formatBytes(total)}`;
  const speed = rate?.perSecond ?? 0;
  if (speed <= 0 || done >= total) return amount;
  return `${amount}  ${formatBytes(speed)}/s  ${formatTimeLeft((total - done) / speed)} left`;
}

/** Whole seconds: less is of no use. */
function formatTimeLeft(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 60 ? `${whole} s` : formatDuration(whole * 1000);
}
