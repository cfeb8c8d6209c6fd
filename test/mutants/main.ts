/**
 * `npm run mutants`: changes one expression of the product at a time and runs the tests that can see it. A mutant that
 * no test notices is behaviour that no test holds. Works in a copy; the working tree is never touched.
 *
 * The tests nearest by imports look first. For what they let pass, probes say which other tests reach the place at all,
 * and those look, the quickest first. Mutants that no test of one another can see are tried in one run.
 *
 *   --all          every folder of src/; those of fewer than three files with the folder they lie in
 *   --folder NAME  only this folder, with all below it; with a slash at its end, only the files in it; may be repeated
 *                  with --all, only these lines of its table, by their names
 *   --count N      mutants of each folder (default 20)
 *   --seed N       which ones (default 1); the same number gives the same mutants for the same sources
 *   --near N       only the N nearest files of tests, for a quick look at what they hold themselves
 *   --whole        every test that reaches a place, end-to-end tests too, instead of the 40 nearest (for the command line end-to-end
 *                  tests look in any case)
 *   --results FILE what was found before, kept and used again (default coverage/mutants.json)
 *   --retry        tries again what survived, for tests that were written since
 *   --list         says which mutants there are, and runs nothing
 */
import { cp, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isEquivalent } from './equivalents.ts';
import { chooseMutants, groupByFolder, listFiles, type Mutant } from './folders.ts';
import { createImportGraph } from './import-graph.ts';
import { Results, type Verdict } from './results.ts';
import { Scoring } from './scoring.ts';
import { TestRunner } from './test-runner.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
/** Not copied: what is installed or made is used where it is. */
const LINKED = ['node_modules', 'dist', '.tools'];
const LEFT_OUT = [...LINKED, '.git', 'coverage'];

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    folder: { type: 'string', multiple: true },
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    near: { type: 'string' },
    whole: { type: 'boolean', default: false },
    results: { type: 'string', default: join(repository, 'coverage', 'mutants.json') },
    retry: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

const counts = ({ path, text, mutation }: Mutant): boolean => !isEquivalent(path, text, mutation);

async function listFolders(): Promise<ReadonlyMap<string, readonly string[]>> {
  if (values.all) {
    const groups = groupByFolder(await listFiles(repository, 'src'));
    const unknown = values.folder?.filter((name) => !groups.has(name)) ?? [];
    if (unknown.length > 0) throw new Error(`no line of the table: ${unknown.join(', ')}`);
    return new Map([...groups].filter(([name]) => values.folder?.includes(name) !== false));
  }
  if (values.folder === undefined) throw new Error('say which: --all, or --folder NAME');
  return new Map(
    await Promise.all(values.folder.map(async (name) => [name, await listFiles(repository, `src/${name}`)] as const)),
  );
}

async function copyRepository(copy: string): Promise<void> {
  for (const name of await readdir(repository)) {
    if (LINKED.includes(name)) await symlink(join(repository, name), join(copy, name));
    else if (!LEFT_OUT.includes(name) && !name.startsWith('dist.'))
      await cp(join(repository, name), join(copy, name), { recursive: true });
  }
}

const mutants: Mutant[] = [];
for (const [folder, files] of await listFolders()) {
  const size = { count: Number(values.count), seed: Number(values.seed) };
  mutants.push(...(await chooseMutants(repository, folder, files, size)));
}
const placeOf = ({ path, mutation }: Mutant): string => `${path}:${mutation.line}  ${mutation.summary}`;
if (values.list) {
  for (const mutant of mutants) console.log(placeOf(mutant));
} else {
  await score();
}

async function score(): Promise<void> {
  const results = await Results.open(values.results);
  if (values.retry) results.forgetSurvivors();
  const copy = await mkdtemp(join(tmpdir(), 'airgap-mutants-'));
  const runner = new TestRunner(copy, {
    AIRGAP_DIST: process.env['AIRGAP_DIST'] ?? join(repository, 'dist'),
    PATH: `${join(repository, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
  });
  try {
    await copyRepository(copy);
    process.chdir(repository);
    const graph = createImportGraph();
    const tests = (await listFiles(repository, 'test')).filter((path) => path.endsWith('.test.ts'));
    const reached = new Map(tests.map((test) => [test, graph(test)]));
    const near = values.near === undefined ? {} : { near: Number(values.near) };
    const onVerdict = (mutant: Mutant, { isNoticed, by }: Verdict): void =>
      console.log(`${isNoticed ? 'noticed ' : 'SURVIVED'}  ${placeOf(mutant)}\n          ${by}`);
    const scoring = new Scoring(copy, runner, reached, results, { ...near, isWhole: values.whole, onVerdict });
    await scoring.try(mutants.filter(counts));
  } finally {
    await runner[Symbol.asyncDispose]();
    await rm(copy, { recursive: true, force: true });
  }
  printScores(results);
}

/** A table: folder, noticed, tried, percent, equivalents; what tests that were left out might notice is said. */
function printScores(results: Results): void {
  console.log('\n| folder | noticed | of | % | equivalent | |\n| --- | --- | --- | --- | --- | --- |');
  for (const [folder, all] of Map.groupBy(mutants, (mutant) => mutant.folder)) {
    const counted = all.filter(counts);
    const verdicts = counted.map((mutant) => results.get(mutant));
    const noticed = verdicts.filter((verdict) => verdict?.isNoticed === true).length;
    const percent = counted.length === 0 ? 100 : Math.floor((100 * noticed) / counted.length);
    const note = verdicts.some((verdict) => verdict?.isPartial === true) ? 'at least' : 'exact';
    const columns = [folder, noticed, counted.length, percent, all.length - counted.length, note];
    console.log(`| ${columns.join(' | ')} |`);
  }
}
