/**
 * Loads a trusted archive into a store of the secure side. Blobs travel while the payload is being verified; no manifest,
 * tag or final file appears before every byte is.
 */
import type { RetryPolicy } from '../../base/retry.ts';
import { nameNewRepositories } from '../../release/mapping/new-repositories.ts';
import { copy, type CopyEvent, type CopyResult } from '../../content/copy.ts';
import { assess } from '../../content/assess.ts';
import { isComplete, pendingBytes, planCopy, type CopyPlan, type PendingCopy } from '../../content/plan.ts';
import { findTagMoves, type TagMove } from '../../content/tag-moves.ts';
import { IntegrityError } from '../../errors.ts';
import { planCharts, type ChartRoute } from './charts.ts';
import { serveLeftOut, verifyHeld } from './left-out.ts';
import { imagesFor, nothingToLoad } from './nothing-to-load.ts';
import { keepImages, narrowGraph, prepareSubstitutes } from '../../release/mapping/routes.ts';
import { mapImages, routesTo, type ImageTarget, type PlannedImage } from '../../release/mapping/image-target.ts';
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import { verifyPayload } from '../../archive/verification/verified-archive.ts';

let createPlan: (archive: TrustedArchive, facts: LoadFacts) => LoadPlan;
let archiveOf: (plan: LoadPlan) => TrustedArchive;

/** Requests at the same time while asking what a target holds, and transfers at the same time. */
const ASSESS_CONCURRENCY = 24;

/** Options of {@link planLoad} and {@link loadRelease}. */
export interface LoadOptions {
  /** Only these of the archive's platforms. */
  readonly platforms?: readonly string[] | undefined;
  /** Only images of these references, and charts of these paths; both may be none. @defaultValue all */
  readonly only?: { readonly images: ReadonlySet<string>; readonly files: ReadonlySet<string> } | undefined;
  /** Transfers at the same time at most. @defaultValue as many as the link has use for */
  readonly concurrency?: number | undefined;
  /** How often and how patiently a transfer that fails is tried again. @defaultValue five times in all */
  readonly retry?: RetryPolicy | undefined;
  /** Load images without the evidence that the target does not take. @defaultValue false */
  readonly skipRefusedEvidence?: boolean | undefined;
  /** Fail where a target refuses an index, rather than replace it by one that its evidence is not about. @defaultValue false */
  readonly requireEvidence?: boolean | undefined;
  /** Of a delta: read again what the target says to hold of the layers that it leaves out, and hash it. @defaultValue false */
  readonly verifyBase?: boolean | undefined;
  /** Ask the target for every blob, also those below manifests that it says it holds. @defaultValue false */
  readonly thorough?: boolean | undefined;
  /** Ends what is under way; the next load goes on there. */
  readonly signal?: AbortSignal | undefined;
  /** Told of each transfer as it begins, moves on and ends. */
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
  /** bytes of payload verified so far, and in all */
  readonly onVerified?: ((done: number, total: number) => void) | undefined;
}

/** What a load would do with its archive: nothing has been changed yet. Only {@link planLoad} makes one. */
export class LoadPlan {
  static {
    createPlan = (archive, facts) => new LoadPlan(archive, facts);
    archiveOf = (plan) => plan.#archive;
  }

  readonly #archive: TrustedArchive;
  /** Where it goes. */
  readonly target: ImageTarget;
  /** Every image with its name at the target. */
  readonly images: readonly PlannedImage[];
  /** Every chart with its name at the target. */
  readonly charts: readonly ChartRoute[];
  /** References of images that exist for none of the chosen platforms. */
  readonly skipped: readonly string[];
  /** What the target lacks. */
  readonly pending: PendingCopy;
  /** Tags that name something else until then. */
  readonly moves: readonly TagMove[];
  /** Bytes that would go over the wire. */
  readonly bytes: number;

  private constructor(archive: TrustedArchive, { target, images, charts, skipped, pending, moves }: LoadFacts) {
    this.#archive = archive;
    this.target = target;
    this.images = images;
    this.charts = charts;
    this.skipped = skipped;
    this.pending = pending;
    this.moves = moves;
    this.bytes = pendingBytes(pending);
  }
}

