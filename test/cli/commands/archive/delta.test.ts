/** The life of a delta in commands: built on what a site has, verified, loaded with a state and a log, joined. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AIRGAP } from '../../../../src/cli/airgap.ts';
import { VERIFY_AND_LOAD } from '../../../../src/cli/verify-and-load-program.ts';
import { MediaType } from '../../../../src/oci/media-types.ts';
import { VerifyReport } from '../../../../src/report/verify-report.ts';
import { startRegistry, type EmbeddedRegistry } from '../../../../src/server/embedded-registry.ts';
import { startDockerRegistry, type DockerRegistry } from '../../../helpers/docker-registry.ts';
import { runInside } from '../../../helpers/in-process.ts';
import { TEST_PASSPHRASE, writeKeyFiles, type KeyFiles } from '../../../helpers/key-files.ts';
import { pushSample } from '../../../helpers/push-sample.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { makeLayer } from '../../../helpers/sample-layer.ts';
import { makeTempDir, type TempDir } from '../../../helpers/temp.ts';
import type { ProcessResult } from '../../../helpers/process.ts';

let temp: TempDir & AsyncDisposable;
let source: EmbeddedRegistry;
let target: DockerRegistry;
let keys: KeyFiles;

/** A real registry gives OCI manifests to those alone who ask for them. */
const ASK = { method: 'HEAD', headers: { accept: MediaType.manifest } };

const run = (...args: readonly string[]): Promise<ProcessResult> =>
  runInside(AIRGAP, args, { env: { AIRGAP_PASSPHRASE: TEST_PASSPHRASE } });
const tool = (...args: readonly string[]): Promise<ProcessResult> => runInside(VERIFY_AND_LOAD, args);
const ok = async (...args: readonly string[]): Promise<ProcessResult> => {
  const result = await run(...args);
  expect(result).toMatchObject({ exitCode: 0 });
  return result;
};
const at = (name: string): string => temp.join(name);

beforeAll(async () => {
  temp = await makeTempDir();
  source = await startRegistry({ directory: at('source') });
  target = await startDockerRegistry();
  keys = await writeKeyFiles(at('release'), 'ed25519');
  const base = makeLayer({ 'etc/os-release': 'ID=sample\n' });
  const imageOf = (name: string, version: string) =>
    makeImage({ layers: [base, makeLayer({ [`bin/${name}`]: `${name} ${version}\n` })] });
  for (const [version, sequence] of [
    ['1.0.0', 1],
    ['1.1.0', 2],
  ] as const) {
    // One image is built again, and a new one is made of the layers of another.
    const names = version === '1.0.0' ? ['app', 'db'] : ['app', 'db', 'ui'];
    for (const name of names) {
      const image = name === 'app' ? imageOf(name, version) : imageOf('db', '1.0.0');
      await pushSample(source.url, `team/${name}`, image, [version]);
    }
    const images = names.map((name) => `'${source.host}/team/${name}:${version}'`).join(', ');
    await writeFile(at(`${version}.yaml`), `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '${version}'
sequence: ${sequence}
created: '2026-01-31T12:00:00Z'
platforms: [linux/amd64]
components: [{ name: all, images: [${images}] }]
`); // prettier-ignore
    const files = ['--lock', at(`${version}.lock.json`), '--output', at(`${version}.tar`)];
    await ok('build', at(`${version}.yaml`), '--key', keys.key, ...files);
  }
});
afterAll(async () => {
  await source.close();
  await target.stop();
  await temp[Symbol.asyncDispose]();
});

