/** A release key that stays in an HSM: SoftHSM behind one plugin, used by us and by cosign, each checking the other. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNetworkNamespace, type NetworkNamespace } from '../helpers/network-namespace.ts';
import type { ProcessResult } from '../helpers/process.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { hasSoftHsm, makeSoftHsm, type SoftHsm } from '../helpers/softhsm.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapOk, errorOf } from './support/program.ts';

const fixture = useBuiltRelease();
const isReady = hasSoftHsm();
let hsm: SoftHsm;
/** The public half, as those who verify have it. */
let pub: string;

const withHsm = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProcessResult> =>
  airgap([...args, '--json'], { env: { ...hsm.environment, ...env } });

beforeAll(async () => {
  if (!isReady) return;
  hsm = await makeSoftHsm(fixture.temp);
  pub = fixture.temp.join('hsm.pub');
  const { stdout } = await airgapOk(['keys', 'show', hsm.uri, '--pem'], { env: hsm.environment });
  await writeFile(pub, stdout);
});

describe.skipIf(!isReady)('a key in an HSM', () => {
  test('builds and signs a release; the PIN is in no word of it', async () => {
    const archive = fixture.temp.join('by-hsm.tar');
    const built = await withHsm([
      'build',
      fixture.release.spec,
      '--key',
      hsm.uri,
      '--expect-key',
      pub,
      '--output',
      archive,
    ]);
    expect(built.exitCode).toBe(0);
    expect((await airgap(['verify', archive, '--key', pub])).exitCode).toBe(0);
    const { keyId } = JSON.parse((await airgapOk(['keys', 'show', pub, '--json'])).stdout) as { keyId: string };
    expect((JSON.parse(built.stdout) as { signers: string[] }).signers).toEqual([keyId]);

    const second = fixture.temp.join('second.tar');
    await copyFile(fixture.archive, second);
    expect((await withHsm(['sign', second, '--key', hsm.uri])).exitCode).toBe(0);
    const both = ['--key', pub, '--key', fixture.pub, '--threshold', '2'];
    expect((await airgap(['verify', second, ...both])).exitCode).toBe(0);
    expect((await readFile(archive)).includes(hsm.pin)).toBe(false);
  });

  test('is refused before anything is built when it is another than expected, or does not sign', async () => {
    const build = ['build', fixture.release.spec, '--key', hsm.uri, '--output', fixture.temp.join('never.tar')];
    const other = await withHsm([...build, '--expect-key', fixture.pub]);
    expect(errorOf(other)).toMatchObject({ code: 'USAGE' });
    expect(other.exitCode).toBe(2);
    const noPlugin = await airgap([...build, '--json']);
    expect(errorOf(noPlugin)).toMatchObject({ code: 'NOT_FOUND' });
    expect(noPlugin.exitCode).toBe(1);
    const archive = fixture.temp.join('untouched.tar');
    await copyFile(fixture.archive, archive);
    const wrongPin = await withHsm(['sign', archive, '--key', hsm.uri], { P11_PIN: 'wrong-pin' });
    expect(errorOf(wrongPin)).toMatchObject({ code: 'DENIED' });
    expect(wrongPin.exitCode).toBe(4);
    expect(wrongPin.stdout + wrongPin.stderr).not.toContain('wrong-pin');
    expect((await readFile(archive)).equals(await readFile(fixture.archive))).toBe(true);
  });
});

describe.skipIf(!isReady).each(['cosign2', 'cosign3'])('the same plugin under %s', (name) => {
  const cosign = requireTool(name);
  let offline: NetworkNamespace;
  beforeAll(async () => {
    offline = await openNetworkNamespace();
  });
  afterAll(() => offline.close());

  test.skipIf(cosign === undefined)('accepts what we signed with it, and signs what we accept', async () => {
    const folder = fixture.folder();
    await mkdir(folder);
    const archive = `${folder}/release.tar`;
    await copyFile(fixture.archive, archive);
    const env = { ...hsm.environment, HOME: folder };
    const runCosign = (...args: readonly string[]): Promise<ProcessResult> =>
      offline.run(cosign ?? '', args, { cwd: folder, env });

    expect((await withHsm(['sign', archive, '--key', hsm.uri])).exitCode).toBe(0);
    await runOk('tar', ['xf', archive], { cwd: folder });
    const flags = ['--trusted-root', 'install/trusted-root.json', '--insecure-ignore-tlog'];
    const verify = ['verify-blob', '--key', hsm.uri, '--bundle', 'signatures/2.sigstore.json', ...flags];
    const accepted = await runCosign(...verify, 'checksums.txt');
    expect(accepted.stderr + accepted.stdout).toContain('Verified OK');
    expect(accepted.exitCode).toBe(0);
    expect((await runCosign(...verify, 'release.json')).exitCode).not.toBe(0);

    const format = name === 'cosign2' ? ['--new-bundle-format'] : ['--use-signing-config=false'];
    const offlineSigning = ['--tlog-upload=false', ...format, '--yes', '--bundle', 'made.json'];
    const signed = await runCosign('sign-blob', '--key', hsm.uri, ...offlineSigning, 'checksums.txt');
    expect(`${signed.stderr}${String(signed.exitCode)}`).toMatch(/0$/);
    await copyFile(fixture.archive, archive);
    await airgapOk(['sign', archive, '--bundle', `${folder}/made.json`, '--expect-key', pub]);
    const both = ['--key', pub, '--key', fixture.pub, '--threshold', '2'];
    expect((await airgap(['verify', archive, ...both])).exitCode).toBe(0);
  });
});
