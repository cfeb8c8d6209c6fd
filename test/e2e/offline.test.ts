/** The secure side speaks to the target it was given and to nobody else: every connection that is tried is recorded. */
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test as declare } from 'vitest';
import { openNetworkNamespace, traceConnects, type NetworkNamespace } from '../helpers/network-namespace.ts';
import { startProcess, type RunningProcess } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { mountTmpfs } from '../helpers/tmpfs.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { programCommand, programEnvironment, type ProgramName } from './support/program.ts';

const PORT = 5000;
const TIMEOUT_MS = 400_000;
const hasStrace = requireTool('strace') !== undefined;
const test = declare.skipIf(!hasStrace);
const fixture = useBuiltRelease();
let namespace: NetworkNamespace;
let registry: RunningProcess;

beforeAll(async () => {
  namespace = await openNetworkNamespace();
  const args = ['registry', fixture.folder(), '--listen', `127.0.0.1:${PORT}`];
  registry = await startProcess(...namespace.wrap(...programCommand('airgap', args)), { env: programEnvironment() });
  await registry.waitUntil('the registry listened', () => registry.stdout.includes(`127.0.0.1:${PORT}`));
});
afterAll(async () => {
  await registry.stop();
  await namespace.close();
});

/** Runs a program inside the namespace, with every address it tries to reach. */
async function traced(name: ProgramName, args: readonly string[], cwd = fixture.temp.path) {
  const [command, full] = programCommand(name, args);
  const result = await traceConnects(command, full, {
    namespace,
    cwd,
    env: programEnvironment(),
    timeoutMs: TIMEOUT_MS,
  });
  expect([args[0], result.exitCode, result.exitCode === 0 ? '' : result.stderr]).toEqual([args[0], 0, '']);
  return { ...result, reached: [...new Set(result.targets.map(({ address, port }) => `${address}:${port}`))] };
}

test(
  'the trap works: a name that is looked up and a connection that is tried are seen',
  { timeout: TIMEOUT_MS },
  async () => {
    const script = `
    require('node:dns').setServers(['192.0.2.53']);
    require('node:dns').resolve4('example.com', () => {});
    require('node:net').connect(443, '192.0.2.1').on('error', () => process.exit(0));
  `;
    const { targets } = await traceConnects(process.execPath, ['-e', script], { namespace });
    expect(targets).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ address: '192.0.2.1', port: 443, isLocal: false }),
        expect.objectContaining({ address: '192.0.2.53', port: 53, isLocal: false }),
      ]),
    );
  },
);

describe.each(['airgap', 'verify-and-load'] satisfies ProgramName[])('%s', (name) => {
  const verify = (path: string): string[] => [...(name === 'airgap' ? ['verify'] : []), path, '--key', fixture.pub];

  test('verifying reaches nothing at all', { timeout: TIMEOUT_MS }, async () => {
    const { stdout, reached } = await traced(name, verify(fixture.archive));
    expect(stdout).toContain('verified: sample 1.2.3');
    expect(reached).toEqual([]);
  });

  test('loading reaches the given registry and nothing else', { timeout: TIMEOUT_MS }, async () => {
    const to = ['--to', `docker://127.0.0.1:${PORT}/${name}`, '--report', fixture.folder()];
    const args = name === 'airgap' ? ['load', fixture.archive, '--key', fixture.pub] : verify(fixture.archive);
    const first = await traced(name, [...args, ...to]);
    expect(first.stdout).toContain('loaded sample 1.2.3');
    expect(first.reached).toEqual([`127.0.0.1:${PORT}`]);
    const second = await traced(name, [...args, ...to]);
    expect(second.stdout).toContain('nothing had to move');
    expect(second.reached).toEqual([`127.0.0.1:${PORT}`]);
  });
});

test('loading into directories, inspecting and extracting reach nothing', { timeout: TIMEOUT_MS }, async () => {
  const report = ['--report', fixture.folder()];
  const key = ['--key', fixture.pub];
  for (const args of [
    ['load', fixture.archive, ...key, '--to', `oci:${fixture.folder()}`, ...report],
    ['load', fixture.archive, ...key, '--to', `dir:${fixture.folder()}`, ...report],
    ['inspect', fixture.archive],
    ['extract', fixture.archive, fixture.folder(), ...key],
  ]) {
    expect([args[0], (await traced('airgap', args)).reached]).toEqual([args[0], []]);
  }
});

test('a read-only medium will do: nothing is written beside the archive', { timeout: TIMEOUT_MS }, async () => {
  await using medium = await mountTmpfs({ maxBytes: 32 * 1024 * 1024 });
  const archive = `${medium.path}/sample.tar`;
  await copyFile(fixture.archive, archive);
  await copyFile(fixture.pub, `${medium.path}/release.pub`);
  await runOk('tar', ['xf', archive, '-C', medium.path, 'install']);
  await runOk('chmod', ['-R', 'a-w', medium.path]);
  await runOk('mount', ['-o', 'remount,ro', medium.path]);
  await expect(writeFile(`${medium.path}/x`, '')).rejects.toMatchObject({ code: 'EROFS' });
  const before = await readdir(medium.path);
  const { reached } = await traced('verify-and-load', [archive, '--key', fixture.pub], medium.path);
  expect(reached).toEqual([]);
  // The tool that travels in the archive, started from the medium itself.
  const tool = `${medium.path}/install/verify-and-load.mjs`;
  const args = [archive, '--key', `${medium.path}/release.pub`];
  const to = ['--to', `docker://127.0.0.1:${PORT}/medium`, '--report', fixture.folder()];
  const loaded = await traceConnects(process.execPath, [tool, ...args, ...to], {
    namespace,
    cwd: medium.path,
    env: programEnvironment(),
  });
  expect([loaded.exitCode, loaded.stdout]).toEqual([0, expect.stringContaining('loaded sample 1.2.3')]);
  expect([...new Set(loaded.targets.map(({ address, port }) => `${address}:${port}`))]).toEqual([`127.0.0.1:${PORT}`]);
  expect(await readdir(medium.path)).toEqual(before);
});

test(
  'hosts that images are named after are not asked, though every name is shown',
  { timeout: TIMEOUT_MS },
  async () => {
    const registry = `127.0.0.1:${PORT}`;
    const plan = ['--key', fixture.pub, '--to', `docker://${registry}/named`, '--plan'];
    for (const [name, args, reached] of [
      ['airgap', ['inspect', fixture.archive], []],
      ['verify-and-load', [fixture.archive, '--inspect'], []],
      ['airgap', ['load', fixture.archive, ...plan], [registry]],
      ['verify-and-load', [fixture.archive, ...plan], [registry]],
    ] as const) {
      const result = await traced(name, args);
      expect(result.stdout).toContain(`${fixture.source.host}/team/app:1.0`);
      expect([name, args, result.reached]).toEqual([name, args, reached]);
    }
  },
);
