/** Pins one image: with an earlier lock a HEAD says whether it still holds; otherwise one GET, and what it reaches. */
import { discoverImage, reachableFrom, type GraphPart } from '../content/graph.ts';
import { KnownSource } from '../content/known-source.ts';
import { canFetchManifest, type Source } from '../content/store.ts';
import { readVerified } from '../content/verified.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { IndexMode } from '../schema/graph.ts';
import type { LockImage, ReleaseLock } from '../schema/lock.ts';
import type { WantedImage } from './wanted.ts';

/** What a reference names, with all it reaches on the wanted platforms. */
export interface PinnedImage {
  readonly digest: Digest;
  readonly indexMode: IndexMode | undefined;
  readonly part: GraphPart;
}

/** One HEAD when the lock still holds; otherwise the manifest itself in one GET, and what it reaches. */
export async function pinImage(
  source: Source,
  image: WantedImage,
  earlier: PinnedImage | undefined,
  contents: Map<Digest, Buffer>,
  signal: AbortSignal,
): Promise<PinnedImage> {
  const { digest, tag = 'latest' } = image.reference;
  if (earlier !== undefined) {
    const current = digest ?? (await source.resolve(tag, { signal })).digest;
    if (current === earlier.digest) return earlier;
  }
  const root = await fetchRoot(source, digest ?? tag, contents, signal);
  const found = await discoverImage(new KnownSource(source, contents), root, {
    platforms: image.platforms,
    reference: image.lock.reference,
    signal,
  });
  for (const [known, bytes] of found.contents) contents.set(known, bytes);
  return { digest: root.digest, indexMode: found.indexMode, part: found };
}

async function fetchRoot(
  source: Source,
  tagOrDigest: string,
  contents: Map<Digest, Buffer>,
  signal: AbortSignal,
): Promise<Descriptor> {
  if (canFetchManifest(source)) {
    const { descriptor, bytes } = await source.fetchManifest(tagOrDigest, { signal });
    contents.set(descriptor.digest, bytes);
    return descriptor;
  }
  const descriptor = await source.resolve(tagOrDigest, { signal });
  contents.set(descriptor.digest, await readVerified(source, descriptor, { signal }));
  return descriptor;
}

/** Looks images up in an earlier lock that was made for the same platforms. */
export function recallPins(
  previous: ReleaseLock | undefined,
  platforms: readonly string[] | 'all',
): ((image: LockImage) => PinnedImage | undefined) | undefined {
  if (previous === undefined || JSON.stringify(previous.platforms) !== JSON.stringify(platforms)) return undefined;
  const entries = new Map(
    previous.components.flatMap((component) => component.images.map((image) => [image.reference, image])),
  );
  return (image) => {
    const entry = entries.get(image.reference);
    const known = previous.images.find(({ reference }) => reference === image.reference);
    if (
      known === undefined ||
      entry?.from !== image.from ||
      JSON.stringify(entry?.platforms) !== JSON.stringify(image.platforms)
    )
      return undefined;
    const part = reachableFrom(previous, [known.digest]);
    return { digest: known.digest, indexMode: known.indexMode, part };
  };
}
