/** Loads an archive into a registry or an OCI layout and reports what became of every image. */
import { UsageError } from '../../errors.ts';
import { loadRelease, planLoad, type LoadOutcome } from '../../operations/load/load.ts';
import type { TargetAddress } from '../../release/mapping/target-address.ts';
import { parseTarget } from '../../release/mapping/target-address.ts';
import { contentSize } from '../../archive/verification/verified-archive.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import { imageGoods } from '../site/loaded-content.ts';
import type { Context } from '../context.ts';
import { formatBytes, formatDuration } from '../../report/format.ts';
import { openImageTarget, refuse } from '../inputs/image-targets.ts';
import { loadTarballs } from './load-tarballs.ts';
import { openProgress } from '../output/progress.ts';
import { standingDocument, standingLines } from '../../report/trust-lines.ts';
import { provenanceDocument } from '../../report/provenance-lines.ts';
import { onRecord, type LoadArchiveOptions, type RecordedLoad } from '../site/recorded-load.ts';
import type { Terms } from '../options/trust-options.ts';
import {
  imageLines,
  judgeImages,
  planLines,
  summarizePending,
  writeReports,
  type ImageOutcome,
} from '../../report/transfers.ts';

/** Loads an archive wherever `to` points. */
export async function loadArchive(
  context: Context,
  path: string,
  terms: Terms,
  options: LoadArchiveOptions,
): Promise<void> {
  const address = parseTarget(options.to);
  refuse(
    options.dockerHost !== undefined && address.kind !== 'docker',
    '--docker-host',
    'the target is not a Docker Engine',
  );
  if (path === '-') {
    throw new UsageError('USAGE', 'an archive cannot be loaded from standard input', {
      hint: 'loading reads it in any order; give the file, read-only media are fine',
    });
  }
  await onRecord(context, path, terms, options, async (load) => {
    if (address.kind === 'registry' || address.kind === 'layout') await loadImages(context, load, address, options);
    else await loadTarballs(context, load, address, options);
  });
}

async function loadImages(
  context: Context,
  { archive, release, report, begin, complete }: RecordedLoad,
  address: Extract<TargetAddress, { readonly kind: 'registry' | 'layout' }>,
  options: LoadArchiveOptions,
): Promise<void> {
  const { output, signal } = context;
  const started = context.now().getTime();
  await using opened = await openImageTarget(address, options);
  const { target } = opened;
  const { concurrency } = options;
  const platforms = options.platform.length === 0 ? undefined : options.platform;
  const plan = await planLoad(archive, release, target, { platforms, concurrency, signal });
  const common = {
    archive: archive.path,
    release: { name: release.inventory.name, version: release.inventory.version },
    digest: release.digest,
    signers: release.signers.map(nameSigner),
    trust: standingDocument(release),
    provenance: release.provenance.accepted.map(provenanceDocument),
    target: target.name,
    skipped: plan.skipped,
    charts: plan.charts.map((chart) => ({ path: chart.path, reference: chart.reference })),
  };
  const skipped = plan.skipped.map((reference) => `  skipped, for none of the platforms: ${reference}`);
  const judge = (outcome?: LoadOutcome): readonly ImageOutcome[] =>
    judgeImages(plan.images, release.inventory, plan.pending, target, outcome);
  if (options.plan) {
    const images = judge();
    const summary = summarizePending(plan.pending);
    output.result({ kind: 'load-plan', ...common, images, bytes: plan.bytes, ...summary }, [
      `plan for ${target.name}`,
      ...imageLines(images),
      ...skipped,
      ...standingLines(release),
      ...planLines(plan.bytes, summary),
    ]);
    return;
  }
  await begin(() => imageGoods(judge(), plan.charts));
  const outcome = await (async () => {
    using progress = await openProgress(context);
    progress.begin('proof', 'verifying', contentSize(archive.head));
    progress.begin('copy', target.name, plan.bytes);
    return await loadRelease(plan, { concurrency, signal, onEvent: progress.onCopy, onProof: progress.onProof });
  })();
  const images = judge(outcome);
  const record = await complete(() => imageGoods(images, plan.charts));
  const { copied, copiedBytes, mounted, tagged, payload } = outcome;
  const document = {
    kind: 'load',
    ...common,
    images,
    copied,
    copiedBytes,
    mounted,
    tagged,
    payload,
    ...record.document,
  };
  await writeReports(report, 'load', document, plan.images);
  output.result(document, [
    `loaded ${release.inventory.name} ${release.inventory.version} into ${target.name}`,
    ...imageLines(images),
    ...common.charts.map((chart) => `  chart  ${chart.reference}`),
    ...skipped,
    ...standingLines(release),
    payload === 'not read'
      ? 'nothing had to move: the target holds everything already, and the payload was not read'
      : `moved ${formatBytes(copiedBytes)}, mounted ${mounted}, tagged ${tagged}; every byte of the archive was verified first`,
    ...record.lines,
  ]);
  output.note(`took ${formatDuration(context.now().getTime() - started)}; reports are in ${report}`);
}
