/** What npm packs is what an installed package promises: the program, the library with its types, the default release. */
import { cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry, type EmbeddedRegistry } from '../src/server/embedded-registry.ts';
import { run, runOk } from './helpers/run.ts';
import { makeTempDir, type TempDir } from './helpers/temp.ts';
import { toolPath } from './helpers/tools.ts';

const repository = fileURLToPath(new URL('..', import.meta.url));
const MADE_BY_TOOLS = new Set(['node_modules', 'dist', 'coverage', '.git', '.tools']);

let temp: TempDir & AsyncDisposable;
/** Paths within the package. */
let packed: readonly string[];
/** Where the package is installed, as npm would. */
let installed: string;
const modules = (...names: string[]): string => temp.join('app', 'node_modules', ...names);

/** Has a sample for every image of the default release, made once for all. */
let vendor: EmbeddedRegistry;

/** Packs a copy: packing builds, and other tests run what is built here. */
beforeAll(async () => {
  temp = await makeTempDir();
  vendor = await startRegistry({ directory: temp.join('vendor') });
  const copy = temp.join('copy');
  const isSource = (path: string): boolean => !MADE_BY_TOOLS.has(path.slice(repository.length).split('/')[0] ?? '');
  await cp(repository, copy, { recursive: true, filter: isSource });
  await symlink(join(repository, 'node_modules'), join(copy, 'node_modules'));
  const env = {
    npm_config_offline: 'true',
    npm_config_ignore_scripts: 'false',
    npm_config_update_notifier: 'false',
    npm_config_cache: temp.join('cache'),
    PATH: `${dirname(process.execPath)}:${join(repository, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
  };
  const { stdout } = await runOk(toolPath('npm'), ['pack', '--json', '--silent'], { cwd: copy, env });
  const json = JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Readonly<Record<string, PackReport>>;
  const [report] = Object.values(json);
  packed = report?.files.map(({ path }) => path) ?? [];
  installed = modules('hexabase-airgap');
  await mkdir(installed, { recursive: true });
  await runOk('tar', ['-xzf', join(copy, report?.filename ?? ''), '-C', installed, '--strip-components=1']);
  const program = [join(installed, 'dist', 'airgap.mjs'), 'sample-images', join(installed, 'release.yaml')];
  await runOk(process.execPath, [...program, '--to', `docker://${vendor.host}`], { cwd: temp.path });
});
afterAll(async () => {
  await vendor[Symbol.asyncDispose]();
  await temp[Symbol.asyncDispose]();
});

interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

test('everything that package.json names is there, and nothing of the workshop', async () => {
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
  };
  const exported = Object.values(manifest.exports).flatMap((conditions) => Object.values(conditions));
  const promised = [...Object.values(manifest.bin), ...exported];
  expect(promised.length).toBeGreaterThanOrEqual(3);
  for (const path of promised) expect((await stat(join(installed, path))).isFile()).toBe(true);
  for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'docs/format.md']) expect(packed).toContain(path);
  const top = new Set(packed.map((path) => path.split('/')[0]));
  for (const folder of ['src', 'test', 'bench', 'scripts', 'node_modules', '.tools']) expect(top).not.toContain(folder);
});

test('the program runs as npm links it, and needs no other package', async () => {
  const bin = temp.join('app', 'airgap');
  await symlink(join(installed, 'dist', 'airgap.mjs'), bin);
  const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
  const { stdout } = await runOk(bin, ['--version'], { cwd: temp.path, env: { PATH } });
  expect(stdout).toMatch(/^0\.1\.0\b/);
});

