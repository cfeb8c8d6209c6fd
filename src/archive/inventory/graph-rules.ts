/** What makes the content graph of an inventory consistent in itself; whether it is true, the manifests say. */
import { evidenceKey } from '../../content/evidence-finder.ts';
import { manifestFinder, namingsIn, platformsOf } from '../../content/graph-platforms.ts';
import { childKey, childrenOf, namedBy, referrersIn, rootsOf } from '../../content/graph-walk.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { evidenceTags } from '../../oci/evidence-names.ts';
import { isIndexType, isManifestType } from '../../oci/media-types.ts';
import { isPlatformText } from '../../oci/platform.ts';
import type { GraphImage, GraphManifest } from '../../content/content-graph.ts';
import type { Inventory } from './inventory-schema.ts';
import { checkSorted, malformed } from './member-rules.ts';

/** Indexes inside indexes. */
const MAX_DEPTH = 16;
/** Image tarballs, and with them the work of laying out. */
const MAX_TARS = 64;
/** Bytes of all content, each time a tarball or a file holds it: with room for framing, offsets stay exact. */
const MAX_TOTAL_BYTES = 2 ** 53 - 2 ** 40;
/** Entries in the documents of all tarballs, and blobs in them. */
const MAX_TAR_ENTRIES = 100_000;
const MAX_TAR_MEMBERS = 300_000;
/** Entries that images reach, added up over all images. */
const MAX_STEPS = 10_000_000;
const EMPTY_DIGEST = sha256('');

/**
 * Every digest that is named is carried, nothing is carried that no image names, each digest has one size and is one
 * thing, no index is within itself, evidence is for what its image reaches, and the platforms are those of the images.
 * @throws IntegrityError `MALFORMED`
 */
export function checkGraph(inventory: Inventory): void {
  const { manifests, blobs } = inventory;
  checkSorted('manifests', manifests.map(({ digest }) => digest)); // prettier-ignore
  checkSorted('blobs', blobs.map(({ digest }) => digest)); // prettier-ignore
  const known = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  for (const manifest of manifests) checkManifest(manifest, known);
  checkReached(inventory, known);
  checkPlatforms(inventory, known);
  checkSizes(inventory, known);
  checkNesting(inventory);
  checkImages(inventory.images, known);
  checkTarballs(inventory, known);
}

type Manifests = ReadonlyMap<Digest, GraphManifest>;

function checkManifest({ digest, mediaType, manifests, config, layers }: GraphManifest, known: Manifests): void {
  const isIndex = manifests !== undefined;
  if (isIndex === (config !== undefined) || isIndex === (layers !== undefined)) {
    throw malformed(`manifest ${digest} is neither a manifest nor an index`);
  }
  if (!isManifestType(mediaType) || isIndexType(mediaType) !== isIndex) {
    throw malformed(`manifest ${digest} is not what its type says`);
  }
  const children = manifests ?? [];
  if (new Set(children.map(childKey)).size !== children.length) throw malformed(`index ${digest} repeats a child`);
  const inner = children.find((child) => isIndexIn(known, child.digest) && child.platform !== undefined);
  if (inner !== undefined) throw malformed(`${digest} gives the index ${inner.digest} a platform`);
}

function checkReached({ images, manifests, blobs }: Inventory, known: Manifests): void {
  const carried = new Set<Digest>(blobs.map((blob) => blob.digest));
  const reached = new Set<Digest>();
  const queue: Digest[] = [];
  for (const image of images) {
    if (!known.has(image.digest)) throw malformed(`${image.reference} names missing manifest ${image.digest}`);
    for (const root of rootsOf(image)) queue.push(root);
  }
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (reached.has(digest)) continue;
    reached.add(digest);
    const manifest = known.get(digest);
    if (manifest === undefined) throw malformed(`manifest ${digest} is named but not carried`);
    for (const child of childrenOf(manifest)) queue.push(child);
    for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
      if (blob === undefined) continue;
      if (!carried.has(blob)) throw malformed(`blob ${blob} is named but not carried`);
      reached.add(blob);
    }
  }
  for (const { digest } of [...manifests, ...blobs]) {
    if (!reached.has(digest)) throw malformed(`${digest} is carried but no image reaches it`);
  }
  for (const blob of carried) if (known.has(blob)) throw malformed(`${blob} is both a manifest and a blob`);
}

/** Each platform becomes the name of a tarball, and a loader chooses by it. */
function checkPlatforms(inventory: Inventory, known: Manifests): void {
  const namings = namingsIn(inventory);
  const own = platformsOf(inventory);
  for (const platform of own) {
    if (!isPlatformText(platform)) throw malformed(`${JSON.stringify(platform)} is not a platform`);
  }
  const isOnlyNamed = namings.some(({ platform }) => platform === undefined);
  if (own.length + (isOnlyNamed ? 1 : 0) > MAX_TARS)
    throw malformed(`has manifests for more than ${MAX_TARS} platforms`);
  if (inventory.platforms.join() !== own.join()) {
    const [said, true_] = [inventory.platforms, own].map((list) => list.join(', ') || 'none');
    throw malformed(`is said to be for ${said}, and its images are for ${true_}`);
  }
  for (const { reference, digest, platform } of inventory.images) {
    if (platform !== undefined && isIndexIn(known, digest))
      throw malformed(`gives the index of ${reference} a platform`);
  }
}

