/** What became of each image between two releases. */
import { isDeepStrictEqual } from 'node:util';
import { platformsOfImage } from '../../content/graph-platforms.ts';
import type { ContentGraph, GraphEvidence, IndexMode } from '../../content/content-graph.ts';
import { createReach, rootsOf } from '../../content/graph-walk.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import { pairBy } from './pairing.ts';

/** An image as one of the two releases has it. */
export interface ComparedImage {
  /** As the release names it. */
  readonly reference: string;
  readonly digest: Digest;
  /** Whether all platforms of its index are carried; undefined where it has no index. */
  readonly indexMode: IndexMode | undefined;
  /** Carried, sorted. */
  readonly platforms: readonly string[];
  /** What vouches for it; undefined where none was looked for. */
  readonly evidence: readonly GraphEvidence[] | undefined;
  /** Bytes of everything the image and its evidence reach. */
  readonly size: number;
  /** Bytes of that which the other release does not hold under any name. */
  readonly newSize: number;
}

/**
 * What happened to an image. `changed`: another tag or digest of the same repository took its place, or the same image
 * under another spelling. `moved`: the tag is the same and names another image. `parts`: the image is the same, and other
 * platforms or evidence of it are carried.
 */
export type ImageChange =
  | { readonly change: 'added'; readonly old: undefined; readonly new: ComparedImage }
  | { readonly change: 'removed'; readonly old: ComparedImage; readonly new: undefined }
  | { readonly change: 'changed' | 'moved' | 'parts'; readonly old: ComparedImage; readonly new: ComparedImage };

/** All images of both releases. */
export interface ImageComparison {
  /** Sorted by the reference in the new release, or in the old where it is gone. */
  readonly changes: readonly ImageChange[];
  /** Images that are the same in everything. */
  readonly unchanged: number;
}

/** A graph, and what the release that it is compared with holds. */
export interface ComparedGraph {
  readonly graph: ContentGraph;
  /** Digests of all content of the other release. */
  readonly held: ReadonlySet<Digest>;
}

/** Compares by reference first, then by repository and tag, then by repository. */
export function compareImages(before: ComparedGraph, after: ComparedGraph): ImageComparison {
  const paired = pairBy(imagesOf(before), imagesOf(after), [
    ({ reference }) => reference,
    ({ reference }) => tagOf(reference),
    ({ reference }) => repositoryOf(reference),
  ]);
  const changes: ImageChange[] = [
    ...paired.before.map((image) => ({ change: 'removed' as const, old: image, new: undefined })),
    ...paired.after.map((image) => ({ change: 'added' as const, old: undefined, new: image })),
  ];
  for (const [old, young] of paired.pairs) {
    const change = changeOf(old, young);
    if (change !== undefined) changes.push({ change, old, new: young });
  }
  return {
    changes: changes.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)),
    unchanged: paired.pairs.length - changes.filter(({ change }) => change !== 'added' && change !== 'removed').length,
  };
}

function changeOf(old: ComparedImage, young: ComparedImage): 'changed' | 'moved' | 'parts' | undefined {
  const isSameTag = tagOf(old.reference) !== undefined && tagOf(old.reference) === tagOf(young.reference);
  if (old.digest !== young.digest) return isSameTag ? 'moved' : 'changed';
  if (old.reference !== young.reference) return 'changed';
  const partsOf = ({ indexMode, platforms, evidence }: ComparedImage): unknown => ({ indexMode, platforms, evidence });
  return isDeepStrictEqual(partsOf(old), partsOf(young)) ? undefined : 'parts';
}

function imagesOf({ graph, held }: ComparedGraph): readonly ComparedImage[] {
  const reach = createReach(graph);
  return graph.images.map((image) => {
    const { manifests, blobs } = reach(rootsOf(image));
    const content = [...manifests, ...blobs];
    return {
      reference: image.reference,
      digest: image.digest,
      indexMode: image.indexMode,
      platforms: platformsOfImage(image, manifests),
      evidence: image.evidence,
      size: bytesOfAll(content),
      newSize: bytesOfAll(content.filter(({ digest }) => !held.has(digest))),
    };
  });
}

/** Bytes of pieces of content. */
export function bytesOfAll(content: Iterable<{ readonly size: number }>): number {
  let sum = 0;
  for (const { size } of content) sum += size;
  return sum;
}

function nameOf(change: ImageChange): string {
  return (change.new ?? change.old).reference;
}

/** The reference without its digest; undefined where only the digest names the image. */
function tagOf(text: string): string | undefined {
  const { registry, repository, tag } = parseReference(text);
  return tag === undefined ? undefined : formatReference({ registry, repository, tag });
}

function repositoryOf(text: string): string {
  const { registry, repository } = parseReference(text);
  return formatReference({ registry, repository });
}
