/** The sample images are what they claim: deterministic, and archives that real tools read. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { isIndex, parseManifest } from '../../src/oci/manifest.ts';
import { isManifestType } from '../../src/oci/media-types.ts';
import { requireTool } from './require-tool.ts';
import { contentOf, makeArtifact, makeImage, makeIndex, makeMultiPlatformImage } from './sample-image.ts';
import { makeLayer, noise } from './sample-layer.ts';
import { useTempDir } from './temp.ts';

const temp = useTempDir();

test('the same arguments give the same digests, other arguments give others', () => {
  const make = (name: string): string => makeMultiPlatformImage({ name, attestations: true }).descriptor.digest;
  expect(make('app')).toBe(make('app'));
  expect(make('app')).not.toBe(make('other'));
  expect(noise('a', 100)).toEqual(noise('a', 200).subarray(0, 100));
  expect(noise('a', 100)).not.toEqual(noise('b', 100));
});

test('a layer is a tar archive, and its diffId is that of the archive', async (context) => {
  const tar = requireTool('tar') ?? context.skip();
  const layer = makeLayer({ 'etc/name': 'x\n', 'bin/run': '#!/bin/sh\n', empty: '' });
  expect(sha256(gunzipSync(layer.bytes))).toBe(layer.diffId);
  await writeFile(temp.join('layer.tar.gz'), layer.bytes);
  const { stdout } = await promisify(execFile)(tar, ['tvzf', temp.join('layer.tar.gz')], {
    env: { ...process.env, TZ: 'UTC' },
  });
  expect(stdout).toMatch(
    /-rw-r--r-- 0\/0 +2 1970-01-01 00:00 etc\/name\n-rwxr-xr-x 0\/0 +10 .* bin\/run\n-rw-r--r-- 0\/0 +0 .* empty\n/,
  );
});

test('everything a node reaches matches its descriptor, children before parents', () => {
  const image = makeMultiPlatformImage({ name: 'app', attestations: true, platforms: ['linux/amd64', 'linux/arm/v7'] });
  const signature = makeArtifact('application/vnd.example', 'x', { subject: image });
  for (const root of [image, signature, makeIndex([makeImage({ format: 'docker' })], { format: 'docker' })]) {
    const seen = new Set<string>();
    for (const [digest, { descriptor, bytes }] of contentOf(root)) {
      expect(sha256(bytes)).toBe(digest);
      expect(descriptor).toMatchObject({ digest, size: bytes.length });
      if (isManifestType(descriptor.mediaType)) {
        const parsed = parseManifest(bytes, descriptor.mediaType, digest);
        const reached = isIndex(parsed) ? parsed.manifests : [parsed.config, ...parsed.layers];
        for (const child of reached) expect(seen).toContain(child.digest);
      }
      seen.add(digest);
    }
  }
});

test('images share the base they are given', () => {
  const base = makeLayer({ base: 'shared' });
  const [one, two] = ['one', 'two'].map((name) => contentOf(makeMultiPlatformImage({ name, base })));
  const shared = [...(one?.keys() ?? [])].filter((digest) => two?.has(digest));
  expect(shared).toEqual([base.descriptor.digest]);
});
