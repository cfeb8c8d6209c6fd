/** Reads and writes `release.json` in its one canonical form: what parses but is not byte for byte canonical is refused. */
import { evidenceKey } from '../../content/evidence-finder.ts';
import { namedBy, referrersIn, rootsOf } from '../../content/graph-walk.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { evidenceTags } from '../../oci/evidence-names.ts';
import { isIndexType, isManifestType } from '../../oci/media-types.ts';
import { isPlatformText } from '../../oci/platform.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { GraphManifest } from '../../content/content-graph.ts';
import { Inventory } from './inventory-schema.ts';
import { tarPathOf } from '../layout/image-tar.ts';
import { isMemberPath, isTarTime } from '../../base/tar/ustar.ts';

/** Bytes of `release.json`: room for a hundred thousand blobs. */
export const MAX_INVENTORY_BYTES: number = 64 * 1024 * 1024;

/** Paths the archive itself fills in, which no file may take. */
const RESERVED = /^(release\.json|checksums\.txt|image-list\.txt|signatures|attestations|images)(\/.*)?$/i;
/** Indexes inside indexes. */
const MAX_DEPTH = 16;
/** Image tarballs, and with them the work of laying out. */
const MAX_TARS = 64;
/** Bytes of all content, each time it is named: with room for framing, offsets stay exact. */
const MAX_TOTAL_BYTES = 2 ** 53 - 2 ** 40;
const EMPTY_DIGEST = sha256('');

/** The bytes of `release.json`. */
export function serializeInventory(inventory: Inventory): Buffer {
  return Buffer.from(`${JSON.stringify(Inventory.parse(inventory), null, 1)}\n`);
}

/**
 * Reads `release.json`. Duplicate keys, other white space, unknown fields, unsafe numbers: nothing but the canonical
 * bytes of a consistent inventory is accepted.
 * @throws IntegrityError `MALFORMED`
 */
export function parseInventory(bytes: Buffer): Inventory {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed('is not JSON');
  }
  const parsed = Inventory.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  if (!serializeInventory(parsed.data).equals(bytes)) throw malformed('is not in canonical form');
  checkInventory(parsed.data);
  return parsed.data;
}

/**
 * The rules that a schema cannot say: a real time, canonical references and platforms, sorted lists without duplicates,
 * every digest that is named is carried, nothing is carried that nobody names, one size per digest, no index within
 * itself, evidence for what is carried, no two paths equal when case is folded. What passes can be laid out.
 * @throws IntegrityError `MALFORMED`
 */
export function checkInventory(inventory: Inventory): void {
  sorted(
    'images',
    inventory.images.map((image) => image.reference),
  );
  sorted(
    'manifests',
    inventory.manifests.map((manifest) => manifest.digest),
  );
  sorted(
    'blobs',
    inventory.blobs.map((blob) => blob.digest),
  );
  sorted(
    'files',
    inventory.files.map((file) => file.path),
  );
  sorted(
    'slots',
    inventory.slots.map((slot) => slot.path.padStart(40)),
  );
  for (const time of [inventory.created, inventory.expires]) {
    if (time !== undefined && !isRealTime(time)) throw malformed(`has no such time as ${time}`);
  }
  for (const { reference } of inventory.images) {
    if (!isCanonicalReference(reference)) throw malformed(`${JSON.stringify(reference)} is not a canonical reference`);
  }
  checkPaths(inventory);
  checkPlatforms(inventory);
  checkSizes(inventory);
  checkGraph(inventory);
  const references = new Set(inventory.images.map((image) => image.reference));
  const paths = new Set(inventory.files.map((file) => file.path));
  for (const component of inventory.components) {
    for (const image of component.images)
      if (!references.has(image))
        throw malformed(`${JSON.stringify(component.name)} names unknown image ${JSON.stringify(image)}`);
    for (const file of component.files)
      if (!paths.has(file))
        throw malformed(`${JSON.stringify(component.name)} names unknown file ${JSON.stringify(file)}`);
  }
}

function sorted(name: string, keys: readonly string[]): void {
  keys.forEach((key, index) => {
    const previous = keys[index - 1];
    if (previous !== undefined && previous >= key)
      throw malformed(`${name} is not sorted or repeats ${JSON.stringify(key.trim())}`);
  });
}

function checkPaths(inventory: Inventory): void {
  const folded = new Set<string>();
  for (const { path } of inventory.files) {
    if (!isMemberPath(path) || RESERVED.test(path)) throw malformed(`file path ${JSON.stringify(path)} is not allowed`);
    const key = path.toLowerCase();
    if (folded.has(key)) throw malformed(`two files are called ${path} when case is ignored`);
    folded.add(key);
  }
  for (const path of folded) {
    for (let cut = path.indexOf('/'); cut !== -1; cut = path.indexOf('/', cut + 1)) {
      if (folded.has(path.slice(0, cut))) throw malformed(`${path.slice(0, cut)} is both a file and a directory`);
    }
  }
}

