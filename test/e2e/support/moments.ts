/** When to strike: moments spread over a measured duration. */
import { seededRandom } from './random.ts';

/** Kills of each command. */
export const KILLS = 20;
/** Kills that must really have hit a running process, for the test to mean anything. */
export const MIN_HITS = 15;
/** Runs that must have found something to go on with. */
export const MIN_RESUMED = 5;

/** One moment in each of as many equal parts of the duration, anywhere in its part; the same in every run. */
export function moments(durationMs: number, seed: number): readonly number[] {
  const random = seededRandom(seed);
  return Array.from({ length: KILLS }, (_, index) => ((index + random()) * durationMs) / KILLS);
}

/** Milliseconds that the work takes. */
export async function measure(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
