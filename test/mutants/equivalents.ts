/** Mutants that no test can notice, since they change nothing that can be observed; they do not count. */

import type { Mutation } from './operators.ts';

/** One of them, by its file and what it changes. */
export interface Equivalent {
  readonly path: string;
  /** The line that it changes, without what indents it. */
  readonly line: string;
  /** As `npm run mutants` prints it. */
  readonly summary: string;
  readonly reason: string;
}

export const equivalents: readonly Equivalent[] = [
  {
    path: 'src/base/http/socks.ts',
    line: 'const [, refusal = 0, , type = 0] = await reader.take(4);',
    summary: '0 → (0 + 1)',
    reason: 'four bytes were taken, so that what stands for missing ones is never used',
  },
  {
    path: 'src/base/files/file-lock.ts',
    line: 'for (let tries = 0; tries < MAX_TRIES; tries++) {',
    summary: 'tries < MAX_TRIES → tries <= MAX_TRIES',
    reason: 'one more round after so many that others won; the answer is the same',
  },
];

/** Whether a mutation of a file is one of them. */
export function isEquivalent(path: string, text: string, { line, summary }: Mutation): boolean {
  const changed = text.split('\n')[line - 1]?.trim();
  return equivalents.some((known) => known.path === path && known.line === changed && known.summary === summary);
}
