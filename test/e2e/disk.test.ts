/** Full disks, met before the start and half-way: nothing half-written is visible, and what was written is not lost. */
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChaosProxy, type ChaosProxy } from '../helpers/chaos-proxy.ts';
import { mountTmpfs } from '../helpers/tmpfs.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf, startAirgap } from './support/program.ts';
import { buildArchive, readInventory, type BuildResult, writeRelease, type TestRelease } from './support/release.ts';

const MIB = 1024 * 1024;
const NAME = 'sample-offline-1.2.3.tar';
const fixture = useBuiltRelease({ baseBytes: 200_000, ownBytes: 400_000 });

describe('build', () => {
  let link: ChaosProxy;
  let release: TestRelease;
  let good: Buffer;
  /** Bytes of what comes from this disk and not over the link. */
  let filesBytes: number;
  let key: string;

  beforeAll(async () => {
    link = await startChaosProxy(Number(fixture.source.host.split(':')[1]));
    release = await writeRelease(fixture.folder(), link.host, { baseBytes: 200_000, ownBytes: 400_000 });
    key = fixture.key;
    const { path } = await buildArchive(release.spec, key, `${fixture.folder()}.tar`);
    good = await readFile(path);
    filesBytes = (await readInventory(path)).files.reduce((sum, { size }) => sum + size, 0);
  });
  afterAll(() => link.stop());

  test('a disk that is too small is refused up front, with the numbers, and nothing is written', async () => {
    await using disk = await mountTmpfs({ maxBytes: 4 * MIB });
    const result = await airgap(['build', release.lock, '--key', key, '--output', disk.path, '--json']);
    expect([result.exitCode, errorOf(result).code]).toEqual([1, 'NO_SPACE']);
    const { message, details, hint } = errorOf(result);
    expect(details['available']).toBe(4 * MIB);
    expect(details['needed']).toBeGreaterThanOrEqual(good.length);
    expect(message).toContain(String(details['available']));
    expect(message).toContain(String(details['needed']));
    expect(hint).toContain('nothing was written');
    expect(await readdir(disk.path)).toEqual([]);
  });

  test('a disk that fills up half-way leaves what the next run goes on with', async () => {
    await using disk = await mountTmpfs({ maxBytes: good.length + 3 * MIB });
    const args = ['build', release.lock, '--key', key, '--output', disk.path];
    const held = { bytesPerSecond: 400_000, holdDownloadAfterBytes: 1_600_000 };
    link.setFaults(held);
    await using child = await startAirgap([...args, '--json']);
    const written = async (): Promise<number> => (await stat(`${disk.path}/${NAME}.partial`)).blocks * 512;
    await child.waitUntil('bytes came', () => link.counts.downloaded >= held.holdDownloadAfterBytes);
    await child.waitUntil('they were written', async () => (await written()) > filesBytes + 500_000);
    // Somebody else takes the rest of the disk, and then the rest of the release comes.
    await fill(disk.path);
    link.setFaults({ bytesPerSecond: 400_000 });
    const failed = await child.ended;
    expect([failed.exitCode, errorOf(failed).code]).toEqual([1, 'NO_SPACE']);
    expect(errorOf(failed).hint).toContain('goes on where it stopped');
    expect(await readdir(disk.path)).not.toContain(NAME);
    link.setFaults({});
    const still = await airgap([...args, '--json']);
    expect([still.exitCode, errorOf(still).code]).toEqual([1, 'NO_SPACE']);
    await rm(`${disk.path}/filler`);
    const { resumedBytes } = await airgapJson<BuildResult>(args);
    expect(resumedBytes).toBeGreaterThan(100_000);
    expect(await readdir(disk.path)).toEqual([NAME]);
    await expectSameButSlots(`${disk.path}/${NAME}`);
  });

  test('a disk that is made larger is enough too', async () => {
    await using disk = await mountTmpfs({ maxBytes: 4 * MIB });
    const args = ['build', release.lock, '--key', key, '--output', disk.path];
    expect((await airgap(args)).exitCode).toBe(1);
    await disk.resize(good.length + 3 * MIB);
    await airgapOk(args);
    await expectSameButSlots(`${disk.path}/${NAME}`);
  });

  test('a directory that is not there, and an archive that is, are said before anything is fetched', async () => {
    fixture.requests.length = 0;
    const absent = fixture.folder();
    const missing = await airgap(['build', release.lock, '--key', key, '--output', `${absent}/a.tar`, '--json']);
    expect([missing.exitCode, errorOf(missing).message]).toEqual([2, expect.stringContaining(absent)]);
    const there = await airgap(['build', release.lock, '--key', key, '--output', fixture.archive, '--json']);
    expect([there.exitCode, errorOf(there).hint]).toEqual([2, expect.stringContaining('--overwrite')]);
    expect(fixture.requests).toEqual([]);
  });

  /** ECDSA signatures are random, and as long as their slots. */
  async function expectSameButSlots(path: string): Promise<void> {
    const built = await readFile(path);
    expect(built.length).toBe(good.length);
    await airgapOk(['verify', path, '--key', fixture.pub]);
    const from = good.indexOf('image-list.txt\0');
    expect(built.subarray(from).equals(good.subarray(from))).toBe(true);
  }
});

