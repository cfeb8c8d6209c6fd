/**
 * What stands in the image tarballs: each is at once an OCI image layout and a `docker load` archive for one platform;
 * what belongs to no single platform goes to `multi-platform.tar`.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import { Annotation, type Descriptor } from '../../oci/descriptor.ts';
import { hexOf, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import { toPlatform } from '../../oci/platform.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { ContentGraph, GraphManifest } from '../../content/content-graph.ts';

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
  const platforms = [...new Set(graph.manifests.map((manifest) => manifest.platform))];
  const named = platforms.filter((platform) => platform !== undefined).sort();
  return [...named, ...(platforms.includes(undefined) ? [undefined] : [])].map((platform) => toTar(graph, platform));
}

/** `linux/arm/v7` → `images/linux-arm-v7.tar` */
export function tarPathOf(platform: string | undefined): string {
  return `${DIRECTORY}${platform?.replaceAll('/', '-') ?? MULTI_PLATFORM}.tar`;
}

/** Whether a member of an archive is an image tarball: nothing else stands in their directory. */
export function isImageTarPath(path: string): boolean {
  return path.startsWith(DIRECTORY);
}

function toTar(graph: ContentGraph, platform: string | undefined): ImageTar {
  const manifests = graph.manifests.filter((manifest) => manifest.platform === platform);
  const named = namedManifests(graph, manifests);
  const contents = new Map<Digest, number>(manifests.map((manifest) => [manifest.digest, manifest.size]));
  const sizes = new Map(graph.blobs.map((blob) => [blob.digest, blob.size]));
  for (const manifest of manifests) {
    for (const digest of [manifest.config, ...(manifest.layers ?? [])]) {
      if (digest !== undefined) contents.set(digest, sizes.get(digest) ?? 0);
    }
  }
  const documents = [
    document('oci-layout', { imageLayoutVersion: '1.0.0' }),
    document('index.json', toIndex(named)),
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

/** Every image of the release, and all evidence, with the manifest this tarball has for it, once under each name. */
function namedManifests(graph: ContentGraph, manifests: readonly GraphManifest[]): readonly NamedManifest[] {
  const here = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const all = new Map(graph.manifests.map((manifest) => [manifest.digest, manifest]));
  const visited = new Map<Digest, GraphManifest | undefined>();
  const firstHere = (digest: Digest): GraphManifest | undefined => {
    if (visited.has(digest)) return visited.get(digest);
    let found = here.get(digest);
    for (const child of all.get(digest)?.manifests ?? []) found ??= firstHere(child);
    visited.set(digest, found);
    return found;
  };
  const named = new Map<string, NamedManifest>();
  for (const image of graph.images) {
    const manifest = firstHere(image.digest);
    if (manifest === undefined) continue;
    const reference = nameOf(image.reference, manifest);
    named.set(reference, { manifest, reference });
  }
  for (const image of graph.images) {
    for (const { tag, digest } of image.evidence ?? []) {
      const manifest = here.get(digest);
      if (manifest === undefined || manifest.platform !== undefined) continue;
      const reference = nameIn(image.reference, tag, digest);
      named.set(reference, { manifest, reference });
    }
  }
  return [...named.values()];
}

/** Importers know images by tag; an image known by digest alone is named by the digest that the tarball holds. */
function nameOf(image: string, { digest }: GraphManifest): string {
  return nameIn(image, parseReference(image).tag, digest);
}

/** A name in the repository of an image. */
function nameIn(image: string, tag: string | undefined, digest: Digest): string {
  const { registry, repository } = parseReference(image);
  return formatReference({ registry, repository, ...(tag === undefined ? { digest } : { tag }) });
}

function toIndex(named: readonly NamedManifest[]): object {
  const manifests: Descriptor[] = named.map(({ manifest, reference }) => ({
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    ...(manifest.platform === undefined ? {} : { platform: toPlatform(manifest.platform) }),
    annotations: { [Annotation.containerdImageName]: reference, [Annotation.refName]: reference },
  }));
  return { schemaVersion: 2, mediaType: MediaType.index, manifests };
}

/** @see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format */
function toDockerManifest(named: readonly NamedManifest[]): object {
  const tags = new Map<GraphManifest, string[]>();
  for (const { manifest, reference } of named) {
    const known = tags.get(manifest) ?? [];
    tags.set(manifest, reference.includes('@') ? known : [...known, reference]);
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
