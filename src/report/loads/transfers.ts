/** What a load or a mirror run did or would do, per image, for people and for machines. */
import type { CopyResult } from '../../content/copy.ts';
import { reachableFrom, type GraphPart } from '../../content/graph-walk.ts';
import { pendingBytes, substituteOf, type PendingCopy } from '../../content/plan.ts';
import { canMount } from '../../content/store.ts';
import type { TagMove } from '../../content/tag-moves.ts';
import { IncompleteError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { formatReference } from '../../oci/reference.ts';
import { lostEvidence } from '../../release/mapping/routes.ts';
import { placesOf, type ImageTarget, type PlannedImage } from '../../release/mapping/image-target.ts';
import type { GraphEvidence } from '../../content/content-graph.ts';
import { formatEvidence } from '../evidence-lines.ts';
import { formatBytes, formatCount, formatTable, shortDigest } from '../format.ts';
import { joinDescribed, type Described } from './load-report.ts';

/** What became of one image; `missing` is what `loaded` is called in a plan. */
export type ImageState = 'loaded' | 'missing' | 'present' | 'rebuilt';

/** One image in a report. */
export interface ImageOutcome {
  readonly original: string;
  readonly internal: string;
  readonly digest: Digest;
  /** What vouches for it and goes with it; absent where none was looked for. */
  readonly evidence?: readonly GraphEvidence[] | undefined;
  readonly result: ImageState;
  /** Of the index with the carried platforms only, where the target refused the original one. */
  readonly pushedDigest?: Digest;
  /** Evidence about the original index, which says nothing of the one in its place; absent where that is none. */
  readonly lostEvidence?: readonly GraphEvidence[];
}

/** Works out what became (or would become) of each image. */
export function toImageOutcomes(
  images: readonly PlannedImage[],
  graph: GraphPart,
  pending: PendingCopy,
  target: ImageTarget,
  result?: CopyResult,
): readonly ImageOutcome[] {
  return images.map((image) => {
    const { original, internal, digest, evidence } = image;
    const place = target.open(internal);
    const places = placesOf(image);
    const roots = digestsOf(places);
    const reached = new Set([...roots, ...Object.values(reachableFrom(graph, roots)).flatMap(digestsOf)]);
    const tags = new Set(places.map((each) => target.open(each.place).tag));
    const lacks = [...pending.blobs, ...pending.manifests].some(
      ({ transfer, missing }) => reached.has(transfer.descriptor.digest) && missing.includes(place.target),
    );
    const untagged = pending.tags.some(
      ({ assignment }) => assignment.target === place.target && tags.has(assignment.tag),
    );
    const rebuilt = substituteOf((result ?? pending).substituted, place.target, digest);
    const lost = rebuilt === undefined ? [] : lostEvidence(image);
    const state = !lacks && !untagged ? 'present' : result === undefined ? 'missing' : 'loaded';
    return {
      original,
      internal: formatReference(internal),
      digest,
      ...(evidence === undefined ? {} : { evidence }),
      result: rebuilt !== undefined && state === 'loaded' ? 'rebuilt' : state,
      ...(rebuilt === undefined ? {} : { pushedDigest: rebuilt.digest }),
      ...(lost.length === 0 ? {} : { lostEvidence: lost }),
    };
  });
}

function digestsOf(entries: readonly { readonly digest: Digest }[]): readonly Digest[] {
  return entries.map(({ digest }) => digest);
}

/** Words for each state, as lines show them. */
const WORDS: Readonly<Record<ImageState, string>> = {
  loaded: 'loaded',
  missing: 'would load',
  present: 'already there',
  rebuilt: 'index rebuilt',
};

/** Each image, and those that are left out. @param skipped References of images that exist for none of the platforms. */
export function describeImages(images: readonly ImageOutcome[], skipped: readonly string[]): Described {
  return joinDescribed({ document: { images }, lines: imageLines(images) }, describeSkipped(skipped));
}

/** Images that are left out. @param skipped References of images that exist for none of the platforms. */
export function describeSkipped(skipped: readonly string[]): Described {
  return {
    document: { skipped },
    lines: skipped.map((reference) => `  skipped, for none of the platforms: ${reference}`),
  };
}

/** Tags that move, and those that move back. @param isDone Whether they have moved. */
export function describeMoves(moves: readonly TagMove[], isDone: boolean): Described {
  return {
    document: { movedTags: moves },
    lines: moves.map(({ name, digest, previous, isDowngrade, created, previousCreated }) => {
      const back = isDowngrade ? `, A DOWNGRADE: made ${created}, after one made ${previousCreated}` : '';
      return `  tag ${name} ${isDone ? 'changed' : 'would change'}: ${previous} ${isDone ? 'became' : 'becomes'} ${digest}${back}`;
    }),
  };
}

/** Each chart and the place it gets. */
export function describeCharts(charts: readonly { readonly path: string; readonly reference: string }[]): Described {
  return {
    document: { charts: charts.map(({ path, reference }) => ({ path, reference })) },
    lines: charts.map(({ reference }) => `  chart  ${reference}`),
  };
}

function imageLines(images: readonly ImageOutcome[]): readonly string[] {
  return formatTable(
    images.map(({ original, internal, result, digest, evidence, pushedDigest, lostEvidence: lost = [] }) => [
      WORDS[result],
      internal,
      original === internal ? '' : `from ${original}`,
      pushedDigest === undefined ? shortDigest(digest) : `${digest} became ${pushedDigest}`,
      evidence === undefined || evidence.length === lost.length
        ? ''
        : `with ${formatEvidence(evidence.filter((each) => !lost.includes(each)))}`,
      lost.length === 0 ? '' : `NO LONGER VERIFIES: ${formatEvidence(lost)} of the original index`,
    ]),
    '  ',
  );
}

/** Evidence that targets did not take, one by one: what it vouches for does not verify there. */
export function noteRefused(output: { note(line: string): void }, { refused }: Pick<CopyResult, 'refused'>): void {
  for (const { target, digest, why } of refused) {
    output.note(`warning: without the evidence ${digest}, which ${target.name} does not take: ${why}`);
  }
}

/**
 * To be called when everything is done and reported: an image without the evidence that it had is not what was asked for.
 * @throws IncompleteError `EVIDENCE_LOST` naming the images.
 */
export function assertEvidenceKept(images: readonly ImageOutcome[]): void {
  const shortfall = evidenceShortfall(images);
  if (shortfall !== undefined) throw shortfall;
}

/** The error of {@link assertEvidenceKept}, for the record of work that is done all the same; undefined for none. */
export function evidenceShortfall(images: readonly ImageOutcome[]): IncompleteError | undefined {
  const lost = images.filter(({ lostEvidence: each = [] }) => each.length > 0);
  if (lost.length === 0) return undefined;
  return new IncompleteError('EVIDENCE_LOST', 'all was brought, and evidence of these images no longer verifies:', {
    items: lost.map(({ internal, lostEvidence: each }) => `${internal}: ${formatEvidence(each)}`),
    hint: 'the target took no index with missing platforms; load all platforms, or give --require-evidence to be refused instead',
  });
}

/** What is pending, in numbers. */
export interface PendingSummary {
  readonly blobs: number;
  readonly manifests: number;
  /** About how many requests a registry would get. */
  readonly requests: number;
  readonly tags: readonly { readonly name: string; readonly digest: string; readonly previous: string | undefined }[];
}

/** Counts what is pending: an upload is two requests, a mount, a manifest and a tag are one. */
export function summarizePending({ blobs, manifests, tags }: PendingCopy): PendingSummary {
  let requests = tags.length;
  for (const { missing } of manifests) requests += missing.length;
  for (const { missing, present } of blobs) {
    const isHeld = present.some(canMount);
    requests += missing.reduce((sum, target, index) => sum + (canMount(target) && (isHeld || index > 0) ? 1 : 2), 0);
  }
  return {
    blobs: blobs.filter(({ missing }) => missing.length > 0).length,
    manifests: manifests.filter(({ missing }) => missing.length > 0).length,
    requests,
    tags: tags.map(({ assignment: { target, tag, descriptor }, previous }) => ({
      name: `${target.name}:${tag}`,
      digest: descriptor.digest,
      previous,
    })),
  };
}

/** A plan, in numbers. */
export function describePending(pending: PendingCopy): Described {
  const bytes = pendingBytes(pending);
  const summary = summarizePending(pending);
  const { blobs, manifests, requests, tags } = summary;
  const lines = [
    blobs + manifests + tags.length === 0
      ? 'nothing would move: the target holds everything already'
      : `would move ${formatBytes(bytes)}: ${formatCount(blobs, 'blob')}, ${formatCount(manifests, 'manifest')}, ` +
        `${formatCount(tags.length, 'tag')}, in about ${formatCount(requests, 'request')}`,
  ];
  return { document: { bytes, ...summary }, lines };
}

/** Repositories that are not there yet. Some registries, such as that of AWS, do not make them by themselves. */
export function describeNewRepositories(names: readonly string[]): Described {
  if (names.length === 0) return { document: {}, lines: [] };
  const what = names.length === 1 ? '1 repository does' : `${names.length} repositories do`;
  return {
    document: { newRepositories: names },
    lines: [
      `${what} not exist yet; where the registry does not make them, create first:`,
      ...names.map((name) => `  ${name}`),
    ],
  };
}

/** What moved, in numbers. */
export function describeCopied({ copied, copiedBytes, mounted, tagged, refused }: CopyResult): {
  readonly document: object;
  readonly line: string;
} {
  const left = refused.map(({ target, digest, why }) => ({ target: target.name, digest, why }));
  return {
    document: { copied, copiedBytes, mounted, tagged, ...(left.length === 0 ? {} : { refusedEvidence: left }) },
    line: `moved ${formatBytes(copiedBytes)}, mounted ${mounted}, tagged ${tagged}`,
  };
}
