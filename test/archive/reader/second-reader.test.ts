/** docs/format.md says all there is to say: a reader written from it alone agrees with the product on every byte. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { serializeInventory } from '../../../src/archive/inventory/inventory.ts';
import { layoutArchive, type ArchiveLayout } from '../../../src/archive/layout/archive-layout.ts';
import { encodeHeader } from '../../../src/base/tar/ustar.ts';
import { openArchiveWriter } from '../../../src/archive/writer/writer.ts';
import { exitCodeOf } from '../../../src/errors.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { verifyArchive } from '../../../src/archive/verification/verified-archive.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../../src/trust/keys/public-key.ts';
import type { Timestamper } from '../../../src/trust/signing/bundling.ts';
import { openAuthorities } from '../../../src/trust/signatures/pinned-root.ts';
import { createKeySigner, type ReleaseSigner } from '../../../src/trust/signing/signer.ts';
import { createKeylessSigner } from '../../../src/trust/signing/keyless-signer.ts';
import { createTimestamper } from '../../../src/trust/signing/timestamps.ts';
import { fillSlot } from '../../../src/trust/signatures/slot.ts';
import { makeMultiPlatformImage, type SampleNode } from '../../helpers/sample-image.ts';
import { ISSUER, startSigningServices } from '../../helpers/signing-services.ts';
import { startTimestampAuthority } from '../../helpers/timestamp-authority.ts';
import { header, layOut, readArchive, toPieces, type Piece } from '../../helpers/second-reader.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { descriptorsOf, makeRelease, sampleEvidence, sampleImages, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
let release: SampleRelease;

/** Names that need both fields of the header, files of no bytes, and images that share nearly everything. */
const FILES = {
  [`docs/${'deep/'.repeat(30)}end.txt`]: 'far down\n',
  'docs/empty.txt': '',
  'charts/app-1.0.0+build.tgz': 'x'.repeat(512),
  'install/run.sh': '#!/bin/sh\n',
};

beforeAll(async () => {
  release = await makeRelease({ files: FILES });
});

interface Signed {
  readonly path: string;
  readonly bytes: Buffer;
  readonly publicKey: KeyObject;
}

/** Builds and signs an archive with the product. */
async function build(
  sample: SampleRelease,
  algorithm: KeyAlgorithm = 'ed25519',
  { timestamp, second }: { readonly timestamp?: Timestamper; readonly second?: ReleaseSigner } = {},
): Promise<Signed> {
  const { privateKey, publicKey } = generateKeyPair(algorithm);
  const path = temp.join('sample.tar');
  await using writer = await openArchiveWriter(path, sample.inventory, { overwrite: true });
  for (const descriptor of descriptorsOf(sample.inventory)) {
    await writer.push(descriptor, sample.store.fetch(descriptor));
  }
  const signer = createKeySigner(privateKey, { timestamp });
  const slotBytes = sample.inventory.slots[0]?.size ?? 0;
  await writer.finish(async (checksums) => [
    fillSlot(await signer.sign(checksums), slotBytes),
    fillSlot(await second?.sign(checksums), slotBytes),
  ]);
  return { path, bytes: readFileSync(path), publicKey };
}

/** A layout as one list of what stands where, neighbouring known bytes joined. */
function describeLayout({ segments }: ArchiveLayout): readonly unknown[] {
  return segments.map((segment) =>
    segment.kind === 'framing'
      ? sha256(segment.bytes)
      : segment.kind === 'content'
        ? { digest: segment.digest, size: segment.length }
        : { size: segment.length },
  );
}

function describePieces(pieces: readonly Piece[]): readonly unknown[] {
  const known: Buffer[] = [];
  const described: unknown[] = [];
  const flush = (): void => {
    if (known.length > 0) described.push(sha256(Buffer.concat(known.splice(0))));
  };
  for (const piece of pieces) {
    if (!('size' in piece)) {
      known.push(piece.bytes);
    } else if (piece.size > 0) {
      flush();
      described.push('digest' in piece ? { digest: piece.digest, size: piece.size } : { size: piece.size });
    }
  }
  flush();
  return described;
}

