/** When to strike: moments spread over the bytes that a command moves, and over the time before and after those. */
import type { RunningProcess } from '../../helpers/process.ts';
import { seededRandom } from './random.ts';

/** Kills of each command; `AIRGAP_TEST_KILLS` is another number, for a run that takes its time. */
export const KILLS = Number(process.env['AIRGAP_TEST_KILLS'] ?? 5);
if (!Number.isInteger(KILLS) || KILLS < 4) throw new RangeError('AIRGAP_TEST_KILLS is a whole number, 4 or more');
/** Strikes in all, those included that came after the end. */
const MAX_STRIKES = 3 * KILLS;
/** Runs that must have found something to go on with. */
export const MIN_RESUMED = Math.floor(KILLS / 4);

/** The share of the strikes that come before the first byte, and after the last. */
const BEFORE = 0.1;
const AFTER = 0.15;
/** Two runs differ in a few bytes of headers: with so much of them, all of the content has moved. */
const NEARLY_ALL = 0.97;
/** So that strikes do not all come just after a read. */
const MAX_JITTER_MS = 20;
const LOOK_EVERY_MS = 5;

/** What an undisturbed run is like: what it moves, and how long it takes before and after that. */
export interface Course {
  readonly bytes: number;
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** One strike: when so many bytes have moved, and then so much later. */
export interface Strike {
  readonly round: number;
  readonly afterBytes: number;
  readonly thenMs: number;
}

/**
 * Strikes spread over the work, one in each of as many equal parts of it, until {@link KILLS} have hit a running
 * process. Progress is told by bytes, so that a machine that is busier than it was is struck at the same points. A miss
 * can only happen at the end, which then takes less time than it was thought to.
 */
export class Strikes implements Iterable<Strike> {
  readonly #random: () => number;
  readonly #course: Course;
  #afterMs: number;
  #hits = 0;

  constructor(course: Course, seed: number) {
    this.#course = course;
    this.#afterMs = course.afterMs;
    this.#random = seededRandom(seed);
  }

  *[Symbol.iterator](): Generator<Strike, void> {
    for (let round = 0; this.#hits < KILLS; round++) {
      if (round === MAX_STRIKES) throw new Error(`only ${this.#hits} of ${round} strikes hit a running process`);
      yield { round, ...this.#at((this.#hits + this.#random()) / KILLS) };
    }
  }

  /** Tells whether the last strike hit. */
  tell(isHit: boolean): void {
    if (isHit) this.#hits += 1;
    else this.#afterMs *= 0.8;
  }

  #at(share: number): Omit<Strike, 'round'> {
    const { bytes, beforeMs } = this.#course;
    if (share < BEFORE) return { afterBytes: 0, thenMs: (share / BEFORE) * beforeMs };
    const end = 1 - AFTER;
    if (share > end) return { afterBytes: bytes * NEARLY_ALL, thenMs: ((share - end) / AFTER) * this.#afterMs };
    const part = (share - BEFORE) / (end - BEFORE);
    return { afterBytes: part * bytes * NEARLY_ALL, thenMs: this.#random() * MAX_JITTER_MS };
  }
}

/** Kills the process at the moment of a strike. False when it had ended before. */
export async function strike(
  child: RunningProcess,
  { afterBytes, thenMs }: Strike,
  moved: () => number,
): Promise<boolean> {
  let dueMs: number | undefined;
  return child.killWhen(() => {
    if (dueMs === undefined && moved() >= afterBytes) dueMs = performance.now() + thenMs;
    return dueMs !== undefined && performance.now() >= dueMs;
  });
}

/** Does the work and tells its course. `moved` must be zero at the start. */
export async function measure(work: () => Promise<unknown>, moved: () => number): Promise<Course> {
  const started = performance.now();
  let [first, last, bytes] = [started, started, 0];
  const look = (): void => {
    if (moved() === bytes) return;
    last = performance.now();
    if (bytes === 0) first = last;
    bytes = moved();
  };
  const looking = setInterval(look, LOOK_EVERY_MS);
  try {
    await work();
  } finally {
    clearInterval(looking);
  }
  look();
  return { bytes, beforeMs: first - started, afterMs: performance.now() - last };
}
