/** A release's whole life through the built commands: declared, pinned, built, proved, loaded twice, extracted, mirrored. */
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openArchive } from '../../src/archive/reader/reader.ts';
import { AIRGAP } from '../../src/cli/airgap.ts';
import { VERIFY_AND_LOAD } from '../../src/cli/verify-and-load-program.ts';
import { DiffReport } from '../../src/report/diff/diff-report.ts';
import { VerifyReport } from '../../src/report/verify-report.ts';
import { runInside } from '../helpers/in-process.ts';
import { useBuiltCli } from './built-cli.ts';
import { IMAGES, makeSampleRelease, PASSPHRASE, type SampleRelease } from './sample-release.ts';

const cli = useBuiltCli();
let release: SampleRelease;
beforeAll(async () => {
  release = await makeSampleRelease(cli, false);
});
afterAll(() => release[Symbol.asyncDispose]());

const inRelease = (): { cwd: string; env: Record<string, string> } => ({ cwd: release.temp.path, env: PASSPHRASE });
const digestOf = async (url: string, repository: string): Promise<string | null> =>
  (await fetch(`${url}/v2/${repository}/manifests/1.0`, { method: 'HEAD' })).headers.get('docker-content-digest');
const internal = (name: string): string => `${release.source.host.replace(':', '_')}/team/${name}`;

