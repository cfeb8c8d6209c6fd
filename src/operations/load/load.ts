/**
 * Loads a trusted archive into a store of the secure side. Blobs travel while the payload is being proved; no manifest,
 * tag or final file appears before every byte is.
 */
import type { ArchiveReader } from '../../archive/reader/reader.ts';
import { copy, type CopyEvent, type CopyResult } from '../../content/copy.ts';
import { assess, isComplete, pendingBytes, planCopy, type CopyPlan, type PendingCopy } from '../../content/plan.ts';
import { IntegrityError, RegistryError } from '../../errors.ts';
import { planCharts, type ChartRoute } from './charts.ts';
import { narrowGraph, prepareSubstitutes } from '../../release/mapping/routes.ts';
import { mapImages, routesTo, type ImageTarget, type PlannedImage } from '../../release/mapping/image-target.ts';
import type { TrustedRelease } from '../../archive/verification/trusted-archive.ts';
import { proveRelease } from '../../archive/verification/verified-archive.ts';

/** Requests at the same time while asking what a target holds, and transfers at the same time. */
const ASSESS_CONCURRENCY = 8;

/** Options of {@link planLoad} and {@link loadRelease}. */
export interface LoadOptions {
  /** Only these of the archive's platforms. */
  readonly platforms?: readonly string[] | undefined;
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
  /** bytes of payload proved so far, and in all */
  readonly onProof?: ((done: number, total: number) => void) | undefined;
}

/** What a load would do: nothing has been changed yet. */
export interface LoadPlan {
  readonly archive: ArchiveReader;
  readonly release: TrustedRelease;
  readonly target: ImageTarget;
  readonly images: readonly PlannedImage[];
  readonly charts: readonly ChartRoute[];
  /** References of images that exist for none of the chosen platforms. */
  readonly skipped: readonly string[];
  readonly pending: PendingCopy;
  /** Bytes that would go over the wire. */
  readonly bytes: number;
}

/** What a load did. */
export interface LoadOutcome extends CopyResult {
  /** `not read` when nothing had to move, so that no byte of the payload was used. */
  readonly payload: 'proved' | 'not read';
}

/** Works out what the target lacks. Asks questions only. */
export async function planLoad(
  archive: ArchiveReader,
  release: TrustedRelease,
  target: ImageTarget,
  options: LoadOptions = {},
): Promise<LoadPlan> {
  const { inventory } = release;
  const { graph, skipped } =
    options.platforms === undefined
      ? { graph: inventory, skipped: [] }
      : await narrowGraph(() => archive, inventory, options.platforms, options);
  const substitutes = await prepareSubstitutes(() => archive, graph, options);
  const images = mapImages(graph, target);
  const routes = routesTo(target, images, () => archive);
  const charts = await planCharts(archive, inventory, target);
  const plan = joinPlans([planCopy(graph, routes, substitutes), ...charts.map((chart) => chart.plan)]);
  const pending = await assess(plan, { concurrency: ASSESS_CONCURRENCY, signal: options.signal });
  return { archive, release, target, images, charts, skipped, pending, bytes: pendingBytes(pending) };
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
      payload: 'not read',
    };
  }
  const failure = new AbortController();
  const signal = options.signal === undefined ? failure.signal : AbortSignal.any([options.signal, failure.signal]);
  const proof = proveRelease(plan.archive, plan.release, { signal, onProgress: options.onProof });
  proof.catch((error: unknown) => failure.abort(error));
  try {
    const result = await copy(plan.pending, {
      concurrency: options.concurrency,
      signal,
      onEvent: options.onEvent,
      beforePublish: async () => void (await proof),
    });
    return { ...result, payload: 'proved' };
  } catch (error) {
    // A target that checks what it is sent may be first to notice; only the proof can tell which member is to blame.
    if (!isAboutContent(error)) failure.abort(error);
    // A payload that is wrong is the reason to give, whatever else failed with it.
    const outcome = await proof.catch((reason: unknown) => reason);
    throw outcome instanceof IntegrityError ? outcome : error;
  }
}

/** What a target says to wrong content; registries differ in the codes they give. */
function isAboutContent(error: unknown): boolean {
  if (error instanceof IntegrityError) return true;
  return error instanceof RegistryError && error.failure.status >= 400 && error.failure.status < 500;
}

function joinPlans(plans: readonly CopyPlan[]): CopyPlan {
  return {
    blobs: plans.flatMap((plan) => plan.blobs),
    manifests: plans.flatMap((plan) => plan.manifests),
    tags: plans.flatMap((plan) => plan.tags),
  };
}
