/** Source and target answer the same bytes under the same digests, for every index, manifest and blob of a release. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { startRegistry } from '../../src/server/embedded-registry.ts';
import { startDockerRegistry, type DockerRegistry } from '../helpers/docker-registry.ts';
import { makeTempDir, type TempDir } from '../helpers/temp.ts';
import { airgap, airgapJson, errorOf } from './support/program.ts';
import { allTags, expectAllTagsComplete, expectServes, get } from './support/registry-content.ts';
import {
  buildArchive,
  internalPlace,
  makeKeys,
  placeOf,
  pushImages,
  readInventory,
  replaceIn,
  writeRelease,
  type TestRelease,
} from './support/release.ts';

interface LoadResult {
  readonly images: readonly {
    readonly original: string;
    readonly internal: string;
    readonly digest: string;
    readonly result: string;
    readonly pushedDigest?: string;
  }[];
}

let temp: TempDir & AsyncDisposable;
let source: DockerRegistry;
let release: TestRelease;
let archive: string;
let keys: { readonly key: string; readonly pub: string };

beforeAll(async () => {
  temp = await makeTempDir();
  source = await startDockerRegistry();
  release = await writeRelease(temp.join('release'), source.host);
  await pushImages(`http://${source.host}`, release.images);
  keys = await makeKeys(temp.join('release-key'));
  archive = temp.join('sample.tar');
  await buildArchive(release.spec, keys.key, archive);
});
afterAll(async () => {
  await source.stop();
  await temp[Symbol.asyncDispose]();
});

function load(host: string, path = archive): Promise<LoadResult> {
  const report = temp.join(`report-${host.replace(':', '-')}`);
  return airgapJson<LoadResult>(['load', path, '--key', keys.pub, '--to', `docker://${host}`, '--report', report]);
}

describe('complete indexes', () => {
  test('the inventory names everything the images reach, and nothing else of them', async () => {
    const { images, manifests, blobs } = await readInventory(archive);
    const reached = new Set<string>();
    const visit = (digest: string): void => {
      reached.add(digest);
      const found = manifests.find((manifest) => manifest.digest === digest);
      for (const child of found?.manifests ?? []) visit(child.digest);
      for (const blob of [found?.config, ...(found?.layers ?? [])]) if (blob !== undefined) reached.add(blob);
    };
    for (const { reference, digest, indexMode } of images) {
      expect(digest).toBe(release.images.get(reference)?.descriptor.digest);
      expect(indexMode).toBe(reference.includes('/tool:') ? undefined : 'complete');
      visit(digest);
    }
    expect([...manifests, ...blobs].map(({ digest }) => digest).sort()).toEqual([...reached].sort());
  });

  test.each(['docker-registry', 'embedded'])('%s serves what the source serves', async (kind) => {
    await using target =
      kind === 'embedded' ? await startRegistry({ directory: temp.join('embedded') }) : await startDockerRegistry();
    const url = `http://${target.host}`;
    const { images } = await load(target.host);
    expect(images.map(({ result }) => result)).toEqual(images.map(() => 'loaded'));
    for (const [reference, node] of release.images) {
      const { repository, name } = placeOf(reference);
      await expectServes(`http://${source.host}`, repository, node, name);
      await expectServes(url, internalPlace(reference), node, name);
    }
    // The same comparison once more, from the inventory instead of from what the test put there.
    const { manifests, blobs, images: carried } = await readInventory(archive);
    for (const { digest, size } of [...manifests, ...blobs]) {
      const kindOf = manifests.some((manifest) => manifest.digest === digest) ? 'manifests' : 'blobs';
      const answers = await Promise.all(
        carried.map(async ({ reference }) => [
          await get(`http://${source.host}`, placeOf(reference).repository, kindOf, digest),
          await get(url, internalPlace(reference), kindOf, digest),
        ]),
      );
      const held = answers.filter(([from]) => from?.status === 200);
      expect(held.length).toBeGreaterThan(0);
      for (const [from, to] of held) {
        expect([to?.status, to?.bytes.length, to && sha256(to.bytes)]).toEqual([200, size, digest]);
        expect(to?.bytes.equals(from?.bytes ?? Buffer.alloc(0))).toBe(true);
      }
    }
    expect(await expectAllTagsComplete(url)).toBe(5);
  });

  test('an image known by digest alone gets no tag', async () => {
    await using target = await startRegistry({ directory: temp.join('untagged') });
    await load(target.host);
    const tags = await allTags(target.url);
    expect(tags.filter((tag) => tag.includes('pinned'))).toEqual([]);
    expect(tags).toHaveLength(5);
  });
});

describe('sparse indexes', () => {
  /** A release of one platform: every index with two is sparse. */
  let sparse: { readonly archive: string; readonly release: TestRelease };
  beforeAll(async () => {
    const narrow = await writeRelease(temp.join('sparse'), source.host, { platforms: ['linux/amd64'] });
    sparse = { archive: temp.join('sparse.tar'), release: narrow };
    await buildArchive(narrow.spec, keys.key, sparse.archive);
  });

  test('a registry that refuses the original gets a rebuilt index, and the change is reported', async () => {
    const inventory = await readInventory(sparse.archive);
    expect(inventory.images.map(({ indexMode }) => indexMode)).toEqual(
      inventory.images.map(({ reference }) => (reference.includes('/tool:') ? undefined : 'sparse')),
    );
    await using target = await startDockerRegistry();
    const url = `http://${target.host}`;
    const { images } = await load(target.host, sparse.archive);
    for (const { original, digest, result, pushedDigest, internal } of images) {
      const node = sparse.release.images.get(original);
      expect(digest).toBe(node?.descriptor.digest);
      if (original.includes('/tool:')) {
        expect([result, pushedDigest]).toEqual(['loaded', undefined]);
        continue;
      }
      expect(result).toBe('rebuilt');
      const { name } = placeOf(internal);
      const served = await get(
        url,
        internalPlace(original),
        'manifests',
        name.startsWith('sha256:') ? (pushedDigest ?? '') : name,
      );
      expect(sha256(served.bytes)).toBe(pushedDigest);
      expect(served.type).toBe(node?.descriptor.mediaType);
      const { manifests } = JSON.parse(served.bytes.toString()) as { manifests: { digest: string }[] };
      const kept = node?.children.filter((child) =>
        inventory.manifests.some((entry) => entry.digest === child.descriptor.digest),
      );
      expect(manifests).toEqual(kept?.map((child) => child.descriptor));
      expect((await get(url, internalPlace(original), 'manifests', digest)).status).toBe(404);
    }
    await expectAllTagsComplete(url);
    const report = JSON.parse(
      await readFile(join(temp.join(`report-${target.host.replace(':', '-')}`), 'load-report.json'), 'utf8'),
    ) as LoadResult;
    expect(report.images).toEqual(images);
    const lines = await airgap([
      'load',
      sparse.archive,
      '--key',
      keys.pub,
      '--to',
      `docker://${target.host}/again`,
      '--report',
      temp.join('again'),
    ]);
    const app = images.find(({ original }) => original.includes('/app:'));
    expect(lines.stdout).toContain(`${app?.digest ?? ''} became ${app?.pushedDigest ?? ''}`);
  });

  test('attestations travel with the platform they describe', async () => {
    const inventory = await readInventory(sparse.archive);
    const reference = [...sparse.release.images.keys()].find((key) => key.includes('/app:')) ?? '';
    const [amd64, arm64, of64, ofArm] = sparse.release.images.get(reference)?.children ?? [];
    const index = inventory.manifests.find(
      ({ digest }) => digest === sparse.release.images.get(reference)?.descriptor.digest,
    );
    expect(index?.manifests?.map(({ digest }) => digest).sort()).toEqual(
      [amd64?.descriptor.digest, of64?.descriptor.digest].sort(),
    );
    for (const left of [arm64, ofArm]) {
      expect(inventory.manifests.some(({ digest }) => digest === left?.descriptor.digest)).toBe(false);
    }
  });

  test('a registry that takes sparse indexes keeps the original digest', async () => {
    await using target = await startRegistry({ directory: temp.join('accepting'), acceptSparseIndexes: true });
    const { images } = await load(target.host, sparse.archive);
    expect(images.map(({ result }) => result)).toEqual(images.map(() => 'loaded'));
    for (const { original } of images) {
      const { name } = placeOf(original);
      const served = await get(target.url, internalPlace(original), 'manifests', name);
      expect(served.bytes.equals(sparse.release.images.get(original)?.bytes ?? Buffer.alloc(0))).toBe(true);
    }
  });
});

test('a platform that an image lacks is an error that names both', async () => {
  const wrong = await writeRelease(temp.join('wrong'), source.host);
  await replaceIn(wrong.spec, 'platforms: [linux/amd64]', 'platforms: [linux/arm64]');
  const result = await airgap(['build', wrong.spec, '--key', keys.key, '--output', temp.join('wrong.tar'), '--json']);
  expect(result.exitCode).not.toBe(0);
  const { message } = errorOf(result);
  expect(message).toContain('tools/tool:3');
  expect(message).toContain('linux/arm64');
});