function checkGraph(inventory: Inventory): void {
  const manifests = new Map(inventory.manifests.map((manifest) => [manifest.digest, manifest]));
  const blobs = new Set<Digest>(inventory.blobs.map((blob) => blob.digest));
  const reached = new Set<Digest>();
  const queue: Digest[] = [];
  for (const image of inventory.images) {
    if (!manifests.has(image.digest)) throw malformed(`${image.reference} names missing manifest ${image.digest}`);
    queue.push(...rootsOf(image));
  }
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (reached.has(digest)) continue;
    reached.add(digest);
    const manifest = manifests.get(digest);
    if (manifest === undefined) throw malformed(`manifest ${digest} is named but not carried`);
    checkManifest(manifest);
    queue.push(...(manifest.manifests ?? []));
    for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
      if (blob === undefined) continue;
      if (!blobs.has(blob)) throw malformed(`blob ${blob} is named but not carried`);
      reached.add(blob);
    }
  }
  for (const { digest } of [...inventory.manifests, ...inventory.blobs]) {
    if (!reached.has(digest)) throw malformed(`${digest} is carried but no image reaches it`);
  }
  for (const blob of blobs) if (manifests.has(blob)) throw malformed(`${blob} is both a manifest and a blob`);
  checkEvidence(inventory);
  checkNesting(inventory);
}

function checkManifest({ digest, mediaType, platform, manifests, config, layers }: GraphManifest): void {
  const isIndex = manifests !== undefined;
  if (isIndex === (config !== undefined) || isIndex === (layers !== undefined)) {
    throw malformed(`manifest ${digest} is neither a manifest nor an index`);
  }
  if (!isManifestType(mediaType) || isIndexType(mediaType) !== isIndex || (isIndex && platform !== undefined)) {
    throw malformed(`manifest ${digest} is not what its type says`);
  }
  if (new Set(manifests).size !== (manifests?.length ?? 0)) throw malformed(`index ${digest} repeats a child`);
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

/** Evidence is for something that is carried, under the subject's own tags; a tag and a referrer say one thing only. */
function checkEvidence({ images, manifests }: Inventory): void {
  const carried = new Set(manifests.map(({ digest }) => digest));
  const said = new Map<string, Digest>();
  const once = (key: string, value: Digest): void => {
    if ((said.get(key) ?? value) !== value) throw malformed(`has evidence that contradicts itself about ${key}`);
    said.set(key, value);
  };
  for (const { reference, evidence = [] } of images) {
    sorted(`the evidence of ${reference}`, evidence.map(evidenceKey));
    const { registry, repository } = parseReference(reference);
    for (const { subject, digest, kind, tag } of evidence) {
      if (!carried.has(subject)) throw malformed(`${reference} has evidence for ${subject}, which is not carried`);
      const isOwnTag = evidenceTags(subject).some((entry) => entry.tag === tag && entry.kind === kind);
      if (tag !== undefined && !isOwnTag) throw malformed(`${tag} is not the tag of a ${kind} for ${subject}`);
      if (tag === undefined) once(digest, subject);
      else once(formatReference({ registry, repository, tag }), digest);
    }
  }
}

/** Each platform becomes the name of a tarball. */
function checkPlatforms({ manifests }: Inventory): void {
  const platforms = new Set(manifests.map((manifest) => manifest.platform));
  for (const platform of platforms) {
    if (platform === undefined) continue;
    if (!isPlatformText(platform) || tarPathOf(platform) === tarPathOf(undefined)) {
      throw malformed(`${JSON.stringify(platform)} is not a platform`);
    }
  }
  if (platforms.size > MAX_TARS) throw malformed(`has manifests for more than ${MAX_TARS} platforms`);
}

/** Content without bytes has no place in the archive, so that nothing else would check its digest. */
function checkSizes({ manifests, blobs, files }: Inventory): void {
  const sizes = new Map<Digest, number>();
  for (const { digest, size } of [...manifests, ...blobs, ...files]) {
    if ((sizes.get(digest) ?? size) !== size) throw malformed(`gives ${digest} two sizes`);
    if ((size === 0) !== (digest === EMPTY_DIGEST)) throw malformed(`gives ${digest} the size ${size}`);
    sizes.set(digest, size);
  }
  let total = 0;
  for (const { size } of [...manifests, ...files]) total += size;
  for (const { config, layers = [] } of manifests)
    for (const digest of [config, ...layers]) total += digest === undefined ? 0 : (sizes.get(digest) ?? 0);
  if (total > MAX_TOTAL_BYTES) throw malformed('names more content than any archive can hold');
}

function isRealTime(text: string): boolean {
  const time = new Date(text);
  return isTarTime(time.getTime() / 1000) && time.toISOString() === text.replace('Z', '.000Z');
}

function isCanonicalReference(text: string): boolean {
  try {
    const reference = parseReference(text);
    return formatReference(reference) === text && (reference.tag ?? reference.digest) !== undefined;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}

function malformed(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `release.json ${why}`, {
    hint: 'the archive was not made by this product or was changed; do not load it',
    details: { member: 'release.json' },
  });
}
