/** The mutations are those that are announced, and each is one change of a text that still is TypeScript. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { makeTempDir } from '../helpers/temp.ts';
import { formBatches } from './batches.ts';
import { equivalents, isEquivalent } from './equivalents.ts';
import { groupByFolder, type Mutant } from './folders.ts';
import { createImportGraph } from './import-graph.ts';
import { listMutations, mutate } from './operators.ts';
import { addProbes, readProbes } from './probes.ts';
import { listSeeingTests } from './seeing-tests.ts';

const rootPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test.each([
  ['const far = a.size < 10;', ['const far = a.size <= 10;', 'const far = a.size < (10 + 1);']],
  ['if (isOpen) return true;', ['if (!(isOpen)) return true;', 'if (isOpen) return false;']],
  ['const x = !(a && b);', ['const x = (a && b);', 'const x = !(a || b);']],
  ['const x = a ?? b ?? c;', ['const x = ((a ?? b) && (c));', 'const x = ((a) && (b)) ?? c;']],
  ['const { 1: x } = y;', []],
  ['await close(); throw new Error(no);', ['; throw new Error(no);', 'await close(); ;']],
  ["const words = { 404: 'no' };", []],
  ['class A extends B { constructor() { super(); } }', []],
  ["import { a } from './a.ts';\ninterface B { readonly c: 1 | true }\ntype D = 2;", []],
])('%j', (text, expected) => {
  expect(listMutations(text).map((mutation) => mutate(text, mutation))).toEqual(expected);
});

test('every mutation of a real file is another text without a syntax error, told by its line', async () => {
  const text = await readFile(rootPath('src/base/limit.ts'), 'utf8');
  const mutations = listMutations(text);
  expect(mutations.length).toBeGreaterThan(5);
  for (const mutation of mutations) {
    const mutant = mutate(text, mutation);
    expect(mutant).not.toBe(text);
    expect(text.slice(0, mutation.start).split('\n')).toHaveLength(mutation.line);
    const { diagnostics } = ts.transpileModule(mutant, { reportDiagnostics: true });
    expect([mutation.summary, diagnostics?.length]).toEqual([mutation.summary, 0]);
  }
});

test('a test sees what its imports lead to, dynamic ones too, nearest first', () => {
  const reached = createImportGraph()(rootPath('test/mutants/operators.test.ts'));
  expect(reached.get(rootPath('test/mutants/operators.ts'))).toBe(1);
  const program = createImportGraph()(rootPath('src/cli/main.ts'));
  expect(program.get(rootPath('src/cli/airgap.ts'))).toBe(1);
  expect(program.get(rootPath('src/base/limit.ts'))).toBeGreaterThan(1);
  expect(program.has(rootPath('test/mutants/operators.ts'))).toBe(false);
  const steps = [...program.values()];
  expect(steps).toEqual(steps.toSorted((a, b) => a - b));
});

test('probes change nothing, and say which places were reached', async () => {
  await using folder = await makeTempDir();
  const text = 'function f(a, b) { if (a < 1 && !b) throw new Error("x" + 2); g(3); return a * b; }\nfunction g() {}\n';
  const mutations = listMutations(text);
  const numbers = mutations.map((_, index) => index);
  const reachedFile = join(folder.path, 'reached');
  const run = (source: string): ((a: number, b: number) => number) =>
    runInThisContext(`(() => { ${source}\nreturn f; })()`) as (a: number, b: number) => number;
  const probed = run(addProbes(text, mutations, numbers, reachedFile));
  expect(probed(2, 3)).toBe(run(text)(2, 3));
  const reached = readProbes(reachedFile);
  const isReached = mutations.map(({ summary }, index) => `${reached.has(index) ? 'reached' : 'not'} ${summary}`);
  expect(isReached.filter((line) => line.startsWith('not'))).toEqual([
    'not !b → b',
    'not throw new Error("x" + 2); → ;',
    'not 2 → (2 + 1)',
  ]);
  expect(() => probed(0, 0)).toThrow('x2');
  expect([...readProbes(reachedFile).keys()].sort((a, b) => a - b)).toEqual(numbers);
});

test('a place outside functions is one of loading', () => {
  const text = 'const a = 1 < 2; class B { c = 3; d() { return 4; } } const e = () => 5;';
  expect(listMutations(text).map(({ summary, isOfLoading }) => [summary.slice(0, 5), isOfLoading])).toEqual([
    ['1 < 2', true],
    ['1 → (', true],
    ['2 → (', true],
    ['3 → (', false],
    ['4 → (', false],
    ['5 → (', false],
  ]);
});

test('a folder of fewer than three files is scored with the one it lies in', () => {
  const files = ['errors.ts', 'a/1.ts', 'a/2.ts', 'a/3.ts', 'a/b/4.ts', 'c/5.ts', 'c/d/6.ts', 'c/d/7.ts', 'c/d/8.ts'];
  const groups = groupByFolder(files.map((path) => `src/${path}`));
  expect(Object.fromEntries([...groups].map(([folder, paths]) => [folder, paths.length]))).toEqual({
    '': 1,
    a: 4,
    c: 1,
    'c/d': 3,
  });
});

test('the test of the file looks first, tests of the command line and the program last or not at all', () => {
  const path = 'src/a/b.ts';
  const sees = (steps: number): ReadonlyMap<string, number> => new Map([[path, steps]]);
  const reached = new Map([
    ['test/e2e/x.test.ts', sees(1)],
    ['test/cli/x.test.ts', sees(1)],
    ['test/c/x.test.ts', sees(2)],
    ['test/a/x.test.ts', sees(2)],
    ['test/a/b.test.ts', sees(3)],
    ['test/a/blind.test.ts', new Map<string, number>()],
  ]);
  const near = ['test/a/b.test.ts', 'test/a/x.test.ts', 'test/c/x.test.ts', 'test/cli/x.test.ts'];
  expect(listSeeingTests(path, reached, { isWhole: false })).toEqual(near);
  expect(listSeeingTests(path, reached, { isWhole: true })).toEqual([...near, 'test/e2e/x.test.ts']);
  const ofCommands = new Map([...reached.keys()].map((test) => [test, new Map([['src/cli/b.ts', 1]])]));
  expect(listSeeingTests('src/cli/b.ts', ofCommands, { isWhole: false })).toContain('test/e2e/x.test.ts');
});

test('mutants are tried at once where no test of one reaches the file of another', () => {
  const trial = (path: string, test: string): { mutant: Mutant; tests: readonly string[] } => ({
    mutant: { path } as Mutant,
    tests: [test],
  });
  const reached = new Map([
    ['1', new Map([['a', 1]])],
    ['2', new Map([['b', 1]])],
    ['3', new Map([['a', 1], ['c', 1]])], // prettier-ignore
  ]);
  const batches = formBatches([trial('a', '1'), trial('a', '1'), trial('b', '2'), trial('c', '3')], reached);
  expect(batches.map((batch) => batch.map(({ mutant }) => mutant.path))).toEqual([['a', 'b'], ['a'], ['c']]);
});

test('every equivalent is a mutant that there is, with a reason', async () => {
  const missing = [];
  for (const { path, line, reason } of equivalents) {
    const text = await readFile(rootPath(path), 'utf8');
    const known = listMutations(text).filter((mutation) => isEquivalent(path, text, mutation));
    const isThere = known.some((mutation) => text.split('\n')[mutation.line - 1]?.trim() === line);
    if (!isThere || reason.length < 20) missing.push([path, line]);
  }
  expect(missing).toEqual([]);
});
