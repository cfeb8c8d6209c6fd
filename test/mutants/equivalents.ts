/** Mutants that no test can notice, since they change nothing that can be observed; they do not count. */

/** One of them, by its file and what it changes. */
export interface Equivalent {
  readonly path: string;
  /** As `npm run mutants` prints it. */
  readonly summary: string;
  readonly reason: string;
}

export const equivalents: readonly Equivalent[] = [];