function expectSameLayout(inventory: Inventory): void {
  const layout = layoutArchive(inventory);
  const members = layOut(serializeInventory(inventory));
  expect(members.map(({ path, size }) => ({ path, size }))).toEqual(
    layout.members.map(({ path, size }) => ({ path, size })),
  );
  expect(describePieces(toPieces(members, inventory.created))).toEqual(describeLayout(layout));
}

describe('the layout is the same', () => {
  test('for evidence of an index, of a child and of evidence, which two images share', async () => {
    const images = sampleImages();
    const evidence = sampleEvidence(images['registry.example/team/app:1.0'] as SampleNode);
    const { inventory } = await makeRelease({ images, evidence });
    expect(inventory.images.map((image) => image.evidence?.length)).toEqual([0, 4, 4, 0, 0]);
    expectSameLayout(inventory);
    const { path, bytes, publicKey } = await build(await makeRelease({ images, evidence }));
    const policy = { keys: [publicKey], threshold: 1 };
    await verifyArchive(path, policy);
    expect(readArchive(bytes, [publicKey]).map((member) => member.path)).toContain('images/multi-platform.tar');
    expect(inventory.platforms).not.toContain('linux/s390x');
  });

  test('for shared layers, an attestation, an artifact and an image known by digest', () => {
    expectSameLayout(release.inventory);
  });

  test('for one platform of several', async () => {
    const { 'registry.example/team/app:1.0': app } = sampleImages();
    if (app === undefined) throw new Error('no such sample');
    const sparse = await makeRelease({ images: { 'registry.example/team/app:1.0': app }, platforms: ['linux/arm64'] });
    expect(sparse.inventory.images[0]?.indexMode).toBe('sparse');
    expectSameLayout(sparse.inventory);
  });

  test('for platforms whose names begin alike, a tag beside a digest, and one image under many names', async () => {
    const image = makeMultiPlatformImage({
      name: 'many',
      platforms: ['linux/amd64', 'linux/arm/v7', 'linux/arm64', 'linux/arm'],
    });
    const { digest } = image.descriptor;
    const images = {
      'docker.io/library/many:1': image,
      'docker.io/library/many:latest': image,
      'localhost:5000/many:1': image,
      [`localhost:5000/many@${digest}`]: image,
      [`registry.example/many:1@${digest}`]: image,
    };
    expectSameLayout((await makeRelease({ images })).inventory);
  });

  test('for content beyond 8 GiB, and none at all', async () => {
    const [largest, ...others] = release.inventory.blobs.toSorted((a, b) => b.size - a.size);
    if (largest === undefined) throw new Error('no blobs');
    for (const size of [8 * 1024 ** 3 - 1, 8 * 1024 ** 3, 2 ** 45 + 1]) {
      const blobs = [...others, { ...largest, size }].sort((a, b) => (a.digest < b.digest ? -1 : 1));
      expectSameLayout({ ...release.inventory, blobs });
    }
    expectSameLayout((await makeRelease({ images: {}, files: {} })).inventory);
  });

  test('of headers of any length of path', () => {
    for (let length = 1; length <= 255; length++) {
      const path = `install/${'ab/'.repeat(85)}`.slice(0, length - 1).replace(/\/$/, '_') + 'z';
      const mtime = 1_714_979_289;
      const ours = encodeHeader({ path, size: length, mtime, executable: path.startsWith('install/') });
      expect(header(path, length, new Date(mtime * 1000).toISOString()).equals(ours), path).toBe(true);
    }
  });
});

