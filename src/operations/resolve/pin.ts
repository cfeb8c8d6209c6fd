/** Pins one image: with an earlier lock a HEAD says whether it still holds; otherwise one GET, and what it reaches. */
import type { EvidenceFinder } from '../../content/evidence-finder.ts';
import { discoverImage, reachableFrom, rootsOf, type GraphPart } from '../../content/graph-walk.ts';
import { KnownSource } from '../../content/known-source.ts';
import { findOtherPlatforms, type OtherPlatform } from '../../content/other-platforms.ts';
import { fetchNamed } from '../../content/named-manifest.ts';
import type { Source } from '../../content/store.ts';
import { IntegrityError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { GraphImage } from '../../content/content-graph.ts';
import type { LockImage, ReleaseLock } from '../../release/lock/lock-schema.ts';
import type { RequestedImage } from './requested.ts';

/** What a reference names, with all it reaches on the requested platforms and all that vouches for it. */
export interface PinnedImage extends Omit<GraphImage, 'reference'> {
  readonly part: GraphPart;
  /** Why there may be more evidence than was found; absent where there may not. */
  readonly doubts?: readonly string[] | undefined;
  /** Where its indexes say another platform than the configs do. */
  readonly otherPlatforms?: readonly OtherPlatform[] | undefined;
}

/** What pinning works with. */
export interface PinTools {
  /** Holds manifests that are known, and gets those that are read. */
  readonly contents: Map<Digest, Buffer>;
  /** Absent where no evidence is requested. */
  readonly evidence: EvidenceFinder | undefined;
  /** Whether evidence that cannot be established is an error. */
  readonly isStrict: boolean;
  /** Look for evidence again where the image itself has not moved. */
  readonly refreshEvidence: boolean;
  readonly signal: AbortSignal;
}

/**
 * One HEAD when the lock still holds; otherwise the manifest itself in one GET, and what it reaches. Evidence is looked for
 * where the image is new or has moved, since asking costs a request for each of its manifests.
 */
export async function pinImage(
  source: Source,
  image: RequestedImage,
  earlier: PinnedImage | undefined,
  tools: PinTools,
): Promise<PinnedImage> {
  const { evidence: known, doubts: gone = [], ...pinned } = await pinContent(source, image, earlier, tools);
  const { evidence: finder, refreshEvidence } = tools;
  if (finder !== undefined && known !== undefined && !refreshEvidence && gone.length === 0) {
    return { ...pinned, evidence: known };
  }
  const own = reachableFrom(pinned.part, [pinned.digest]);
  const subjects = own.manifests.map(({ digest }) => digest);
  const found = await finder?.find(source, subjects, image.lock.reference);
  const doubts = [...gone, ...(found?.doubts ?? [])];
  const doubted = doubts.length === 0 ? {} : { doubts };
  if (found === undefined) return { ...pinned, ...doubted, part: own };
  const { evidence, manifests, blobs } = found;
  const part = { manifests: [...own.manifests, ...manifests], blobs: [...own.blobs, ...blobs] };
  // Nothing found and something not answered is not "none": then it is not said that there is none.
  const isKnown = evidence.length > 0 || doubts.length === 0;
  return { ...pinned, ...(isKnown ? { evidence: [...evidence] } : {}), ...doubted, part };
}

async function pinContent(
  source: Source,
  image: RequestedImage,
  earlier: PinnedImage | undefined,
  { contents, isStrict, signal }: PinTools,
): Promise<PinnedImage> {
  const { digest, tag = 'latest' } = image.reference;
  if (earlier !== undefined) {
    const current = digest ?? (await source.resolve(tag, { signal })).digest;
    if (current === earlier.digest && earlier.doubts === undefined) return earlier;
  }
  const root = await fetchNamed(source, digest ?? tag, contents, { signal });
  if (digest !== undefined && root.digest !== digest) throw otherDigest(image.lock.reference, root.digest, source.name);
  const gone: string[] = [];
  const { indexMode, platform, ...found } = await discoverImage(new KnownSource(source, contents), root, {
    platforms: image.platforms,
    reference: image.lock.reference,
    signal,
    ...(isStrict ? {} : { onGone: ({ digest: lost }) => gone.push(`attestation ${lost} does not exist`) }),
  });
  for (const [known, bytes] of found.contents) contents.set(known, bytes);
  const otherPlatforms = await findOtherPlatforms(source, found, contents, { signal });
  return {
    digest: root.digest,
    ...(platform === undefined ? {} : { platform }),
    ...(indexMode === undefined ? {} : { indexMode }),
    ...(gone.length === 0 ? {} : { doubts: gone }),
    ...(otherPlatforms.length === 0 ? {} : { otherPlatforms }),
    part: found,
  };
}

/** A source that knows images by name, such as a Docker Engine, may have another image under it than the release pins. */
function otherDigest(reference: string, actual: Digest, source: string): IntegrityError {
  return new IntegrityError('DIGEST_MISMATCH', `${reference}: ${source} has ${actual} under this name`, {
    hint: 'pull the image that the release pins, or pin the one that is there',
    details: { reference, actual },
  });
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
    const { reference: _, ...pinned } = known;
    const doubts = previous.notEstablished?.find(({ reference }) => reference === image.reference)?.doubts;
    const otherPlatforms = previous.otherPlatforms?.filter(({ reference }) => reference === image.reference);
    return {
      ...pinned,
      ...(doubts === undefined ? {} : { doubts }),
      ...(otherPlatforms === undefined || otherPlatforms.length === 0 ? {} : { otherPlatforms }),
      part: reachableFrom(previous, rootsOf(known)),
    };
  };
}
