/** Walks an image from its root and writes down, flat, every manifest and blob that a release must carry for it. */
import { IntegrityError, NotFoundError, StoreError } from '../errors.ts';
import { descriptorFault, embeddedContent, type Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { isIndex, parseManifest, type Index, type Manifest } from '../oci/manifest.ts';
import { isForeignLayerType, isManifestType } from '../oci/media-types.ts';
import { toPlatform } from '../oci/platform.ts';
import type {
  ContentGraph,
  GraphBlob,
  GraphChild,
  GraphEvidence,
  GraphImage,
  GraphManifest,
  IndexMode,
} from './content-graph.ts';
import type { Naming } from './graph-platforms.ts';
import { isAttestation, platformOf, requirePlatform, selectChildren, type PlatformChoice } from './image-platforms.ts';
import type { CallOptions, Source } from './store.ts';
import { readVerified } from './verified.ts';

/** Indexes inside indexes; real ones nest once or twice. */
const MAX_DEPTH = 8;
/** Manifests one image may reach. */
const MAX_MANIFESTS = 10_000;
const MAX_CONTENT_BYTES = 512 * 1024 * 1024;

/** Options of {@link discoverImage}. */
export interface DiscoverOptions extends CallOptions, PlatformChoice {
  /** Told of attestations in an index that are not there; without it, they are an error. */
  readonly onGone?: ((attestation: Descriptor) => void) | undefined;
  /** Bytes of the image's manifests and configs, which are all held in memory. @defaultValue 512 MiB */
  readonly maxContentBytes?: number | undefined;
}

/** One image's part of the content graph, and the bytes that were read to find it. */
export interface DiscoveredImage extends GraphPart {
  readonly indexMode: IndexMode | undefined;
  /** Of a single manifest; undefined for an index and for what runs nowhere. */
  readonly platform: string | undefined;
  /** Verified bytes of every manifest (and of configs that had to be read), so that none is asked for again. */
  readonly contents: ReadonlyMap<Digest, Buffer>;
}

/**
 * Discovers everything an image needs on the chosen platforms. Attestations go with the platform they describe.
 * @throws NotFoundError `NOT_FOUND` when a chosen platform is missing, naming those on offer.
 * @throws IntegrityError when content does not match its digest or its type.
 * @throws StoreError `UNSUPPORTED` for layers that must not be redistributed, and for Docker schema 1.
 */
export async function discoverImage(
  source: Source,
  root: Descriptor,
  options: DiscoverOptions,
): Promise<DiscoveredImage> {
  const manifests = new Map<Digest, GraphManifest>();
  const blobs = new Map<Digest, GraphBlob>();
  const contents = new Map<Digest, Buffer>();
  const opened = new Map<Digest, Manifest>();
  let indexMode: IndexMode | undefined;
  let platform: string | undefined;
  let held = 0;

  const read = async (node: Descriptor): Promise<Buffer> => {
    const known = contents.get(node.digest);
    if (known !== undefined) return known;
    held += node.size;
    if (held > (options.maxContentBytes ?? MAX_CONTENT_BYTES)) throw tooLarge(options.reference);
    const bytes = await readVerified(source, node, options);
    contents.set(node.digest, bytes);
    return bytes;
  };
  const takeEmbedded = (manifest: Manifest | Index, digest: Digest): void => {
    for (const [own, bytes] of embeddedIn(manifest, digest, options.reference)) contents.set(own, bytes);
  };
  /** Some indexes do not say what their children are for: the children do. */
  const withPlatforms = async (index: Index): Promise<Index> => {
    const manifests: Descriptor[] = [];
    for (const child of index.manifests) {
      const isSilent = child.platform === undefined && isManifestType(child.mediaType) && !isAttestation(child);
      const parsed = isSilent
        ? parseManifest(await read(child), child.mediaType, `${options.reference} (${child.digest})`)
        : undefined;
      const text = parsed === undefined || isIndex(parsed) ? undefined : await platformOf(child, parsed, read, options);
      manifests.push(text === undefined ? child : { ...child, platform: toPlatform(text) });
    }
    return { ...index, manifests };
  };
  /** Visits a child; whether it is an attestation that is not there, where that is told instead of thrown. */
  const isGone = async (child: Descriptor, depth: number): Promise<boolean> => {
    try {
      await visit(child, depth);
      return false;
    } catch (error) {
      if (options.onGone === undefined || !(error instanceof NotFoundError) || !isAttestation(child)) throw error;
      options.onGone(child);
      return true;
    }
  };
  const visit = async (node: Descriptor, depth: number): Promise<void> => {
    if (manifests.has(node.digest)) return;
    if (depth > MAX_DEPTH || manifests.size >= MAX_MANIFESTS) throw tooLarge(options.reference);
    const parsed = parseManifest(await read(node), node.mediaType, `${options.reference} (${node.digest})`);
    const common = { digest: node.digest, mediaType: parsed.mediaType, size: node.size };
    if (isIndex(parsed)) {
      takeEmbedded(parsed, node.digest);
      const chosen = depth === 0 ? options.platforms : 'all';
      const offered = chosen === 'all' ? parsed : await withPlatforms(parsed);
      const children = selectChildren(offered, chosen, options.reference);
      if (depth === 0) indexMode = children.length === parsed.manifests.length ? 'complete' : 'sparse';
      manifests.set(node.digest, { ...common, manifests: [] });
      const named: GraphChild[] = [];
      for (const child of children) {
        if (await isGone(child, depth + 1)) {
          if (depth === 0) indexMode = 'sparse';
        } else named.push(toChild(child.digest, await platformOf(child, opened.get(child.digest), read, options)));
      }
      manifests.set(node.digest, { ...common, manifests: uniteChildren(named) });
    } else {
      opened.set(node.digest, parsed);
      for (const descriptor of [parsed.config, ...parsed.layers]) {
        blobs.set(descriptor.digest, uniteBlobs(blobs.get(descriptor.digest), toBlob(descriptor, options.reference)));
      }
      takeEmbedded(parsed, node.digest);
      if (depth === 0) platform = await platformOf(node, parsed, read, options);
      if (depth === 0) requirePlatform(platform, options);
      const layers = parsed.layers.map((layer) => layer.digest);
      manifests.set(node.digest, { ...common, config: parsed.config.digest, layers });
    }
  };
  await visit(root, 0);
  return { indexMode, platform, manifests: [...manifests.values()], blobs: [...blobs.values()], contents };
}

/** Manifests and blobs, each once, however many name them. */
export interface GraphPart {
  readonly manifests: readonly GraphManifest[];
  readonly blobs: readonly GraphBlob[];
}

/**
 * Joins images' parts into one graph: sorted, each manifest and blob once, the same in whatever order they come. An index
 * that no image reaches names no platforms: what vouches for an image runs nowhere.
 * @throws IntegrityError `MALFORMED` when two manifests give one digest different sizes.
 */
export function mergeGraphs(images: readonly GraphImage[], parts: readonly GraphPart[]): ContentGraph {
  const manifests = new Map<Digest, GraphManifest>();
  const blobs = new Map<Digest, GraphBlob>();
  for (const part of parts) {
    for (const manifest of part.manifests) {
      manifests.set(manifest.digest, uniteManifests(manifests.get(manifest.digest), manifest));
    }
    for (const blob of part.blobs) blobs.set(blob.digest, uniteBlobs(blobs.get(blob.digest), blob));
  }
  const roots = images.map(({ digest }) => digest);
  const own = reachableFrom({ manifests: [...manifests.values()], blobs: [] }, roots).manifests;
  const isOwn = new Set(own.map(({ digest }) => digest));
  return {
    images: [...images].sort((a, b) => compare(a.reference, b.reference)),
    manifests: [...manifests.values()]
      .map((manifest) => (isOwn.has(manifest.digest) ? manifest : withoutPlatforms(manifest)))
      .sort((a, b) => compare(a.digest, b.digest)),
    blobs: [...blobs.values()].sort((a, b) => compare(a.digest, b.digest)),
  };
}

/** What an image is made of and vouched for by: its own root, and the root of each piece of evidence. */
export function rootsOf({ digest, evidence = [] }: Pick<GraphImage, 'digest' | 'evidence'>): readonly Digest[] {
  return [digest, ...evidence.map((entry) => entry.digest)];
}

/** The evidence that vouches for something in `part`, directly or through other evidence that `graph` knows. */
export function evidenceWithin(
  evidence: readonly GraphEvidence[],
  part: GraphPart,
  graph: GraphPart,
): readonly GraphEvidence[] {
  const subjects = new Set(part.manifests.map(({ digest }) => digest));
  for (let before = -1; before !== subjects.size;) {
    before = subjects.size;
    const kept = evidence.filter(({ subject }) => subjects.has(subject)).map(({ digest }) => digest);
    for (const { digest } of reachableFrom(graph, kept).manifests) subjects.add(digest);
  }
  return evidence.filter(({ subject }) => subjects.has(subject));
}

/** Subjects of the evidence that names its subject itself, by the digest of the evidence. */
export function referrersIn({ images }: Pick<ContentGraph, 'images'>): ReadonlyMap<Digest, Digest> {
  const referrers = images.flatMap(({ evidence = [] }) => evidence.filter(({ tag }) => tag === undefined));
  return new Map(referrers.map(({ digest, subject }) => [digest, subject]));
}

/** The part of a graph that the given roots reach, in the same order. */
export function reachableFrom(graph: GraphPart, roots: readonly Digest[]): GraphPart {
  return createReach(graph)(roots);
}

/** {@link reachableFrom} for many questions: an answer takes as long as it is, however large the graph. */
export function createReach({ manifests, blobs }: GraphPart): (roots: readonly Digest[]) => GraphPart {
  const manifestAt = new Map(manifests.map(({ digest }, index) => [digest, index]));
  const blobAt = new Map(blobs.map(({ digest }, index) => [digest, index]));
  const pick = <T>(entries: readonly T[], places: readonly (number | undefined)[]): readonly T[] =>
    places
      .filter((place) => place !== undefined)
      .sort((a, b) => a - b)
      .map((place) => entries[place] as T);
  return (roots) => {
    const seen = new Set(roots);
    for (const digest of seen) {
      const manifest = manifests[manifestAt.get(digest) ?? -1];
      if (manifest === undefined) continue;
      for (const child of childrenOf(manifest)) seen.add(child);
      for (const layer of manifest.layers ?? []) seen.add(layer);
      if (manifest.config !== undefined) seen.add(manifest.config);
    }
    const digests = [...seen];
    return {
      manifests: pick(manifests, digests.map((digest) => manifestAt.get(digest))), // prettier-ignore
      blobs: pick(blobs, digests.map((digest) => blobAt.get(digest))), // prettier-ignore
    };
  };
}

/** Manifests ordered so that every child stands before the index that names it, and every subject before its referrers. */
export function childrenFirst(
  manifests: readonly GraphManifest[],
  subjects: ReadonlyMap<Digest, Digest> = new Map(),
): readonly GraphManifest[] {
  const byDigest = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const ordered = new Map<Digest, GraphManifest>();
  const place = (manifest: GraphManifest): void => {
    if (ordered.has(manifest.digest)) return;
    for (const before of namedBy(manifest, subjects)) {
      const entry = byDigest.get(before);
      if (entry !== undefined) place(entry);
    }
    ordered.set(manifest.digest, manifest);
  };
  for (const manifest of manifests) place(manifest);
  return [...ordered.values()];
}

/** The digests of the children of an index, each as often as it is named. */
export function childrenOf({ manifests = [] }: GraphManifest): readonly Digest[] {
  return manifests.map(({ digest }) => digest);
}

/** The manifests that a manifest names: its children and its subject. */
export function namedBy(manifest: GraphManifest, subjects: ReadonlyMap<Digest, Digest>): readonly Digest[] {
  const subject = subjects.get(manifest.digest);
  const children = childrenOf(manifest);
  return subject === undefined ? children : [...children, subject];
}

/** What a manifest brings along in itself. Sources need not have it besides. */
function embeddedIn(manifest: Manifest | Index, digest: Digest, reference: string): ReadonlyMap<Digest, Buffer> {
  const descriptors = isIndex(manifest) ? manifest.manifests : [manifest.config, ...manifest.layers];
  const embedded = new Map<Digest, Buffer>();
  for (const descriptor of [...descriptors, ...(manifest.subject === undefined ? [] : [manifest.subject])]) {
    const fault = descriptorFault(descriptor);
    if (fault !== undefined) {
      throw new IntegrityError('MALFORMED', `${reference}: ${digest} ${fault}`, {
        hint: 'what it names would not come from the archive; have the image built again without it',
      });
    }
    const bytes = embeddedContent(descriptor);
    if (bytes !== undefined) embedded.set(descriptor.digest, bytes);
  }
  return embedded;
}

function toBlob({ digest, mediaType, size }: Descriptor, reference: string): GraphBlob {
  if (isForeignLayerType(mediaType)) {
    throw new StoreError('UNSUPPORTED', `${reference}: layer ${digest} may not be redistributed (${mediaType})`, {
      hint: 'such layers stay with their vendor; leave the image out or use a base image that may be shipped',
    });
  }
  return { digest, mediaType, size };
}

function toChild(digest: Digest, platform: string | undefined): GraphChild {
  return { digest, ...(platform === undefined ? {} : { platform }) };
}

function withoutPlatforms(manifest: GraphManifest): GraphManifest {
  if (manifest.manifests === undefined) return manifest;
  return { ...manifest, manifests: uniteChildren(manifest.manifests.map(({ digest }) => ({ digest }))) };
}

/** Each naming once: an index may list a child twice for one platform, as Windows images do. */
function uniteChildren(children: readonly GraphChild[]): GraphChild[] {
  return [...new Map(children.map((child) => [childKey(child), child])).values()];
}

/** Equal for two namings of one manifest for one platform. */
export function childKey({ digest, platform = '' }: Naming): string {
  return `${digest} ${platform}`;
}

/** Two images may carry different children of the same index; together they carry both. */
function uniteManifests(known: GraphManifest | undefined, manifest: GraphManifest): GraphManifest {
  if (known === undefined) return manifest;
  if (known.size !== manifest.size) throw twoSizes(known, manifest);
  if (known.manifests === undefined || manifest.manifests === undefined) return known;
  if (JSON.stringify(known.manifests) === JSON.stringify(manifest.manifests)) return known;
  const both = uniteChildren([...known.manifests, ...manifest.manifests]);
  return { ...known, manifests: both.sort((a, b) => compare(childKey(a), childKey(b))) };
}

/** Docker's and OCI's manifests give one layer different types, which says nothing about its bytes. */
function uniteBlobs(known: GraphBlob | undefined, blob: GraphBlob): GraphBlob {
  if (known === undefined) return blob;
  if (known.size !== blob.size) throw twoSizes(known, blob);
  return compare(known.mediaType, blob.mediaType) <= 0 ? known : blob;
}

function twoSizes(one: GraphBlob | GraphManifest, other: GraphBlob | GraphManifest): IntegrityError {
  return new IntegrityError('MALFORMED', `${one.digest} is said to have ${one.size} and ${other.size} bytes`, {
    hint: 'one of the images that name it is broken at its source',
  });
}

function tooLarge(reference: string): IntegrityError {
  return new IntegrityError(
    'MALFORMED',
    `${reference}: its indexes nest too deep, or hold too many manifests or too large ones`,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
