/** The layout is a pure function that accounts for every byte, and what it lays out is a tar that plain tools check. */
import { readFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkInventory, serializeInventory } from '../../../src/archive/inventory/inventory.ts';
import {
  layoutArchive,
  renderChecksums,
  type ArchiveLayout,
  type Segment,
} from '../../../src/archive/layout/archive-layout.ts';
import { paddingOf, isMemberPath } from '../../../src/base/tar/ustar.ts';
import { sha256, type Digest } from '../../../src/oci/digest.ts';
import { MediaType } from '../../../src/oci/media-types.ts';
import type { GraphBlob, GraphManifest } from '../../../src/content/content-graph.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { allOf } from '../../helpers/all-of.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { toolPath } from '../../helpers/tools.ts';
import { makeRelease, memberOf, writeArchive, type SampleRelease } from '../sample-release.ts';

const temp = useTempDir();
let release: SampleRelease;

beforeAll(async () => {
  release = await makeRelease();
});

function lengthOf(segment: Segment): number {
  return segment.kind === 'framing' ? segment.bytes.length : segment.length;
}

/** Every byte of a layout, content and open segments as a letter each. */
function draw(layout: ArchiveLayout): Buffer {
  const fill = { content: 'c', checksums: 's', slot: 'o' } as const;
  return Buffer.concat(
    layout.segments.map((segment) =>
      segment.kind === 'framing' ? segment.bytes : Buffer.alloc(segment.length, fill[segment.kind]),
    ),
  );
}

function expectAccounted(layout: ArchiveLayout): void {
  let offset = 0;
  for (const segment of layout.segments) {
    expect(segment.offset).toBe(offset);
    expect(lengthOf(segment)).toBeGreaterThan(0);
    offset += lengthOf(segment);
  }
  expect(offset).toBe(layout.size);
  expect(layout.size % 512).toBe(0);
  let end = 0;
  for (const member of layout.members) {
    expect(member.offset).toBe(end + 512);
    end = member.offset + member.size + paddingOf(member.size);
  }
  expect(layout.size).toBe(end + 1024);
}

const seed = fc.integer({ min: 0, max: 40 });
const size = fc.oneof(fc.nat(2_000), fc.constantFrom(1, 511, 512, 513, 8 * 1024 ** 3, 2 ** 45));
const platform = fc.constantFrom(undefined, 'linux/amd64', 'linux/arm64', 'linux/arm/v7', 'windows/amd64');

/** Consistent inventories of any shape: shared blobs, nested indexes, several platforms, files and slots. */
const inventories: fc.Arbitrary<Inventory> = fc
  .record({
    blobs: fc.array(fc.tuple(seed, size), { minLength: 1, maxLength: 12 }),
    manifests: fc.array(fc.record({ platform, size, layers: fc.array(fc.nat(), { maxLength: 5 }) }), { maxLength: 8 }),
    indexes: fc.array(fc.array(fc.nat(), { maxLength: 4 }), { maxLength: 4 }),
    files: fc.uniqueArray(fc.stringMatching(/^[a-z0-9_+][a-z0-9._+-]{0,20}$/).filter(isMemberPath), { maxLength: 6 }),
    slots: fc.array(fc.integer({ min: 512, max: 5_000 }), { minLength: 1, maxLength: 12 }),
  })
  .map(toInventory);

