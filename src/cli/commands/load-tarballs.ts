/** Loads image tarballs of an archive whole: into a directory of a k3s or RKE2 node, or into a Docker Engine. */
import { parseReference } from '../../oci/reference.ts';
import { loadTars, planDirectory, planDocker } from '../../operations/load/tarballs.ts';
import type { TargetAddress } from '../../release/mapping/target-address.ts';
import { tarballContent } from '../../report/loads/audit-content.ts';
import { formatBytes } from '../../report/format.ts';
import { describeLoad, describeLoadPlan } from '../../report/loads/load-report.ts';
import { describeTarballs } from '../../report/loads/tarballs.ts';
import { openReports } from '../../report/loads/report-files.ts';
import type { AdmittedRelease } from '../../site/admitted-release.ts';
import type { Context } from '../context.ts';
import { refuse } from '../../release/mapping/open-target.ts';
import { reportDirectory } from '../inputs/report-directory.ts';
import type { LoadArchiveOptions } from '../options/load-options.ts';
import { openProgress } from '../output/open-progress.ts';

/** Loads the tarballs of the chosen platforms and reports what became of each. */
export async function loadTarballs(
  context: Context,
  admitted: AdmittedRelease,
  address: Extract<TargetAddress, { readonly kind: 'directory' | 'docker' }>,
  options: LoadArchiveOptions,
): Promise<void> {
  refuse(options.stripRegistry, '--strip-registry', 'tarballs keep the original image names');
  refuse(options.maxPathDepth !== undefined, '--max-path-depth', 'tarballs keep the original image names');
  refuse(options.flatten, '--flatten', 'tarballs keep the original image names');
  refuse(options.nameMap !== undefined, '--name-map', 'tarballs keep the original image names');
  refuse(options.skipRefusedEvidence, '--skip-refused-evidence', 'tarballs have no place for evidence');
  refuse(options.verifyBase, '--verify-base', 'tarballs are made of the delta and its bases alone');
  const noRegistry = 'no registry is asked';
  refuse(options.plainHttp, '--plain-http', noRegistry);
  refuse(options.insecure, '--insecure', noRegistry);
  refuse(options.caFile !== undefined, '--ca-file', noRegistry);
  refuse(options.allowHost.length > 0, '--allow-host', noRegistry);
  refuse(options.retries !== undefined, '--retries', noRegistry);
  const { output, signal } = context;
  const { archive } = admitted;
  const directory = await reportDirectory(options.report, archive.release.inventory);
  const target = address.kind === 'directory' ? `dir:${address.directory}` : 'docker-daemon:';
  const platforms = options.platform.length === 0 ? undefined : options.platform;
  refuse(options.requireEvidence, '--require-evidence', 'tarballs hold images and no evidence for them');
  const { trustTarget } = options;
  refuse(trustTarget && address.kind === 'docker', '--trust-target', 'an Engine answers for what it holds');
  refuse(options.thorough, '--thorough', 'tarballs are looked at whole in any case');
  const common = { platforms, signal, host: options.dockerHost ?? context.env['DOCKER_HOST'], trustTarget };
  const plan =
    address.kind === 'directory'
      ? await planDirectory(archive, address.directory, common)
      : await planDocker(archive, common);
  const { tarballs } = plan;
  const bytes = tarballs.reduce((sum, { present, descriptor }) => sum + (present ? 0 : descriptor.size), 0);
  const subject = { archive, target };
  if (options.plan) {
    const line =
      bytes === 0 ? 'nothing would move: the target holds everything already' : `would move ${formatBytes(bytes)}`;
    const amount = { document: { bytes }, lines: [line] };
    const { document, lines } = describeLoadPlan(subject, describeTarballs(plan, false), amount);
    output.result(document, lines);
    return;
  }
  await using reports = await openReports(directory, 'load');
  const { outcome, record } = await admitted.perform({
    planned: () => tarballContent(archive.release, tarballs, 'missing'),
    act: async () => {
      using progress = await openProgress(context);
      progress.begin('verification', 'verifying', archive.contentBytes);
      progress.begin('copy', target, bytes);
      return await loadTars(plan, {
        ...common,
        onVerified: progress.onVerified,
        onBytes: ({ descriptor }, moved) => progress.onCopy({ type: 'progress', descriptor, target, bytes: moved }),
      });
    },
    done: () => tarballContent(archive.release, tarballs, 'loaded'),
  });
  const { copiedBytes, payload } = outcome;
  const amount = { payload, document: { copiedBytes }, line: `moved ${formatBytes(copiedBytes)}` };
  const { document, lines } = describeLoad(subject, describeTarballs(plan, true), amount, record);
  const references = [...new Set(tarballs.flatMap((tar) => tar.references))];
  const mapping = references.map((original) => ({ original, internal: parseReference(original) }));
  await reports.write(document, mapping);
  output.result(document, lines);
  output.note(`reports are in ${directory}`);
}