// One test after the other: each step stands on the one before, as it does for people.
describe('a release', () => {
  test('init writes a starter once', async () => {
    const directory = release.temp.join('fresh');
    const first = await cli.airgap(['init', directory]);
    expect(first).toMatchObject({ exitCode: 0, stdout: `${directory}/release.yaml\n` });
    const text = await readFile(join(directory, 'release.yaml'), 'utf8');
    const second = await cli.airgap(['init', directory]);
    expect(second).toMatchObject({ exitCode: 2, stdout: '' });
    expect(second.stderr).toContain('exists already');
    expect(await readFile(join(directory, 'release.yaml'), 'utf8')).toBe(text);
  });

  test('resolve pins every image and says where it was found', async () => {
    const { stdout, stderr, exitCode } = await cli.airgap(['resolve', '--verbose'], inRelease());
    expect(exitCode).toBe(0);
    for (const name of IMAGES)
      expect(stdout).toMatch(new RegExp(`^${release.source.host}/team/${name}:1\\.0 +sha256:`, 'm'));
    expect(stdout).toContain('demo 1.0.0: 3 images, 1 file');
    expect(stdout).toContain('wrote release.lock.json');
    expect(stderr).toContain('resolved 3/3');
    expect(stderr).toContain(`${release.source.host}/team/db:1.0 is named in release.yaml:`);
  });

  test('resolve --locked agrees with what it wrote', async () => {
    const stdout = await cli.ok(['resolve', '--locked', '--json'], inRelease());
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, written: false, moved: [], name: 'demo' });
  });

  test('build signs an archive and says what comes next', async () => {
    const { stdout, stderr, exitCode } = await cli.airgap(['build', '--key', release.key], inRelease());
    expect(stderr).toContain('next: airgap verify demo-offline-1.0.0.tar --key');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^demo-offline-1\.0\.0\.tar\n {2}size {5}[0-9.]+ MiB \([0-9]+ bytes\)\n {2}digest {3}sha256:[a-f0-9]{64} \(of checksums\.txt\)\n {2}signed {3}[a-f0-9]{64}\n {2}provenance signed by [a-f0-9]{64}\n$/,
    );
  });

  test('the same lock gives the same payload, without asking any tag', async () => {
    const again = await cli.ok(
      ['build', 'release.lock.json', '--key', release.key, '--output', release.temp.join('again.tar'), '--json'],
      inRelease(),
    );
    const report = JSON.parse(
      await cli.ok(['verify', release.archive, '--key', release.publicKey, '--json']),
    ) as object;
    expect(JSON.parse(again)).toMatchObject({ digest: (report as { digest: string }).digest });
  });

  test('build --split writes parts and no archive, which is verified where they lie', async () => {
    const output = release.temp.join('parts.tar');
    const words = ['build', 'release.lock.json', '--key', release.key, '--split', '1MB', '--output', output];
    const { stdout } = await cli.airgap(words, inRelease());
    const [, parts] = /^ {2}parts {4}([0-9]+), from .*parts\.tar\.001 on/m.exec(stdout) ?? [];
    expect(Number(parts)).toBeGreaterThan(1);
    expect((await stat(`${output}.001`)).size).toBe(1_000_000);
    await expect(stat(output)).rejects.toThrow('ENOENT');
    expect(await cli.ok(['verify', output, '--key', release.publicKey])).toContain('every byte accounted for');
    for (let part = 1; part <= Number(parts); part++) await rm(`${output}.${String(part).padStart(3, '0')}`);
    await rm(`${output}.parts.json`);
  });

  test('a second build does not overwrite the first unless told', async () => {
    const refused = await cli.airgap(['build', '--key', release.key], inRelease());
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('--overwrite');
    const replaced = await cli.airgap(['build', '--key', release.key, '--overwrite', '--quiet'], inRelease());
    expect(replaced).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('verify proves it, for people and for machines', async () => {
    const path = release.temp.join('report.json');
    const { stdout, exitCode } = await cli.airgap([
      'verify',
      release.archive,
      '--key',
      release.publicKey,
      '--report',
      path,
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('verified: demo 1.0.0 (stable, 2026-01-31T12:00:00Z)');
    expect(stdout).toContain('every byte accounted for');
    const report = VerifyReport.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(report).toMatchObject({
      verdict: 'verified',
      release: { name: 'demo', images: 3 },
      verified: { bytes: (await stat(release.archive)).size },
      trust: { threshold: 1, acceptedSigners: [{ algorithm: 'ecdsa-p256' }] },
    });
    expect(report.read.contentBytes).toBe(report.read.contentBytesTotal);
  });

  test('verify reads standard input in one pass', async () => {
    const input = await readFile(release.archive);
    const { stdout, exitCode } = await cli.airgap(['verify', '-', '--key', release.publicKey, '--json'], { input });
    expect(exitCode).toBe(0);
    expect(VerifyReport.parse(JSON.parse(stdout))).toMatchObject({ archive: '-', verdict: 'verified' });
  });

  test('inspect --images shows why each image is there', async () => {
    const { stdout } = await cli.airgap(['inspect', release.archive, '--images']);
    expect(stdout).toMatch(/^NOT VERIFIED.*\n.*\/team\/app:1\.0 sha256:[0-9a-f]+\n {2}in release\.yaml:\d+:\d+\n/);
    expect(stdout).toContain('3 images, 0 dismissed, 0 not decided\n');
    const document = JSON.parse(await cli.ok(['inspect', release.archive, '--images', '--json'])) as object;
    expect(document).toMatchObject({ imageEvidence: { kind: 'image-evidence', dismissed: [] } });
  });

  test('inspect shows what is in it and that nothing was verified', async () => {
    const { stdout, stderr, exitCode } = await cli.airgap(['inspect', release.archive]);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/^NOT VERIFIED/);
    expect(stdout).toMatch(/team\/app:1\.0 {2}linux\/amd64,linux\/arm64 {2}complete/);
    expect(stdout).toContain('docs/install.md');
    const document = JSON.parse(await cli.ok(['inspect', release.archive, '--json'])) as object;
    expect(document).toMatchObject({ schemaVersion: 1, kind: 'inspection', verified: false });
  });

  test('inspect --inventory writes the inventory of the archive, and never over the archive', async () => {
    const file = release.temp.join('inventory.json');
    const { stderr, exitCode } = await cli.airgap(['inspect', release.archive, '--inventory', file]);
    expect({ stderr, exitCode }).toEqual({ stderr: `wrote ${file}\n`, exitCode: 0 });
    using archive = await openArchive(release.archive);
    const { offset, size } = archive.head.inventoryPlace;
    expect(await readFile(file)).toEqual(archive.read(offset, size));
    for (const program of [AIRGAP, VERIFY_AND_LOAD]) {
      const words = program === AIRGAP ? ['inspect', release.archive] : [release.archive, '--inspect'];
      await rm(file);
      expect((await runInside(program, [...words, '--inventory', file])).exitCode).toBe(0);
      expect(await readFile(file)).toEqual(archive.read(offset, size));
      const refused = await runInside(program, [...words, '--inventory', release.archive]);
      expect(refused).toMatchObject({ stdout: '', exitCode: 2 });
      expect(refused.stderr).toContain('would replace the archive');
    }
    const lost = await runInside(VERIFY_AND_LOAD, [release.archive, '--inventory', file]);
    expect(lost).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--inspect') as string });
  });

  test('diff says that the lock, the inventory and the archive of one release are the same', async () => {
    const lock = release.temp.join('release.lock.json');
    const stdout = await cli.ok(['diff', lock, release.archive]);
    expect(stdout).toMatch(/^NOT VERIFIED.*\nold {2}demo 1\.0\.0 .*\nnew {2}demo 1\.0\.0 /);
    expect(stdout).toMatch(/\n3 images: 3 unchanged; 1 file: 1 unchanged\n$/);
    const document = JSON.parse(await cli.ok(['diff', lock, release.archive, '--json'])) as object;
    expect(DiffReport.parse(document)).toMatchObject({ same: true, bytes: { newSize: 0 } });
  });

  test('names that try to take over the terminal are shown, not obeyed', async () => {
    const { stdout } = await cli.airgap(['inspect', release.archive]);
    expect(stdout).toContain('\\x1b[2J\\x1b]0;owned\\x07 and \\u202egnp.exe');
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
    const json = await cli.ok(['inspect', release.archive, '--json']);
    expect(json).not.toContain('\u202e');
    expect(JSON.stringify(JSON.parse(json))).toContain('\u202egnp.exe');
  });

  test('load --plan changes nothing', async () => {
    const to = `docker://${release.target.host}`;
    const stdout = await cli.ok(
      ['load', release.archive, '--key', release.publicKey, '--to', to, '--plan'],
      inRelease(),
    );
    expect(stdout).toMatch(
      /would move [0-9.]+ KiB: 25 blobs, 15 manifests, 3 tags, in about [0-9]+ requests\n3 repositories do not exist yet[^]*\nnothing was changed\n$/,
    );
    expect(await digestOf(release.target.url, internal('app'))).toBeNull();
    await expect(stat(release.temp.join('demo-1.0.0-load'))).rejects.toThrow('ENOENT');
  });

  test('load brings every image under its digest and writes the mapping', async () => {
    const to = `docker://${release.target.host}`;
    const stdout = await cli.ok(['load', release.archive, '--key', release.publicKey, '--to', to], inRelease());
    expect(stdout).toContain('every byte of the archive was verified first');
    for (const name of IMAGES) {
      expect(await digestOf(release.target.url, internal(name))).toBe(
        await digestOf(release.source.url, `team/${name}`),
      );
    }
    const mapping = await readFile(release.temp.join('demo-1.0.0-load', 'mapping.txt'), 'utf8');
    expect(mapping).toContain(`${release.source.host}/team/app:1.0=${release.target.host}/${internal('app')}:1.0\n`);
  });

  test('a second load moves nothing and says so', async () => {
    const args = ['load', release.archive, '--key', release.publicKey, '--to', `docker://${release.target.host}`];
    const { stdout, exitCode } = await cli.airgap(args, inRelease());
    expect(exitCode).toBe(0);
    expect(stdout).toContain('nothing had to move');
    expect(stdout.match(/already there/g)).toHaveLength(3);
    const report = await readFile(release.temp.join('demo-1.0.0-load', 'load-report.json'), 'utf8');
    expect(JSON.parse(report)).toMatchObject({ schemaVersion: 1, copiedBytes: 0, payload: 'not read' });
  });

  test.each([
    ['oci', 'layout'],
    ['dir', 'tarballs'],
  ])('load to %s:DIR, twice', async (scheme, name) => {
    const to = `${scheme}:${release.temp.join(name)}`;
    const args = [
      'load',
      release.archive,
      '--key',
      release.publicKey,
      '--to',
      to,
      '--report',
      release.temp.join('reports'),
    ];
    expect(await cli.ok([...args, '--plan'])).toContain('nothing was changed');
    await expect(stat(release.temp.join(name))).rejects.toThrow('ENOENT');
    expect(await cli.ok(args)).toContain('every byte of the archive was verified first');
    expect(await cli.ok(args)).toContain('nothing had to move');
  });

  test('the file that travels in the archive loads it, with nothing beside it', async () => {
    await cli.ok(['extract', release.archive, release.temp.join('files'), '--key', release.publicKey]);
    const tool = release.temp.join('files', 'install', 'verify-and-load.mjs');
    const options = { cwd: release.temp.path };
    const proved = await cli.node([tool, release.archive, '--key', release.publicKey], options);
    expect(proved).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^verified: demo 1\.0\.0/) as string });
    const to = ['--to', `docker://${release.target.host}/short`, '--strip-registry', '--platform', 'linux/amd64'];
    const loaded = await cli.node([tool, release.archive, '--key', release.publicKey, ...to], options);
    expect(loaded.exitCode).toBe(0);
    expect(loaded.stdout).toMatch(
      /index rebuilt {2}\S+\/short\/team\/app:1\.0 {2}from \S+ {2}sha256:[a-f0-9]{64} became sha256:[a-f0-9]{64}\n/,
    );
    expect(await digestOf(release.target.url, 'short/team/app')).toMatch(/^sha256:/);
  });

  test('extract writes chosen files into a new directory only', async () => {
    const directory = release.temp.join('chosen');
    const args = ['extract', release.archive, directory, 'docs', '--key', release.publicKey];
    expect(await cli.ok(args)).toBe('docs/install.md\n');
    expect(await readFile(join(directory, 'docs', 'install.md'), 'utf8')).toBe('Read me first.\n');
    expect(await cli.airgap(args)).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('mirror takes a release, a lock and a list, and is idempotent', async () => {
    await writeFile(release.temp.join('images.txt'), `# one image\n${release.source.host}/team/app:1.0\n`);
    for (const input of ['release.yaml', 'release.lock.json', 'images.txt']) {
      const args = ['mirror', input, '--to', `docker://${release.target.host}/${input.replace(/\..*/, '')}-copy`];
      expect(await cli.ok([...args, '--plan'], inRelease())).toContain('nothing was changed');
      const first = await cli.ok(args, inRelease());
      if (input !== 'release.lock.json') expect(first).toMatch(/moved [0-9.]+ KiB/);
      expect(await cli.ok(args, inRelease())).toContain('nothing had to move');
    }
    expect(await digestOf(release.target.url, `images-copy/${internal('app')}`)).toBe(
      await digestOf(release.source.url, 'team/app'),
    );
  });
});
