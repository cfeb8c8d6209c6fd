/** What a copy has to do, worked out before it starts: every piece of content once, however many share it. */
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { ContentGraph, GraphBlob, GraphManifest } from './content-graph.ts';
import { childrenFirst, childrenOf, namedBy, reachableFrom, referrersIn } from './graph-walk.ts';
import type { Source, Target } from './store.ts';

/** One image on its way: where it comes from, where it goes, under which tag it becomes visible. */
export interface Route {
  readonly digest: Digest;
  readonly source: Source;
  readonly target: Target;
  /** Absent where the target knows images by digest alone. */
  readonly tag?: string | undefined;
}

/** One piece of content and every target that must hold it. */
export interface Transfer {
  readonly descriptor: Descriptor;
  readonly source: Source;
  readonly targets: readonly Target[];
}

/** An index a target may get when it refuses the original because not all of its children are carried. */
export interface Substitute {
  readonly descriptor: Descriptor;
  readonly source: Source;
}

/** By digest of the original index. Without an entry a target's refusal is an error. */
export type Substitutes = ReadonlyMap<Digest, Substitute>;

/** A target that has, or got, a substitute in place of the original. */
export interface Substitution {
  readonly target: Target;
  readonly original: Digest;
  readonly descriptor: Descriptor;
}

/** A manifest; `level` 0 names no other manifest, level n names some of level n − 1 at most. */
export interface ManifestTransfer extends Transfer {
  readonly level: number;
  /** Blobs and manifests that it names. */
  readonly names: readonly Digest[];
  /** Whether it vouches for an image, or belongs to what does, and is part of none. */
  readonly isEvidence?: boolean | undefined;
  /** What the manifest refers to; a target holds a referrer only when its list for the subject names it. */
  readonly subject?: Digest | undefined;
  readonly substitute?: Substitute | undefined;
}

/** A name that becomes visible at the end. */
export interface TagAssignment {
  readonly descriptor: Descriptor;
  readonly target: Target;
  readonly tag: string;
}

/** Blobs first, then manifests level by level, tags last. */
export interface CopyPlan {
  readonly blobs: readonly Transfer[];
  readonly manifests: readonly ManifestTransfer[];
  readonly tags: readonly TagAssignment[];
}

/** A transfer with the targets divided by whether they hold the content already. */
export interface PendingTransfer<T extends Transfer = Transfer> {
  readonly transfer: T;
  readonly missing: readonly Target[];
  readonly present: readonly Target[];
}

/** A plan held against what the targets have. */
export interface PendingCopy {
  readonly blobs: readonly PendingTransfer[];
  readonly manifests: readonly PendingTransfer<ManifestTransfer>[];
  readonly tags: readonly PendingTag[];
  /** Substitutes that targets hold from an earlier run. */
  readonly substituted: readonly Substitution[];
}

/** A tag that has to be written; `previous` is what it names until then. */
export interface PendingTag {
  readonly assignment: TagAssignment;
  readonly previous: Digest | undefined;
}

/**
 * Plans the copy of images along their routes. Large blobs come first, so that no long transfer is left for the end.
 * @throws RangeError when a route names a manifest that the graph does not have: a bug of the caller.
 */
export function planCopy(
  graph: ContentGraph,
  routes: readonly Route[],
  substitutes: Substitutes = new Map(),
): CopyPlan {
  const blobs = new Map<GraphBlob, Draft>();
  const manifests = new Map<GraphManifest, Draft>();
  for (const { source, target, digests } of joinRoutes(routes)) {
    const reached = reachableFrom(graph, digests);
    for (const blob of reached.blobs) addTo(blobs, blob, source, target);
    for (const manifest of reached.manifests) addTo(manifests, manifest, source, target);
  }
  const subjects = referrersIn(graph);
  const evidence = evidenceIn(graph);
  const ordered = childrenFirst([...manifests.keys()], subjects);
  const levels = levelsOf(ordered, subjects);
  const byDigest = new Map(graph.manifests.map((manifest) => [manifest.digest, manifest]));
  return {
    blobs: [...blobs]
      .map(([blob, draft]) => toTransfer(blob, draft))
      .sort((a, b) => b.descriptor.size - a.descriptor.size),
    manifests: ordered.map((manifest) => ({
      ...toTransfer(manifest, manifests.get(manifest) as Draft),
      level: levels.get(manifest.digest) ?? 0,
      names: contentOf(manifest),
      isEvidence: evidence.has(manifest.digest),
      subject: subjects.get(manifest.digest),
      substitute: substitutes.get(manifest.digest),
    })),
    tags: routes.flatMap(({ digest, target, tag }, index) => {
      const manifest = byDigest.get(digest);
      if (manifest === undefined) throw new RangeError(`the graph has no manifest ${digest}`);
      const isFirst = routes.findIndex((route) => route.target === target && route.tag === tag) === index;
      return tag === undefined || !isFirst ? [] : [{ descriptor: toDescriptor(manifest), target, tag }];
    }),
  };
}

