/** Reads and writes `release.json` in its one canonical form: what parses but is not byte for byte canonical is refused. */
import { IntegrityError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { Inventory } from '../schema/inventory.ts';
import { isPortablePath } from './ustar.ts';

/** Bytes of `release.json`: room for a hundred thousand blobs. */
export const MAX_INVENTORY_BYTES: number = 64 * 1024 * 1024;

/** Paths the archive itself fills in, which no file may take. */
const RESERVED = /^(release\.json|checksums\.txt|image-list\.txt|(signatures|attestations|images)(\/.*)?)$/i;

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
 * The rules that a schema cannot say: sorted lists without duplicates, every digest that is named is carried, nothing
 * is carried that nobody names, no two paths equal when case is folded.
 * @throws IntegrityError `MALFORMED`
 */
export function checkInventory(inventory: Inventory): void {
  const sorted = (name: string, keys: readonly string[]): void => {
    keys.forEach((key, index) => {
      const previous = keys[index - 1];
      if (previous !== undefined && previous >= key) throw malformed(`${name} is not sorted or repeats ${key}`);
    });
  };
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
  checkPaths(inventory);
  checkGraph(inventory);
  const references = new Set(inventory.images.map((image) => image.reference));
  const paths = new Set(inventory.files.map((file) => file.path));
  for (const component of inventory.components) {
    for (const image of component.images)
      if (!references.has(image)) throw malformed(`${component.name} names unknown image ${image}`);
    for (const file of component.files)
      if (!paths.has(file)) throw malformed(`${component.name} names unknown file ${file}`);
  }
}

function checkPaths(inventory: Inventory): void {
  const folded = new Set<string>();
  for (const { path } of inventory.files) {
    if (!isPortablePath(path) || RESERVED.test(path))
      throw malformed(`file path ${JSON.stringify(path)} is not allowed`);
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
    queue.push(image.digest);
  }
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (reached.has(digest)) continue;
    reached.add(digest);
    const manifest = manifests.get(digest);
    if (manifest === undefined) throw malformed(`manifest ${digest} is named but not carried`);
    const isIndex = manifest.manifests !== undefined;
    if (isIndex === (manifest.config !== undefined) || isIndex === (manifest.layers !== undefined)) {
      throw malformed(`manifest ${digest} is neither a manifest nor an index`);
    }
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
}

function malformed(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `release.json ${why}`, {
    hint: 'the archive was not made by this product or was changed; do not load it',
    details: { member: 'release.json' },
  });
}
