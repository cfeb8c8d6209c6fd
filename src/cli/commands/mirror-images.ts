/** Copies the images of a release from registry to registry and reports what became of every image. */
import { retryPolicy } from '../../base/retry.ts';
import { nameContents } from '../../report/content-names.ts';
import { IncompleteError, UsageError } from '../../errors.ts';
import type { MissingImage } from '../../operations/resolve/resolve.ts';
import { findNewRepositories } from '../../release/mapping/new-repositories.ts';
import { mirrorImages, planMirror } from '../../operations/mirror.ts';
import { narrowGraph } from '../../release/mapping/routes.ts';
import { parseTarget } from '../../release/mapping/target-address.ts';
import type { Context } from '../context.ts';
import { notePins } from '../../report/pin-lines.ts';
import { joinDescribed } from '../../report/loads/load-report.ts';
import { formatCount, formatDuration } from '../../report/format.ts';
import { ImageSources } from '../../operations/resolve/image-sources.ts';
import { openImageTarget } from '../../release/mapping/open-target.ts';
import { noteHeld } from '../output/held-lines.ts';
import { openProgress } from '../output/open-progress.ts';
import { listenTo } from '../output/registry-lines.ts';
import { pinRelease } from '../../operations/resolve/pin-release.ts';
import { chooseInput } from '../inputs/release-input.ts';
import { readDiscovery } from '../options/discovery-options.ts';
import type { TargetOptions } from '../options/target-options.ts';
import {
  assertEvidenceKept,
  describeCopied,
  noteRefused,
  describeImages,
  describeMoves,
  describeNewRepositories,
  describePending,
  toImageOutcomes,
} from '../../report/loads/transfers.ts';
import { openReports, type ReportFiles } from '../../report/loads/report-files.ts';

/** What `airgap mirror` is told. */
export interface MirrorReleaseOptions extends TargetOptions {
  readonly to: string;
  readonly locked: boolean;
  readonly lock: string | undefined;
  readonly mirror: readonly string[];
  readonly plainHttpFrom: readonly string[];
  readonly concurrency: number | undefined;
  readonly retries: number | undefined;
  readonly keepGoing: boolean;
  readonly noRender: boolean;
  readonly suspects: 'refuse' | 'warn' | undefined;
  readonly evidence: 'carry' | 'ignore' | 'require' | undefined;
}

/** Mirrors what the input names. With `--plan` no lock is written and the target is left as it is. */
export async function mirrorRelease(
  context: Context,
  path: string | undefined,
  options: MirrorReleaseOptions,
): Promise<void> {
  const { output, signal } = context;
  const { concurrency } = options;
  const retry = retryPolicy(options.retries);
  const started = context.now().getTime();
  const address = parseTarget(options.to);
  if (address.kind !== 'registry' && address.kind !== 'layout') {
    throw new UsageError('USAGE', `cannot mirror to ${options.to}`, { hint: 'mirror to docker:// or oci:DIR' });
  }
  const input = chooseInput(path);
  await using sources = new ImageSources({ ...options, listener: listenTo(context.output), env: context.env, signal });
  await using opened = await openImageTarget(address, {
    ...options,
    allowHosts: options.allowHost,
    listener: listenTo(context.output),
    env: context.env,
  });
  const { target } = opened;
  await using closing = new AsyncDisposableStack();
  let reports: ReportFiles | undefined;
  const mirrored = await (async () => {
    using progress = await openProgress(context);
    const pinned = await pinRelease(input, sources, {
      now: context.now(),
      signal,
      onImage: progress.onImage,
      lock: options.lock,
      locked: options.locked,
      writes: !options.plan,
      platforms: options.platform,
      evidence: options.evidence,
      keepGoing: options.keepGoing,
      ...readDiscovery(context, options),
      concurrency,
    });
    const sourceOf = sources.sourceOf(pinned.contents);
    const isNarrowed = input.kind !== 'list' && options.platform.length > 0;
    const { graph, skipped } = isNarrowed
      ? await narrowGraph(sourceOf, pinned.lock, options.platform, { signal })
      : { graph: pinned.lock, skipped: [] };
    const plan = await planMirror(graph, sourceOf, target, {
      concurrency,
      thorough: options.thorough,
      signal,
      requireEvidence: options.requireEvidence,
    });
    noteHeld(output, plan.pending, nameContents(graph));
    if (options.plan) return { pinned, skipped, plan, result: undefined };
    if (options.report !== undefined) reports = closing.use(await openReports(options.report, 'mirror'));
    progress.name(nameContents(graph));
    progress.begin('copy', target.name, plan.bytes);
    const result = await mirrorImages(plan, {
      concurrency,
      retry,
      skipRefusedEvidence: options.skipRefusedEvidence,
      signal,
      onEvent: progress.onCopy,
    });
    return { pinned, skipped, plan, result };
  })();
  const { pinned, skipped, plan, result } = mirrored;
  notePins(output, pinned);
  const images = toImageOutcomes(plan.images, pinned.lock, plan.pending, target, result);
  const { name, version } = pinned.lock;
  const described = joinDescribed(describeImages(images, skipped), describeMoves(plan.moves, !options.plan));
  const { notEstablished } = pinned.lock;
  const common = {
    ...{ input: input.path, release: { name, version }, target: target.name, ...described.document },
    ...(notEstablished === undefined ? {} : { notEstablished }),
    ...(pinned.missing.length === 0 ? {} : { missing: pinned.missing.map(({ reference }) => reference) }),
  };
  if (result === undefined) {
    const created = describeNewRepositories(await findNewRepositories(plan.pending, { signal }));
    const amount = joinDescribed(describePending(plan.pending), created);
    const document = { kind: 'mirror-plan', ...common, ...amount.document };
    output.result(document, [`plan for ${target.name}`, ...described.lines, ...amount.lines, 'nothing was changed']);
    assertComplete(pinned.missing);
    return;
  }
  const { copied, mounted, tagged } = result;
  noteRefused(output, result);
  const amount = describeCopied(result);
  const document = { kind: 'mirror', ...common, ...amount.document };
  await reports?.write(document, plan.images);
  output.result(document, [
    `mirrored ${input.path} to ${target.name}`,
    ...described.lines,
    copied + mounted + tagged === 0 ? 'nothing had to move: the target holds everything already' : amount.line,
  ]);
  output.note(`took ${formatDuration(context.now().getTime() - started)}`);
  assertComplete(pinned.missing);
  assertEvidenceKept(images);
}

/** @throws IncompleteError naming the images that were left out. */
function assertComplete(missing: readonly MissingImage[]): void {
  if (missing.length === 0) return;
  throw new IncompleteError(
    'INCOMPLETE',
    `left out, since they are not to be had: ${formatCount(missing.length, 'image')}`,
    {
      items: missing.map(({ error }) => error.message),
      hint: 'everything else is in place; correct the names and run the same command again',
    },
  );
}
