/** The mutations are those that are announced, and each is one change of a text that still is TypeScript. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { createImportGraph } from './import-graph.ts';
import { listMutations, mutate } from './operators.ts';

const rootPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test.each([
  ['const far = a.size < 10;', ['const far = a.size <= 10;', 'const far = a.size < (10 + 1);']],
  ['if (isOpen) return true;', ['if (!(isOpen)) return true;', 'if (isOpen) return false;']],
  ['const x = !(a && b ?? c);', ['const x = (a && b ?? c);', 'const x = !(a && b && c);', 'const x = !(a || b ?? c);']],
  ['await close(); throw new Error(no);', ['; throw new Error(no);', 'await close(); ;']],
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
