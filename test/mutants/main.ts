/**
 * `npm run mutants`: changes one expression of the product at a time and runs the tests that can see it. A mutant that
 * no test notices is behaviour that no test holds. Works in a copy; the working tree is never touched.
 *
 *   --folder NAME  only this room of src/, or a folder in it; may be repeated (default: every room); with a slash at
 *                  its end, only the files that lie in it directly
 *   --count N      mutants of each folder (default 20)
 *   --seed N       which ones (default 1); the same number gives the same mutants for the same sources
 *   --near N       only the N nearest files of tests, for a quick look at what they hold themselves
 *   --whole        every test that can see the file, end-to-end tests too, where the nearer ones notice nothing
 *   --list         says which mutants there are, and runs nothing
 */
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRandom } from '../e2e/support/random.ts';
import { createImportGraph } from './import-graph.ts';
import { listMutations, mutate, type Mutation } from './operators.ts';
import { TestRunner } from './test-runner.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** Not copied: what is installed or made is used where it is. */
const LINKED = ['node_modules', 'dist', '.tools'];
const LEFT_OUT = [...LINKED, '.git', 'coverage'];
/** Files of tests that are run first, one by one: those that import the file itself notice most. */
const MAX_NEAREST = 3;
/** Files of tests of other rooms that are run, the nearest ones. */
const MAX_OTHERS = 12;
/** Tests that see nearly everything, slowly. */
const WHOLE = /^test\/(e2e|cli|package|helpers)\b/;
/** Tests of the text, which notice every change of it. */
const OF_TEXT = /^test\/(architecture|documents|security|toolchain|mutants)\b/;

interface Mutant {
  readonly path: string;
  readonly mutation: Mutation;
}

