/** Two releases are compared by what they hold: every image and file that differs is named once, and bytes are counted once. */
import { beforeAll, describe, expect, test } from 'vitest';
import { compareReleases, type ReleaseComparison } from '../../../src/archive/comparison/compare-releases.ts';
import { contentsOfInventory, type ReleaseContents } from '../../../src/archive/comparison/release-contents.ts';
import type { Inventory } from '../../../src/archive/inventory/inventory-schema.ts';
import { makeImage, makeMultiPlatformImage, type SampleNode } from '../../helpers/sample-image.ts';
import { makeLayer, noise } from '../../helpers/sample-layer.ts';
import { descriptorsOf, makeRelease, sampleEvidence, type SampleReleaseOptions } from '../sample-release.ts';

const base = makeLayer({ 'etc/os-release': 'ID=sample\n', 'etc/noise': noise('base', 5_000) });
const imageOf = (name: string): SampleNode => makeMultiPlatformImage({ name, base });
const at = (name: string): string => `registry.example/team/${name}`;

async function inventoryOf(
  images: Readonly<Record<string, SampleNode>>,
  options: Omit<SampleReleaseOptions, 'images'> = {},
): Promise<Inventory> {
  return (await makeRelease({ files: {}, ...options, images })).inventory;
}

function compare(before: Inventory, after: Inventory): ReleaseComparison {
  return compareReleases(contentsOfInventory(before), contentsOfInventory(after));
}

/** `change old -> new` of every image that differs. */
function imagesOf({ images }: ReleaseComparison): readonly string[] {
  const name = (side: { readonly reference: string } | undefined): string => side?.reference.split('/').at(-1) ?? '';
  return images.changes.map((change) => `${change.change} ${name(change.old)} -> ${name(change.new)}`);
}

function filesOf({ files }: ReleaseComparison): readonly string[] {
  return files.changes.map((change) => `${change.change} ${change.old?.path ?? ''} -> ${change.new?.path ?? ''}`);
}

/** Bytes of what the first holds and the second does not, counted another way. */
function onlyIn(one: Inventory, other: Inventory): number {
  const held = new Set(descriptorsOf(other).map(({ digest }) => digest));
  return descriptorsOf(one).reduce((sum, { digest, size }) => sum + (held.has(digest) ? 0 : size), 0);
}

const [app, next, db, ui] = [imageOf('app'), imageOf('next'), imageOf('db'), imageOf('ui')];
let before: Inventory;
beforeAll(async () => {
  before = await inventoryOf({ [at('app:1.0')]: app, [at('db:15')]: db });
});

test('a release is the same as itself, and no byte of it is new', () => {
  const comparison = compare(before, before);
  expect(comparison).toMatchObject({ isSame: true, newSize: 0, goneSize: 0, images: { unchanged: 2, changes: [] } });
  expect(comparison.size).toBe(onlyIn(before, { ...before, images: [], manifests: [], blobs: [], files: [] }));
  expect(comparison.platformBytes.map(({ platform, newSize }) => [platform, newSize])).toEqual([
    ['linux/amd64', 0],
    ['linux/arm64', 0],
  ]);
});

describe('an image', () => {
  test.each([
    ['of a new repository is added', { 'app:1.0': app, 'db:15': db, 'ui:1': ui }, ['added  -> ui:1']],
    ['that is gone is removed', { 'db:15': db }, ['removed app:1.0 -> ']],
    ['under another tag is changed', { 'app:1.1': next, 'db:15': db }, ['changed app:1.0 -> app:1.1']],
    ['of the same tag and another digest has moved', { 'app:1.0': next, 'db:15': db }, ['moved app:1.0 -> app:1.0']],
    [
      'that is pinned beside its tag has moved too',
      { [`app:1.0@${next.descriptor.digest}`]: next, 'db:15': db },
      [`moved app:1.0 -> app:1.0@${next.descriptor.digest}`],
    ],
    [
      'that is only spelt otherwise is changed',
      { [`app:1.0@${app.descriptor.digest}`]: app, 'db:15': db },
      [`changed app:1.0 -> app:1.0@${app.descriptor.digest}`],
    ],
    [
      'in the place of which two came is not paired with one of them',
      { 'app:1.1': next, 'app:1.2': ui, 'db:15': db },
      ['removed app:1.0 -> ', 'added  -> app:1.1', 'added  -> app:1.2'],
    ],
    [
      'that stays beside a new tag of its repository leaves that one added',
      { 'app:1.0': app, 'app:1.1': next, 'db:15': db },
      ['added  -> app:1.1'],
    ],
  ])('%s', async (_, images, expected) => {
    const after = await inventoryOf(Object.fromEntries(Object.entries(images).map(([name, node]) => [at(name), node])));
    const comparison = compare(before, after);
    expect(imagesOf(comparison)).toEqual(expected);
    expect(comparison.isSame).toBe(false);
    expect(comparison.newSize).toBe(onlyIn(after, before));
    expect(comparison.goneSize).toBe(onlyIn(before, after));
    expect(comparison.images.changes.length + comparison.images.unchanged).toBeGreaterThanOrEqual(after.images.length);
  });

  test('brings only what no other image of the old release has', async () => {
    const after = await inventoryOf({ [at('app:1.0')]: app, [at('db:15')]: db, [at('copy:1')]: app });
    const comparison = compare(before, after);
    expect(comparison.images.changes).toMatchObject([{ change: 'added', new: { newSize: 0 } }]);
    expect(comparison).toMatchObject({ newSize: 0, isSame: false });
  });

  test('is other in its parts when other platforms or evidence of it are carried', async () => {
    const one = await inventoryOf({ [at('app:1.0')]: app }, { platforms: ['linux/amd64'] });
    const both = await inventoryOf({ [at('app:1.0')]: app });
    const platforms = compare(one, both);
    expect(platforms.images.changes).toMatchObject([
      { change: 'parts', old: { indexMode: 'sparse' }, new: { indexMode: 'complete' } },
    ]);
    expect(platforms.platforms).toEqual({ added: ['linux/arm64'], removed: [] });
    const signed = await inventoryOf({ [at('app:1.0')]: app }, { evidence: sampleEvidence(app) });
    const evidence = compare(both, signed);
    expect(evidence.images.changes).toMatchObject([{ change: 'parts', old: { evidence: undefined } }]);
    expect(evidence.newSize).toBe(onlyIn(signed, both));
    expect(evidence.newSize).toBeGreaterThan(0);
  });
});

