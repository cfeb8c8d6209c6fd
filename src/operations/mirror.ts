/** Copies the images of a lock from their registries to another one: the engine of build and load, without an archive between. */
import type { RetryPolicy } from '../base/retry.ts';
import { copy, type CopyEvent, type CopyResult } from '../content/copy.ts';
import { assess } from '../content/assess.ts';
import { pendingBytes, planCopy, type PendingCopy } from '../content/plan.ts';
import { findTagMoves, type TagMove } from '../content/tag-moves.ts';
import { UsageError } from '../errors.ts';
import type { Source } from '../content/store.ts';
import type { ContentGraph } from '../content/content-graph.ts';
import { nameNewRepositories } from '../release/mapping/new-repositories.ts';
import { mapImages, routesTo, type ImageTarget, type PlannedImage } from '../release/mapping/image-target.ts';
import { prepareSubstitutes } from '../release/mapping/routes.ts';

const ASSESS_CONCURRENCY = 24;
const HINT = 'name images in the release or the list, or choose another platform';

/** Options of {@link planMirror} and {@link mirrorImages}. */
export interface MirrorOptions {
  /** Transfers at the same time at most. @defaultValue as many as the link has use for */
  readonly concurrency?: number | undefined;
  /** Mirror images without the evidence that the target does not take. @defaultValue false */
  readonly skipRefusedEvidence?: boolean | undefined;
  /** How patiently a transfer is tried. @defaultValue five tries */
  readonly retry?: RetryPolicy | undefined;
  /** Fail where a target refuses an index, rather than replace it by one that its evidence is not about. @defaultValue false */
  readonly requireEvidence?: boolean | undefined;
  /** Ask the target for every blob, also those below manifests that it says it holds. @defaultValue false */
  readonly thorough?: boolean | undefined;
  /** Ends what is under way; the next run goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each transfer as it begins, moves on and ends. */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
}

/** What a mirror run would do: nothing has been changed yet. */
export interface MirrorPlan {
  /** Every image with its name at the target. */
  readonly images: readonly PlannedImage[];
  /** What the target lacks. */
  readonly pending: PendingCopy;
  /** Tags that name something else until then. */
  readonly moves: readonly TagMove[];
  /** Bytes that would go over the wire. */
  readonly bytes: number;
}

/**
 * Works out what the target lacks. `sourceOf` opens an image's own registry.
 * @throws UsageError `USAGE` when there is nothing to mirror, or two things would get one name.
 */
export async function planMirror(
  graph: ContentGraph,
  sourceOf: (reference: string) => Source,
  target: ImageTarget,
  options: MirrorOptions = {},
): Promise<MirrorPlan> {
  if (graph.images.length === 0) throw new UsageError('USAGE', 'nothing to mirror: no image is named', { hint: HINT });
  const images = mapImages(graph, target);
  const routes = routesTo(target, images, sourceOf);
  const substitutes = await prepareSubstitutes(sourceOf, graph, options);
  const pending = await assess(planCopy(graph, routes, substitutes), {
    concurrency: ASSESS_CONCURRENCY,
    thorough: options.thorough,
    signal: options.signal,
  });
  const moves = await findTagMoves(pending, { signal: options.signal });
  return { images, pending, moves, bytes: pendingBytes(pending) };
}

/**
 * Carries out a plan. Deletes nothing; safe to run again.
 * @throws NotFoundError naming every repository that the target does not make by itself. @throws whatever a copy throws.
 */
export async function mirrorImages(plan: MirrorPlan, options: MirrorOptions = {}): Promise<CopyResult> {
  try {
    return await copy(plan.pending, options);
  } catch (error) {
    throw await nameNewRepositories(error, plan.pending, { signal: options.signal });
  }
}