// One test after the other: each step stands on the one before, as it does for people.
describe('a delta', () => {
  test('is built on an archive, says what it costs, and writes the inventory beside it', async () => {
    const { stdout, stderr } = await ok(
      ...['build', at('1.1.0.lock.json'), '--key', keys.key, '--base', at('1.0.0.tar')],
      ...['--output', at(''), '--inventory', at('1.1.0.inventory.json')],
    );
    expect(stderr).toContain('delta: 2 layers left out');
    expect(stderr).toMatch(/[0-9]+ B are read from the bases at hand, to be hashed for checksums\.txt/);
    expect(stderr).not.toContain('are pulled');
    expect(stdout).toContain(`${at('demo-offline-1.1.0.delta.tar')}\n`);
    expect(stdout).toMatch(
      /^ {2}delta {4}2 layers left out \(.*\), which a site has from demo 1\.0\.0, of .* in all$/m,
    );
    const inspected = await ok('inspect', at('1.1.0.tar'), '--inventory', at('same.json'), '--json');
    expect(await readFile(at('1.1.0.inventory.json'), 'utf8')).toBe(await readFile(at('same.json'), 'utf8'));
    expect(JSON.parse(inspected.stdout)).not.toHaveProperty('delta');
  });

  test('is built the same on an inventory, where what is left out is pulled again', async () => {
    await ok('inspect', at('1.0.0.tar'), '--inventory', at('1.0.0.json'));
    const files = ['--base', at('1.0.0.json'), '--output', at('again.tar')];
    const { stderr } = await ok('build', at('1.1.0.lock.json'), '--key', keys.key, ...files);
    expect(stderr).toMatch(/are pulled to be hashed for checksums\.txt, and not kept/);
    expect((await readFile(at('again.tar'))).equals(await readFile(at('demo-offline-1.1.0.delta.tar')))).toBe(true);
  });

  test('is not built on a lock, which does not say what was shipped', async () => {
    const files = ['--base', at('1.0.0.lock.json'), '--output', at('never.tar')];
    const { exitCode, stderr } = await run('build', at('1.1.0.lock.json'), '--key', keys.key, ...files);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--inventory') as string,
    });
  });

  test('is inspected and compared like the release that it is', async () => {
    const delta = at('demo-offline-1.1.0.delta.tar');
    expect((await ok('inspect', delta)).stdout).toContain('  delta     2 layers left out');
    const same = await ok('diff', at('1.1.0.tar'), delta, '--json');
    expect(JSON.parse(same.stdout)).toMatchObject({ same: true });
  });

  test('is verified by what it carries, and says what that leaves for the load', async () => {
    const delta = at('demo-offline-1.1.0.delta.tar');
    const { stdout } = await ok('verify', delta, '--key', keys.pub);
    expect(stdout).toContain('  left out  2 layers not verified here: a load asks the target for them first');
    const whole = await ok('verify', delta, '--key', keys.pub, '--base', at('1.0.0.tar'));
    expect(whole.stdout).toContain('  bases     2 layers of that with the declared digest');
    expect(whole.stdout).not.toContain('left out  ');
    const report = await tool(delta, '--key', keys.pub, '--base', at('1.0.0.tar'), '--json');
    const full = JSON.parse((await ok('verify', at('1.1.0.tar'), '--key', keys.pub, '--json')).stdout) as VerifyReport;
    expect(VerifyReport.parse(JSON.parse(report.stdout))).toMatchObject({
      verdict: 'verified',
      digest: full.digest,
      release: full.release,
      delta: { omitted: 2, bases: [{ name: 'demo', version: '1.0.0' }] },
      verified: { base: { contents: 2 } },
    });
    const piped = await runInside(AIRGAP, ['verify', '-', '--key', keys.pub], { input: await readFile(delta) });
    expect(piped.stdout).toContain('  left out  2 layers');
  });

  test('is loaded where its base is and nowhere else, and what is missing is listed before anything moves', async () => {
    const delta = at('demo-offline-1.1.0.delta.tar');
    const load = [delta, '--key', keys.pub, '--to', `docker://${target.host}`, '--state', at('state'), '--report', at('reports')]; // prettier-ignore
    const refused = await tool(...load);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain(`docker://${target.host} lacks 2 layer(s)`);
    expect(refused.stderr.match(/^ +sha256:[0-9a-f]{64} \([0-9]+ bytes\) of demo 1\.0\.0$/gm)).toHaveLength(2);
    expect(refused.stderr).toContain('load demo 1.0.0 there first');
    expect(await (await fetch(`http://${target.host}/v2/_catalog`)).json()).toEqual({ repositories: [] });
    const base = [at('1.0.0.tar'), ...load.slice(1)];
    expect(await tool(...base)).toMatchObject({ exitCode: 0 });
    const loaded = await tool(...load, '--verify-base', '--json');
    expect(loaded).toMatchObject({ exitCode: 0 });
    // What the new image needs is in the repository of another, and moves within the registry.
    expect(JSON.parse(loaded.stdout)).toMatchObject({ mounted: 3 });
    for (const name of ['app', 'db', 'ui']) {
      const [here, there] = [
        await fetch(`${source.url}/v2/team/${name}/manifests/1.1.0`, ASK),
        await fetch(`http://${target.host}/v2/${source.host.replace(':', '_')}/team/${name}/manifests/1.1.0`, ASK),
      ]; // prettier-ignore
      expect(there.headers.get('docker-content-digest')).toBe(here.headers.get('docker-content-digest'));
    }
    // The site remembers the release, whichever file it came in.
    const older = await tool(...base);
    expect(older).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('1.0.0') as string });
    const again = await tool(at('1.1.0.tar'), ...load.slice(1), '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ payload: 'not read' });
  });

  test('is handed over as whole tarballs with its base at hand alone', async () => {
    const delta = at('demo-offline-1.1.0.delta.tar');
    const load = (to: string, ...more: readonly string[]): Promise<ProcessResult> =>
      run('load', '--key', keys.pub, '--to', `dir:${at(to)}`, '--report', at('reports'), ...more);
    const refused = await load('small', delta);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('lacks 2 layer(s)') as string });
    expect(await load('small', delta, '--base', at('1.0.0.tar'))).toMatchObject({ exitCode: 0 });
    expect(await load('full', at('1.1.0.tar'))).toMatchObject({ exitCode: 0 });
    const name = 'demo-1.1.0-linux-amd64.tar';
    expect((await readFile(temp.join('small', name))).equals(await readFile(temp.join('full', name)))).toBe(true);
  });

  test('of a release with checksums: files is built without reading what it leaves out', async () => {
    const text = await readFile(at('1.1.0.yaml'), 'utf8');
    const next = text.replace("version: '1.1.0'", "version: '1.2.0'").replace('sequence: 2', 'sequence: 3\nchecksums: files'); // prettier-ignore
    await writeFile(at('1.2.0.yaml'), next);
    const files = ['--lock', at('1.2.0.lock.json'), '--base', at('1.1.0.inventory.json'), '--output', at('1.2.0.tar')];
    const { stderr } = await ok('build', at('1.2.0.yaml'), '--key', keys.key, ...files);
    expect(stderr).toContain('delta: 3 layers left out');
    expect(stderr).not.toMatch(/to be hashed for checksums/);
    await ok('verify', at('1.2.0.tar'), '--key', keys.pub, '--base', at('1.1.0.tar'));
    await ok('extract', at('1.2.0.tar'), at('extracted'), '--key', keys.pub);
    const readme = await readFile(temp.join('extracted', 'install/README.txt'), 'utf8');
    expect(readme).toContain('The image tarballs are not in that list.');
    const load = ['--key', keys.pub, '--to', `docker://${target.host}`, '--report', at('reports')];
    await ok('load', at('1.2.0.tar'), ...load);
  });

  test('is joined to the full archive, with what signed it beside', async () => {
    const delta = at('demo-offline-1.1.0.delta.tar');
    await writeKeyFiles(at('second'), 'ed25519');
    await ok('sign', at('1.1.0.tar'), '--key', at('second.key'), '--detached');
    const [beside] = (await import('node:fs')).readdirSync(temp.path).filter((name) => name.startsWith('1.1.0.tar.'));
    await writeFile(`${delta}${(beside ?? '').slice('1.1.0.tar'.length)}`, await readFile(at(beside ?? '')));
    const { stdout } = await ok('join', delta, '--base', at('1.0.0.tar'), '--output', at(''));
    expect(stdout.split('\n')[0]).toBe(at('demo-offline-1.1.0.tar'));
    expect((await readFile(at('demo-offline-1.1.0.tar'))).equals(await readFile(at('1.1.0.tar')))).toBe(true);
    const both = ['--key', keys.pub, '--key', at('second.pub'), '--threshold', '2'];
    await ok('verify', at('demo-offline-1.1.0.tar'), ...both);
    const twice = await run('join', delta, '--base', at('1.0.0.tar'), '--output', at(''));
    expect(twice).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('exists already') as string });
  });
});
