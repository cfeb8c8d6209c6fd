/**
 * What the one file that travels in every archive can do at all: a program cannot do by mistake what none of its modules
 * can. Taken from the bundler, which follows every import, dynamic ones included.
 */
import { build } from 'esbuild';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Modules and packages that start programs. */
const PROGRAMS = /^(node:)?(child_process|cluster)$/;
/** Modules and packages that open connections or look up names. */
const NETWORK = /^((node:)?(net|tls|http|https|http2|dgram|dns|dns\/promises)|undici|dockerode|ssh2|@grpc\/.*|@sigstore\/(tuf|sign)|sigstore|tuf-js|make-fetch-happen|@aws-sdk\/.*)$/; // prettier-ignore
/** Modules that run what is not in the file. */
const FOREIGN_CODE = /^(node:)?(vm|inspector|module|repl|wasi)$/;

/** What the far side needs. Verbs of the connected side, the embedded registry, rendering and signing services are not. */
const ROOMS = [
  ...['archive/hashing', 'archive/inventory', 'archive/layout', 'archive/partial', 'archive/reader'],
  ...['archive/parts', 'archive/source', 'archive/verification'],
  ...[
    'base',
    'base/files',
    'base/http',
    'base/http/fast',
    'base/http/upgrade',
    'base/json',
    'base/programs',
    'base/schemas',
    'base/slots',
    'base/tar',
  ],
  ...[
    'cli',
    'cli/commands',
    'cli/commands/audit',
    'cli/commands/cluster',
    'cli/commands/credentials',
    'cli/inputs',
    'cli/options',
    'cli/output',
  ],
  ...[
    'kubernetes/charts',
    'kubernetes/resources',
    'kubernetes/discovery',
    'kubernetes/relocation',
    'kubernetes/staging',
  ],
  ...['kubernetes/cluster', 'kubernetes/cluster/access', 'kubernetes/cluster/readiness'],
  ...[
    'compliance',
    'compliance/rules',
    'compliance/site',
    'operations/diagnosis',
    'content',
    'oci',
    'operations',
    'operations/load',
    'operations/deploy',
    'operations/deploy/rollback',
    'operations/deploy/steps',
    'report/deployments',
  ],
  ...[
    'release/deployment',
    'release/mapping',
    'release/policy',
    'report',
    'report/loads',
    'site',
    'site/audit',
    'site/receipts',
  ],
  ...['stores', 'stores/docker', 'stores/layout'],
  ...['stores/registry', 'stores/registry/auth', 'stores/registry/blobs', 'stores/registry/manifests'],
  ...['trust/documents', 'trust/evidence', 'trust/keys', 'trust/provenance', 'trust/rollback', 'trust/signatures'],
  'trust/signing',
];
const VERBS = ['extract.ts', 'inspect.ts', 'login.ts'];

/** Each file of the product that is reached, with what it imports: files, modules of Node, packages. */
type Closure = ReadonlyMap<string, readonly string[]>;

async function closureOf(entry: string): Promise<Closure> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}`],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    metafile: true,
    write: false,
    outdir: 'unused',
    logLevel: 'silent',
    define: { AIRGAP_HASH_WORKER: '""' },
  });
  return new Map(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [
      path.replace(/^src\//, ''),
      imports.map((imported) => imported.path.replace(/^src\//, '')),
    ]),
  );
}

function importersOf(closure: Closure, modules: RegExp): readonly string[] {
  return [...closure]
    .filter(([, imports]) => imports.some((name) => modules.test(name)))
    .map(([path]) => path)
    .sort();
}

describe('the closure of verify-and-load', () => {
  let closure: Closure;
  beforeAll(async () => {
    closure = await closureOf('cli/verify-and-load.ts');
  });

  test('holds the rooms of the secure side and no others', () => {
    const reached = new Set([...closure.keys()].map((path) => dirname(path)).filter((room) => room !== '.'));
    expect([...reached].filter((room) => !ROOMS.includes(room))).toEqual([]);
    const verbs = [...closure.keys()].filter((path) => dirname(path) === 'operations');
    expect(verbs.map((path) => path.replace('operations/', '')).sort()).toEqual(VERBS);
  });

  test('starts no program but those that the operator has configured to give credentials', () => {
    expect(importersOf(closure, PROGRAMS)).toEqual(['base/programs/run-program.ts']);
    expect(importersOf(closure, /^base\/programs\//)).toEqual([
      'kubernetes/cluster/access/user-credentials.ts',
      'stores/registry/auth/credential-helper.ts',
    ]);
  });

  test('opens connections to targets alone: through the HTTP client, and to a Docker Engine', () => {
    const strangers = importersOf(closure, NETWORK).filter((path) => !path.startsWith('base/http/'));
    expect(strangers).toEqual(['stores/docker/engine.ts']);
    const clients = [...closure].filter(
      ([path, imports]) => path.startsWith('base/http/') && imports.includes('undici'),
    );
    expect(clients).toHaveLength(1);
  });

  test('runs no code from elsewhere', () => {
    expect(importersOf(closure, FOREIGN_CODE)).toEqual([]);
  });
});

test('what decides and keeps the order at the site can open no connection and start no program', async () => {
  const closure = await closureOf('site/admitted-release.ts');
  expect(closure.size).toBeGreaterThan(50);
  expect(importersOf(closure, PROGRAMS)).toEqual([]);
  expect(importersOf(closure, NETWORK)).toEqual([]);
  expect([...closure.keys()].filter((path) => /^(stores|server|operations|report|cli)\//.test(path))).toEqual([]);
});

test('these rules can fail: the connected side reaches what they forbid', async () => {
  const closure = await closureOf('cli/main.ts');
  expect(importersOf(closure, /^base\/programs\//).length).toBeGreaterThan(1);
  expect(importersOf(closure, NETWORK)).toContain('server/embedded-registry.ts');
  expect([...closure.keys()].some((path) => path.startsWith('server/'))).toBe(true);
});
