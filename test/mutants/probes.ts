/** Probes: what is put into a file to learn which tests reach the places of its mutants at all. */
import { existsSync, readFileSync } from 'node:fs';
import type { Mutation } from './operators.ts';

interface Insertion {
  readonly at: number;
  readonly text: string;
  /** Of those at one offset: inner ends first, then outer beginnings. */
  readonly rank: number;
}

/** Above every length of an expression. */
const BEGINS = 1e9;

/**
 * A text that does what it did, and writes a line `number test` to a file when a test first reaches the place of a
 * mutation. A hoisted function at its end does so; in a thread of its own, and in other programs, it knows no test.
 */
export function addProbes(
  text: string,
  mutations: readonly Mutation[],
  numbers: readonly number[],
  to: string,
): string {
  const insertions: Insertion[] = mutations.flatMap(({ whole: { start, end, isStatement } }, index) => {
    // Of two of one length at one place, the first is the outer one.
    const depth = end - start - index / 1e6;
    const probe = `reachedByTest(${String(numbers[index])})`;
    return [
      { at: start, text: isStatement ? `{ ${probe}; ` : `(${probe}, `, rank: BEGINS - depth },
      { at: end, text: isStatement ? ' }' : ')', rank: depth },
    ];
  });
  insertions.sort((a, b) => a.at - b.at || a.rank - b.rank);
  let probed = '';
  let from = 0;
  for (const { at, text: inserted } of insertions) {
    probed += text.slice(from, at) + inserted;
    from = at;
  }
  return `${probed}${text.slice(from)}
function reachedByTest(number) {
  const line = number + ' ' + (globalThis.__vitest_worker__?.filepath ?? '') + '\\n';
  const told = (globalThis.placesReached ??= new Set());
  if (told.has(line)) return;
  told.add(line);
  process.getBuiltinModule('node:fs').appendFileSync(${JSON.stringify(to)}, line);
}
`;
}

/** Which tests reached which number; an empty name stands for what is no test. */
export function readProbes(path: string): ReadonlyMap<number, ReadonlySet<string>> {
  const reached = new Map<number, Set<string>>();
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  for (const line of lines.filter((text) => text !== '')) {
    const space = line.indexOf(' ');
    const number = Number(line.slice(0, space));
    const tests = reached.get(number) ?? new Set();
    reached.set(number, tests.add(line.slice(space + 1)));
  }
  return reached;
}
