/**
 * The shape of the code, enforced: imports go down the layers, rooms of one layer do not know each other, nothing goes
 * round in a circle, and what must be offline has no way to the network.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** From the bottom up. A file imports from lower layers and from its own room only. */
const LAYERS: readonly (readonly string[])[] = [
  ['errors'],
  ['base'],
  ['oci'],
  ['content'],
  ['trust', 'stores', 'server', 'kubernetes'],
  ['release', 'compliance', 'fleet'],
  ['archive'],
  ['site'],
  ['operations'],
  ['report'],
  ['cli', 'index'],
];
/** Each folder in these is a room of its own: one store does not know another. */
const DIVIDED = new Set(['stores']);
/** Files of one folder. With more, a reader needs folders to find their way. */
const MAX_FILES = 15;

/** These describe things; they touch no disk. */
const PURE = new Set(['errors', 'oci', 'content', 'compliance']);
const DISK = /^node:(fs|fs\/promises)$/;
/** What reads, verifies and describes has no way to the network: being offline is not left to good behaviour. */
const OFFLINE = new Set([
  ...['errors', 'oci', 'content', 'kubernetes', 'release', 'compliance', 'fleet', 'archive', 'site', 'report'],
]);
const NETWORK =
  /^(node:(http|https|http2|net|tls|dgram|dns|dns\/promises)|undici|dockerode|@sigstore\/tuf|@aws-sdk\/.*)$/;

/** What others may use of the HTTP client: its shapes, words and rules. Paths, connections and redirects are its own. */
const HTTP_SURFACE = new Set([
  'tls-files',
  'answer',
  'client',
  'network-failure',
  'location',
  'network-policy',
  'proxy',
  'redact',
]);

const MAX_LINES = 400;

const TOP_LEVEL = new Set([
  ...['package.json', 'tsconfig.json', 'src', 'manifests', 'charts', 'scripts', 'test', 'README.md'],
  ...['docs', 'bench', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'release.yaml'],
  ...['package-lock.json', 'eslint.config.js', 'vitest.config.ts'],
  // Made by the tools and kept out of the repository.
  ...['node_modules', 'dist', 'coverage'],
]);

interface SourceFile {
  /** From the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  /** Every module it names: static and dynamic imports, re-exports, and files it loads by URL, such as workers. */
  readonly imports: readonly string[];
  readonly tree: ts.SourceFile;
}

const sources = readTree('src');
const byPath = new Map(sources.map((file) => [file.path, file]));

function readTree(folder: string): readonly SourceFile[] {
  return readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(repository, path), 'utf8');
      return parseSource(path, text);
    });
}

function parseSource(path: string, text: string): SourceFile {
  const byUrl = [...text.matchAll(/new URL\(\s*'(\.[^']+\.ts)',\s*import\.meta\.url/g)].map((match) => match[1] ?? '');
  return {
    path,
    text,
    lines: text.split('\n').length - 1,
    imports: [...ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName), ...byUrl],
    tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
  };
}

/** The files of src/ a file imports, by path. */
function localImports(file: SourceFile): readonly string[] {
  return file.imports
    .filter((name) => name.startsWith('.'))
    .map((name) =>
      relative(repository, resolve(repository, dirname(file.path), name))
        .split(sep)
        .join('/'),
    );
}

/** `src/stores/registry/client.ts` is in layer `stores`, room `stores/registry`. */
function placeOf(path: string): { readonly layer: string; readonly room: string } {
  const [layer = '', inner = ''] = path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/');
  return { layer, room: DIVIDED.has(layer) ? `${layer}/${inner}` : layer };
}

function heightOf(layer: string): number {
  return LAYERS.findIndex((layers) => layers.includes(layer));
}

function layerViolations(file: SourceFile): readonly string[] {
  const from = placeOf(file.path);
  if (heightOf(from.layer) === -1) return [`${file.path} is in no layer`];
  return localImports(file).flatMap((target) => {
    const to = placeOf(target);
    const isAllowed = from.room === to.room || (target.startsWith('src/') && heightOf(to.layer) < heightOf(from.layer));
    return isAllowed ? [] : [`${file.path} imports ${target}`];
  });
}

function moduleViolations(file: SourceFile): readonly string[] {
  const { layer } = placeOf(file.path);
  return file.imports
    .filter((name) => (PURE.has(layer) && DISK.test(name)) || (OFFLINE.has(layer) && NETWORK.test(name)))
    .map((name) => `${file.path} imports ${name}`);
}

