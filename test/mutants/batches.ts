/** Mutants that can be tried in one run, since each is seen by its own tests alone. */
import type { Mutant } from './folders.ts';
import type { Reached } from './seeing-tests.ts';

/** A mutant, and the tests that are to look at it next. */
export interface Trial {
  readonly mutant: Mutant;
  readonly tests: readonly string[];
}

/** More would not be over in a few minutes. */
const MAX_TESTS = 24;

/** Splits trials into batches, in each of which no test of one mutant reaches the file of another. */
export function formBatches(trials: readonly Trial[], reached: Reached): readonly (readonly Trial[])[] {
  const reaches = (tests: readonly string[], path: string): boolean =>
    tests.some((test) => reached.get(test)?.has(path) === true);
  const batches: Trial[][] = [];
  for (const trial of trials) {
    const batch = batches.find(
      (others) =>
        new Set([...others, trial].flatMap(({ tests }) => tests)).size <= MAX_TESTS &&
        others.every(({ mutant, tests }) => !reaches(trial.tests, mutant.path) && !reaches(tests, trial.mutant.path)),
    );
    if (batch === undefined) batches.push([trial]);
    else batch.push(trial);
  }
  return batches;
}
