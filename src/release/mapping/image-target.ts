/** Stores that take images by reference: how originals are named there and where their content goes. */
import type { Route } from '../../content/plan.ts';
import type { Source, Target } from '../../content/store.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference, parseReference, type Reference } from '../../oci/reference.ts';
import { assertDistinctNames, type NamedThing } from './places.ts';
import { foldPath, mapReferences, type MappableImage, type Mapping, type MappingRule } from './mapping.ts';
import type { ContentGraph, GraphEvidence } from '../../content/content-graph.ts';

/** A store that takes images by reference, and how references are formed there. */
export interface ImageTarget {
  /** `docker://registry.internal/prefix`, for messages and the report. */
  readonly name: string;
  /** Where a mapped reference goes and the tag it gets there. */
  open(reference: Reference): { readonly target: Target; readonly tag: string | undefined };
  /** How originals become references of this store. */
  map(images: readonly MappableImage[]): readonly Mapping[];
  /** Where a chart goes; absent where charts have no place. */
  chart?(name: string, tag: string): { readonly target: Target; readonly tag: string; readonly reference: string };
}

/** One image and its place at the target. */
export interface PlannedImage extends Mapping {
  /** Of its index, or of its manifest where it has no index. */
  readonly digest: Digest;
  /** Whether all platforms of its index go there; absent where it has no index. */
  readonly indexMode: 'complete' | 'sparse' | undefined;
  /** Absent where none was looked for. */
  readonly evidence: readonly GraphEvidence[] | undefined;
}

/** Every image of a graph with its place. @throws UsageError when two would share one. */
export function mapImages(graph: ContentGraph, target: ImageTarget): readonly PlannedImage[] {
  const mappings = target.map(graph.images);
  return graph.images.map((image, index) => ({
    ...(mappings[index] as Mapping),
    digest: image.digest,
    indexMode: image.indexMode,
    evidence: image.evidence,
  }));
}

/**
 * The ways of all images into a target, each behind its evidence: what vouches for an image becomes visible before it does.
 * @param others What else gets a name there.
 * @throws UsageError `USAGE` when two different things would get one name.
 */
export function routesTo(
  target: ImageTarget,
  images: readonly PlannedImage[],
  sourceOf: (reference: string) => Source,
  others: readonly NamedThing[] = [],
): readonly Route[] {
  const ways = images.flatMap((image) => placesOf(image).map((way) => ({ ...way, original: image.original })));
  const things = ways.map(({ digest, place, original, isEvidence }) => ({
    what: isEvidence ? `evidence for ${original}` : original,
    name: formatReference(place),
    digest,
  }));
  assertDistinctNames([...things, ...others]);
  return ways.map(({ digest, place, original }) => ({ digest, source: sourceOf(original), ...target.open(place) }));
}

/** Where each piece of an image's evidence goes, and at the end the image itself. */
export function placesOf({ internal, digest, evidence = [] }: PlannedImage): readonly {
  readonly digest: Digest;
  readonly place: Reference;
  readonly isEvidence: boolean;
}[] {
  const { registry, repository } = internal;
  const beside = evidence.map((entry) => ({
    digest: entry.digest,
    place: { registry, repository, ...(entry.tag === undefined ? { digest: entry.digest } : { tag: entry.tag }) },
    isEvidence: true,
  }));
  return [...beside, { digest, place: internal, isEvidence: false }];
}

/** Registry repositories below one host and prefix. */
export function createRegistryTarget(
  name: string,
  rule: MappingRule,
  open: (reference: Reference) => Target,
): ImageTarget {
  const chartPrefix = [rule.prefix, 'charts'].filter((segment) => segment !== '').join('/');
  return {
    name,
    map: (images) => mapReferences(images, rule),
    open: (reference) => ({ target: open(reference), tag: reference.tag }),
    chart: (name, tag) => {
      const repository = foldPath(`${chartPrefix}/${name}`, rule.maxDepth);
      const reference = { registry: rule.host, repository, tag };
      return { target: open(reference), tag, reference: formatReference(reference) };
    },
  };
}

/** One OCI image layout, where images keep the names they have. */
export function createLayoutTarget(name: string, layout: Target): ImageTarget {
  return {
    name,
    map: (images) => images.map(({ reference }) => ({ original: reference, internal: parseReference(reference) })),
    open: (reference) => ({ target: layout, tag: formatReference(reference) }),
    chart: (name, tag) => ({ target: layout, tag: `charts/${name}:${tag}`, reference: `charts/${name}:${tag}` }),
  };
}
