/** The folders of src/ that are scored, and the mutants of each. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { seededRandom } from '../e2e/support/random.ts';
import { listMutations, type Mutation } from './operators.ts';

/** Smaller folders are scored together with the one they lie in. */
const MIN_FILES = 3;

/** One change of one file of the product. */
export interface Mutant {
  readonly folder: string;
  /** Of the file, from the root of the repository. */
  readonly path: string;
  /** Without the change. */
  readonly text: string;
  readonly mutation: Mutation;
}

/** TypeScript files below a folder, sorted, from the root of the repository; with a slash at its end, those in it. */
export async function listFiles(repository: string, folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(repository, folder), { recursive: !folder.endsWith('/'), withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .sort();
}

/** Every file of src/ in exactly one folder; a folder of fewer than three files is part of the one around it. */
export function groupByFolder(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const direct = Map.groupBy(files, (path) => dirname(path));
  const groups = new Map<string, string[]>();
  for (const [folder, paths] of direct) {
    let scored = folder;
    while ((direct.get(scored)?.length ?? 0) < MIN_FILES && scored.includes('/')) scored = dirname(scored);
    const name = relative('src', scored === 'src' ? folder : scored);
    groups.set(name, [...(groups.get(name) ?? []), ...paths]);
  }
  return groups;
}

/** So many mutants of these files, the same for the same texts and seed. */
export async function chooseMutants(
  repository: string,
  folder: string,
  files: readonly string[],
  { count, seed }: { count: number; seed: number },
): Promise<readonly Mutant[]> {
  const all: { readonly rank: number; readonly mutant: Mutant }[] = [];
  const random = seededRandom(seed);
  for (const path of files) {
    const text = await readFile(join(repository, path), 'utf8');
    for (const mutation of listMutations(text)) all.push({ rank: random(), mutant: { folder, path, text, mutation } });
  }
  return all.sort((a, b) => a.rank - b.rank).slice(0, count).map(({ mutant }) => mutant); // prettier-ignore
}