function httpViolations(file: SourceFile): readonly string[] {
  if (file.path.startsWith('src/base/http/')) return [];
  return localImports(file)
    .filter((target) => /^src\/base\/http\/(.+)\.ts$/.test(target))
    .filter((target) => !HTTP_SURFACE.has(target.slice('src/base/http/'.length, -'.ts'.length)))
    .map((target) => `${file.path} imports ${target}`);
}

/** Circles of imports, each written as the path it takes. */
function findCycles(files: ReadonlyMap<string, SourceFile>): readonly string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    const file = files.get(path);
    if (file === undefined || done.has(path)) return;
    for (const next of localImports(file)) visit(next, [...trail, path]);
    done.add(path);
  }
  for (const path of files.keys()) visit(path, []);
  return cycles;
}

/** Whether it asks an error for its `code` by itself, instead of `systemCode` and `nodeCode`. */
function looksAtCodes(file: SourceFile): boolean {
  return /'code' in |NodeJS\.ErrnoException/.test(file.text);
}

/** Whether it calls the parser of JSON by itself, instead of `parseJson`. */
function parsesJson(file: SourceFile): boolean {
  return /\bJSON\s*\.\s*parse\b|\.json\(\)/.test(file.text);
}

function isReExport(statement: ts.Statement): boolean {
  return ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined;
}

function isBarrel(file: SourceFile): boolean {
  const { statements } = file.tree;
  const exportsAll = statements.some(
    (each) => isReExport(each) && (each as ts.ExportDeclaration).exportClause === undefined,
  );
  return exportsAll || (statements.length > 0 && statements.every(isReExport)) || file.path.endsWith('/index.ts');
}

function hasDefaultExport(file: SourceFile): boolean {
  return file.tree.statements.some(
    (statement) =>
      ts.isExportAssignment(statement) ||
      (ts.canHaveModifiers(statement) &&
        (ts.getModifiers(statement) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword)) ||
      (ts.isExportDeclaration(statement) &&
        statement.exportClause !== undefined &&
        ts.isNamedExports(statement.exportClause) &&
        statement.exportClause.elements.some((element) => element.name.text === 'default')),
  );
}

