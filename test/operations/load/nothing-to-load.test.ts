/** Success means that what was asked for is there: a plan of nothing is an error, and no two things share a name. */
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { trustArchive, type TrustedArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../../src/archive/verification/verified-archive.ts';
import { extractFiles } from '../../../src/operations/extract.ts';
import { loadRelease, planLoad } from '../../../src/operations/load/load.ts';
import { planDirectory, loadTars } from '../../../src/operations/load/tarballs.ts';
import { planMirror } from '../../../src/operations/mirror.ts';
import {
  createLayoutTarget,
  createRegistryTarget,
  type ImageTarget,
} from '../../../src/release/mapping/image-target.ts';
import { formatReference } from '../../../src/oci/reference.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { createKeySigner } from '../../../src/trust/signing/signer.ts';
import { contentsOf, fixedKeyPair, forgeArchive } from '../../archive/forge.ts';
import { makeRelease, type SampleReleaseOptions } from '../../archive/sample-release.ts';
import { allOf } from '../../helpers/all-of.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { tarEnd, tarEntry } from '../../helpers/tar-entry.ts';
import { useTempDir } from '../../helpers/temp.ts';

const temp = useTempDir();
const { privateKey, publicKey } = fixedKeyPair('maker');
const amd64 = makeImage({ platform: 'linux/amd64', layers: [makeLayer({ a: 'a' })] });
const arm64 = makeImage({ platform: 'linux/arm64', layers: [makeLayer({ b: 'b' })] });

async function archiveOf(options: SampleReleaseOptions): Promise<TrustedArchive> {
  const release = await makeRelease(options);
  await writeFile(temp.join('a.tar'), await forgeArchive(release.inventory, contentsOf(release), createKeySigner(privateKey))); // prettier-ignore
  return await trustArchive(temp.join('a.tar'), { keys: [publicKey], threshold: 1 });
}

function chart(name: string, version: string, description: string): Buffer {
  const yaml = `apiVersion: v2\nname: ${name}\nversion: ${version}\ndescription: ${description}\n`;
  return gzipSync(Buffer.concat([tarEntry(`${name}/Chart.yaml`, { content: yaml }), tarEnd]));
}

/** Repositories of one registry, each a store of its own. */
function registry(prefix = '', stripRegistry = false): ImageTarget & { readonly stores: Map<string, MemoryStore> } {
  const stores = new Map<string, MemoryStore>();
  const target = createRegistryTarget('docker://registry.internal', { host: 'registry.internal', prefix, stripRegistry }, ({ registry: host, repository }) => {
    const name = `${host}/${repository}`;
    const store = stores.get(name) ?? new MemoryStore(name);
    stores.set(name, store);
    return store;
  }); // prettier-ignore
  return { ...target, stores };
}

describe('a load of nothing is an error that says what was asked for and what there is', () => {
  const files = { 'docs/readme.txt': 'read me\n' };

  test('into a layout or a registry', async () => {
    using archive = await archiveOf({ images: {}, files });
    const plan = planLoad(archive, createLayoutTarget('oci:layout', new MemoryStore('layout')));
    await expect(plan).rejects.toMatchObject({
      code: 'USAGE',
      message: 'nothing to load into oci:layout: images, or charts, were asked for, and the archive has none',
      hint: expect.stringContaining('no images, and 1 files') as string,
    });
  });

  test('into a directory', async () => {
    using archive = await archiveOf({ images: {}, files });
    await expect(planDirectory(archive, temp.join('images'))).rejects.toMatchObject({ code: 'USAGE' });
  });

  test.each([['a layout'], ['a directory']])('of a platform that is not carried, into %s', async (kind) => {
    using archive = await archiveOf({ images: { 'registry.example/a:1': amd64 }, files });
    const options = { platforms: ['linux/arm64'] };
    const plan =
      kind === 'a layout'
        ? planLoad(archive, createLayoutTarget('oci:layout', new MemoryStore('layout')), options)
        : planDirectory(archive, temp.join('images'), options);
    await expect(plan).rejects.toMatchObject({ code: 'USAGE', hint: expect.stringContaining('linux/amd64') as string });
  });

  test('but charts alone are something', async () => {
    using archive = await archiveOf({ images: {}, files: { 'charts/app-1.0.0.tgz': chart('app', '1.0.0', 'x') } });
    expect((await planLoad(archive, registry())).charts).toHaveLength(1);
  });

  test('and so it is of a mirror, and of an extraction', async () => {
    const store = new MemoryStore('source');
    const nothing = { images: [], manifests: [], blobs: [] };
    await expect(planMirror(nothing, () => store, registry())).rejects.toMatchObject({ code: 'USAGE' });
    using archive = await archiveOf({ images: { 'registry.example/a:1': amd64 }, files: {} });
    await expect(extractFiles(await verifyPayload(archive), temp.join('out'))).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('images that exist for none of the chosen platforms are named', () => {
  const images = { 'registry.example/a:1': amd64, 'registry.example/b:1': arm64 };

  test.each(['a registry', 'a directory'])('by a load into %s', async (kind) => {
    using archive = await archiveOf({ images });
    const options = { platforms: ['linux/amd64'] };
    const plan =
      kind === 'a registry'
        ? await planLoad(archive, registry(), options)
        : await planDirectory(archive, temp.join('images'), options);
    expect(plan.skipped).toEqual(['registry.example/b:1']);
  });

  test('and none is where all go', async () => {
    using archive = await archiveOf({ images });
    const plan = await planDirectory(archive, temp.join('images'));
    expect(plan.skipped).toEqual([]);
    await loadTars(plan);
    expect(allOf((await planDirectory(archive, temp.join('images'))).tarballs, ({ present }) => present)).toBe(true);
  });
});

test('what a registry has already is not brought again, and no byte of the archive is read for it', async () => {
  using archive = await archiveOf({ images: { 'registry.example/a:1': amd64 } });
  const target = registry();
  const nothing = { copiedBytes: 0, copied: 0, mounted: 0, tagged: 0, refused: [] };
  expect(await loadRelease(await planLoad(archive, target))).toMatchObject({ tagged: 1, payload: 'verified' });
  const again = await planLoad(archive, target);
  expect(await loadRelease(again)).toEqual({ ...nothing, substituted: again.pending.substituted, payload: 'not read' });
});

describe('two things that would get one name at the target are refused before anything moves', () => {
  const app = { 'charts/app-1.0.0.tgz': chart('app', '1.0.0', 'x') };
  const image = 'registry.example/app:1.0.0';

  test.each([
    ['an image of a host that becomes charts', { images: { 'CHARTS/app:1.0.0': amd64 }, files: app }, '', false],
    ['an image whose registry is left out', { images: { 'registry.example/charts/app:1.0.0': amd64 }, files: app }, '', true],
    ['below a prefix', { images: { 'registry.example/charts/app:1.0.0': amd64 }, files: app }, 'mirror', true],
    ['two charts', { images: { [image]: amd64 }, files: { ...app, 'charts/other.tgz': chart('app', '1.0.0', 'y') } }, '', false],
    ['two images', { images: { [image]: amd64, 'other.example/app:1.0.0': arm64 }, files: {} }, '', true],
  ])('%s', async (_, options, prefix, strip) => {
    using archive = await archiveOf(options);
    const target = registry(prefix, strip);
    await expect(planLoad(archive, target)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('would both become registry.internal/') as string,
    });
    for (const store of target.stores.values()) await expect(store.resolve('1.0.0')).rejects.toMatchObject({ code: 'NOT_FOUND' }); // prettier-ignore
  }); // prettier-ignore

  test('evidence and an image', async () => {
    const subject = makeImage({ layers: [makeLayer({ c: 'c' })] });
    const tag = `${subject.descriptor.digest.replace(':', '-')}.sig`;
    using archive = await archiveOf({
      images: { 'registry.example/app:1': subject, [`other.example/app:${tag}`]: amd64 },
      evidence: [{ node: makeImage({ platform: 'linux/s390x' }), tag }],
    });
    await expect(planLoad(archive, registry('', true))).rejects.toMatchObject({
      message: expect.stringMatching(/evidence for .* would both become/) as string,
    });
  });

  test('and what is the same under one name is no conflict: it is loaded once, and stays', async () => {
    using archive = await archiveOf({
      images: { [image]: amd64, [`${image}@${amd64.descriptor.digest}`]: amd64 },
      files: app,
    });
    const target = registry();
    expect((await loadRelease(await planLoad(archive, target))).tagged).toBe(2);
    expect((await loadRelease(await planLoad(archive, target))).payload).toBe('not read');
    const [first] = (await planLoad(archive, target)).images;
    expect(formatReference(first!.internal)).toBe('registry.internal/registry.example/app:1.0.0');
  });
});
