/** Loads an archive into a registry or an OCI layout and reports what became of every image. */
import { retryPolicy } from '../../base/retry.ts';
import { loadRelease, planLoad, type LoadOutcome } from '../../operations/load/load.ts';
import type { TargetAddress } from '../../release/mapping/target-address.ts';
import { imageContent } from '../../report/loads/audit-content.ts';
import { nameContents } from '../../report/content-names.ts';
import { formatDuration } from '../../report/format.ts';
import { findNewRepositories } from '../../release/mapping/new-repositories.ts';
import { describeLoad, describeLoadPlan, joinDescribed, type Described } from '../../report/loads/load-report.ts';
import {
  assertEvidenceKept,
  evidenceShortfall,
  describeCharts,
  describeCopied,
  noteRefused,
  describeImages,
  describeMoves,
  describeNewRepositories,
  describePending,
  toImageOutcomes,
  type ImageOutcome,
} from '../../report/loads/transfers.ts';
import { openReports } from '../../report/loads/report-files.ts';
import type { AdmittedRelease } from '../../site/admitted-release.ts';
import type { Context } from '../context.ts';
import { openImageTarget, refuse } from '../../release/mapping/open-target.ts';
import { reportDirectory } from '../inputs/report-directory.ts';
import type { LoadArchiveOptions } from '../options/load-options.ts';
import { noteHeld } from '../output/held-lines.ts';
import { openProgress } from '../output/open-progress.ts';
import { listenTo } from '../output/registry-lines.ts';

/** Loads the images of the chosen platforms and all charts. */
export async function loadImages(
  context: Context,
  admitted: AdmittedRelease,
  address: Extract<TargetAddress, { readonly kind: 'registry' | 'layout' }>,
  options: LoadArchiveOptions,
): Promise<void> {
  if (address.kind === 'layout') {
    refuse(options.retries !== undefined, '--retries', 'no registry is asked');
    refuse(options.caFile !== undefined, '--ca-file', 'no registry is asked');
  }
  const { output, signal } = context;
  const { archive } = admitted;
  const { inventory } = archive.release;
  const started = context.now().getTime();
  const directory = await reportDirectory(options.report, inventory);
  await using opened = await openImageTarget(address, {
    ...options,
    allowHosts: options.allowHost,
    listener: listenTo(context.output),
    env: context.env,
  });
  const { target } = opened;
  const { concurrency } = options;
  const platforms = options.platform.length === 0 ? undefined : options.platform;
  const plan = await planLoad(archive, target, {
    platforms,
    concurrency,
    thorough: options.thorough,
    signal,
    requireEvidence: options.requireEvidence,
    verifyBase: options.verifyBase,
  });
  noteHeld(output, plan.pending, nameContents(inventory));
  const subject = { archive, target: target.name };
  const outcomesOf = (outcome?: LoadOutcome): readonly ImageOutcome[] =>
    toImageOutcomes(plan.images, inventory, plan.pending, target, outcome);
  const describe = (images: readonly ImageOutcome[]): Described =>
    joinDescribed(
      describeImages(images, plan.skipped),
      describeCharts(plan.charts),
      describeMoves(plan.moves, !options.plan),
    );
  if (options.plan) {
    const created = describeNewRepositories(await findNewRepositories(plan.pending, { signal }));
    const amount = joinDescribed(describePending(plan.pending), created);
    const { document, lines } = describeLoadPlan(subject, describe(outcomesOf()), amount);
    output.result(document, lines);
    return;
  }
  await using reports = await openReports(directory, 'load');
  const { outcome, record } = await admitted.perform({
    planned: () => imageContent(outcomesOf(), plan.charts),
    act: async () => {
      using progress = await openProgress(context);
      progress.begin('verification', 'verifying', archive.contentBytes);
      progress.name(nameContents(inventory));
      progress.begin('copy', target.name, plan.bytes);
      const { onCopy: onEvent, onVerified } = progress;
      return await loadRelease(plan, {
        concurrency,
        retry: retryPolicy(options.retries),
        skipRefusedEvidence: options.skipRefusedEvidence,
        signal,
        onEvent,
        onVerified,
      });
    },
    done: (result) => imageContent(outcomesOf(result), plan.charts),
    shortfall: (result) => evidenceShortfall(outcomesOf(result)),
  });
  noteRefused(output, outcome);
  const amount = { payload: outcome.payload, ...describeCopied(outcome) };
  const { document, lines } = describeLoad(subject, describe(outcomesOf(outcome)), amount, record);
  await reports.write(document, plan.images);
  output.result(document, lines);
  output.note(`took ${formatDuration(context.now().getTime() - started)}; reports are in ${directory}`);
  assertEvidenceKept(outcomesOf(outcome));
}
