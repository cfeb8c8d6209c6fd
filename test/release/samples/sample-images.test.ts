/** Sample images: well-formed, shared, the same everywhere. That they run, test/release/samples/programs/ shows. */
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { isIndex, parseManifest, type Index, type Manifest } from '../../../src/oci/manifest.ts';
import { createSampleImages } from '../../../src/release/samples/sample-images.ts';

const PLATFORMS = ['linux/amd64', 'linux/arm64'];
const REFERENCES = ['control-plane', 'ui', 'database', 'edge-agent', 'cli'].map(
  (name) => `registry.hexabase.ai/hexabase/${name}:1.5.0`,
);
const images = createSampleImages(REFERENCES, PLATFORMS);
const all = new Map(images.flatMap(({ contents }) => [...contents]));

async function filesIn(tar: Buffer): Promise<Map<string, { mode: number | undefined; bytes: Buffer }>> {
  const files = new Map<string, { mode: number | undefined; bytes: Buffer }>();
  const reader = extract();
  reader.end(tar);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    files.set(entry.header.name, { mode: entry.header.mode, bytes: Buffer.concat(chunks) });
  }
  return files;
}

describe('createSampleImages', () => {
  it('makes the same bytes every time and on every machine', () => {
    expect(images.map(({ index }) => index.descriptor.digest)).toEqual([
      'sha256:8d0603a02ba0bd4dac6cf16300d1c9e884fa38acd18eb14ba8ddf5ef3c0d4da7',
      'sha256:fd9fe71881e91e9ad4cbe89eeb647de55fd57bd27d81fccf181c1454a2f40a33',
      'sha256:f55c271c25e6f973b70b936b8c7128439829667928eef9a371f9add533ac1f32',
      'sha256:45000deb7d75f9d08adcdb4895c1d9c3edfa13ee21bd954649e819b86e8d020b',
      'sha256:6063130a630e2e8825c9046b97431d1e0ba6afdb6b25da13fe4ff0cb307f1d63',
    ]);
  });

  it('is of a useful size: 20 to 40 MiB, with shared layers counted once', () => {
    const total = [...all.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(total).toBeGreaterThan(20 * 1024 * 1024);
    expect(total).toBeLessThan(40 * 1024 * 1024);
    // 5 images x 2 platforms x (manifest + config + application layer), 2 bases, 1 common layer.
    expect(all.size).toBe(5 * 2 * 3 + 2 + 1);
  });

  it('gives every piece its true digest and size, and everything an index reaches', () => {
    for (const [digest, { descriptor, bytes }] of all) {
      expect([descriptor.digest, descriptor.size, sha256(bytes)]).toEqual([digest, bytes.length, digest]);
    }
    for (const { reference, index, contents } of images) {
      const parsed = parseManifest(index.bytes, index.descriptor.mediaType, reference) as Index;
      expect(isIndex(parsed)).toBe(true);
      expect(parsed.manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)).toEqual(PLATFORMS);
      for (const child of parsed.manifests) {
        const manifest = parseManifest(contents.get(child.digest)?.bytes as Buffer, child.mediaType, 'm') as Manifest;
        const config = JSON.parse(contents.get(manifest.config.digest)?.bytes.toString() ?? '') as {
          architecture: string;
          rootfs: { diff_ids: string[] };
        };
        expect(config.architecture).toBe(child.platform?.architecture);
        const tars = manifest.layers.map(({ digest }) => gunzipSync(contents.get(digest)?.bytes as Buffer));
        expect(config.rootfs.diff_ids).toEqual(tars.map((tar) => sha256(tar)));
      }
    }
  });

  it('has its programs in its application layer, executable, that say who they are', async () => {
    const programs: Record<string, readonly string[]> = {};
    for (const { reference, index, contents } of images) {
      for (const { digest, platform } of (JSON.parse(index.bytes.toString()) as Index).manifests) {
        const manifest = JSON.parse(contents.get(digest)?.bytes.toString() ?? '') as Manifest;
        const layer = manifest.layers[2]?.digest as NonNullable<typeof digest>;
        const files = [...(await filesIn(gunzipSync(contents.get(layer)?.bytes as Buffer)))];
        const executable = files.filter(([path, { mode }]) => path.startsWith('usr/bin/') && mode === 0o755);
        const name = /\/([a-z-]+):/.exec(reference)?.[1] as string;
        programs[name] = executable.map(([path]) => path.slice('usr/bin/'.length)).filter((path) => path !== '');
        const [, program] = executable.find(([path]) => path === `usr/bin/${name}`) ?? [];
        expect(program?.bytes.includes(`hexabase/${name} 1.5.0 linux/${platform?.architecture}`)).toBe(true);
        const config = JSON.parse(contents.get(manifest.config.digest)?.bytes.toString() ?? '') as object;
        expect(config).toMatchObject({ config: { User: '65532:65532', Entrypoint: [`/usr/bin/${name}`] } });
      }
    }
    expect(programs).toEqual({
      'control-plane': ['control-plane'],
      ui: ['ui'],
      database: ['database', 'pg_isready'],
      'edge-agent': ['edge-agent'],
      cli: ['cli', 'hexabase-cli'],
    });
  });

  it('knows two platforms and says so', () => {
    expect(() => createSampleImages(['a:1'], ['linux/s390x'])).toThrow('no sample images for linux/s390x');
    expect(() => createSampleImages(['a:1'], ['windows/amd64'])).toThrow('no sample images for windows/amd64');
    expect(() => createSampleImages(['A B'], PLATFORMS)).toThrow();
  });
});
