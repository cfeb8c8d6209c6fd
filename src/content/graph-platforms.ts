/**
 * For which platforms a graph is, and what an image has for one. A platform belongs to what names a manifest (an index,
 * or an image whose root it is), so that one manifest can stand for several.
 */
import type { Digest } from '../oci/digest.ts';
import type { ContentGraph, GraphImage, GraphManifest } from './content-graph.ts';

/** A root or a child, as an image or an index names it. */
export interface Naming {
  readonly digest: Digest;
  /** Undefined for indexes, evidence and whatever else runs nowhere. */
  readonly platform?: string | undefined;
}

/** Every naming of a manifest: images name their roots and evidence, indexes their children. */
export function namingsIn({ images, manifests }: Pick<ContentGraph, 'images' | 'manifests'>): readonly Naming[] {
  return [
    ...images.flatMap(({ digest, platform, evidence = [] }) => [
      { digest, platform },
      ...evidence.map((entry) => ({ digest: entry.digest })),
    ]),
    ...manifests.flatMap((manifest) => manifest.manifests ?? []),
  ];
}

/** Platforms that anything of the graph is for, sorted. */
export function platformsOf(graph: Pick<ContentGraph, 'images' | 'manifests'>): readonly string[] {
  return [...new Set(namingsIn(graph).flatMap(({ platform }) => platform ?? []))].sort();
}

/** Platforms of one image, sorted; `manifests` are those that it reaches. */
export function platformsOfImage(
  { platform }: Pick<GraphImage, 'platform'>,
  manifests: readonly GraphManifest[],
): readonly string[] {
  const children = manifests.flatMap((manifest) => manifest.manifests ?? []);
  return [...new Set([{ platform }, ...children].flatMap((naming) => naming.platform ?? []))].sort();
}

/** Answers which manifest an image has for a platform. */
export type FindManifest = (image: Pick<GraphImage, 'digest' | 'platform'>) => GraphManifest | undefined;

/**
 * Looks for what images have for one platform, or for none: the root when it is named so, else the first below it, child
 * by child. Each index is walked once, however many images lead to it.
 */
export function manifestFinder(manifests: readonly GraphManifest[], platform: string | undefined): FindManifest {
  const byDigest = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const walked = new Map<Digest, GraphManifest | undefined>();
  const find = (naming: Naming): GraphManifest | undefined => {
    if (naming.platform === platform) return byDigest.get(naming.digest);
    if (walked.has(naming.digest)) return walked.get(naming.digest);
    let found: GraphManifest | undefined;
    for (const child of byDigest.get(naming.digest)?.manifests ?? []) found ??= find(child);
    walked.set(naming.digest, found);
    return found;
  };
  return find;
}