test('the bytes of a platform are those of its own manifests, and what they share counts once', async () => {
  const single = makeImage({ platform: 'linux/s390x', layers: [base] });
  const after = await inventoryOf({ [at('app:1.0')]: next, [at('db:15')]: db, [at('tool:1')]: single });
  const { platformBytes, platforms } = compare(before, after);
  expect(platforms.added).toEqual(['linux/s390x']);
  const sizes = new Map(descriptorsOf(after).map(({ digest, size }) => [digest as string, size]));
  for (const { platform, size, newSize } of platformBytes) {
    const own = [...next.children, ...db.children, single].filter((node) => isFor(node, platform));
    const pieces = new Map(
      own.flatMap((node) => [node, ...node.blobs]).map((piece) => [piece.descriptor.digest as string, piece]),
    );
    expect(size).toBe([...pieces.keys()].reduce((sum, digest) => sum + (sizes.get(digest) ?? NaN), 0));
    const old = new Set(descriptorsOf(before).map(({ digest }) => digest as string));
    expect(newSize).toBe(
      [...pieces.keys()].filter((digest) => !old.has(digest)).reduce((sum, digest) => sum + (sizes.get(digest) ?? NaN), 0),
    ); // prettier-ignore
    expect(newSize).toBeGreaterThan(0);
  }
  expect(platformBytes).toHaveLength(3);
});

function isFor(node: SampleNode, platform: string): boolean {
  const { os, architecture } = JSON.parse(node.blobs[0]?.bytes.toString() ?? '{}') as Record<string, string>;
  return `${os ?? ''}/${architecture ?? ''}` === platform;
}

describe('a file', () => {
  const files = {
    'charts/app-1.0.0.tgz': 'chart',
    'charts/app-db-1.0.0-rc.1.tgz': 'chart of the database',
    'docs/a.txt': 'a',
    'docs/b.txt': 'b',
    'sbom/sample-1.0.0.images.json': '{}',
  };
  const images = { [at('app:1.0')]: app };

  test('is changed in its content, and a chart in its version, by its own name and not by a longer one', async () => {
    const old = await inventoryOf(images, { files });
    const young = await inventoryOf(images, {
      version: '1.1.0',
      files: {
        'charts/app-1.1.0.tgz': 'chart, newer',
        'charts/app-db-2.0.0.tgz': 'chart of the database, newer',
        'docs/a.txt': 'another',
        'docs/c.txt': 'b',
        'sbom/sample-1.1.0.images.json': '[]',
      },
    });
    const comparison = compare(old, young);
    expect(filesOf(comparison)).toEqual([
      'changed charts/app-1.0.0.tgz -> charts/app-1.1.0.tgz',
      'changed charts/app-db-1.0.0-rc.1.tgz -> charts/app-db-2.0.0.tgz',
      'changed docs/a.txt -> docs/a.txt',
      'removed docs/b.txt -> ',
      'added  -> docs/c.txt',
      'changed sbom/sample-1.0.0.images.json -> sbom/sample-1.1.0.images.json',
    ]);
    expect(comparison.files.changes.find(({ new: file }) => file?.path === 'docs/c.txt')?.new?.newSize).toBe(0);
    expect(comparison.newSize).toBe(onlyIn(young, old));
  });

  test('that only a build adds is no difference to a release that was not built', async () => {
    const built = contentsOfInventory(await inventoryOf(images, { files: { ...files, 'install/run.sh': 'run' } }));
    const locked: ReleaseContents = {
      ...built,
      isBuilt: false,
      files: built.files.filter(({ path }) => /^(charts|docs)\//.test(path)),
    };
    for (const comparison of [compareReleases(built, locked), compareReleases(locked, built)]) {
      expect(comparison).toMatchObject({ isSame: true, newSize: 0, goneSize: 0, files: { unchanged: 4 } });
    }
    expect(compareReleases(built, { ...locked, isBuilt: true }).files.changes).toHaveLength(2);
  });
});

test('components are compared by name', async () => {
  const inventory = await inventoryOf({ [at('app:1.0')]: app });
  const renamed = { ...inventory, components: inventory.components.map((each) => ({ ...each, name: 'Other' })) };
  const comparison = compare(inventory, renamed);
  expect(comparison.components).toEqual({ added: ['Other'], removed: ['Sample'] });
  expect(comparison.isSame).toBe(false);
});
