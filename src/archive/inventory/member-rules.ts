/** What makes the names in an inventory consistent: times, order, paths, references, components. */
import { isUtcSeconds } from '../../base/utc-time.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import { isMemberPath, isTarTime } from '../../base/tar/ustar.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { GraphImage } from '../../content/content-graph.ts';
import { divideFiles, MAX_TRUST_BYTES, MAX_TRUST_FILES } from '../layout/trust-files.ts';
import type { Inventory } from './inventory-schema.ts';

/** Paths the archive itself fills in, which no file may take. */
const RESERVED = /^(release\.json|checksums\.txt|image-list\.txt|signatures|attestations|images)(\/.*)?$/i;

/**
 * Lists are sorted and free of duplicates, times exist, no two paths are equal when case is folded, references are
 * canonical and name one digest each, and components name what is carried.
 * @throws IntegrityError `MALFORMED`
 */
export function checkMembers(inventory: Inventory): void {
  const { images, files, slots, components } = inventory;
  checkSorted('images', images.map(({ reference }) => reference)); // prettier-ignore
  checkSorted('files', files.map(({ path }) => path)); // prettier-ignore
  checkSorted('slots', slots.map(({ path }) => path.padStart(40))); // prettier-ignore
  for (const time of [inventory.created, inventory.expires]) {
    if (time !== undefined && !isRealTime(time)) throw malformed(`has no such time as ${time}`);
  }
  checkPaths(files.map(({ path }) => path));
  checkTrustFiles(files);
  checkReferences(images);
  checkComponents(components, images, files);
}

/** @throws IntegrityError `MALFORMED` unless the keys ascend strictly */
export function checkSorted(name: string, keys: readonly string[]): void {
  keys.forEach((key, index) => {
    const previous = keys[index - 1];
    if (previous !== undefined && previous >= key)
      throw malformed(`${name} is not sorted or repeats ${JSON.stringify(key.trim())}`);
  });
}

/** An inventory that breaks a rule. */
export function malformed(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `release.json ${why}`, {
    hint: 'the archive was not made by this product or was changed; do not load it',
    details: { member: 'release.json' },
  });
}

function checkPaths(paths: readonly string[]): void {
  const folded = new Set<string>();
  for (const path of paths) {
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

/** They are read before anything is believed. */
function checkTrustFiles(files: Inventory['files']): void {
  const { trust } = divideFiles(files);
  const bytes = trust.reduce((sum, { size }) => sum + size, 0);
  if (trust.length > MAX_TRUST_FILES || bytes > MAX_TRUST_BYTES) {
    throw malformed(`has ${trust.length} trust documents with ${bytes} bytes, more than are read`);
  }
  const empty = trust.find(({ size }) => size === 0);
  if (empty !== undefined) throw malformed(`has an empty trust document, ${empty.path}`);
}

/** Importers and registries know one digest under one name; which of two would win is for none of them to choose. */
function checkReferences(images: readonly GraphImage[]): void {
  const named = new Map<string, Digest>();
  const name = ({ registry, repository }: Reference, tag: string | undefined, digest: Digest): void => {
    if (tag === undefined) return;
    const reference = formatReference({ registry, repository, tag });
    if ((named.get(reference) ?? digest) !== digest) throw malformed(`names two manifests ${reference}`);
    named.set(reference, digest);
  };
  for (const { reference, digest, evidence = [] } of images) {
    const parsed = parseCanonical(reference);
    if (parsed === undefined) throw malformed(`${JSON.stringify(reference)} is not a canonical reference`);
    if ((parsed.digest ?? digest) !== digest) throw malformed(`${reference} is said to be ${digest}`);
    name(parsed, parsed.tag, digest);
    for (const entry of evidence) name(parsed, entry.tag, entry.digest);
  }
}

function checkComponents(
  components: Inventory['components'],
  images: readonly GraphImage[],
  files: Inventory['files'],
): void {
  const references = new Set(images.map(({ reference }) => reference));
  const paths = new Set(files.map(({ path }) => path));
  const names = new Set<string>();
  for (const { name, images: own, files: ownFiles } of components) {
    const quoted = JSON.stringify(name);
    if (names.has(name)) throw malformed(`has two components ${quoted}`);
    names.add(name);
    checkSorted(`images of ${quoted}`, own);
    checkSorted(`files of ${quoted}`, ownFiles);
    const image = own.find((reference) => !references.has(reference));
    if (image !== undefined) throw malformed(`${quoted} names unknown image ${JSON.stringify(image)}`);
    const file = ownFiles.find((path) => !paths.has(path));
    if (file !== undefined) throw malformed(`${quoted} names unknown file ${JSON.stringify(file)}`);
  }
}

function isRealTime(text: string): boolean {
  return isUtcSeconds(text) && isTarTime(Date.parse(text) / 1000);
}

/** The reference, when it is the one spelling of it and names something. */
function parseCanonical(text: string): Reference | undefined {
  try {
    const reference = parseReference(text);
    const isCanonical = formatReference(reference) === text && (reference.tag ?? reference.digest) !== undefined;
    return isCanonical ? reference : undefined;
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