describe('src', () => {
  test('a folder stays small enough to take in at a glance', () => {
    const folders = Map.groupBy(sources, (file) => dirname(file.path));
    const crowded = [...folders].filter(([, files]) => files.length > MAX_FILES);
    expect(crowded.map(([folder, files]) => `${folder}: ${files.length} files`)).toEqual([]);
  });

  test('imports go down the layers, and siblings do not know each other', () => {
    expect(sources.flatMap(layerViolations)).toEqual([]);
  });

  test('the HTTP client is used by its surface, and knows nothing of registries', () => {
    expect(sources.flatMap(httpViolations)).toEqual([]);
    const inside = sources.filter((file) => file.path.startsWith('src/base/http/'));
    expect(inside.length).toBeGreaterThan(10);
    const texts = inside.map((file) => ({
      path: file.path,
      words: /[^\n]*\b(?:registr(?:y|ies)|manifest)\b[^\n]*/i.exec(file.text)?.[0],
    }));
    // The one example in the comment of a field that holds the peer's name.
    const allowed = /such as `the registry`/;
    expect(texts.filter(({ words }) => words !== undefined && !allowed.test(words))).toEqual([]);
  });

  test('every import names a file that is there', () => {
    const missing = sources.flatMap((file) =>
      localImports(file)
        .filter((target) => !byPath.has(target))
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test('no imports go round in a circle', () => {
    expect(findCycles(byPath)).toEqual([]);
  });

  test('what describes touches no disk, and what proves has no network', () => {
    expect(sources.flatMap(moduleViolations)).toEqual([]);
  });

  test('only the public API re-exports, and nothing is a default export', () => {
    const others = sources.filter((file) => file.path !== 'src/index.ts');
    expect(others.filter(isBarrel).map((file) => file.path)).toEqual([]);
    expect(sources.filter(hasDefaultExport).map((file) => file.path)).toEqual([]);
  });

  test('errors of the system are looked at in one place', () => {
    expect(sources.filter(looksAtCodes).map((file) => file.path)).toEqual(['src/errors.ts']);
  });

  test('JSON is parsed in one place, under limits', () => {
    expect(sources.filter(parsesJson).map((file) => file.path)).toEqual(['src/base/json/parse-json.ts']);
  });

  test('each file says in its first line what it is', () => {
    expect(sources.filter((file) => !file.text.startsWith('/**')).map((file) => file.path)).toEqual([]);
  });
});

test('files stay short', () => {
  // A test file may list many cases; what it tests may not.
  const folders = ['src', 'bench', 'scripts'].filter((folder) => existsSync(join(repository, folder)));
  const all = folders.flatMap(readTree);
  expect(all.filter((file) => file.lines > MAX_LINES).map((file) => `${file.path}: ${file.lines} lines`)).toEqual([]);
});

test('the top level holds what a visitor expects', () => {
  const entries = readdirSync(repository).filter((name) => !name.startsWith('.') && !TOP_LEVEL.has(name));
  expect(entries).toEqual([]);
});

describe('these rules can fail', () => {
  const source = (path: string, text: string): SourceFile => parseSource(path, text);

  test.each([
    ['src/oci/a.ts', `import { b } from '../content/b.ts';`],
    ['src/errors.ts', `import type { A } from './oci/a.ts';`],
    ['src/trust/a.ts', `import { b } from '../archive/b.ts';`],
    ['src/base/a.ts', `import { b } from '../oci/b.ts';`],
    ['src/stores/memory.ts', `export { b } from './layout.ts';`],
    ['src/stores/layout/a.ts', `import { b } from '../registry/client.ts';`],
    ['src/archive/a.ts', `new Worker(new URL('../operations/worker.ts', import.meta.url));`],
    ['src/cli/main.ts', `import { b } from '../../test/b.ts';`],
    ['src/utils/a.ts', ``],
  ])('%s: %s', (path, text) => {
    expect(layerViolations(source(path, text))).toHaveLength(1);
  });

  test('the inside of the HTTP client is out of reach', () => {
    const inside = `import { a } from '../../base/http/fast/upload.ts'; import { b } from '../../base/http/general-path.ts';`;
    expect(httpViolations(source('src/stores/registry/a.ts', inside))).toHaveLength(2);
    const surface = `import { a } from '../../base/http/client.ts'; import type { B } from '../../base/http/answer.ts';`;
    expect(httpViolations(source('src/stores/registry/a.ts', surface))).toEqual([]);
  });

  test('and what is allowed passes', () => {
    const allowed = `import { a } from '../../errors.ts'; import { b } from './b.ts'; import type { C } from '../../content/c.ts';`;
    expect(layerViolations(source('src/stores/registry/a.ts', allowed))).toEqual([]);
    const operation = `import { a } from '../stores/registry/a.ts'; import { b } from '../trust/b.ts';`;
    expect(layerViolations(source('src/operations/build/build.ts', operation))).toEqual([]);
  });

  test('a circle is found, of types too', () => {
    const files = [
      source('src/oci/a.ts', `import { b } from './b.ts';`),
      source('src/oci/b.ts', `import { c } from './c.ts';`),
      source('src/oci/c.ts', `import type { B } from './b.ts';`),
    ];
    const cycles = findCycles(new Map(files.map((file) => [file.path, file])));
    expect(cycles).toEqual(['src/oci/b.ts → src/oci/c.ts → src/oci/b.ts']);
  });

  test('a file that looks at errors of the system by itself is found', () => {
    expect(looksAtCodes(source('src/oci/a.ts', `if ('code' in error && error.code === 'ENOENT') f();`))).toBe(true);
    expect(looksAtCodes(source('src/oci/a.ts', `const g = (error: NodeJS.ErrnoException) => error.code;`))).toBe(true);
    expect(looksAtCodes(source('src/oci/a.ts', `if (systemCode(error) === 'ENOENT') f();`))).toBe(false);
  });

  test('a file that parses JSON by itself is found', () => {
    expect(parsesJson(source('src/oci/a.ts', `const a = JSON.parse(text);`))).toBe(true);
    expect(parsesJson(source('src/oci/a.ts', `const a = await response.json();`))).toBe(true);
    expect(parsesJson(source('src/oci/a.ts', `const a = parseJson(text, limits);`))).toBe(false);
  });

  test('a network module, a barrel and default exports are found', () => {
    expect(moduleViolations(source('src/archive/a.ts', `import { fetch } from 'undici';`))).toHaveLength(1);
    expect(moduleViolations(source('src/oci/a.ts', `import { readFile } from 'node:fs/promises';`))).toHaveLength(1);
    expect(isBarrel(source('src/oci/all.ts', `export * from './a.ts';\nconst a = 1;`))).toBe(true);
    expect(isBarrel(source('src/oci/all.ts', `export { a } from './a.ts';`))).toBe(true);
    expect(hasDefaultExport(source('src/oci/a.ts', `export default function a() {}`))).toBe(true);
    expect(hasDefaultExport(source('src/oci/a.ts', `const a = 1; export { a as default };`))).toBe(true);
    expect(hasDefaultExport(source('src/oci/a.ts', `const a = 1; export default a;`))).toBe(true);
  });
});
