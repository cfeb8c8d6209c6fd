/** The tests that can see a file, in the order in which they are likely to notice a change of it. */
import { dirname, relative } from 'node:path';

/** Tests that see nearly everything, slowly. */
const WHOLE = /^test\/(e2e|package|helpers)\b/;
/** Tests of the command line, which see nearly everything too. */
const OF_COMMANDS = /^test\/cli\b/;
/** Tests of the text, which notice every change of it. */
const OF_TEXT = /^test\/(architecture|closure|api|documents|security|toolchain|mutants|package)\b/;

/** How many steps of import lead from a test to the files that it reaches. */
export type Reached = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Those of the whole program only for the command line, or where all are asked for. The test of the file itself, then by steps of import, by place, and by how little else they load. */
export function listSeeingTests(path: string, reached: Reached, { isWhole }: { isWhole: boolean }): readonly string[] {
  const distance = (test: string): number => reached.get(test)?.get(path) ?? Infinity;
  const isNamesake = (test: string): boolean => test === path.replace(/^src(.*)\.ts$/, 'test$1.test.ts');
  const folder = dirname(path.replace(/^src/, 'test'));
  const apart = (test: string): number => relative(folder, dirname(test)).split('/').length;
  const isOfCommands = path.startsWith('src/cli/');
  const isWide = (test: string): boolean => OF_COMMANDS.test(test) && !isOfCommands;
  return [...reached.keys()]
    .filter(
      (test) => distance(test) < Infinity && !OF_TEXT.test(test) && (isWhole || isOfCommands || !WHOLE.test(test)),
    )
    .sort(
      (a, b) =>
        Number(isNamesake(b)) - Number(isNamesake(a)) ||
        Number(WHOLE.test(a)) - Number(WHOLE.test(b)) ||
        Number(isWide(a)) - Number(isWide(b)) ||
        distance(a) - distance(b) ||
        apart(a) - apart(b) ||
        (reached.get(a)?.size ?? 0) - (reached.get(b)?.size ?? 0),
    );
}
