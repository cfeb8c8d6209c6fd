/** Loads image tarballs of an archive whole: into a directory of a k3s or RKE2 node, or into a Docker Engine. */
import { parseReference } from '../../oci/reference.ts';
import { loadTars, planDirectory, planDocker, type PlannedTar } from '../../operations/load/tarballs.ts';
import type { TargetAddress } from '../../release/mapping/target-address.ts';
import { contentSize } from '../../archive/verification/verified-archive.ts';
import { nameSigner } from '../../trust/signatures/identity.ts';
import { tarGoods } from '../site/loaded-content.ts';
import type { Context } from '../context.ts';
import { formatBytes, formatCount, formatTable } from '../../report/format.ts';
import { refuse } from '../inputs/image-targets.ts';
import { openProgress } from '../output/progress.ts';
import { standingDocument, standingLines } from '../../report/trust-lines.ts';
import { provenanceDocument } from '../../report/provenance-lines.ts';
import type { LoadArchiveOptions, RecordedLoad } from '../site/recorded-load.ts';
import { writeReports } from '../../report/transfers.ts';

/** Loads the tarballs of the chosen platforms and reports what became of each. */
export async function loadTarballs(
  context: Context,
  { archive, release, report: directory, begin, complete }: RecordedLoad,
  address: Extract<TargetAddress, { readonly kind: 'directory' | 'docker' }>,
  options: LoadArchiveOptions,
): Promise<void> {
  refuse(options.stripRegistry, '--strip-registry', 'tarballs keep the original image names');
  refuse(
    options.plainHttp || options.insecure || options.caFile !== undefined,
    'a registry option',
    'no registry is asked',
  );
  const { output, signal } = context;
  const isDirectory = address.kind === 'directory';
  const target = isDirectory ? `dir:${address.directory}` : 'docker-daemon:';
  const platforms = options.platform.length === 0 ? undefined : options.platform;
  const common = { platforms, signal, host: options.dockerHost };
  const plan = isDirectory
    ? await planDirectory(archive, release, address.directory, common)
    : await planDocker(archive, release, common);
  const missing = plan.filter((tar) => !tar.present);
  const bytes = missing.reduce((sum, tar) => sum + tar.descriptor.size, 0);
  const document = {
    archive: archive.path,
    release: { name: release.inventory.name, version: release.inventory.version },
    digest: release.digest,
    signers: release.signers.map(nameSigner),
    trust: standingDocument(release),
    provenance: release.provenance.accepted.map(provenanceDocument),
    target,
    tarballs: plan.map((tar) => describe(tar, options.plan)),
  };
  if (options.plan) {
    output.result({ kind: 'load-plan', ...document, bytes }, [
      `plan for ${target}`,
      ...tarLines(plan, true),
      ...standingLines(release),
      bytes === 0 ? 'nothing would move: the target holds everything already' : `would move ${formatBytes(bytes)}`,
      'nothing was changed',
    ]);
    return;
  }
  await begin(() => tarGoods(release, plan, 'missing'));
  const { copiedBytes, payload } = await (async () => {
    using progress = await openProgress(context);
    progress.begin('proof', 'verifying', contentSize(archive.head));
    progress.begin('copy', target, bytes);
    return await loadTars(archive, release, plan, isDirectory ? 'directory' : 'docker', {
      ...common,
      onProof: progress.onProof,
      onBytes: ({ descriptor }, moved) => progress.onCopy({ type: 'progress', descriptor, target, bytes: moved }),
    });
  })();
  const record = await complete(() => tarGoods(release, plan, 'loaded'));
  const references = [...new Set(plan.flatMap((tar) => tar.references))];
  const mapping = references.map((original) => ({ original, internal: parseReference(original) }));
  const report = { kind: 'load', ...document, copiedBytes, payload, ...record.document };
  await writeReports(directory, 'load', report, mapping);
  output.result(report, [
    `loaded ${release.inventory.name} ${release.inventory.version} into ${target}`,
    ...tarLines(plan, false),
    ...standingLines(release),
    payload === 'not read'
      ? 'nothing had to move: the target holds everything already, and the payload was not read'
      : `moved ${formatBytes(copiedBytes)}; every byte of the archive was verified first`,
    ...record.lines,
  ]);
  output.note(`reports are in ${directory}`);
}

function describe(tar: PlannedTar, isPlan: boolean): object {
  const { member, platform, destination, descriptor, references, present } = tar;
  const result = present ? 'present' : isPlan ? 'missing' : 'loaded';
  return { member, platform, destination, size: descriptor.size, digest: descriptor.digest, references, result };
}

function tarLines(plan: readonly PlannedTar[], isPlan: boolean): readonly string[] {
  return formatTable(
    plan.map(({ member, platform, destination, descriptor, references, present }) => [
      present ? 'already there' : isPlan ? 'would load' : 'loaded',
      destination,
      `${member} (${platform}, ${formatCount(references.length, 'image')}, ${formatBytes(descriptor.size)})`,
    ]),
    '  ',
  );
}
