/** The image tarballs: OCI layouts and `docker load` archives at once, divided by platform. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { divideIntoTars, tarPathOf, type ImageTar } from '../../../src/archive/layout/image-tar.ts';
import type { Index } from '../../../src/oci/manifest.ts';
import { hexOf, sha256 } from '../../../src/oci/digest.ts';
import { allOf } from '../../helpers/all-of.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { runOk } from '../../helpers/run.ts';
import {
  contentOf,
  listedFor,
  makeArtifact,
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
} from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';
import { makeRelease, sampleImages, writeArchive } from '../sample-release.ts';

const temp = useTempDir();
const AMD64 = 'images/linux-amd64.tar';
const ARM64 = 'images/linux-arm64.tar';
const MULTI = 'images/multi-platform.tar';

interface DockerEntry {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

function documentOf<T>(tar: ImageTar | undefined, path: string): T {
  const found = tar?.documents.find((document) => document.path === path);
  return JSON.parse(found?.bytes.toString() ?? 'null') as T;
}

async function divide(images: Parameters<typeof makeRelease>[0]): Promise<Map<string, ImageTar>> {
  const { inventory } = await makeRelease(images);
  return new Map(divideIntoTars(inventory).map((tar) => [tar.path, tar]));
}

async function unpack(): Promise<string> {
  await writeArchive(temp.join('a.tar'), await makeRelease());
  await runOk(toolPath('tar'), ['-xf', temp.join('a.tar'), '-C', temp.path]);
  return temp.join('images');
}

describe('division', () => {
  test('platforms are sorted, what belongs to none comes last', async () => {
    const tars = await divide({});
    expect([...tars.keys()]).toEqual([AMD64, ARM64, MULTI]);
    expect([...tars.values()].map((tar) => tar.platform)).toEqual(['linux/amd64', 'linux/arm64', undefined]);
  });

  test('multi-platform.tar is there only when something goes there', async () => {
    expect([...(await divide({ images: { 'r.example/a:1': makeImage() } })).keys()]).toEqual([AMD64]);
    expect([...(await divide({ images: { 'r.example/a:1': makeArtifact('x/y', 'z') } })).keys()]).toEqual([MULTI]);
    expect((await divide({ images: {} })).size).toBe(0);
  });

  test('a blob shared by two platforms is in both tarballs, once each', async () => {
    const base = makeLayer({ shared: 'by all' });
    const tars = await divide({ images: { 'r.example/a:1': makeMultiPlatformImage({ name: 'a', base }) } });
    for (const path of [AMD64, ARM64]) {
      const digests = tars.get(path)?.contents.map((content) => content.digest) ?? [];
      expect(digests.filter((digest) => digest === base.descriptor.digest)).toHaveLength(1);
      expect(digests).toEqual([...digests].sort());
    }
    expect(tars.get(MULTI)?.contents).toHaveLength(1);
  });

  test('names follow the platform', () => {
    expect(tarPathOf('linux/arm/v7')).toBe('images/linux-arm-v7.tar');
    expect(tarPathOf(undefined)).toBe(MULTI);
  });

  test('an image in an index in an index is named in the tarball of its platform', async () => {
    const image = makeImage();
    const outer = makeIndex([makeIndex([image])]);
    const tars = await divide({ images: { 'r.example/a:1': outer } });
    expect(documentOf<Index>(tars.get(AMD64), 'index.json').manifests).toMatchObject([
      { digest: image.descriptor.digest },
    ]);
    expect(documentOf<Index>(tars.get(MULTI), 'index.json').manifests).toMatchObject([
      { digest: outer.descriptor.digest },
    ]);
  });
});

describe('one manifest that an index lists for two platforms', () => {
  const image = makeImage();
  const both = makeIndex([listedFor(image, 'linux', 'amd64'), listedFor(image, 'linux', 'arm64')]);
  const other = makeIndex([listedFor(image, 'linux', 'amd64')]);
  const ARM64 = 'images/linux-arm64.tar';

  test('is in both tarballs under the name of the image, and under another image only where that lists it', async () => {
    const tars = await divide({ images: { 'r.example/both:1': both, 'r.example/other:1': other } });
    expect([...tars.keys()]).toEqual([AMD64, ARM64, MULTI]);
    for (const [path, names] of [
      [AMD64, ['r.example/both:1', 'r.example/other:1']],
      [ARM64, ['r.example/both:1']],
    ] as const) {
      const digests = tars.get(path)?.contents.map(({ digest }) => digest);
      expect(digests).toEqual([...contentOf(image).keys()].sort());
      expect(documentOf<DockerEntry[]>(tars.get(path), 'manifest.json')).toMatchObject([{ RepoTags: names }]);
      const { manifests } = documentOf<Index>(tars.get(path), 'index.json');
      expect(new Set(manifests.map(({ platform }) => `images/${platform?.os}-${platform?.architecture}.tar`))).toEqual(new Set([path])); // prettier-ignore
    }
  });
});

describe('documents', () => {
  test('index.json names every image by its reference, with platform and both annotations', async () => {
    const nodes = sampleImages();
    const app = nodes['registry.example/team/app:1.0'];
    const tars = await divide({ images: nodes });
    const index = documentOf<Index>(tars.get(AMD64), 'index.json');
    const child = app?.children[0]?.descriptor;
    const pinned = `registry.example/team/pinned@${child?.digest}`;
    expect(index.manifests.map((entry) => entry.annotations?.['io.containerd.image.name'])).toEqual([
      'registry.example/team/app:1.0',
      pinned,
      'registry.example/team/web:2.0',
    ]);
    expect(index.manifests[0]).toEqual({
      mediaType: child?.mediaType,
      digest: child?.digest,
      size: child?.size,
      platform: { os: 'linux', architecture: 'amd64' },
      annotations: {
        'io.containerd.image.name': 'registry.example/team/app:1.0',
        'org.opencontainers.image.ref.name': 'registry.example/team/app:1.0',
      },
    });
    const multi = documentOf<Index>(tars.get(MULTI), 'index.json');
    expect(multi.manifests.map((entry) => entry.digest)).toContain(app?.descriptor.digest);
    expect(allOf(multi.manifests, (entry) => entry.platform === undefined)).toBe(true);
    expect(documentOf(tars.get(MULTI), 'oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(tars.get(MULTI)?.documents.map((document) => document.path)).toEqual(['oci-layout', 'index.json']);
  });

  test('manifest.json has one entry per manifest, with all of its tags and layers in order', async () => {
    const image = makeImage({ layers: [makeLayer({ one: '1' }), makeLayer({ two: '2' }), makeLayer({ one: '1' })] });
    const tars = await divide({ images: { 'r.example/a:1': image, 'r.example/a:2': image } });
    const [config, ...layers] = image.blobs.map(({ descriptor }) => `blobs/sha256/${hexOf(descriptor.digest)}`);
    expect(documentOf<DockerEntry[]>(tars.get(AMD64), 'manifest.json')).toEqual([
      { Config: config, RepoTags: ['r.example/a:1', 'r.example/a:2'], Layers: layers },
    ]);
  });

  test('an image known by digest alone has no tag for docker', async () => {
    const image = makeImage();
    const tars = await divide({ images: { [`r.example/a@${image.descriptor.digest}`]: image } });
    expect(documentOf<DockerEntry[]>(tars.get(AMD64), 'manifest.json')).toMatchObject([{ RepoTags: null }]);
  });

  test('a tag goes before a digest where a reference has both', async () => {
    const image = makeImage();
    const tars = await divide({ images: { [`r.example/a:1@${image.descriptor.digest}`]: image } });
    expect(documentOf<DockerEntry[]>(tars.get(AMD64), 'manifest.json')).toMatchObject([
      { RepoTags: ['r.example/a:1'] },
    ]);
  });
});

describe('extracted', () => {
  test('each tarball is an OCI layout whose blobs are what their names say', async () => {
    const folder = await unpack();
    for (const name of ['linux-amd64', 'linux-arm64', 'multi-platform']) {
      const out = join(folder, name);
      await mkdir(out);
      await runOk(toolPath('tar'), ['-xf', `${out}.tar`, '-C', out]);
      const blobs = await readdir(join(out, 'blobs/sha256'));
      expect(blobs.length).toBeGreaterThan(2);
      for (const blob of blobs) expect(hexOf(sha256(await readFile(join(out, 'blobs/sha256', blob))))).toBe(blob);
      const index = JSON.parse(await readFile(join(out, 'index.json'), 'utf8')) as Index;
      for (const { digest, size } of index.manifests) {
        expect(await readFile(join(out, 'blobs/sha256', hexOf(digest)))).toHaveLength(size);
      }
    }
  });

  test('skopeo reads an image by its reference', async (context) => {
    const skopeo = requireTool('skopeo') ?? context.skip();
    const folder = await unpack();
    for (const [tar, reference, architecture] of [
      ['linux-amd64', 'registry.example/team/app:1.0', 'amd64'],
      ['linux-arm64', 'registry.example/team/app:1.0', 'arm64'],
      ['linux-arm64', 'registry.example/team/tool:3', 'arm64'],
    ] as const) {
      const { stdout } = await runOk(skopeo, ['inspect', `oci-archive:${join(folder, tar)}.tar:${reference}`]);
      expect(JSON.parse(stdout)).toMatchObject({ Os: 'linux', Architecture: architecture });
    }
  });

  test('skopeo reads the same tarball as a docker archive, whatever the format of the image', async (context) => {
    const skopeo = requireTool('skopeo') ?? context.skip();
    const folder = await unpack();
    for (const name of ['app:1.0', 'web:2.0']) {
      const archive = `docker-archive:${join(folder, 'linux-amd64')}.tar:registry.example/team/${name}`;
      const { stdout } = await runOk(skopeo, ['inspect', archive]);
      expect(JSON.parse(stdout)).toMatchObject({ Os: 'linux', Architecture: 'amd64' });
    }
  });

  test('a current skopeo also takes images in Docker format out of the layout', async (context) => {
    const skopeo = requireTool('skopeo-current') ?? context.skip();
    const folder = await unpack();
    const { stdout } = await runOk(skopeo, [
      'inspect',
      `oci-archive:${join(folder, 'linux-amd64')}.tar:registry.example/team/web:2.0`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ Os: 'linux', Architecture: 'amd64' });
  });
});
