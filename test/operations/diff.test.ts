/** Releases are compared whatever file describes them, and a file that describes none is refused with the next step. */
import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { serializeInventory } from '../../src/archive/inventory/inventory.ts';
import { diffReleases } from '../../src/operations/diff.ts';
import { formatLock } from '../../src/release/lock/lock.ts';
import { describeDiff } from '../../src/report/diff/diff-lines.ts';
import { DiffReport, toDiffReport } from '../../src/report/diff/diff-report.ts';
import { rejectionOf } from '../archive/failures.ts';
import { lockOf } from '../archive/sample-lock.ts';
import { makeRelease, writeArchive, type SampleRelease } from '../archive/sample-release.ts';
import { makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();
let old: SampleRelease;
let young: SampleRelease;
beforeAll(async () => {
  const image = (name: string) => makeMultiPlatformImage({ name });
  const at = (name: string): string => `registry.example/team/${name}`;
  old = await makeRelease({ images: { [at('app:1')]: image('app'), [at('db:1')]: image('db'), [at('x:1')]: image('x') } }); // prettier-ignore
  young = await makeRelease({
    version: '1.1.0',
    images: { [at('app:1')]: image('app, built again'), [at('db:2')]: image('db 2'), [at('ui:1')]: image('ui') },
    files: { 'charts/app-1.0.0.tgz': 'chart', 'docs/readme.txt': 'read this\n', 'install/run.sh': 'exit 0\n' },
  });
});

beforeEach(async () => {
  await writeArchive(temp.join('old.tar'), old);
  await writeFile(temp.join('old.inventory.json'), serializeInventory(old.inventory));
  await writeFile(temp.join('new.inventory.json'), serializeInventory(young.inventory));
  await writeFile(temp.join('old.lock.json'), formatLock(lockOf(old)));
  await writeFile(temp.join('new.lock.json'), formatLock(lockOf(young)));
});

describe('one release', () => {
  test.each([
    ['old.tar', 'old.inventory.json', 'archive', 'inventory'],
    ['old.tar', 'old.lock.json', 'archive', 'lock'],
    ['old.lock.json', 'old.inventory.json', 'lock', 'inventory'],
  ])('is the same as %s and as %s', async (one, other, ...kinds) => {
    const diff = await diffReleases(temp.join(one), temp.join(other));
    expect([diff.old.kind, diff.new.kind]).toEqual(kinds);
    expect(toDiffReport(diff)).toMatchObject({ same: true, bytes: { newSize: 0, goneSize: 0 }, verified: false });
  });
});

test('the differences are the same from an archive, an inventory and a lock but for what a build adds', async () => {
  const built = await diffReleases(temp.join('old.tar'), temp.join('new.inventory.json'));
  const locked = await diffReleases(temp.join('old.lock.json'), temp.join('new.lock.json'));
  expect(locked.comparison.images).toEqual(built.comparison.images);
  expect(locked.comparison.platformBytes).toEqual(built.comparison.platformBytes);
  const ownOf = ({ comparison }: typeof built): unknown =>
    comparison.files.changes.filter(({ old: before, new: after }) => !/^install/.test((after ?? before).path));
  expect(ownOf(locked)).toEqual(ownOf(built));
  expect(built.comparison.files.changes.length).toBe(locked.comparison.files.changes.length + 1);
});

test('the report is by its schema, and its lines name every image and file that differs', async () => {
  const diff = await diffReleases(temp.join('old.tar'), temp.join('new.inventory.json'));
  const report = toDiffReport(diff);
  expect(DiffReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  expect(report.images.changes.map(({ change }) => change)).toEqual(['moved', 'changed', 'added', 'removed']);
  const lines = describeDiff(diff);
  expect(lines[0]).toMatch(/^NOT VERIFIED/);
  const text = lines.join('\n');
  expect(text).toMatch(/^moved {4}registry\.example\/team\/app:1 {2}sha256:[0-9a-f]{12} -> sha256:[0-9a-f]{12} /m);
  expect(text).toMatch(/^changed {2}registry\.example\/team\/db:2 {3}was registry\.example\/team\/db:1 /m);
  expect(text).toMatch(/^added {4}registry\.example\/team\/ui:1 {3}linux\/amd64,linux\/arm64 /m);
  expect(text).toMatch(/^removed {2}registry\.example\/team\/x:1$/m);
  expect(text).toMatch(/^changed {2}docs\/readme\.txt +10 B$/m);
  expect(text).toMatch(/^removed {2}docs\/empty\.txt$/m);
  expect(lines.at(-1)).toBe(
    '4 images: 1 added, 1 changed, 1 moved, 1 removed, 0 unchanged; 4 files: 1 added, 2 changed, 1 removed, 0 unchanged',
  );
});

describe('is refused with the file and the next step:', () => {
  test.each([
    ['a file that is not there', undefined, 'NOT_FOUND', /name an archive, an inventory/],
    ['JSON of something else', '{"kind":"List"}', 'USAGE', /name an archive, an inventory/],
    ['a lock that is none', '{"lockVersion":2}', 'INVALID_SPEC', /resolve/],
    ['an inventory without its content', '{"formatVersion":1}', 'INVALID_SPEC', /inspect ARCHIVE --inventory/],
    ['a release.yaml', 'kind: Release\n', 'USAGE', /name an archive, an inventory/],
    ['nothing', '', 'USAGE', /name an archive, an inventory/],
  ])('%s', async (_, content, code, hint) => {
    if (content !== undefined) await writeFile(temp.join('broken'), content);
    const error = await rejectionOf(() => diffReleases(temp.join('broken'), temp.join('old.tar')));
    expect(error).toMatchObject({ code });
    expect((error as { hint?: string }).hint).toMatch(hint);
    expect(String(error)).toContain(temp.join('broken'));
  });

  test('an inventory that was written anew, since only its own bytes are signed', async () => {
    const path = temp.join('old.inventory.json');
    await writeFile(path, JSON.stringify(JSON.parse(await readFile(path, 'utf8')), null, 2));
    const error = await rejectionOf(() => diffReleases(path, temp.join('old.tar')));
    expect(error).toMatchObject({ code: 'INVALID_SPEC', message: expect.stringContaining('canonical') as string });
  });

  test('an archive that is cut short', async () => {
    const bytes = await readFile(temp.join('old.tar'));
    await writeFile(temp.join('cut.tar'), bytes.subarray(0, bytes.length - 512));
    const error = await rejectionOf(() => diffReleases(temp.join('old.tar'), temp.join('cut.tar')));
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH', message: expect.stringContaining('cut.tar') as string });
  });

  test('a directory', async () => {
    expect(await rejectionOf(() => diffReleases(temp.path, temp.join('old.tar')))).toMatchObject({ code: 'USAGE' });
  });
});
