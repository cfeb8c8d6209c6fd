/** The keyring of a chart: the provenance file that Helm signed is verified before anything is pinned, as `helm verify` does. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { generateKey, type PrivateKey } from 'openpgp';
import { beforeAll, describe, expect, test } from 'vitest';
import { ImageSources } from '../../../../src/operations/resolve/image-sources.ts';
import { pinRelease, type PinnedRelease } from '../../../../src/operations/resolve/pin-release.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { runOk } from '../../../helpers/run.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { chartYaml, packFiles } from '../../../kubernetes/rendering/corpus.ts';
import { HEAD } from '../resolve-fixture.ts';

const temp = useTempDir();
const MADE = new Date('2026-01-01T00:00:00Z');
const PROV = 'app-1.0.0.tgz.prov';

let alice: PrivateKey;
let mallory: PrivateKey;

const makeKey = async (name: string): Promise<PrivateKey> => {
  const userIDs = [{ name, email: `${name}@example.com` }];
  const options = { type: 'rsa', rsaBits: 2048, userIDs, date: MADE, format: 'object' } as const;
  return (await generateKey(options)).privateKey;
};

beforeAll(async () => {
  [alice, mallory] = await Promise.all([makeKey('alice'), makeKey('mallory')]);
});

async function writeKeys(): Promise<void> {
  await mkdir(temp.join('keys'), { recursive: true });
  await writeFile(temp.join('keys/alice.gpg'), alice.toPublic().write());
  await writeFile(temp.join('keys/mallory.gpg'), mallory.toPublic().write());
}

async function pin(chart: string, keyring = 'keys/alice.gpg', now?: Date): Promise<PinnedRelease> {
  const entry = `{chart: ${chart}, keyring: ${keyring}}`;
  await writeFile(temp.join('release.yaml'), `${HEAD}components:\n  - name: a\n    charts:\n      - ${entry}\n`);
  await using sources = new ImageSources({ env: {}, retries: 0 });
  return await pinRelease({ kind: 'spec', path: temp.join('release.yaml') }, sources, { render: false, now });
}

describe.each(['helm3', 'helm4'])('a package that %s signed', (name) => {
  test('is taken with the key of its signer, and refused where helm verify refuses it', async (t) => {
    const helm = requireTool(name) ?? t.skip();
    const env = { HOME: temp.join('home') };
    await writeKeys();
    await writeFile(temp.join('secret.gpg'), alice.write());
    await writeFiles(temp.join('app'), { 'Chart.yaml': chartYaml('app').replace(/^version:.*$/m, 'version: 1.0.0') });
    const signing = ['--sign', '--key', 'alice', '--keyring', temp.join('secret.gpg')];
    await runOk(helm, ['package', temp.join('app'), '--destination', temp.path, ...signing], { env });

    const verify = (keyring: string): Promise<unknown> =>
      runOk(helm, ['verify', temp.join('app-1.0.0.tgz'), '--keyring', temp.join(keyring)], { env });
    await verify('keys/alice.gpg');
    const { lock } = await pin('app-1.0.0.tgz');
    expect(lock.files.map(({ path }) => path)).toEqual(['charts/app-1.0.0.tgz', `charts/${PROV}`]);

    await expect(verify('keys/mallory.gpg')).rejects.toThrow();
    await expect(pin('app-1.0.0.tgz', 'keys/mallory.gpg')).rejects.toMatchObject({ code: 'UNTRUSTED_SIGNER' });

    // The same name and version, and other bytes.
    const other = await packFiles('app', { 'Chart.yaml': chartYaml('app', 'description: other\n') });
    await writeFile(temp.join('app-1.0.0.tgz'), other);
    await expect(verify('keys/alice.gpg')).rejects.toThrow();
    await expect(pin('app-1.0.0.tgz')).rejects.toMatchObject({ code: 'SUBJECT_MISMATCH' });

    const signed = await readFile(temp.join(PROV), 'utf8');
    await writeFile(temp.join(PROV), signed.replace('name: app', 'name: apq'));
    await expect(verify('keys/alice.gpg')).rejects.toThrow();
    await expect(pin('app-1.0.0.tgz')).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
  });
});

describe('what cannot be verified at all', () => {
  test('a package without a provenance file is refused, with nothing pinned', async () => {
    await writeKeys();
    await writeFile(temp.join('app.tgz'), await packFiles('app', { 'Chart.yaml': chartYaml('app') }));
    await expect(pin('app.tgz')).rejects.toMatchObject({
      code: 'UNSIGNED',
      message: expect.stringContaining('app.tgz has no provenance file (app.tgz.prov)') as string,
    });
    await expect(readFile(temp.join('release.lock.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('a directory has none, and says what to name instead', async () => {
    await writeKeys();
    await writeFiles(temp.join('app'), { 'Chart.yaml': chartYaml('app') });
    await expect(pin('app')).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      hint: 'name a package made by `helm package --sign`, or leave out `keyring`',
    });
    await rm(temp.join('app'), { recursive: true });
  });
});