const { values } = parseArgs({
  options: {
    folder: { type: 'string', multiple: true },
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    near: { type: 'string' },
    whole: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

/** TypeScript files below a folder of the repository, sorted; with a slash at its end, those in it. */
async function listFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(repository, folder), { recursive: !folder.endsWith('/'), withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .sort();
}

async function chooseMutants(folder: string, count: number, seed: number): Promise<readonly Mutant[]> {
  const all: { readonly rank: number; readonly mutant: Mutant }[] = [];
  const random = seededRandom(seed);
  for (const path of await listFiles(`src/${folder}`)) {
    const text = await readFile(join(repository, path), 'utf8');
    for (const mutation of listMutations(text)) all.push({ rank: random(), mutant: { path, mutation } });
  }
  return all.sort((a, b) => a.rank - b.rank).slice(0, count).map(({ mutant }) => mutant); // prettier-ignore
}

/** Tests that reach a file, in the groups in which they are run: the nearest, those of its own room, others, the slow ones. */
function groupTests(path: string, reached: ReadonlyMap<string, ReadonlyMap<string, number>>): readonly string[][] {
  const room = path.replace(/^src\/([^/]+).*$/, 'test/$1');
  const distance = (test: string): number => reached.get(test)?.get(path) ?? Infinity;
  // The tests of the file itself come first; of those that are as near, those in its own folder.
  const isNamesake = (test: string): boolean => test === path.replace(/^src(.*)\.ts$/, 'test$1.test.ts');
  const apart = (test: string): number =>
    relative(dirname(path.replace(/^src/, 'test')), dirname(test)).split('/').length;
  const seeing = [...reached.keys()]
    .filter((test) => distance(test) < Infinity && !OF_TEXT.test(test))
    .sort((a, b) => Number(isNamesake(b)) - Number(isNamesake(a)) || distance(a) - distance(b) || apart(a) - apart(b));
  const own = seeing.filter((test) => test.startsWith(`${room}/`) && !WHOLE.test(test));
  const others = seeing
    .filter((test) => !own.includes(test) && !WHOLE.test(test))
    .slice(0, values.whole ? Infinity : MAX_OTHERS);
  const whole = values.whole || path.startsWith('src/cli/') ? seeing.filter((test) => WHOLE.test(test)) : [];
  const alone = (tests: readonly string[]): string[][] => tests.map((test) => [test]);
  if (values.near !== undefined) return alone(seeing.filter((test) => !WHOLE.test(test)).slice(0, Number(values.near)));
  const groups = [...alone(own.slice(0, MAX_NEAREST)), own.slice(MAX_NEAREST), others, whole];
  return groups.filter((group) => group.length > 0);
}

/** Leaves out tests that fail without a mutant, since they say nothing about one. */
class SoundTests {
  readonly #runner: TestRunner;
  readonly #known = new Map<string, boolean>();

  constructor(runner: TestRunner) {
    this.#runner = runner;
  }

  async keep(group: readonly string[]): Promise<string[]> {
    const unknown = group.filter((test) => !this.#known.has(test));
    if (unknown.length > 0 && (await this.#runner.passes(unknown)))
      for (const test of unknown) this.#known.set(test, true);
    for (const test of unknown) {
      if (this.#known.has(test)) continue;
      const isSound = await this.#runner.passes([test]);
      this.#known.set(test, isSound);
      if (!isSound) console.log(`left out, since it fails as it is: ${test}`);
    }
    return group.filter((test) => this.#known.get(test) === true);
  }
}

/** Whether no test notices the mutant; later groups are not even looked at once one does. */
async function survives(
  copy: string,
  sound: SoundTests,
  runner: TestRunner,
  { path, mutation }: Mutant,
  groups: readonly string[][],
): Promise<boolean> {
  const text = await readFile(join(repository, path), 'utf8');
  const write = async (other: string): Promise<void> => {
    await writeFile(join(copy, path), other);
    runner.changed(path);
  };
  for (const group of groups) {
    const tests = await sound.keep(group);
    if (tests.length === 0) continue;
    await write(mutate(text, mutation));
    try {
      if (!(await runner.passes(tests))) return false;
    } finally {
      await write(text);
    }
  }
  return true;
}

const copy = await mkdtemp(join(tmpdir(), 'airgap-mutants-'));
const runner = new TestRunner(copy, {
  AIRGAP_DIST: join(repository, 'dist'),
  PATH: `${join(repository, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
});
try {
  const sound = new SoundTests(runner);
  for (const name of await readdir(repository)) {
    if (LINKED.includes(name)) await symlink(join(repository, name), join(copy, name));
    else if (!LEFT_OUT.includes(name) && !name.startsWith('dist.'))
      await cp(join(repository, name), join(copy, name), { recursive: true });
  }
  const tests = (await listFiles('test')).filter((path) => path.endsWith('.test.ts'));
  process.chdir(repository);
  const graph = createImportGraph();
  const reached = new Map(tests.map((test) => [test, graph(test)]));
  const rooms = (await readdir(join(repository, 'src'), { withFileTypes: true })).filter((entry) =>
    entry.isDirectory(),
  );
  const scores: string[] = [];
  for (const folder of values.folder ?? rooms.map(({ name }) => name)) {
    const mutants = await chooseMutants(folder, Number(values.count), Number(values.seed));
    let noticed = 0;
    for (const mutant of mutants) {
      const { path, mutation } = mutant;
      const place = `${path}:${mutation.line}  ${mutation.summary}`;
      if (values.list) {
        console.log(place);
        continue;
      }
      const isAlive = await survives(copy, sound, runner, mutant, groupTests(path, reached));
      if (!isAlive) noticed += 1;
      console.log(`${isAlive ? 'SURVIVED' : 'noticed '}  ${place}`);
    }
    if (!values.list) scores.push(`${folder}: ${noticed} of ${mutants.length} noticed`);
  }
  for (const score of scores) console.log(score);
} finally {
  await runner[Symbol.asyncDispose]();
  await rm(copy, { recursive: true, force: true });
}
