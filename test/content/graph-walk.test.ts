/** What a release carries for an image: platforms, attestations, nested indexes, and what cannot be carried. */
import { describe, expect, test } from 'vitest';
import {
  childrenFirst,
  discoverImage,
  mergeGraphs,
  reachableFrom,
  type DiscoveredImage,
} from '../../src/content/graph-walk.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';
import type { GraphManifest } from '../../src/content/content-graph.ts';
import { MemoryStore } from '../../src/stores/memory.ts';
import {
  contentOf,
  makeArtifact,
  makeAttestation,
  makeImage,
  makeIndex,
  makeMultiPlatformImage,
  type SampleNode,
} from '../helpers/sample-image.ts';
import { makeBlob, makeLayer } from '../helpers/sample-layer.ts';

const reference = 'registry.example/a:1';

async function storeOf(...nodes: readonly SampleNode[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const node of nodes) {
    for (const { descriptor, bytes } of contentOf(node).values()) await store.push(descriptor, bytesOf(bytes));
  }
  return store;
}

async function discover(node: SampleNode, platforms: readonly string[] | 'all' = 'all'): Promise<DiscoveredImage> {
  const { mediaType, digest, size } = node.descriptor;
  return discoverImage(await storeOf(node), { mediaType, digest, size }, { platforms, reference });
}

function digestsOf(nodes: readonly { readonly descriptor: { readonly digest: Digest } }[]): readonly Digest[] {
  return nodes.map(({ descriptor }) => descriptor.digest).sort();
}

function manifestsOf(found: { readonly manifests: readonly GraphManifest[] }): readonly Digest[] {
  return found.manifests.map(({ digest }) => digest).sort();
}

/** JSON as a node of the sample kind. */
function node(
  mediaType: string,
  value: object,
  children: readonly SampleNode[] = [],
  blobs: SampleNode['blobs'] = [],
): SampleNode {
  return { ...makeBlob(mediaType, Buffer.from(JSON.stringify(value))), children, blobs };
}

function namedPlatforms({ manifests = [] }: GraphManifest): readonly string[] {
  return manifests.flatMap(({ platform }) => platform ?? []);
}

describe('all platforms', () => {
  test('carry everything the root reaches, once, with all bytes that were read', async () => {
    const image = makeMultiPlatformImage({ name: 'a', attestations: true });
    const found = await discover(image);
    expect(found.indexMode).toBe('complete');
    expect([...manifestsOf(found), ...found.blobs.map(({ digest }) => digest)].sort()).toEqual(
      [...contentOf(image).keys()].sort(),
    );
    expect(found.manifests[0]?.manifests?.map(({ platform }) => platform)).toEqual([
      'linux/amd64',
      'linux/arm64',
      undefined,
      undefined,
    ]);
    expect(found.platform).toBeUndefined();
    for (const digest of manifestsOf(found)) expect(sha256(found.contents.get(digest) ?? '')).toBe(digest);
  });

  test('of an index in an index carry both', async () => {
    const inner = makeMultiPlatformImage({ name: 'inner' });
    const outer = makeIndex([inner, makeImage({ platform: 'linux/s390x' })]);
    const found = await discover(outer);
    expect(found.indexMode).toBe('complete');
    expect(manifestsOf(found)).toEqual(
      [...digestsOf([outer, inner, ...inner.children, outer.children[1] as SampleNode])].sort(),
    );
  });
});

