/** Sample images: well-formed, shared, the same everywhere, and they really run. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/oci/digest.ts';
import { isIndex, parseManifest, type Index, type Manifest } from '../../../src/oci/manifest.ts';
import { createSampleImages } from '../../../src/release/samples/sample-images.ts';
import { createStaticElf } from '../../../src/release/samples/static-elf.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { findTool } from '../../helpers/tools.ts';

const PLATFORMS = ['linux/amd64', 'linux/arm64'];
const REFERENCES = ['control-plane', 'ui', 'database', 'edge-agent', 'cli'].map(
  (name) => `registry.hexabase.ai/hexabase/${name}:1.5.0`,
);
const images = createSampleImages(REFERENCES, PLATFORMS);
const all = new Map(images.flatMap(({ contents }) => [...contents]));
const temp = useTempDir();

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
      'sha256:acdf03fee0b07868a46a668044e4ff5b04e7fb863d58648cdfadbb5145cc05a0',
      'sha256:f290587bf07d18f99e7f050f1aec77d0cea3cfc2a87e9460d731556bbba5e9c5',
      'sha256:a7eac6aac3539ef0aebd4fdedc6a28d11ef228e9df7a707f71021222cee63ac6',
      'sha256:c8e397fd3073a58174ec4d6c2fbd303c3de981cc0ebff41ec52b1438f1ce95a7',
      'sha256:e6eb575dfcf071a4e57d0df082eab68fae9d972b10a5a1ca66e5b42333d19fa2',
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

  it('has an entrypoint in its application layer, executable, that says who it is', async () => {
    const { index, contents } = images[0] as (typeof images)[0];
    for (const { digest, platform } of (JSON.parse(index.bytes.toString()) as Index).manifests) {
      const manifest = JSON.parse(contents.get(digest)?.bytes.toString() ?? '') as Manifest;
      const layer = manifest.layers[2]?.digest as NonNullable<typeof digest>;
      const program = (await filesIn(gunzipSync(contents.get(layer)?.bytes as Buffer))).get('usr/bin/control-plane');
      expect(program?.mode).toBe(0o755);
      expect(program?.bytes.includes(`hexabase/control-plane 1.5.0 linux/${platform?.architecture}\n`)).toBe(true);
    }
  });

  it('knows two platforms and says so', () => {
    expect(() => createSampleImages(['a:1'], ['linux/s390x'])).toThrow('no sample images for linux/s390x');
    expect(() => createSampleImages(['a:1'], ['windows/amd64'])).toThrow('no sample images for windows/amd64');
    expect(() => createSampleImages(['A B'], PLATFORMS)).toThrow();
  });
});

describe('createStaticElf', () => {
  const native = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  const emulators: Readonly<Record<string, string>> = { amd64: 'qemu-x86_64-static', arm64: 'qemu-aarch64-static' };

  // Without its emulator a foreign program cannot run here; its bytes, pinned below, ran where it can.
  const runnable = ['amd64', 'arm64'].flatMap((architecture) => {
    const emulator = findTool(emulators[architecture] ?? '');
    return architecture === native
      ? [[architecture, undefined]]
      : emulator === undefined
        ? []
        : [[architecture, emulator]];
  });

  it.each(runnable)('runs on linux/%s', async (architecture = '', emulator) => {
    const text = `runs on ${architecture}, to the last letter\n`;
    const file = temp.join('program');
    await writeFile(file, createStaticElf(architecture, text), { mode: 0o755 });
    const result = emulator === undefined ? spawnSync(file) : spawnSync(emulator, [file]);
    expect([result.status, result.stdout.toString(), result.stderr.toString()]).toEqual([0, text, '']);
  });

  it.each([
    ['amd64', 'sha256:858ec69ccea51ded3ab72d8e2315f45b08288b58e399b445f8f231140d5e7950'],
    ['arm64', 'sha256:b47bc79f5dc7ba32d58560e8529843f0a5259ec58425dc443efd27ee71cc6700'],
  ])('keeps its proved bytes for %s', (architecture, digest) => {
    expect(sha256(createStaticElf(architecture, 'proved\n'))).toBe(digest);
  });

  it('refuses what it cannot write', () => {
    expect(() => createStaticElf('riscv64', 'x')).toThrow('riscv64');
    expect(() => createStaticElf('amd64', 'x'.repeat(4097))).toThrow();
  });
});
