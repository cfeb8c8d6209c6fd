/** Which tests can see a source file: those whose imports lead to it, static ones and dynamic ones. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const IMPORT = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g;

/** Answers how many steps lead from a file to the files it reaches; nearest first. */
export function createImportGraph(): (path: string) => ReadonlyMap<string, number> {
  const importsOf = new Map<string, readonly string[]>();
  const look = (path: string): readonly string[] => {
    let imports = importsOf.get(path);
    if (imports === undefined) {
      // Programs that tests hold as text import files that are not there.
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      imports = [...text.matchAll(IMPORT)].map(([, name = '']) => join(dirname(path), name));
      importsOf.set(path, imports);
    }
    return imports;
  };
  return (path) => {
    const steps = new Map([[path, 0]]);
    // A Map is walked in the order in which it grows.
    for (const [file, step] of steps) {
      for (const next of look(file)) if (!steps.has(next)) steps.set(next, step + 1);
    }
    return steps;
  };
}