/** What a target has in place of a manifest, if anything. */
export function substituteOf(
  substituted: readonly Substitution[],
  target: Target,
  original: Digest,
): Descriptor | undefined {
  return substituted.find((entry) => entry.target === target && entry.original === original)?.descriptor;
}

/** Bytes a pending copy still has to fetch: content that at least one target lacks, each piece counted once. */
export function pendingBytes(pending: PendingCopy): number {
  return [...pending.blobs, ...pending.manifests].reduce(
    (sum, { transfer, missing }) => sum + (missing.length > 0 ? transfer.descriptor.size : 0),
    0,
  );
}

/** Whether every target holds everything under the right names already. */
export function isComplete(pending: PendingCopy): boolean {
  return (
    pending.tags.length === 0 && [...pending.blobs, ...pending.manifests].every(({ missing }) => missing.length === 0)
  );
}

/** A graph entry as a descriptor. */
export function toDescriptor({ mediaType, digest, size }: GraphBlob | GraphManifest): Descriptor {
  return { mediaType, digest, size };
}

interface Draft {
  readonly source: Source;
  readonly targets: Set<Target>;
}

/** Routes with the same ends as one, since walking the graph is what planning costs. */
function joinRoutes(
  routes: readonly Route[],
): readonly { readonly source: Source; readonly target: Target; readonly digests: readonly Digest[] }[] {
  return [...Map.groupBy(routes, ({ source }) => source)].flatMap(([source, same]) =>
    [...Map.groupBy(same, ({ target }) => target)].map(([target, joined]) => ({
      source,
      target,
      digests: joined.map(({ digest }) => digest),
    })),
  );
}

function addTo<K>(drafts: Map<K, Draft>, key: K, source: Source, target: Target): void {
  const known = drafts.get(key);
  if (known === undefined) drafts.set(key, { source, targets: new Set([target]) });
  else known.targets.add(target);
}

function toTransfer(entry: GraphBlob | GraphManifest, { source, targets }: Draft): Transfer {
  return { descriptor: toDescriptor(entry), source, targets: [...targets] };
}

/** Manifests that are only there to vouch for images. */
function evidenceIn(graph: ContentGraph): ReadonlySet<Digest> {
  const manifestsOf = (roots: readonly Digest[]): readonly Digest[] =>
    reachableFrom(graph, roots).manifests.map(({ digest }) => digest);
  const own = new Set(manifestsOf(graph.images.map(({ digest }) => digest)));
  const vouching = graph.images.flatMap(({ evidence = [] }) => evidence.map(({ digest }) => digest));
  return new Set(manifestsOf(vouching).filter((digest) => !own.has(digest)));
}

function contentOf(manifest: GraphManifest): readonly Digest[] {
  const { config, layers = [] } = manifest;
  return [...(config === undefined ? [] : [config]), ...layers, ...childrenOf(manifest)];
}

function levelsOf(
  ordered: readonly GraphManifest[],
  subjects: ReadonlyMap<Digest, Digest>,
): ReadonlyMap<Digest, number> {
  const levels = new Map<Digest, number>();
  for (const manifest of ordered) {
    const below = namedBy(manifest, subjects).map((digest) => 1 + (levels.get(digest) ?? -1));
    levels.set(manifest.digest, Math.max(0, ...below));
  }
  return levels;
}
