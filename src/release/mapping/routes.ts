/** What of a graph goes where: narrowing to platforms, and the index a target gets when it refuses a sparse one. */
import {
  childrenOf,
  createReach,
  discoverImage,
  evidenceWithin,
  mergeGraphs,
  rootsOf,
  type GraphPart,
} from '../../content/graph-walk.ts';
import { parseJson } from '../../base/json/parse-json.ts';
import { platformsOf, platformsOfImage } from '../../content/graph-platforms.ts';
import type { CallOptions, Source } from '../../content/store.ts';
import { readVerified } from '../../content/verified.ts';
import { UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts';
import { findPlatforms } from '../../oci/platform.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { toDescriptor, type Substitute, type Substitutes } from '../../content/plan.ts';
import type { ContentGraph, GraphEvidence, GraphImage } from '../../content/content-graph.ts';
import { FileSource } from '../../stores/files.ts';

/** A graph cut down to some platforms, with the images that have none of them. */
export interface NarrowedGraph {
  /** What is left for the platforms. */
  readonly graph: ContentGraph;
  /** References of images that exist for none of the chosen platforms. */
  readonly skipped: readonly string[];
}

/**
 * Keeps what the chosen platforms need, with the evidence for it. Manifests are read from the sources of their images and verified.
 * @throws UsageError `USAGE` when a platform is not carried at all.
 */
export async function narrowGraph(
  sourceOf: (reference: string) => Source,
  graph: ContentGraph,
  platforms: readonly string[],
  options: CallOptions = {},
): Promise<NarrowedGraph> {
  const carried = platformsOf(graph);
  const unknown = platforms.find((platform) => findPlatforms(carried, platform).length === 0);
  if (unknown !== undefined) {
    throw new UsageError('USAGE', `nothing for ${unknown} is carried`, { hint: `choose from ${carried.join(', ')}` });
  }
  const reach = createReach(graph);
  const images: GraphImage[] = [];
  const parts: GraphPart[] = [];
  const skipped: string[] = [];
  for (const image of graph.images) {
    const part = reach([image.digest]);
    const own = platformsOfImage(image, part.manifests);
    const asked = new Set(platforms.flatMap((platform) => findPlatforms(own, platform)));
    const requested = own.filter((platform) => asked.has(platform));
    const root = part.manifests.find((manifest) => manifest.digest === image.digest);
    // What stands in an inner index cannot be chosen by the outer one: such an image goes whole.
    const offered = root === undefined ? own : platformsOfImage(image, [root]);
    if (own.length > 0 && requested.length === 0) {
      skipped.push(image.reference);
    } else if (requested.length === own.length || requested.some((platform) => !offered.includes(platform))) {
      images.push(image);
      parts.push(reach(rootsOf(image)));
    } else {
      const found = await discoverImage(sourceOf(image.reference), toDescriptor(root ?? missing(image)), {
        ...options,
        platforms: requested,
        reference: image.reference,
      });
      const evidence = image.evidence && evidenceWithin(image.evidence, found, graph);
      images.push({ ...image, indexMode: 'sparse', ...(evidence === undefined ? {} : { evidence: [...evidence] }) });
      const vouching = reach((evidence ?? []).map(({ digest }) => digest));
      parts.push(found, vouching);
    }
  }
  return { graph: mergeGraphs(images, parts), skipped };
}

/** The graph with these images only, and what they reach. */
export function keepImages(graph: ContentGraph, references: ReadonlySet<string>): ContentGraph {
  const images = graph.images.filter(({ reference }) => references.has(reference));
  return mergeGraphs(images, [createReach(graph)(images.flatMap(rootsOf))]);
}

/** Evidence about an image's own digest: it says nothing of an index that takes its place. */
export function lostEvidence({
  digest,
  evidence = [],
}: {
  readonly digest: Digest;
  readonly evidence?: readonly GraphEvidence[] | undefined;
}): readonly GraphEvidence[] {
  return evidence.filter(({ subject }) => subject === digest);
}

/**
 * For every sparse image, an index of only the carried children: theirs in bytes and order, under a new digest. With
 * `requireEvidence` there is none for an image whose evidence would then be about something else.
 */
export async function prepareSubstitutes(
  sourceOf: (reference: string) => Source,
  graph: ContentGraph,
  options: CallOptions & { readonly requireEvidence?: boolean | undefined } = {},
): Promise<Substitutes> {
  const substitutes = new Map<Digest, Substitute>();
  const evidenced = new Set(graph.images.flatMap((image) => (lostEvidence(image).length > 0 ? image.digest : [])));
  for (const { reference, digest, indexMode } of graph.images) {
    const manifest = graph.manifests.find((entry) => entry.digest === digest);
    if (indexMode !== 'sparse' || manifest?.manifests === undefined || substitutes.has(digest)) continue;
    if (options.requireEvidence === true && evidenced.has(digest)) continue;
    const original = await readVerified(sourceOf(reference), toDescriptor(manifest), options);
    const carried = new Set(childrenOf(manifest));
    const index = parseJson(original, { maxBytes: MAX_MANIFEST_BYTES }) as { manifests: Descriptor[] };
    const kept = index.manifests.filter((child) => carried.has(child.digest));
    const bytes = Buffer.from(JSON.stringify({ ...index, manifests: kept }));
    const descriptor = { mediaType: manifest.mediaType, digest: sha256(bytes), size: bytes.length };
    substitutes.set(digest, {
      descriptor,
      source: new FileSource('rebuilt index', new Map([[descriptor.digest, { bytes }]])),
    });
  }
  return substitutes;
}

function missing(image: GraphImage): never {
  throw new RangeError(`the graph does not hold the root of ${image.reference}`);
}
