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
  {
    path: 'src/archive/comparison/compare-files.ts',
    line: 'return { changes: changes.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1)), unchanged };',
    summary: 'pathOf(a) < pathOf(b) → pathOf(a) <= pathOf(b)',
    reason: 'no two changes have one path',
  },
  {
    path: 'src/archive/comparison/compare-files.ts',
    line: 'return { changes: changes.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1)), unchanged };',
    summary: '1 → (1 + 1)',
    reason: 'of an order the sign counts alone',
  },
  {
    path: 'src/kubernetes/charts/semantic-version.ts',
    line: 'if (isNumber !== isOther) return isNumber ? -1 : 1;',
    summary: '1 → (1 + 1)',
    reason: 'of an order the sign counts alone',
  },
  {
    path: 'src/kubernetes/mirrors/mirror-map.ts',
    line: 'return [...counts].sort(([one, many], [other, more]) => more - many || (one < other ? -1 : 1))[0]?.[0];',
    summary: 'one < other → one <= other',
    reason: 'the keys of a map differ',
  },
  {
    path: 'src/archive/hashing/hash-thread.ts',
    line: 'const BUFFER_BYTES = 256 * 1024;',
    summary: '1024 → (1024 + 1)',
    reason: 'how much is read at once; the digest is the same',
  },
  {
    path: 'src/archive/hashing/growing-hash.ts',
    line: 'if (this.#handed > this.#start) this.#line.post({ id: this.#id, range: undefined, isLast: true });',
    summary: 'this.#line.post({ id: this.#id, range: undefined, isLast: true }); → ;',
    reason: 'frees a hash of the thread, which ends with the file; no digest is asked for any more',
  },
  {
    path: 'src/fleet/placement/search.ts',
    line: 'let bestHelp = -1;',
    summary: '1 → (1 + 1)',
    reason: 'below every count of what a cluster helps with, all the same',
  },
  {
    path: 'src/stores/registry/auth/credential-helper.ts',
    line: 'const HELPER_TIMEOUT_MS = 30_000;',
    summary: '30_000 → (30000 + 1)',
    reason: 'a millisecond more of patience with a program',
  },
  {
    path: 'src/kubernetes/cluster/cluster-client.ts',
    line: 'const PATIENCE: RetryPolicy = { tries: 25, baseMs: 250, maxMs: 5_000 };',
    summary: '5_000 → (5000 + 1)',
    reason: 'a millisecond more between two tries',
  },
  {
    path: 'src/operations/load/load.ts',
    line: 'const ASSESS_CONCURRENCY = 24;',
    summary: '24 → (24 + 1)',
    reason: 'how many questions are asked at once; the answers are the same',
  },
];

/** Whether a mutation of a file is one of them. */
export function isEquivalent(path: string, text: string, { line, summary }: Mutation): boolean {
  const changed = text.split('\n')[line - 1]?.trim();
  return equivalents.some((known) => known.path === path && known.line === changed && known.summary === summary);
}