function toInventory(raw: {
  blobs: [number, number][];
  manifests: { platform: string | undefined; size: number; layers: number[] }[];
  indexes: number[][];
  files: string[];
  slots: number[];
}): Inventory {
  const sortByDigest = <T extends { digest: Digest }>(items: readonly T[]): T[] =>
    [...new Map(items.map((item) => [item.digest, item])).values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
  const pool = raw.blobs.map(([number, bytes]): GraphBlob => ({
    digest: sha256(`blob ${number} ${bytes}`),
    mediaType: MediaType.layerGzip,
    size: Math.max(1, bytes),
  }));
  const pick = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;
  const leaves = raw.manifests.map((manifest, index): GraphManifest => {
    const layers = manifest.layers.map((layer) => pick(pool, layer).digest);
    return {
      digest: sha256(`manifest ${index}`),
      mediaType: MediaType.manifest,
      size: Math.max(1, manifest.size),
      config: pick(pool, index).digest,
      layers,
    };
  });
  const manifests = [...leaves];
  const platforms = new Map(leaves.map(({ digest }, index) => [digest, raw.manifests[index]?.platform]));
  const platformOf = (digest: Digest): { platform?: string } => {
    const own = platforms.get(digest);
    return own === undefined ? {} : { platform: own };
  };
  raw.indexes.forEach((children, index) => {
    const known = manifests.map((manifest) => manifest.digest);
    const picked = known.length === 0 ? [] : [...new Set(children.map((child) => pick(known, child)))];
    const named = picked.map((digest) => ({ digest, ...platformOf(digest) }));
    manifests.push({ digest: sha256(`index ${index}`), mediaType: MediaType.index, size: 7, manifests: named });
  });
  const used = new Set(leaves.flatMap((manifest) => [manifest.config, ...(manifest.layers ?? [])]));
  const images = manifests.map(({ digest }, index) => ({
    reference: `registry.example/image-${index}:1`,
    digest,
    ...platformOf(digest),
  }));
  const names = raw.files.sort();
  return {
    formatVersion: 1,
    name: 'sample',
    version: '1',
    channel: 'stable',
    created: '2024-05-06T07:08:09Z',
    platforms: [...new Set(platforms.values())].filter((each) => each !== undefined).sort(),
    components: [],
    files: names.map((name, index) => {
      const bytes = index % 3 === 0 ? '' : name;
      return { path: `docs/${name}`, size: bytes.length, digest: sha256(bytes) };
    }),
    slots: raw.slots.map((bytes, index) => ({ path: `signatures/${index + 1}.sigstore.json`, size: bytes })),
    images: images.sort((a, b) => (a.reference < b.reference ? -1 : 1)),
    manifests: sortByDigest(manifests),
    blobs: sortByDigest(pool.filter(({ digest }) => used.has(digest))),
  };
}

describe('over any inventory', () => {
  test('segments stand in order without gaps, every member is inside, and content fills its members', () => {
    fc.assert(
      fc.property(inventories, (inventory) => {
        checkInventory(inventory);
        const layout = layoutArchive(inventory);
        expectAccounted(layout);
        const carried = new Set(
          layout.segments.flatMap((segment) => (segment.kind === 'content' ? segment.digest : [])),
        );
        const named = [...inventory.manifests, ...inventory.blobs, ...inventory.files];
        expect(carried).toEqual(new Set(named.flatMap((entry) => (entry.size > 0 ? entry.digest : []))));
        const open = layout.segments.filter((segment) => segment.kind === 'slot' || segment.kind === 'checksums');
        expect(open.map((segment) => segment.offset)).toEqual(
          layout.members
            .filter(({ path }) => /^(checksums\.txt|signatures\/.*)$/.test(path))
            .map((member) => member.offset),
        );
        const paths = layout.members.map((member) => member.path);
        expect(new Set(paths).size).toBe(paths.length);
        const tars = new Map(paths.filter((path) => path.startsWith('images/')).map((path) => [path, sha256(path)]));
        expect(renderChecksums(layout, tars)).toHaveLength(layout.members[0]?.size ?? -1);
      }),
      { numRuns: 150 },
    );
  });

  test('the same inventory gives the same bytes, however its keys are ordered', () => {
    const small = inventories.filter((inventory) => layoutArchive(inventory).size < 200_000);
    fc.assert(
      fc.property(small, (inventory) => {
        const again = Object.fromEntries(Object.entries(structuredClone(inventory)).reverse()) as Inventory;
        expect(draw(layoutArchive(again)).equals(draw(layoutArchive(inventory)))).toBe(true);
        expect(layoutArchive(again).segments).toEqual(layoutArchive(inventory).segments);
      }),
      { numRuns: 40 },
    );
  });
});

test('members come in the order of the format', () => {
  expect(layoutArchive(release.inventory).members.map((member) => member.path)).toEqual([
    'checksums.txt',
    'signatures/1.sigstore.json',
    'signatures/2.sigstore.json',
    'release.json',
    'image-list.txt',
    'docs/empty.txt',
    'docs/readme.txt',
    'install/run.sh',
    'images/linux-amd64.tar',
    'images/linux-arm64.tar',
    'images/multi-platform.tar',
  ]);
});

test('trust documents stand before the inventory, by version, and other files of their directory do not', async () => {
  const files = ['10', '9', '2'].map((version) => [`trust/${version}.trust.json`, '{}'] as const);
  const others = [['trust/02.trust.json', '{}'], ['trust/notes.txt', 'x']] as const; // prettier-ignore
  const { inventory } = await makeRelease({ images: {}, files: Object.fromEntries([...files, ...others]) });
  const layout = layoutArchive(inventory);
  expect(layout.members.map((member) => member.path).slice(3)).toEqual([
    ...['trust/2.trust.json', 'trust/9.trust.json', 'trust/10.trust.json'],
    ...['release.json', 'image-list.txt', 'trust/02.trust.json', 'trust/notes.txt'],
  ]);
  const lines = renderChecksums(layout, new Map()).toString().trimEnd().split('\n').map((line) => line.slice(66)); // prettier-ignore
  expect(lines).toEqual([
    ...['release.json', 'trust/2.trust.json', 'trust/9.trust.json', 'trust/10.trust.json'],
    ...['image-list.txt', 'trust/02.trust.json', 'trust/notes.txt'],
  ]);
});

test('what was once laid out keeps its bytes: this digest changes only with the version of the format', async () => {
  const { inventory } = await makeRelease({ images: {}, files: { 'docs/a.txt': 'a', 'install/b': 'b' } });
  expect(sha256(draw(layoutArchive(inventory)))).toMatchInlineSnapshot(
    `"sha256:961ace1aa77498e5c82055ac96b27c0aa3cc3a6721578f09a13322c434983950"`,
  );
});

test('an inventory with an unknown field is not laid out', () => {
  expect(() => serializeInventory({ ...release.inventory, extra: 1 } as Inventory)).toThrow(/extra/);
});

test('tar extracts a written archive, sha256sum accepts it, and nothing is left out', async () => {
  await writeArchive(temp.join('a.tar'), release);
  await mkdir(temp.join('out'));
  await runOk(toolPath('tar'), ['--numeric-owner', '-xpf', temp.join('a.tar'), '-C', temp.join('out')]);
  const { stdout } = await runOk(toolPath('sha256sum'), ['--strict', '-c', 'checksums.txt'], { cwd: temp.join('out') });
  const checked = stdout.trimEnd().split('\n');
  expect(allOf(checked, (line) => line.endsWith(': OK'))).toBe(true);
  const { members } = layoutArchive(release.inventory);
  const open = ['checksums.txt', 'signatures/1.sigstore.json', 'signatures/2.sigstore.json'];
  expect(checked.map((line) => line.replace(': OK', ''))).toEqual(
    members.map((member) => member.path).filter((path) => !open.includes(path)),
  );
  expect(readFileSync(temp.join('out/image-list.txt'), 'utf8').trimEnd().split('\n')).toEqual(
    release.inventory.images.map((image) => image.reference),
  );
  expect((await stat(temp.join('out/install/run.sh'))).mode & 0o777).toBe(0o755);
  const readme = await stat(temp.join('out/docs/readme.txt'));
  expect([readme.mode & 0o777, readme.mtimeMs]).toEqual([0o644, Date.parse(release.inventory.created)]);
  const { stdout: listed } = await runOk(toolPath('tar'), ['-tf', temp.join('a.tar')]);
  expect(listed.trimEnd().split('\n')).toEqual(members.map((member) => member.path));
});

test('members say where their bytes are', async () => {
  const bytes = await writeArchive(temp.join('a.tar'), release);
  const { offset, size: length, digest } = memberOf(release.inventory, 'docs/readme.txt');
  expect(bytes.subarray(offset, offset + length).toString()).toBe('read me\n');
  expect(digest).toBe(sha256('read me\n'));
});
