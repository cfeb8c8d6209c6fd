/** Medians and spreads of a contender's runs. */
import type { Result, Run } from './run.ts';

/** The middle, and how far the ends are. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The spread of one figure over all runs; undefined without runs. */
export function spread(result: Result | undefined, figure: (run: Run) => number): Spread | undefined {
  const values = (result?.runs ?? []).map(figure).sort((a, b) => a - b);
  const [min] = values;
  const max = values.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const middle = Math.floor(values.length / 2);
  const upper = values[middle] ?? max;
  const median = values.length % 2 === 1 ? upper : ((values[middle - 1] ?? min) + upper) / 2;
  return { median, min, max };
}

/** Median wall time. */
export function wallS(result: Result | undefined): number | undefined {
  return spread(result, (run) => run.wallS)?.median;
}