describe('chosen platforms', () => {
  const image = makeMultiPlatformImage({
    name: 'a',
    platforms: ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v7'],
    attestations: true,
  });
  const [amd64, arm64, armv7, amd64Attestation, arm64Attestation] = image.children as [
    SampleNode,
    SampleNode,
    SampleNode,
    SampleNode,
    SampleNode,
  ];

  test('bring their attestations, and leave the others', async () => {
    const found = await discover(image, ['linux/amd64', 'linux/arm64']);
    expect(found.indexMode).toBe('sparse');
    expect(manifestsOf(found)).toEqual(digestsOf([image, amd64, arm64, amd64Attestation, arm64Attestation]));
    expect(found.manifests[0]?.manifests?.map(({ digest }) => digest)).toEqual(
      [amd64, arm64, amd64Attestation, arm64Attestation].map(({ descriptor }) => descriptor.digest),
    );
    const left = contentOf(armv7);
    left.delete(amd64.blobs[1]?.descriptor.digest as Digest);
    for (const digest of left.keys()) expect(found.blobs.map((blob) => blob.digest)).not.toContain(digest);
  });

  test('that are all there are make the index complete', async () => {
    const found = await discover(image, ['linux/amd64', 'linux/arm64', 'linux/arm/v7']);
    expect(found.indexMode).toBe('complete');
    expect(manifestsOf(found)).toEqual(
      [...contentOf(image).keys()].filter((digest) => manifestsOf(found).includes(digest)).sort(),
    );
    expect(found.manifests).toHaveLength(7);
  });

  test('with a default variant are those without', async () => {
    const spelled = node(MediaType.index, {
      schemaVersion: 2,
      mediaType: MediaType.index,
      manifests: [{ ...arm64.descriptor, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }],
    }, [arm64]); // prettier-ignore
    const found = await discover(spelled, ['linux/arm64']);
    expect(found.manifests[0]?.manifests).toEqual([{ digest: arm64.descriptor.digest, platform: 'linux/arm64' }]);
  });

  test('that are missing are refused with what is on offer', async () => {
    await expect(discover(image, ['linux/s390x'])).rejects.toMatchObject({
      name: 'NotFoundError',
      code: 'NOT_FOUND',
      message: `${reference} has no linux/s390x; it offers linux/amd64, linux/arm/v7, linux/arm64`,
    });
    await expect(discover(image, ['linux/amd64', 'linux/arm/v6'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(discover(makeIndex([]), ['linux/amd64'])).rejects.toMatchObject({
      message: expect.stringMatching(/offers none$/) as string,
    });
  });

  test('are met by another name for the same, which is kept, with the attestation of what it names', async () => {
    const arm = makeImage({ platform: 'linux/arm' });
    const index = makeIndex([makeImage({ platform: 'linux/amd64' }), arm, makeAttestation(arm)]);
    const found = await discover(index, ['linux/arm/v7']);
    expect(found.manifests.flatMap(namedPlatforms)).toEqual(['linux/arm']);
    expect(found.manifests.map(({ digest }) => digest)).toContain(arm.descriptor.digest);
    expect(found.manifests).toHaveLength(3);
    expect((await discover(arm, ['linux/arm/v7'])).platform).toBe('linux/arm');
    await expect(discover(index, ['linux/arm/v6'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(discover(arm, ['linux/arm/v6'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('several manifests for one platform are all carried', async () => {
    const windows = ['10.0.17763.1', '10.0.20348.1'].map((version) => {
      const child = makeImage({ platform: 'windows/amd64', labels: { version } });
      return {
        ...child,
        descriptor: { ...child.descriptor, platform: { os: 'windows', architecture: 'amd64', 'os.version': version } },
      };
    });
    const found = await discover(makeIndex([amd64, ...windows]), ['windows/amd64']);
    expect(manifestsOf(found)).toEqual(expect.arrayContaining(digestsOf(windows) as Digest[]));
    expect(found.manifests).toHaveLength(3);
  });

  test('one manifest that stands for two platforms is carried under the chosen one', async () => {
    const child = makeImage({ platform: 'linux/arm/v6' });
    const under = (variant: string) => ({
      ...child.descriptor,
      platform: { os: 'linux', architecture: 'arm', variant },
    });
    const both = node(
      MediaType.index,
      { schemaVersion: 2, mediaType: MediaType.index, manifests: [under('v6'), under('v7')] },
      [child],
    );
    const found = await discover(both, ['linux/arm/v7']);
    expect(found.manifests.flatMap(namedPlatforms)).toEqual(['linux/arm/v7']);
    expect(found.indexMode).toBe('sparse');
    const all = await discover(both);
    expect(all.manifests.flatMap(namedPlatforms)).toEqual(['linux/arm/v6', 'linux/arm/v7']);
    expect([all.indexMode, all.manifests.length]).toEqual(['complete', 2]);
  });

  test('choose an inner index by its platform, whole', async () => {
    const inner = makeIndex([amd64]);
    const outer = makeIndex([
      { ...inner, descriptor: { ...inner.descriptor, platform: { os: 'linux', architecture: 'amd64' } } },
      armv7,
    ]);
    expect(manifestsOf(await discover(outer, ['linux/amd64']))).toEqual(digestsOf([outer, inner, amd64]));
    const unmarked = makeIndex([makeIndex([amd64]), armv7]);
    await expect(discover(unmarked, ['linux/amd64'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a single manifest', () => {
  test('has its platform from its config, and no index', async () => {
    const image = makeImage({ platform: 'linux/arm64' });
    const found = await discover(image, ['linux/arm64']);
    expect(found.indexMode).toBeUndefined();
    expect(found.platform).toBe('linux/arm64');
    expect(found.manifests).toEqual([
      {
        digest: image.descriptor.digest,
        mediaType: MediaType.manifest,
        size: image.bytes.length,
        config: image.blobs[0]?.descriptor.digest,
        layers: [image.blobs[1]?.descriptor.digest],
      },
    ]);
    expect(found.contents.has(image.blobs[0]?.descriptor.digest as Digest)).toBe(true);
  });

  test('for another platform is refused, with what to do', async () => {
    await expect(discover(makeImage(), ['linux/amd64', 'linux/arm64'])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `${reference} has no linux/arm64: it is a single image for linux/amd64`,
      hint: expect.stringContaining('platforms: [linux/amd64]') as string,
    });
  });

  test('that is no image runs nowhere and is carried whatever was chosen', async () => {
    const found = await discover(makeArtifact('application/x', 'y'), ['linux/amd64']);
    expect(found.manifests).toHaveLength(1);
    expect(found.platform).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['nothing of a platform', {}],
    ['null', null],
    ['empty names', { os: '', architecture: '' }],
    ['numbers', { os: 1, architecture: 2 }],
    ['names that are no names', { os: '../..', architecture: 'x y' }],
    ['unknown', { os: 'unknown', architecture: 'unknown' }],
  ])('whose config says %s has none', async (_, config) => {
    const blob = makeBlob(MediaType.config, Buffer.from(JSON.stringify(config)));
    const image = node(MediaType.manifest, { schemaVersion: 2, config: blob.descriptor, layers: [] }, [], [blob]);
    expect((await discover(image)).platform).toBeUndefined();
  });

  test('whose config is no JSON is refused', async () => {
    const blob = makeBlob(MediaType.config, Buffer.from('{'));
    const image = node(MediaType.manifest, { schemaVersion: 2, config: blob.descriptor, layers: [] }, [], [blob]);
    await expect(discover(image)).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  });
});

describe('embedded content', () => {
  const config = makeBlob(MediaType.empty, Buffer.from('{}'));
  const artifact = (data: string): SampleNode =>
    node(MediaType.manifest, { schemaVersion: 2, config: { ...config.descriptor, data }, layers: [] }, []);

  test('is taken for what it is, so that the source need not have it', async () => {
    const found = await discover(artifact(config.bytes.toString('base64')));
    expect(found.contents.get(config.descriptor.digest)).toEqual(config.bytes);
  });

  test.each(['e30', 'e31=', 'W10=', '', '!'])('that is not what its digest says (%j) is refused', async (data) => {
    await expect(discover(artifact(data))).rejects.toMatchObject({ code: 'MALFORMED', message: expect.stringContaining('(data)') as string }); // prettier-ignore
  });
});

describe('refused:', () => {
  const urls = ['https://attacker.example/'];
  test.each<[string, (image: SampleNode) => SampleNode]>([
    ['an index entry', (image) => node(MediaType.index, { schemaVersion: 2, manifests: [{ ...image.descriptor, urls }] }, [image])],
    ['a layer', ({ blobs: [config, layer] }) => node(MediaType.manifest, { schemaVersion: 2, config: config?.descriptor, layers: [{ ...layer?.descriptor, urls }] }, [])],
    ['a config', ({ blobs: [config] }) => node(MediaType.manifest, { schemaVersion: 2, config: { ...config?.descriptor, urls }, layers: [] }, [])],
    ['a subject', (image) => node(MediaType.manifest, { schemaVersion: 2, config: image.blobs[0]?.descriptor, layers: [], subject: { ...image.descriptor, urls } }, [], [...image.blobs])],
  ])('%s that says where it is to be had', async (_, make) => {
    await expect(discover(make(makeImage()))).rejects.toMatchObject({ code: 'MALFORMED', message: expect.stringContaining('(urls)') as string }); // prettier-ignore
  }); // prettier-ignore

  test.each([
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ])('a layer of type %s', async (mediaType) => {
    const layer = makeLayer({ a: 'b' });
    const foreign = {
      ...layer,
      descriptor: { ...layer.descriptor, mediaType, urls: ['https://vendor.example/layer'] },
    };
    await expect(discover(makeImage({ layers: [foreign] }))).rejects.toMatchObject({
      name: 'StoreError',
      code: 'UNSUPPORTED',
    });
  });

  test('an index that names something else than manifests', async () => {
    const image = makeImage();
    const strange = makeIndex([{ ...image, descriptor: { ...image.descriptor, mediaType: 'application/x' } }]);
    await expect(discover(strange)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('indexes nested without end', async () => {
    let nested: SampleNode = makeImage();
    for (let depth = 0; depth < 8; depth++) nested = makeIndex([nested]);
    expect((await discover(nested)).manifests).toHaveLength(9);
    await expect(discover(makeIndex([nested]))).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  });

  test('a child that is not what its index says', async () => {
    const image = makeImage();
    for (const change of [
      { size: image.bytes.length + 1 },
      { size: image.bytes.length - 1 },
      { mediaType: MediaType.index },
    ]) {
      const index = makeIndex([{ ...image, descriptor: { ...image.descriptor, ...change } }]);
      const store = await storeOf(makeIndex([image]));
      await store.push(index.descriptor, bytesOf(index.bytes));
      await expect(discoverImage(store, index.descriptor, { platforms: 'all', reference })).rejects.toMatchObject({
        name: 'IntegrityError',
      });
    }
  });

  test('a child that is missing', async () => {
    const index = makeIndex([makeImage()]);
    const store = new MemoryStore();
    await store.push(index.descriptor, bytesOf(index.bytes));
    await expect(discoverImage(store, index.descriptor, { platforms: 'all', reference })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  test('a blob with two sizes', async () => {
    const image = makeImage();
    const config = image.blobs[0]?.descriptor;
    const lying = node(
      MediaType.manifest,
      { schemaVersion: 2, config, layers: [{ ...config, size: 7 }] },
      [],
      image.blobs,
    );
    await expect(discover(lying)).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  });

  test('more manifests than any image has', async () => {
    const empty = makeBlob(MediaType.empty, Buffer.from('{}'));
    const children = Array.from({ length: 10_000 }, (_, index) =>
      node(MediaType.manifest, {
        schemaVersion: 2,
        config: empty.descriptor,
        layers: [],
        annotations: { n: `${index}` },
      }),
    );
    const most = makeIndex(children.slice(1));
    expect((await discover(most)).manifests).toHaveLength(10_000);
    await expect(discover(makeIndex(children))).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  });

  test('manifests that take more than the bytes that may be held', async () => {
    const image = makeMultiPlatformImage({ name: 'app', base: makeLayer({ a: 'base' }) });
    const store = await storeOf(image);
    const { mediaType, digest, size } = image.descriptor;
    const walk = (maxContentBytes?: number): Promise<DiscoveredImage> =>
      discoverImage(store, { mediaType, digest, size }, { platforms: 'all', reference, maxContentBytes });
    const held = [...(await walk()).contents.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    expect((await walk(held)).manifests).toHaveLength(3);
    await expect(walk(held - 1)).rejects.toMatchObject({ name: 'IntegrityError', code: 'MALFORMED' });
  });

  test('and an aborted walk ends at once', async () => {
    const image = makeImage();
    const signal = AbortSignal.abort();
    const walk = discoverImage(await storeOf(image), image.descriptor, { platforms: 'all', reference, signal });
    await expect(walk).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('merging', () => {
  test('gives one sorted graph, whatever the order of its parts', async () => {
    const base = { 'etc/os-release': 'ID=sample\n' };
    const app = makeMultiPlatformImage({
      name: 'app',
      platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'],
      base: makeLayer(base),
    });
    const web = makeMultiPlatformImage({ name: 'web', format: 'docker', base: makeLayer(base, { format: 'docker' }) });
    const parts = [
      await discover(app, ['linux/s390x', 'linux/amd64']),
      await discover(app, ['linux/arm64']),
      await discover(app, ['linux/amd64']),
      await discover(web),
    ];
    const images = [
      { reference: 'b.example/app:1', digest: app.descriptor.digest },
      { reference: 'a.example/web:1', digest: web.descriptor.digest },
    ];
    const merged = mergeGraphs(images, parts);
    for (const order of [[3, 2, 1, 0], [1, 3, 0, 2], [2, 1, 0, 3], [0, 2, 3, 1]]) {
      expect(mergeGraphs([...images].reverse(), order.map((index) => parts[index] as DiscoveredImage))).toEqual(merged);
    } // prettier-ignore
    expect(merged.images.map((image) => image.reference)).toEqual(['a.example/web:1', 'b.example/app:1']);
    const root = merged.manifests.find(({ digest }) => digest === app.descriptor.digest);
    expect((root?.manifests ?? []).map(({ digest }) => digest).sort()).toEqual(digestsOf(app.children));
    for (const list of [merged.manifests, merged.blobs]) {
      const digests = list.map(({ digest }) => digest);
      expect(digests).toEqual([...new Set(digests)].sort());
    }
  });

  test('refuses two sizes for one digest', async () => {
    const found = await discover(makeImage());
    const lying = { ...found, blobs: found.blobs.map((blob) => ({ ...blob, size: blob.size + 1 })) };
    expect(() => mergeGraphs([], [found, lying])).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });
});

test('what roots reach is a part of the graph in the same order', async () => {
  const one = makeMultiPlatformImage({ name: 'one' });
  const two = makeMultiPlatformImage({ name: 'two' });
  const merged = mergeGraphs([], [await discover(one), await discover(two)]);
  const part = reachableFrom(merged, [one.descriptor.digest]);
  const own = new Set(contentOf(one).keys());
  expect(part.manifests).toEqual(merged.manifests.filter(({ digest }) => own.has(digest)));
  expect(part.blobs).toEqual(merged.blobs.filter(({ digest }) => own.has(digest)));
  expect(reachableFrom(merged, [])).toEqual({ manifests: [], blobs: [] });
  expect(
    reachableFrom(
      merged,
      [one, two].map(({ descriptor }) => descriptor.digest),
    ),
  ).toEqual({ manifests: merged.manifests, blobs: merged.blobs });
});

test('children come before the index that names them, however deep', async () => {
  const attested = makeImage();
  const inner = makeIndex([attested, makeAttestation(attested)]);
  const { manifests } = mergeGraphs(
    [],
    [await discover(makeIndex([inner, attested, makeImage({ platform: 'linux/s390x' })]))],
  );
  for (const order of [manifests, [...manifests].reverse()]) {
    const ordered = childrenFirst(order);
    expect(new Set(ordered)).toEqual(new Set(manifests));
    const place = new Map(ordered.map(({ digest }, index) => [digest, index]));
    for (const { digest, manifests: children = [] } of ordered) {
      for (const child of children) expect(place.get(child.digest)).toBeLessThan(place.get(digest) as number);
    }
  }
});
