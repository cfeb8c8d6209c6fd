/** What can go wrong on disk with an extraction is told before the verification, and leaves nothing half-done. */
import { mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { trustArchive, type TrustedArchive } from '../../src/archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../src/archive/verification/verified-archive.ts';
import { asideOf } from '../../src/base/files/place-file.ts';
import { assertExtractable, extractFiles } from '../../src/operations/extract.ts';
import { loadTars, planDirectory } from '../../src/operations/load/tarballs.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../archive/forge.ts';
import { makeRelease, type SampleRelease } from '../archive/sample-release.ts';
import { allOf } from '../helpers/all-of.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import { mountTmpfs } from '../helpers/tmpfs.ts';
import { toolPath } from '../helpers/tools.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
let release: SampleRelease;

beforeEach(async () => {
  release ??= await makeRelease();
  const bytes = await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey));
  await writeFile(temp.join('a.tar'), bytes);
});
const opened = (): Promise<TrustedArchive> => trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });

describe('before anything is verified', () => {
  test('a full disk is told with the numbers, of an extraction and of a directory of tarballs', async () => {
    await using disk = await mountTmpfs({ maxBytes: 64 * 1024 });
    using archive = await opened();
    const full = { code: 'NO_SPACE', message: expect.stringMatching(/has \d+ bytes free; \d+ are needed/) as string };
    await expect(assertExtractable(archive, join(disk.path, 'out'))).rejects.toMatchObject(full);
    await expect(planDirectory(archive, join(disk.path, 'images'))).rejects.toMatchObject(full);
    expect(await readdir(disk.path)).toEqual([]);
  });

  test('a medium that is mounted read-only is told in the words of the system', async () => {
    await using disk = await mountTmpfs({ maxBytes: 64 * 1024 * 1024 });
    await runOk(toolPath('mount'), ['-o', 'remount,ro', disk.path]);
    using archive = await opened();
    const refused = { name: 'StoreError', message: expect.stringContaining('read-only') as string };
    await expect(assertExtractable(archive, join(disk.path, 'out'))).rejects.toMatchObject(refused);
    await expect(planDirectory(archive, join(disk.path, 'new', 'images'))).rejects.toMatchObject(refused);
  });

  test('a medium that is mounted read-only will do where all is there already', async () => {
    await using disk = await mountTmpfs({ maxBytes: 64 * 1024 * 1024 });
    using archive = await opened();
    await loadTars(await planDirectory(archive, disk.path));
    await runOk(toolPath('mount'), ['-o', 'remount,ro', disk.path]);
    expect(allOf((await planDirectory(archive, disk.path)).tarballs, ({ present }) => present)).toBe(true);
  });

  test('a directory that is there, one that cannot be made, and files that are not there', async () => {
    using archive = await opened();
    const usage = (message: string): object => ({ code: 'USAGE', message: expect.stringContaining(message) as string });
    await expect(assertExtractable(archive, temp.path)).rejects.toMatchObject(usage('exists already'));
    await expect(assertExtractable(archive, temp.join('no', 'out'))).rejects.toMatchObject(usage('there is no'));
    const options = { paths: ['nothing'] };
    await expect(assertExtractable(archive, temp.join('out'), options)).rejects.toMatchObject(usage('has no nothing'));
  });

  test('what a killed load left half-written is no lack of room: it is cleared away', async () => {
    using archive = await opened();
    const [tar] = (await planDirectory(archive, temp.join('images'))).tarballs;
    const size = tar?.descriptor.size ?? 0;
    await using disk = await mountTmpfs({ maxBytes: 2 * size + 2 * 1024 * 1024 });
    const destination = join(disk.path, tar?.destination.slice(dirname(tar.destination).length + 1) ?? '');
    await writeFile(asideOf(destination), Buffer.alloc(size));
    await expect(planDirectory(archive, disk.path)).resolves.toBeDefined();
  });
});

describe('an extraction', () => {
  test('that fails half-way leaves nothing, and can be run again', async () => {
    using archive = await opened();
    const verified = await verifyPayload(archive);
    const controller = new AbortController();
    controller.abort(new DOMException('interrupted', 'AbortError'));
    const stopped = extractFiles(verified, temp.join('out'), { signal: controller.signal });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(await readdir(temp.path)).toEqual(['a.tar']);
    await extractFiles(verified, temp.join('out'));
    expect((await readdir(temp.path)).sort()).toEqual(['a.tar', 'out']);
  });

  test('is made in a directory that only this user can enter, and opened to others when it is whole', async () => {
    using archive = await opened();
    const verified = await verifyPayload(archive);
    const modes = new Set<number>();
    const fetch = verified.fetch.bind(verified);
    verified.fetch = async function* (...args) {
      modes.add((await stat(asideOf(temp.join('out')))).mode & 0o777);
      yield* fetch(...args);
    };
    await extractFiles(verified, temp.join('out'));
    expect([...modes]).toEqual([0o700]);
    expect((await stat(temp.join('out'))).mode & 0o777).toBe(0o777 & ~process.umask() & ~0o022);
  });

  test('gives nobody else a right to write, whatever the umask, and follows no link that was planted', async () => {
    await mkdir(temp.join('elsewhere'));
    await symlink(temp.join('elsewhere'), asideOf(temp.join('out')));
    using archive = await opened();
    const verified = await verifyPayload(archive);
    const umask = process.umask(0);
    const paths = await extractFiles(verified, temp.join('out')).finally(() => process.umask(umask));
    for (const path of ['', ...paths.map((each) => dirname(each)), ...paths]) {
      expect((await stat(temp.join('out', path))).mode & 0o022).toBe(0);
    }
    expect(await readdir(temp.join('elsewhere'))).toEqual([]);
  });
});
