/** When to strike: moments spread over a measured duration. */
import { seededRandom } from './random.ts';

/** Kills of each command. */
export const KILLS = 20;
/** Strikes in all, those included that came after the end. */
const MAX_STRIKES = 3 * KILLS;
/** Runs that must have found something to go on with. */
export const MIN_RESUMED = 5;

/** One strike: its number, and milliseconds after the start. */
export interface Strike {
  readonly round: number;
  readonly moment: number;
}

/**
 * Strikes spread over the work, one in each of as many equal parts of it, until {@link KILLS} have hit a running
 * process. A miss shows that the work takes less time than it was thought to.
 */
export class Strikes implements Iterable<Strike> {
  readonly #random: () => number;
  #durationMs: number;
  #hits = 0;

  constructor(durationMs: number, seed: number) {
    this.#durationMs = durationMs;
    this.#random = seededRandom(seed);
  }

  *[Symbol.iterator](): Generator<Strike, void> {
    for (let round = 0; this.#hits < KILLS; round++) {
      if (round === MAX_STRIKES) throw new Error(`only ${this.#hits} of ${round} strikes hit a running process`);
      yield { round, moment: ((this.#hits + this.#random()) * this.#durationMs) / KILLS };
    }
  }

  /** Tells whether the last strike hit. */
  tell(isHit: boolean): void {
    if (isHit) this.#hits += 1;
    else this.#durationMs *= 0.9;
  }
}

/** Milliseconds that the work takes. */
export async function measure(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