type LoadFacts = Pick<LoadPlan, 'target' | 'images' | 'charts' | 'skipped' | 'pending' | 'moves'>;

/** What a load did. */
export interface LoadOutcome extends CopyResult {
  /** `not read` when nothing had to move, so that no byte of the payload was used. */
  readonly payload: 'verified' | 'not read';
}

/**
 * Works out what the target lacks. Asks questions only.
 * @throws NotFoundError `MISSING_CONTENT` when it lacks layers that a delta leaves out, and no base at hand has them.
 * @throws UsageError `USAGE` when there is nothing to load, a platform is not carried, or two things would get one name.
 */
export async function planLoad(
  archive: TrustedArchive,
  target: ImageTarget,
  options: LoadOptions = {},
): Promise<LoadPlan> {
  const { inventory } = archive.release;
  const { only } = options;
  const forPlatforms =
    options.platforms === undefined
      ? { graph: inventory, skipped: [] }
      : await narrowGraph(() => archive, inventory, options.platforms, options);
  const graph = only === undefined ? forPlatforms.graph : keepImages(forPlatforms.graph, only.images);
  const skipped = forPlatforms.skipped.filter((reference) => only?.images.has(reference) !== false);
  const substitutes = await prepareSubstitutes(() => archive, graph, options);
  const images = mapImages(graph, target);
  const charts = await planCharts(archive, target, only?.files);
  if (only === undefined && images.length === 0 && (inventory.images.length > 0 || charts.length === 0)) {
    throw nothingToLoad(inventory, `${imagesFor(options.platforms)}, or charts,`, target.name);
  }
  const things = charts.map(({ path, reference, digest }) => ({ what: path, name: reference, digest }));
  const routes = routesTo(target, images, () => archive, things);
  const plan = joinPlans([planCopy(graph, routes, substitutes), ...charts.map((chart) => chart.plan)]);
  const assessed = await assess(plan, {
    concurrency: ASSESS_CONCURRENCY,
    // What a delta leaves out is asked for itself.
    thorough: options.thorough === true || archive.lacking.length > 0,
    signal: options.signal,
  });
  const pending = serveLeftOut(archive, assessed, target.name);
  if (options.verifyBase === true) {
    await verifyHeld(archive, pending, { concurrency: ASSESS_CONCURRENCY, signal: options.signal });
  }
  const moves = await findTagMoves(pending, { signal: options.signal });
  return createPlan(archive, { target, images, charts, skipped, pending, moves });
}

/**
 * Carries out a plan. Idempotent: after an interruption, or to be sure, plan and load again.
 * @throws IntegrityError when the payload is wrong; the target is then as it was for every reader.
 */
export async function loadRelease(plan: LoadPlan, options: LoadOptions = {}): Promise<LoadOutcome> {
  if (isComplete(plan.pending)) {
    return {
      copiedBytes: 0,
      copied: 0,
      mounted: 0,
      tagged: 0,
      substituted: plan.pending.substituted,
      refused: [],
      payload: 'not read',
    };
  }
  const failure = new AbortController();
  const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal]);
  const verification = verifyPayload(archiveOf(plan), { signal, onProgress: options.onVerified });
  verification.catch((error: unknown) => failure.abort(error));
  try {
    const result = await copy(plan.pending, {
      concurrency: options.concurrency,
      retry: options.retry,
      skipRefusedEvidence: options.skipRefusedEvidence,
      signal,
      onEvent: options.onEvent,
      beforePublish: async () => void (await verification),
    });
    return { ...result, payload: 'verified' };
  } catch (error) {
    // A target that checks what it is sent may be first to notice; only the verification can tell which member is wrong.
    if (!(error instanceof IntegrityError)) failure.abort(error);
    // A payload that is wrong is the reason to give, whatever else failed with it.
    const outcome = await verification.catch((reason: unknown) => reason);
    if (outcome instanceof IntegrityError) throw outcome;
    throw await nameNewRepositories(error, plan.pending, { signal: options.signal });
  }
}

function joinPlans(plans: readonly CopyPlan[]): CopyPlan {
  return {
    blobs: plans.flatMap((plan) => plan.blobs),
    manifests: plans.flatMap((plan) => plan.manifests),
    tags: plans.flatMap((plan) => plan.tags),
  };
}