describe('the verdict is the same', () => {
  test.each(['ed25519', 'ecdsa-p256'] as const)(
    'a good archive signed with %s is proved by both',
    async (algorithm) => {
      const { path, bytes, publicKey } = await build(release, algorithm);
      const members = readArchive(bytes, [publicKey]);
      const proved = await verifyArchive(path, { keys: [publicKey], threshold: 1 });
      expect(members.map((member) => member.path)).toContain('images/multi-platform.tar');
      expect(proved.content.bytes).toBe(bytes.length);
    },
  );

  test('a timestamp and a signature with a certificate are read by both, in one form only', async () => {
    await using services = await startSigningServices();
    await using clock = await startTimestampAuthority();
    const environment = { SIGSTORE_ID_TOKEN: services.token() };
    const url = new URL(services.url);
    const authorities = openAuthorities(services.trustedRoot, 'root');
    const now = (): Date => new Date();
    const second = createKeylessSigner({ fulcioUrl: url, rekorUrl: url, environment, now, authorities });
    const timestamp = createTimestamper(new URL(clock.url), { environment });
    const slots = release.inventory.slots.map((slot) => ({ ...slot, size: 16 * 1024 }));
    const roomy = { ...release, inventory: { ...release.inventory, slots } };
    const { path, bytes, publicKey } = await build(roomy, 'ecdsa-p256', { timestamp, second });
    const policy = { keys: [publicKey], threshold: 1 };
    expect(readArchive(bytes, [publicKey])).not.toHaveLength(0);
    expect((await verifyArchive(path, policy)).unchecked).toEqual([expect.stringContaining(ISSUER)]);
    const text = bytes.toString('latin1');
    for (const [from, to] of [
      ['"treeSize":"1"', '"treeSize":"2"'],
      ['"treeSize":"1"', '"treeSize": 1 '],
      ['"rfc3161Timestamps":[{"signedTimestamp"', '"rfc3161Timestamps":[{"signedTimestamq"'],
      ['"certificate":{"rawBytes"', '"certificate":{"rawBytez"'],
    ] as const) {
      expect(text).toContain(from);
      const changed = Buffer.from(text.replace(from, to), 'latin1');
      writeFileSync(path, changed);
      expect(() => readArchive(changed, [publicKey])).toThrow();
      await expect(verifyArchive(path, policy)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    }
  });

  test('another key, or too few of them, is refused by both', async () => {
    const { path, bytes, publicKey } = await build(release);
    const other = generateKeyPair('ed25519').publicKey;
    for (const [keys, threshold] of [
      [[other], 1],
      [[publicKey, other], 2],
    ] as const) {
      expect(() => readArchive(bytes, keys, threshold)).toThrow('enough signatures');
      await expect(verifyArchive(path, { keys, threshold })).rejects.toMatchObject({ code: 'UNTRUSTED_SIGNER' });
    }
  });

  test('a flipped bit anywhere is refused by both', async () => {
    const { path, bytes, publicKey } = await build(release);
    const policy = { keys: [publicKey], threshold: 1 };
    const accepted: string[] = [];
    for (const offset of offsetsToFlip(bytes.length, serializeInventory(release.inventory))) {
      const bit = 1 << (offset % 8);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ bit, offset);
      writeFileSync(path, bytes);
      if (passes(() => readArchive(bytes, [publicKey]))) accepted.push(`second reader: offset ${offset}, bit ${bit}`);
      const code = await verifyArchive(path, policy).then(() => 0, exitCodeOf);
      if (code !== 3) accepted.push(`product: offset ${offset}, bit ${bit}: exit code ${code}`);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ bit, offset);
    }
    expect(accepted).toEqual([]);
    expect(readArchive(bytes, [publicKey])).not.toHaveLength(0);
  });

  test('a missing and a surplus byte is refused by both', async () => {
    const { path, bytes, publicKey } = await build(release);
    for (const damaged of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), bytes.subarray(0, 512)]) {
      writeFileSync(path, damaged);
      expect(() => readArchive(damaged, [publicKey])).toThrow();
      await expect(verifyArchive(path, { keys: [publicKey], threshold: 1 })).rejects.toSatisfy(
        (error) => exitCodeOf(error) === 3,
      );
    }
  });
});

function passes(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

/** The edges of every member with its header, and steps through the whole file. */
function offsetsToFlip(length: number, json: Buffer): readonly number[] {
  const offsets = new Set<number>();
  let position = 0;
  for (const { size } of layOut(json)) {
    const content = position + 512;
    const end = content + Math.ceil(size / 512) * 512;
    for (const offset of [position, position + 130, position + 511, content, content + size - 1, end - 1]) {
      offsets.add(offset);
    }
    position = end;
  }
  for (let offset = 7; offset < length; offset += Math.ceil(length / 80)) offsets.add(offset);
  return [...offsets, length - 1].filter((offset) => offset < length);
}