/** Content without bytes has no place in the archive, so that nothing else would check its digest. */
function checkSizes(inventory: Inventory, known: Manifests): void {
  const { manifests, blobs, files } = inventory;
  const sizes = new Map<Digest, number>();
  for (const { digest, size } of [...manifests, ...blobs, ...files]) {
    if ((sizes.get(digest) ?? size) !== size) throw malformed(`gives ${digest} two sizes`);
    if ((size === 0) !== (digest === EMPTY_DIGEST)) throw malformed(`gives ${digest} the size ${size}`);
    sizes.set(digest, size);
  }
  let total = 0;
  for (const { size } of files) total += size;
  const places = new Map(namingsIn(inventory).map((naming) => [childKey(naming), naming.digest]));
  for (const digest of places.values()) {
    const { size = 0, config, layers = [] } = known.get(digest) ?? {};
    total += size;
    for (const blob of config === undefined ? layers : [config, ...layers]) total += sizes.get(blob) ?? 0;
  }
  if (total > MAX_TOTAL_BYTES) throw malformed('names more content than any archive can hold');
}

/** A layout holds every header and document of the tarballs in memory. */
function checkTarballs(inventory: Inventory, known: Manifests): void {
  const { images, manifests } = inventory;
  let entries = images.reduce((sum, { evidence = [] }) => sum + evidence.length, 0);
  for (const platform of [undefined, ...platformsOf(inventory)]) {
    const find = manifestFinder(manifests, platform);
    for (const image of images) if (find(image) !== undefined) entries++;
  }
  const places = new Map(namingsIn(inventory).map((naming) => [childKey(naming), naming]));
  const members = new Map<string | undefined, Set<Digest>>();
  let held = 0;
  for (const { digest, platform } of places.values()) {
    const { config, layers = [] } = known.get(digest) ?? {};
    const own = members.get(platform) ?? new Set();
    members.set(platform, own);
    held -= own.size;
    for (const each of [digest, config, ...layers]) if (each !== undefined) own.add(each);
    held += own.size;
    if (entries > MAX_TAR_ENTRIES || held > MAX_TAR_MEMBERS) throw malformed('needs tarballs with too many entries');
  }
}

/** Digests forbid an index within itself and a circle of referrers, but here they are only claimed. */
function checkNesting(inventory: Inventory): void {
  const subjects = referrersIn(inventory);
  let outer = inventory.manifests.filter((manifest) => namedBy(manifest, subjects).length > 0);
  for (let depth = 0; outer.length > 0; depth++) {
    if (depth === MAX_DEPTH) throw malformed('has manifests that name themselves in a circle, or nest too deep');
    const inner = new Set(outer.flatMap((manifest) => namedBy(manifest, subjects)));
    outer = outer.filter(({ digest }) => inner.has(digest));
  }
}

/**
 * Evidence is for something that its image reaches, under the subject's own tags; a referrer has one subject. What images
 * reach is counted, since all work on images is as much.
 */
function checkImages(images: readonly GraphImage[], known: Manifests): void {
  const subjects = new Map<Digest, Digest>();
  let steps = 0;
  for (const image of images) {
    const { reference, evidence = [] } = image;
    checkSorted(`the evidence of ${reference}`, evidence.map(evidenceKey));
    for (const { subject, digest, kind, tag } of evidence) {
      const isOwnTag = evidenceTags(subject).some((entry) => entry.tag === tag && entry.kind === kind);
      if (tag !== undefined && !isOwnTag) throw malformed(`${tag} is not the tag of a ${kind} for ${subject}`);
      if (tag !== undefined) continue;
      if ((subjects.get(digest) ?? subject) !== subject) throw malformed(`gives ${digest} two subjects`);
      subjects.set(digest, subject);
    }
    const reached = new Set(rootsOf(image));
    for (const digest of reached) {
      const { manifests = [], layers = [] } = known.get(digest) ?? {};
      steps += 1 + manifests.length + layers.length;
      if (steps > MAX_STEPS) throw malformed(`has images that reach more than ${MAX_STEPS} entries`);
      for (const child of manifests) reached.add(child.digest);
    }
    const stray = evidence.find(({ subject }) => !reached.has(subject));
    if (stray !== undefined) throw malformed(`${reference} has evidence for ${stray.subject}, which it does not reach`);
  }
}

function isIndexIn(known: Manifests, digest: Digest): boolean {
  return known.get(digest)?.manifests !== undefined;
}
