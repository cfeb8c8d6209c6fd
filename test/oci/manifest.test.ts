/** Manifests as strangers write them: what is taken, what is refused, and why. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest, type Index, type Manifest } from '../../src/oci/manifest.ts';
import { isForeignLayerType, isManifestType, MediaType } from '../../src/oci/media-types.ts';
import { makeArtifact, makeImage, makeMultiPlatformImage } from '../helpers/sample-image.ts';

const config = { mediaType: MediaType.config, digest: sha256('config'), size: 6 };
const layer = { mediaType: MediaType.layerGzip, digest: sha256('layer'), size: 5 };
const child = { mediaType: MediaType.manifest, digest: sha256('child'), size: 5 };
const manifest = { schemaVersion: 2, mediaType: MediaType.manifest, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: MediaType.index, manifests: [child] };

function parse(value: unknown, declared?: string): Manifest | Index {
  return parseManifest(
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    declared,
    'r.example/a:1',
  );
}

describe('taken:', () => {
  test('real images, indexes and artifacts in both formats', () => {
    for (const node of [makeImage(), makeImage({ format: 'docker' }), makeArtifact('application/x', 'y')]) {
      const parsed = parseManifest(node.bytes, node.descriptor.mediaType, 'sample') as Manifest;
      expect(isIndex(parsed)).toBe(false);
      expect([parsed.config.digest, ...parsed.layers.map(({ digest }) => digest)]).toEqual(
        node.blobs.map(({ descriptor }) => descriptor.digest),
      );
    }
    const node = makeMultiPlatformImage({ name: 'a', attestations: true });
    const parsed = parseManifest(node.bytes, undefined, 'sample') as Index;
    expect(isIndex(parsed)).toBe(true);
    expect(parsed.manifests).toEqual(node.children.map(({ descriptor }) => descriptor));
  });

  test('a manifest that does not say its type, as Helm writes it', () => {
    const { mediaType: _, ...silent } = manifest;
    expect(parse(silent).mediaType).toBe(MediaType.manifest);
    expect(parse(silent, MediaType.dockerManifest).mediaType).toBe(MediaType.dockerManifest);
    for (const declared of [undefined, MediaType.manifest, MediaType.dockerManifest]) {
      expect(parse({ ...manifest, mediaType: '' }, declared).mediaType).toBe(declared ?? MediaType.manifest);
    }
    expect(parse(silent, 'application/json').mediaType).toBe(MediaType.manifest);
    expect(parse(silent, 'text/plain; charset=utf-8').mediaType).toBe(MediaType.manifest);
  });

  test('an index that does not say its type', () => {
    const { mediaType: _, ...silent } = index;
    expect(parse(silent).mediaType).toBe(MediaType.index);
    expect(parse(silent, MediaType.dockerIndex).mediaType).toBe(MediaType.dockerIndex);
  });

  test('annotations that are null, as Go writes an empty map', () => {
    expect(parse({ ...manifest, annotations: null }).annotations).toBeUndefined();
    expect(parse({ ...manifest, annotations: { a: 'b' } }).annotations).toEqual({ a: 'b' });
  });

  test('fields nobody knows, which are left out', () => {
    expect(parse({ ...manifest, future: { deep: true } })).not.toHaveProperty('future');
  });

  test('null and absent where Go writes it for nothing', () => {
    const nothing = { artifactType: null, annotations: null, subject: null, mediaType: null };
    const spare = { ...layer, annotations: null, urls: null, data: null, artifactType: null, platform: null };
    const parsed = parse({ ...manifest, ...nothing, layers: [spare] }, MediaType.manifest) as Manifest;
    expect(parsed.layers[0]).toMatchObject({ digest: layer.digest, platform: undefined });
    expect(parsed).toMatchObject({ mediaType: MediaType.manifest, annotations: undefined, subject: undefined });
    for (const layers of [null, undefined]) expect(parse({ ...manifest, layers })).toMatchObject({ layers: [] });
    expect(parse({ ...index, manifests: null })).toMatchObject({ manifests: [] });
    const nowhere = { ...child, platform: { os: null } };
    expect(parse({ ...index, manifests: [nowhere] })).toMatchObject({ manifests: [{ platform: { os: '', architecture: '' } }] }); // prettier-ignore
  });

  test('an index without children', () => {
    expect(parse({ ...index, manifests: [] })).toMatchObject({ manifests: [] });
  });
});

describe('malformed:', () => {
  const text = JSON.stringify(manifest);
  test.each<[string, unknown, string?]>([
    ['a manifest and an index at once (CVE-2021-41190)', { ...manifest, manifests: [child] }],
    ['an index with layers', { ...index, layers: [layer] }],
    ['an index with a config', { ...index, config }],
    ['an index with layers in Go’s spelling', { ...index, Layers: [layer] }],
    ['a manifest with another config in Go’s spelling', { ...manifest, CONFIG: config }],
    ['a manifest with children in Go’s spelling', { ...manifest, Manifests: [child] }],
    ['a type in Go’s spelling', { ...manifest, MediaType: MediaType.index }],
    ['a manifest declared as an index', manifest, MediaType.index],
    ['an index declared as a manifest', index, MediaType.manifest],
    ['an OCI manifest declared as a Docker one', manifest, MediaType.dockerManifest],
    ['a manifest that says it is an index', { ...manifest, mediaType: MediaType.index }],
    ['an index that says it is a manifest', { ...index, mediaType: MediaType.manifest }],
    ['a silent manifest declared as an index', { schemaVersion: 2, config, layers: [] }, MediaType.index],
    ['a type nobody knows', { ...manifest, mediaType: 'application/x' }],
    ['a type that is no text', { ...manifest, mediaType: 1 }],
    ['sha512', { ...manifest, config: { ...config, digest: `sha512:${'0'.repeat(128)}` } }],
    ['a digest that is a path', { ...manifest, layers: [{ ...layer, digest: 'sha256:../../x' }] }],
    ['a digest in upper case', { ...manifest, layers: [{ ...layer, digest: layer.digest.toUpperCase() }] }],
    ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }],
    ['half a byte', { ...manifest, layers: [{ ...layer, size: 0.5 }] }],
    ['a size in a text', { ...manifest, layers: [{ ...layer, size: '5' }] }],
    ['a layer without type', { ...manifest, layers: [{ ...layer, mediaType: '' }] }],
    ['a layer without size', { ...manifest, layers: [{ digest: layer.digest, mediaType: 'x' }] }],
    ['a layer that is null', { ...manifest, layers: [null] }],
    ['layers that are no list', { ...manifest, layers: layer }],
    ['no config', { schemaVersion: 2, mediaType: MediaType.manifest, layers: [] }],
    ['a child that is null', { ...index, manifests: [null] }],
    ['a config that is null', { ...manifest, config: null }],
    ['a size with a fraction', text.replace(/"size":(\d+)/, '"size":$1.0')],
    ['a size with an exponent', text.replace(/"size":(\d+)/, '"size":$1e0')],
    ['a size with a sign', text.replace(/"size":\d+/, '"size":-0')],
    ['a number with a fraction anywhere', text.replace('{', '{"future":1.5,')],
    ['annotations in a list', { ...manifest, annotations: ['a'] }],
    ['annotations that hide a number', text.replace('{', '{"annotations":{"__proto__":1},')],
    ['another schema version', { ...manifest, schemaVersion: 3 }],
    ['too many layers', { ...manifest, layers: Array.from({ length: 10_001 }, () => layer) }],
    ['annotations that are no texts', { ...manifest, annotations: { a: 1 } }],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '2'],
    ['nothing', ''],
    ['text behind it', `${text}{}`],
    ['half of it', text.slice(0, -5)],
    ['a byte order mark before nothing', '\uFEFF'],
    ['HTML', '<html><body>Sign in</body></html>'],
  ])('%s', (_, value, declared) => {
    expect(() => parse(value, declared)).toThrow(
      expect.objectContaining({ name: 'IntegrityError', code: 'MALFORMED' }),
    );
    expect(() => parse(value, declared)).toThrow(/^r\.example\/a:1: /);
  });

  test('bytes that are not UTF-8', () => {
    const bytes = Buffer.from(JSON.stringify({ ...manifest, annotations: { a: 'x' } }));
    bytes[bytes.indexOf('"x"') + 1] = 0xff;
    expect(() => parseManifest(bytes, undefined, 'x')).toThrow(expect.objectContaining({ code: 'MALFORMED' }));
  });

  test('more bytes than a manifest can have', () => {
    expect(() => parseManifest(Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' '), undefined, 'x')).toThrow(/is longer than/);
  });
});

describe('Docker schema 1 is told apart, with what to do', () => {
  test.each([
    { schemaVersion: 1, name: 'a', fsLayers: [] },
    { schemaVersion: 1, mediaType: MediaType.dockerSchema1Signed },
    { schemaVersion: 2, fsLayers: [] },
  ])('%j', (value) => {
    expect(() => parse(value, MediaType.dockerSchema1)).toThrow(
      expect.objectContaining({
        name: 'StoreError',
        code: 'UNSUPPORTED',
        hint: expect.stringContaining('skopeo') as string,
      }),
    );
  });
});

test('media types fall into kinds', () => {
  for (const type of [MediaType.index, MediaType.manifest, MediaType.dockerIndex, MediaType.dockerManifest]) {
    expect(isManifestType(type)).toBe(true);
  }
  for (const type of [MediaType.config, MediaType.layerGzip, MediaType.dockerSchema1, '', 'application/json']) {
    expect(isManifestType(type)).toBe(false);
  }
  expect(isForeignLayerType('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')).toBe(true);
  expect(isForeignLayerType('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip')).toBe(true);
  expect(isForeignLayerType(MediaType.layerGzip)).toBe(false);
});
