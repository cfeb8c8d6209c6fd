/**
 * What stands in the image tarballs: each is at once an OCI image layout and a `docker load` archive for one platform;
 * what belongs to no single platform goes to `multi-platform.tar`.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import { Annotation, type Descriptor } from '../../oci/descriptor.ts';
import { hexOf, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import { toPlatform } from '../../oci/platform.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import type { ContentGraph, GraphImage, GraphManifest } from '../../content/content-graph.ts';
import { manifestFinder, namingsIn, platformsOf } from '../../content/graph-platforms.ts';

/** Directory and suffix of the image tarballs inside the archive. */
const DIRECTORY = 'images/';
const MULTI_PLATFORM = 'multi-platform';

/** One tarball: documents that can be computed and the content it carries. */
export interface ImageTar {
  /** `images/linux-amd64.tar` */
  readonly path: string;
  /** Canonical platform, or undefined for `multi-platform.tar`. */
  readonly platform: string | undefined;
  readonly documents: readonly { readonly path: string; readonly bytes: Buffer }[];
  /** Sorted by digest. */
  readonly contents: readonly { readonly path: string; readonly digest: Digest; readonly size: number }[];
}

/** Divides a graph into tarballs: platforms in order, `multi-platform.tar` last and only when something goes there. */
export function divideIntoTars(graph: ContentGraph): readonly ImageTar[] {
  const members = new Map<string | undefined, Set<Digest>>(platformsOf(graph).map((platform) => [platform, new Set()]));
  for (const { digest, platform } of namingsIn(graph)) {
    const known = members.get(platform);
    if (known === undefined) members.set(platform, new Set([digest]));
    else known.add(digest);
  }
  const indexed: IndexedGraph = {
    images: graph.images.map((image) => ({ ...image, parsed: parseReference(image.reference) })),
    all: graph.manifests,
    manifests: new Map(graph.manifests.map((manifest) => [manifest.digest, manifest])),
    sizes: new Map(graph.blobs.map((blob) => [blob.digest, blob.size])),
  };
  return [...members].map(([platform, digests]) => toTar(indexed, platform, digests));
}

/** `linux/arm/v7` → `images/linux-arm-v7.tar` */
export function tarPathOf(platform: string | undefined): string {
  return `${DIRECTORY}${platform?.replaceAll('/', '-') ?? MULTI_PLATFORM}.tar`;
}

/** Whether a member of an archive is an image tarball: nothing else stands in their directory. */
export function isImageTarPath(path: string): boolean {
  return path.startsWith(DIRECTORY);
}

/** A graph, looked up once for all tarballs. */
interface IndexedGraph {
  readonly images: readonly (GraphImage & { readonly parsed: Reference })[];
  readonly all: readonly GraphManifest[];
  readonly manifests: ReadonlyMap<Digest, GraphManifest>;
  readonly sizes: ReadonlyMap<Digest, number>;
}

function toTar(graph: IndexedGraph, platform: string | undefined, digests: ReadonlySet<Digest>): ImageTar {
  const named = namedManifests(graph, platform);
  const contents = new Map<Digest, number>();
  for (const digest of digests) {
    const { size = 0, config, layers = [] } = graph.manifests.get(digest) ?? {};
    contents.set(digest, size);
    for (const blob of config === undefined ? layers : [config, ...layers]) {
      contents.set(blob, graph.sizes.get(blob) ?? 0);
    }
  }
  const documents = [
    document('oci-layout', { imageLayoutVersion: '1.0.0' }),
    document('index.json', toIndex(named, platform)),
    ...(platform === undefined ? [] : [document('manifest.json', toDockerManifest(named))]),
  ];
  return {
    path: tarPathOf(platform),
    platform,
    documents,
    contents: [...contents]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([digest, size]) => ({ path: blobPath(digest), digest, size })),
  };
}

interface NamedManifest {
  readonly manifest: GraphManifest;
  readonly reference: string;
}

/** Every image of the release with the manifest it has for the platform, and all evidence, once under each name. */
function namedManifests(graph: IndexedGraph, platform: string | undefined): readonly NamedManifest[] {
  const find = manifestFinder(graph.all, platform);
  const named = new Map<string, NamedManifest>();
  const name = ({ registry, repository }: Reference, tag: string | undefined, manifest: GraphManifest): void => {
    const { digest } = manifest;
    const reference = formatReference({ registry, repository, ...(tag === undefined ? { digest } : { tag }) });
    if (!named.has(reference)) named.set(reference, { manifest, reference });
  };
  // Importers know images by tag; an image known by digest alone is named by the digest that the tarball holds.
  for (const image of graph.images) {
    const manifest = find(image);
    if (manifest !== undefined) name(image.parsed, image.parsed.tag, manifest);
  }
  for (const { parsed, evidence = [] } of platform === undefined ? graph.images : []) {
    for (const { tag, digest } of evidence) {
      const manifest = graph.manifests.get(digest);
      if (manifest !== undefined) name(parsed, tag, manifest);
    }
  }
  return [...named.values()];
}

function toIndex(named: readonly NamedManifest[], platform: string | undefined): object {
  const manifests: Descriptor[] = named.map(({ manifest, reference }) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    ...(platform === undefined ? {} : { platform: toPlatform(platform) }),
    annotations: { [Annotation.containerdImageName]: reference, [Annotation.refName]: reference },
  }));
  return { schemaVersion: 2, mediaType: MediaType.index, manifests };
}

/** @see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format */
function toDockerManifest(named: readonly NamedManifest[]): object {
  const tags = new Map<GraphManifest, string[]>();
  for (const { manifest, reference } of named) {
    const known = tags.get(manifest) ?? [];
    if (!reference.includes('@')) known.push(reference);
    tags.set(manifest, known);
  }
  return [...tags].map(([manifest, references]) => ({
    Config: blobPath(manifest.config as Digest),
    RepoTags: references.length === 0 ? null : references,
    Layers: (manifest.layers ?? []).map(blobPath),
  }));
}

function blobPath(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function document(path: string, json: object): { path: string; bytes: Buffer } {
  return { path, bytes: Buffer.from(JSON.stringify(json)) };
}
