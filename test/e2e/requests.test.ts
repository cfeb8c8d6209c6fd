/** What a build asks of a registry: each thing once, and of unchanged tags one word each. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pushSample } from '../helpers/push-sample.ts';
import { makeImage, makeIndex } from '../helpers/sample-image.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf } from './support/program.ts';
import { buildArchive, placeOf, pushImages, readInventory, readLockFile } from './support/release.ts';

const fixture = useBuiltRelease();

/** Does the work and tells what the source registry was asked: `200 GET /v2/…`. */
async function asked(work: () => Promise<unknown>): Promise<readonly string[]> {
  fixture.requests.length = 0;
  await work();
  return fixture.requests.map(({ method, path, status }) => `${status} ${method} ${path}`);
}

const images = (): readonly string[] => [...fixture.release.images.keys()];
const tagged = (): readonly string[] => images().filter((reference) => !reference.includes('@'));

test('a cold build asks for every manifest and every blob exactly once, and once for what vouches for each manifest', async () => {
  await rm(fixture.release.lock);
  const output = `${fixture.folder()}.tar`;
  const lines = await asked(() => buildArchive(fixture.release.spec, fixture.key, output));
  const { manifests, blobs, images: pinned } = await readInventory(output);
  const roots = new Set(pinned.map(({ digest }) => digest));
  const tail = (line: string): string => line.split('/').at(-1) ?? '';
  expect(lines.filter((line) => !line.startsWith('200 GET /v2/'))).toEqual([]);
  const manifestLines = lines.filter((line) => line.includes('/manifests/'));
  const blobLines = lines.filter((line) => line.includes('/blobs/'));
  const referrerLines = lines.filter((line) => line.includes('/referrers/'));
  const listLines = lines.filter((line) => line.includes('/tags/list'));
  expect(referrerLines.map(tail).toSorted()).toEqual(manifests.map(({ digest }) => digest).toSorted());
  const repositories = [...new Set(images().map((reference) => placeOf(reference).repository))];
  expect(listLines.toSorted()).toEqual(repositories.map((name) => `200 GET /v2/${name}/tags/list`).toSorted());
  expect(lines).toHaveLength([...manifestLines, ...blobLines, ...referrerLines, ...listLines].length);
  expect(blobLines.map(tail).toSorted()).toEqual(blobs.map(({ digest }) => digest).toSorted());
  const roles = [
    ...images().map((reference) => `200 GET /v2/${placeOf(reference).repository}/manifests/${placeOf(reference).name}`),
  ];
  const children = manifests.filter(({ digest }) => !roots.has(digest)).map(({ digest }) => digest);
  expect(manifestLines.filter((line) => roles.includes(line)).toSorted()).toEqual(roles.toSorted());
  expect(
    manifestLines
      .filter((line) => !roles.includes(line))
      .map(tail)
      .toSorted(),
  ).toEqual(children.toSorted());
  const sent = fixture.requests
    .filter(({ path }) => /\/(manifests|blobs)\//.test(path))
    .reduce((sum, { bytesOut }) => sum + bytesOut, 0);
  expect(sent).toBe([...manifests, ...blobs].reduce((sum, { size }) => sum + size, 0));
});

test('resolving unchanged tags again costs one HEAD for each, and a pinned image nothing', async () => {
  const before = await readFile(fixture.release.lock, 'utf8');
  const lines = await asked(() => airgapOk(['resolve', fixture.release.spec]));
  const heads = tagged().map((reference) => {
    const { repository, name } = placeOf(reference);
    return `200 HEAD /v2/${repository}/manifests/${name}`;
  });
  expect(lines.toSorted()).toEqual(heads.toSorted());
  expect(await readFile(fixture.release.lock, 'utf8')).toBe(before);
  expect(await asked(() => airgapOk(['resolve', fixture.release.spec, '--locked']))).toHaveLength(heads.length);
});

test('a build from a lock asks no tag', async () => {
  const lines = await asked(() => buildArchive(fixture.release.lock, fixture.key, `${fixture.folder()}.tar`));
  expect(lines.filter((line) => !/^200 GET .*sha256:[0-9a-f]{64}$/.test(line))).toEqual([]);
  expect(new Set(lines).size).toBe(lines.length);
});

describe('a tag that moved', () => {
  const moved = makeIndex([makeImage(), makeImage({ platform: 'linux/arm64' })]);
  let reference: string;
  let lock: string;

  beforeEach(async () => {
    reference = images().find((each) => each.includes('/app:')) ?? '';
    lock = await readFile(fixture.release.lock, 'utf8');
    await pushSample(fixture.source.url, 'team/app', moved, ['1.0']);
  });
  afterEach(async () => {
    await pushImages(fixture.source.url, fixture.release.images);
    await airgapOk(['resolve', fixture.release.spec]);
    expect(await readFile(fixture.release.lock, 'utf8')).toBe(lock);
  });

  test('is an error under --locked that names it with both digests, and the lock stays', async () => {
    for (const command of [
      ['resolve', fixture.release.spec],
      ['build', fixture.release.spec, '--key', fixture.key, '--output', `${fixture.folder()}.tar`],
    ]) {
      const result = await airgap([...command, '--locked', '--json']);
      expect(result.exitCode).toBe(2);
      const { code, message, hint } = errorOf(result);
      expect(code).toBe('INVALID_SPEC');
      expect(message).toContain(reference);
      expect(message).toContain(fixture.release.images.get(reference)?.descriptor.digest);
      expect(message).toContain(moved.descriptor.digest);
      expect(hint).toContain('airgap resolve');
    }
    expect(await readFile(fixture.release.lock, 'utf8')).toBe(lock);
  });

  test('is said, and taken, without it', async () => {
    const { stderr } = await airgapOk(['resolve', fixture.release.spec]);
    const was = fixture.release.images.get(reference)?.descriptor.digest ?? '';
    expect(stderr).toContain(`moved: ${reference} was ${was} and is now ${moved.descriptor.digest}`);
    const pinned = (await readLockFile(fixture.release.lock)).images.find((image) => image.reference === reference);
    expect(pinned?.digest).toBe(moved.descriptor.digest);
  });

  test('does not matter to a build from the lock itself', async () => {
    const output = `${fixture.folder()}.tar`;
    await buildArchive(fixture.release.lock, fixture.key, output);
    const carried = (await readInventory(output)).images.find((image) => image.reference === reference);
    expect(carried?.digest).toBe(fixture.release.images.get(reference)?.descriptor.digest);
  });
});

test('--locked without a lock, and with one that does not fit any more, are refused', async () => {
  const directory = fixture.release.directory;
  const lock = await readFile(fixture.release.lock, 'utf8');
  const missing = await airgap([
    'resolve',
    fixture.release.spec,
    '--locked',
    '--lock',
    `${directory}/none.json`,
    '--json',
  ]);
  expect([missing.exitCode, errorOf(missing).message]).toEqual([2, expect.stringContaining('none.json')]);
  const { version } = await airgapJson<{ version: string }>(['resolve', fixture.release.spec]);
  expect(version).toBe('1.2.3');
  const other = `${directory}/changed.yaml`;
  const spec = await readFile(fixture.release.spec, 'utf8');
  await writeFile(other, spec.replace('version: 1.2.3', 'version: 1.2.4'));
  const outdated = await airgap(['resolve', other, '--locked', '--lock', fixture.release.lock, '--json']);
  expect([outdated.exitCode, errorOf(outdated).message]).toEqual([2, expect.stringContaining('does not match')]);
  expect(await readFile(fixture.release.lock, 'utf8')).toBe(lock);
});

test('a missing tag is named', async () => {
  const path = `${fixture.release.directory}/missing.yaml`;
  const spec = await readFile(fixture.release.spec, 'utf8');
  await writeFile(path, spec.replace('team/app:1.0', 'team/app:9.9'));
  const result = await airgap(['resolve', path, '--json']);
  expect([result.exitCode, errorOf(result).code]).toEqual([1, 'NOT_FOUND']);
  expect(errorOf(result).message).toContain('team/app:9.9');
});