/** Writes until nothing more fits. */
async function fill(directory: string): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, 1);
  try {
    for (;;) await writeFile(`${directory}/filler`, piece, { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

describe('load', () => {
  const load = (to: string): string[] => [
    ...['load', fixture.archive, '--key', fixture.pub, '--to', to, '--report', fixture.folder()],
  ];

  test('into an OCI layout: no image is there until there is room for all', async () => {
    await using disk = await mountTmpfs({ maxBytes: 2 * MIB });
    const layout = `${disk.path}/layout`;
    const failed = await airgap([...load(`oci:${layout}`), '--json']);
    expect([failed.exitCode, errorOf(failed).code]).toEqual([1, 'NO_SPACE']);
    expect(errorOf(failed).message).toContain(layout);
    const index = await readFile(`${layout}/index.json`, 'utf8').catch(() => '{"manifests":[]}');
    expect((JSON.parse(index) as { manifests: unknown[] }).manifests).toEqual([]);
    await disk.resize(32 * MIB);
    await airgapOk(load(`oci:${layout}`));
    const { manifests } = JSON.parse(await readFile(`${layout}/index.json`, 'utf8')) as { manifests: unknown[] };
    expect(manifests.length).toBeGreaterThanOrEqual(5);
    expect(await airgapJson(load(`oci:${layout}`))).toMatchObject({ copied: 0, payload: 'not read' });
  });

  test('into a directory: no file is there, not even a hidden one', async () => {
    await using disk = await mountTmpfs({ maxBytes: 1 * MIB });
    const failed = await airgap([...load(`dir:${disk.path}`), '--json']);
    expect([failed.exitCode, errorOf(failed).code]).toEqual([1, 'NO_SPACE']);
    expect(errorOf(failed).hint).toBeTruthy();
    expect(await readdir(disk.path)).toEqual([]);
    await disk.resize(32 * MIB);
    await airgapOk(load(`dir:${disk.path}`));
    expect(await readdir(disk.path)).toHaveLength(2);
  });

  test('a report that cannot be written is an error that names it', async () => {
    await using disk = await mountTmpfs({ maxBytes: MIB, maxInodes: 1 });
    const report = `${disk.path}/report`;
    const args = ['load', fixture.archive, '--key', fixture.pub, '--to', `oci:${fixture.folder()}`];
    const failed = await airgap([...args, '--report', report, '--json']);
    expect([failed.exitCode, errorOf(failed).code]).toEqual([1, 'NO_SPACE']);
    expect(errorOf(failed).message).toContain(report);
  });

  test('extracting onto a full disk is told before the verification, and leaves nothing', async () => {
    await using disk = await mountTmpfs({ maxBytes: MIB });
    const failed = await airgap(['extract', fixture.archive, `${disk.path}/files`, '--key', fixture.pub, '--json']);
    expect(failed.exitCode).toBe(1);
    expect(errorOf(failed)).toMatchObject({ code: 'NO_SPACE' });
    expect(errorOf(failed).message).toMatch(new RegExp(`^${disk.path} has \\d+ bytes free; \\d+ are needed`));
    expect(await readdir(disk.path)).toEqual([]);
  });
});
