/**
 * `node bench/delta-sizes.ts [OLD.inventory.json NEW.inventory.json]`: how large deltas are. Without arguments, for typical
 * updates of a release of 20 images; with two inventories, for that update. A delta's size follows from the two
 * inventories, so that nothing is built or read.
 */
import { chooseOmissions } from '../src/archive/partial/omission.ts';
import { layoutDelta } from '../src/archive/partial/delta-layout.ts';
import { checkInventory } from '../src/archive/inventory/inventory.ts';
import type { Inventory } from '../src/archive/inventory/inventory-schema.ts';
import { layoutArchive } from '../src/archive/layout/archive-layout.ts';
import { readInventoryFile } from '../src/archive/reader/release-file.ts';
import { compareReleases } from '../src/archive/comparison/compare-releases.ts';
import { contentsOfInventory } from '../src/archive/comparison/release-contents.ts';
import { sha256 } from '../src/oci/digest.ts';
import { MediaType } from '../src/oci/media-types.ts';
import { planImages, type ImagePlan, type LayerPlan } from './corpus-plan.ts';
import { formatTable } from './report.ts';

const MB = 1e6;
const PLATFORMS = ['linux/amd64', 'linux/arm64'];
/** The tool that every archive carries. */
const TOOL_BYTES = 1_500_000;
const CONFIG_BYTES = 4_000;
const MANIFEST_BYTES = 1_600;

type Change = (image: ImagePlan, index: number) => ImagePlan;

const rebuilt = (layer: LayerPlan): LayerPlan => ({ ...layer, seed: `${layer.seed} again` });
const isBase = ({ seed }: LayerPlan): boolean => /^(system|runtime|toolkit)-/.test(seed);
const withProgram: Change = (image) => ({ ...image, layers: [...image.layers.slice(0, -1), ...image.layers.slice(-1).map(rebuilt)] }); // prettier-ignore
/** Of each of the first images, on every platform. */
const first =
  (count: number, change: Change): Change =>
  (image, index) =>
    index < count * PLATFORMS.length ? change(image, index) : image;

const UPDATES: Readonly<Record<string, Change>> = {
  'nothing but the version': (image) => image,
  'the program of 2 of 20 images': first(2, withProgram),
  'the program of every image': withProgram,
  'dependencies and program of 5 images': first(5, (image) => ({ ...image, layers: image.layers.map((layer) => (/dependencies|program/.test(layer.seed) ? rebuilt(layer) : layer)) })), // prettier-ignore
  'the base layers under every image, the rest kept': (image) => ({ ...image, layers: image.layers.map((layer) => (isBase(layer) ? rebuilt(layer) : layer)) }), // prettier-ignore
  'the base patched and every image built again': (image) => ({ ...image, layers: image.layers.map(rebuilt) }),
  '2 of 20 images renamed': first(2, (image) => ({ ...image, repository: `${image.repository}-new` })),
};

function toInventory(version: string, images: readonly ImagePlan[]): Inventory {
  const blobs = new Map<string, Inventory['blobs'][number]>();
  const add = (seed: string, size: number, mediaType: string) => {
    const digest = sha256(seed);
    blobs.set(digest, { digest, mediaType, size });
    return digest;
  };
  const manifests = images.map(({ repository, platform, layers }) => {
    const own = layers.map(({ seed, size }) => add(seed, size, MediaType.layerGzip));
    const config = add(`config ${repository} ${platform} ${own.join()}`, CONFIG_BYTES, MediaType.config);
    const digest = sha256(`manifest ${config} ${own.join()}`);
    return { repository, platform, manifest: { digest, mediaType: MediaType.manifest, size: MANIFEST_BYTES, config, layers: own } }; // prettier-ignore
  });
  const indexes = [...Map.groupBy(manifests, ({ repository }) => repository)].map(([repository, children]) => {
    const digest = sha256(`index ${children.map(({ manifest }) => manifest.digest).join()}`);
    const entries = children.map(({ platform, manifest }) => ({ digest: manifest.digest, platform }));
    return { reference: `registry.example/${repository}:${version}`, index: { digest, mediaType: MediaType.index, size: MANIFEST_BYTES, manifests: entries } }; // prettier-ignore
  });
  const byDigest = (a: { digest: string }, b: { digest: string }): number => (a.digest < b.digest ? -1 : 1);
  const inventory: Inventory = {
    formatVersion: 1,
    ...{ name: 'sample', version, channel: 'stable', created: '2026-01-31T12:00:00Z' },
    platforms: PLATFORMS,
    components: [],
    files: [{ path: 'install/verify-and-load.mjs', size: TOOL_BYTES, digest: sha256('tool') }],
    slots: [1, 2, 3, 4].map((number) => ({ path: `signatures/${number}.sigstore.json`, size: 16 * 1024 })),
    images: indexes
      .map(({ reference, index }) => ({ reference, digest: index.digest, indexMode: 'complete' as const }))
      .sort((a, b) => (a.reference < b.reference ? -1 : 1)),
    manifests: [...manifests.map(({ manifest }) => manifest), ...indexes.map(({ index }) => index)].sort(byDigest),
    blobs: [...blobs.values()].sort(byDigest),
  };
  checkInventory(inventory);
  return inventory;
}

/** Full archive, delta, and what `airgap diff` calls new, in megabytes. */
function sizesOf(old: Inventory, young: Inventory): readonly string[] {
  const full = layoutArchive(young);
  const delta = layoutDelta(young, chooseOmissions(young, [old]), full);
  const { newSize } = compareReleases(contentsOfInventory(old), contentsOfInventory(young));
  const inMb = (size: number): string => (size / MB).toFixed(1);
  return [inMb(full.size), inMb(newSize), inMb(delta.size), `${((delta.size / full.size) * 100).toFixed(1)} %`];
}

const HEAD = ['update', 'full, MB', 'new content', 'delta', 'of full'];
const [oldPath, newPath] = process.argv.slice(2);
if (oldPath !== undefined && newPath !== undefined) {
  const sizes = sizesOf(await readInventoryFile(oldPath), await readInventoryFile(newPath));
  console.log(formatTable([HEAD, [`${oldPath} to ${newPath}`, ...sizes]]));
} else {
  const images = planImages({ images: 20, platforms: PLATFORMS, sizeMb: 3_000, content: 'mixed' });
  const old = toInventory('1.0.0', images);
  const rows = Object.entries(UPDATES).map(([name, change]) => [name, ...sizesOf(old, toInventory('1.1.0', images.map(change)))]); // prettier-ignore
  console.log(formatTable([HEAD, ...rows]));
}
