/** What a release has that another has not: images, files, platforms, components, and the bytes of it. */
import { namingsIn } from '../../content/graph-platforms.ts';
import { createReach } from '../../content/graph-walk.ts';
import type { ContentGraph } from '../../content/content-graph.ts';
import type { Digest } from '../../oci/digest.ts';
import { compareFiles, type FileComparison } from './compare-files.ts';
import { bytesOfAll, compareImages, type ImageComparison } from './compare-images.ts';
import { comparableFiles, type ReleaseContents } from './release-contents.ts';

/** Names on one side only, each in the order of its release. */
export interface NameComparison {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Bytes of one platform's images. */
export interface PlatformBytes {
  /** `os/architecture[/variant]` */
  readonly platform: string;
  /** Bytes of its manifests, with their configs and layers; each piece once. */
  readonly size: number;
  /** Bytes of that which the old release does not hold. */
  readonly newSize: number;
}

/** Everything in which two releases differ. */
export interface ReleaseComparison {
  readonly images: ImageComparison;
  readonly files: FileComparison;
  readonly components: NameComparison;
  readonly platforms: NameComparison;
  /** Each platform of the new release. Indexes, attestations and evidence are for no platform, and in none. */
  readonly platformBytes: readonly PlatformBytes[];
  /** Bytes of all content of the new release, each piece once. */
  readonly size: number;
  /** Bytes of that which the old release does not hold: what has to cross the gap. */
  readonly newSize: number;
  /** Bytes of content of the old release that the new one does not hold. */
  readonly goneSize: number;
  /** Whether there is no difference in content, names, platforms and components. */
  readonly isSame: boolean;
}

/** Compares two releases by what they say of themselves. */
export function compareReleases(before: ReleaseContents, after: ReleaseContents): ReleaseComparison {
  const [held, holds] = [contentOf(before, after), contentOf(after, before)];
  const [old, young] = [
    { contents: before, graph: before.graph, held: new Set(holds.keys()) },
    { contents: after, graph: after.graph, held: new Set(held.keys()) },
  ];
  const [images, files] = [compareImages(old, young), compareFiles(old, young)];
  const components = compareNames(before.components, after.components);
  const platforms = compareNames(before.platforms, after.platforms);
  const lists = [images.changes, files.changes];
  const names = [components, platforms].flatMap(({ added, removed }) => [added, removed]);
  return {
    images,
    files,
    components,
    platforms,
    platformBytes: after.platforms.map((platform) => bytesFor(platform, after.graph, young.held)),
    size: bytesOfAll([...holds.values()]),
    newSize: bytesOfAll([...holds].filter(([digest]) => !held.has(digest)).map(([, piece]) => piece)),
    goneSize: bytesOfAll([...held].filter(([digest]) => !holds.has(digest)).map(([, piece]) => piece)),
    isSame: [...lists, ...names].every((list) => list.length === 0),
  };
}

/** Every piece of content that can be compared, once. */
function contentOf(contents: ReleaseContents, other: ReleaseContents): ReadonlyMap<Digest, { readonly size: number }> {
  const { manifests, blobs } = contents.graph;
  const pieces = [...manifests, ...blobs, ...comparableFiles(contents, other)];
  return new Map(pieces.map(({ digest, size }) => [digest, { size }]));
}

function bytesFor(platform: string, graph: ContentGraph, held: ReadonlySet<Digest>): PlatformBytes {
  const roots = namingsIn(graph).flatMap((naming) => (naming.platform === platform ? naming.digest : []));
  const { manifests, blobs } = createReach(graph)(roots);
  const content = [...manifests, ...blobs];
  return {
    platform,
    size: bytesOfAll(content),
    newSize: bytesOfAll(content.filter(({ digest }) => !held.has(digest))),
  };
}

function compareNames(before: readonly string[], after: readonly string[]): NameComparison {
  const [old, young] = [new Set(before), new Set(after)];
  return { added: after.filter((name) => !old.has(name)), removed: before.filter((name) => !young.has(name)) };
}