test('the default release can be resolved and built from where the package lies', async () => {
  const release = join(installed, 'release.yaml');
  const env = { AIRGAP_PASSPHRASE: 'correct horse', NO_COLOR: '1' };
  const airgap = async (...args: string[]): Promise<string> => {
    const script = join(installed, 'dist', 'airgap.mjs');
    return (await runOk(process.execPath, [script, ...args], { cwd: temp.path, env })).stdout;
  };
  await airgap('keys', 'generate', '--output', 'release');
  const output = temp.join('hexabase.tar');
  const mirror = ['--mirror', `registry.hexabase.ai=${vendor.host}`];
  await airgap(
    'build',
    release,
    ...mirror,
    '--lock',
    temp.join('lock.json'),
    '--key',
    'release.key',
    '--output',
    output,
  );
  expect(await airgap('verify', output, '--key', 'release.pub')).toContain('verified: hexabase');
});

test('the programs of docs/api.md compile against the package, and do what they say', async () => {
  await symlink(join(repository, 'node_modules', 'zod'), modules('zod'));
  await mkdir(modules('@types'));
  await symlink(join(repository, 'node_modules', '@types', 'node'), modules('@types', 'node'));
  await symlink(join(repository, 'node_modules', 'undici-types'), modules('undici-types'));
  await writeFile(temp.join('app', 'package.json'), '{ "type": "module" }');
  const page = await readFile(join(installed, 'docs', 'api.md'), 'utf8');
  const programs = [...page.matchAll(/^```ts ([a-z]+\.ts)\n(.*?)^```$/gms)].map(([, name = '', text = '']) => ({
    name,
    text,
  }));
  expect(programs.map(({ name }) => name)).toEqual(['build.ts', 'load.ts', 'deploy.ts', 'inventory.ts']);
  for (const { name, text } of programs) await writeFile(temp.join('app', name), text);
  await writeFile(
    temp.join('app', 'wrong.ts'),
    `import { inspectArchive } from 'hexabase-airgap';
     // @ts-expect-error it wants to know what
     void inspectArchive();\n`,
  );
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,esnext.disposable', '--types', 'node', '--skipLibCheck']; // prettier-ignore
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  const files = [...programs.map(({ name }) => name), 'wrong.ts'];
  const compiled = await run(process.execPath, [tsc, ...options, ...files], { cwd: temp.join('app') });
  expect([compiled.stdout, compiled.exitCode]).toEqual(['', 0]);

  await using site = await startRegistry({ directory: temp.join('site') });
  const release = join(installed, 'release.yaml');
  const program = async (name: string, ...args: readonly string[]): Promise<string> => {
    const env = { AIRGAP_PASSPHRASE: 'correct horse', PATH: process.env['PATH'] ?? '' };
    return (await runOk(process.execPath, [name, ...args], { cwd: temp.join('app'), env })).stdout;
  };
  const airgap = join(installed, 'dist', 'airgap.mjs');
  await program(airgap, 'keys', 'generate', '--output', 'release');
  const built = await program('build.ts', release, 'release.key', `registry.hexabase.ai=${vendor.host}`);
  const [archive = '', digest = ''] = built.trim().split(' ');
  expect(await program('inventory.ts', archive)).toContain('registry.hexabase.ai/hexabase/control-plane:1.5.0');
  const loaded = await program('load.ts', archive, 'release.pub', `docker://${site.host}`);
  expect(loaded).toContain(digest);
  expect(loaded).toContain('payload verified');
  expect(await program('load.ts', archive, 'release.pub', `docker://${site.host}`)).toContain('payload not read');
  await program(airgap, 'keys', 'generate', '--output', 'stranger');
  const refused = await run(process.execPath, ['load.ts', archive, 'stranger.pub', `docker://${site.host}`], {
    cwd: temp.join('app'),
  });
  expect([refused.exitCode, refused.stderr.split(':')[0]]).toEqual([3, 'UNTRUSTED_SIGNER']);
  const alone = await run(process.execPath, ['deploy.ts', archive, 'release.pub', `docker://${site.host}`], {
    cwd: temp.join('app'),
    env: { HOME: temp.path, KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '' },
  });
  expect([alone.exitCode, alone.stderr]).toEqual([2, expect.stringContaining('kubeconfig')]);
});
