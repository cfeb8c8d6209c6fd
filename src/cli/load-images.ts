/** Loads an archive into a registry or an OCI layout and reports what became of every image. */
import { openArchive, type ArchiveReader } from '../archive/reader.ts';
import { UsageError } from '../errors.ts';
import { loadRelease, planLoad } from '../operations/load.ts';
import type { TargetAddress } from '../operations/target.ts';
import { parseTarget } from '../operations/target.ts';
import type { TrustedRelease } from '../operations/trusted-release.ts';
import { contentSize } from '../operations/verify.ts';
import { Admission } from './admission.ts';
import type { Context } from './context.ts';
import { formatBytes, formatDuration } from './format.ts';
import { openImageTarget, refuse } from './image-targets.ts';
import { loadTarballs } from './load-tarballs.ts';
import { openProgress } from './progress.ts';
import { standingDocument, standingLines } from './standing.ts';
import { provenanceDocument } from './provenance-lines.ts';
import { refuseLink } from './result-file.ts';
import type { TargetOptions } from './target-options.ts';
import type { Terms } from './trust-options.ts';
import { imageLines, judgeImages, planLines, summarizePending, writeReports } from './transfer-report.ts';

/** What `airgap load` and `verify-and-load --to` are told. */
export interface LoadArchiveOptions extends TargetOptions {
  readonly to: string;
  readonly concurrency: number | undefined;
  readonly dockerHost: string | undefined;
}

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
    'the target is no Docker Engine',
  );
  if (path === '-') {
    throw new UsageError('USAGE', 'an archive cannot be loaded from standard input', {
      hint: 'loading reads it in any order; give the file, read-only media are fine',
    });
  }
  using archive = await openArchive(path);
  await using admission = await Admission.open(terms, options.plan ? 'plan' : 'load');
  const release = await admission.admit(archive);
  const { name, version } = release.inventory;
  const report = options.report ?? `./${name}-${version}-load`;
  if (options.report === undefined) await refuseLink(report, '--report');
  const onLoaded = (): Promise<void> => admission.complete(release);
  if (address.kind === 'registry' || address.kind === 'layout') {
    await loadImages(context, archive, release, address, { ...options, report, onLoaded });
  } else {
    await loadTarballs(context, archive, release, address, { ...options, report, onLoaded });
  }
}

async function loadImages(
  context: Context,
  archive: ArchiveReader,
  release: TrustedRelease,
  address: Extract<TargetAddress, { readonly kind: 'registry' | 'layout' }>,
  options: LoadArchiveOptions & { readonly report: string; readonly onLoaded: () => Promise<void> },
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
    signers: release.signers.map(({ keyId }) => keyId),
    trust: standingDocument(release),
    provenance: release.provenance.accepted.map(provenanceDocument),
    target: target.name,
    skipped: plan.skipped,
    charts: plan.charts.map((chart) => ({ path: chart.path, reference: chart.reference })),
  };
  const skipped = plan.skipped.map((reference) => `  skipped, for none of the platforms: ${reference}`);
  if (options.plan) {
    const images = judgeImages(plan.images, release.inventory, plan.pending, target);
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
  const outcome = await (async () => {
    using progress = await openProgress(context);
    progress.begin('proof', 'proving', contentSize(archive.head));
    progress.begin('copy', target.name, plan.bytes);
    return await loadRelease(plan, { concurrency, signal, onEvent: progress.onCopy, onProof: progress.onProof });
  })();
  await options.onLoaded();
  const images = judgeImages(plan.images, release.inventory, plan.pending, target, outcome);
  const { copied, copiedBytes, mounted, tagged, payload } = outcome;
  const document = { kind: 'load', ...common, images, copied, copiedBytes, mounted, tagged, payload };
  await writeReports(options.report, 'load', document, plan.images);
  output.result(document, [
    `loaded ${release.inventory.name} ${release.inventory.version} into ${target.name}`,
    ...imageLines(images),
    ...common.charts.map((chart) => `  chart  ${chart.reference}`),
    ...skipped,
    ...standingLines(release),
    payload === 'not read'
      ? 'nothing had to move: the target holds everything already, and the payload was not read'
      : `moved ${formatBytes(copiedBytes)}, mounted ${mounted}, tagged ${tagged}; every byte of the archive was proved first`,
  ]);
  output.note(`took ${formatDuration(context.now().getTime() - started)}; reports are in ${options.report}`);
}
