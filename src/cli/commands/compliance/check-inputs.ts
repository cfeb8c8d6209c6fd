/** What `airgap check` is to look at: an archive, files, and the objects of a cluster. */
import { readTextFile } from '../../../base/files/read-file.ts';
import { carriedBy } from '../../../compliance/carried.ts';
import { UsageError } from '../../../errors.ts';
import type { ClusterReading } from '../../../operations/check/cluster-subject.ts';
import type { CheckedInput, CheckOptions } from '../../../operations/check/check-options.ts';
import type { ChartSources } from '../../../operations/resolve/charts/charts.ts';
import type { CheckReport } from '../../../report/checks/check-report.ts';
import type { Context } from '../../context.ts';
import { isArchiveName, toReportRelease, withCheckedArchive } from '../../inputs/checked-archive.ts';
import type { ReadEarlierReport } from '../../inputs/earlier-report.ts';
import { listenTo } from '../../output/registry-lines.ts';
import type { CheckCommandOptions } from './check-options.ts';

const STDIN = '-';
const MAX_CLUSTER_BYTES = 16 * 1024 * 1024;

/** What was read, and the release that it is of. */
interface ReadInput extends CheckedInput {
  readonly release?: CheckReport['release'];
}

/**
 * Reads everything that was named.
 * @param earlier what it is compared with: images of its archive count as pinned in a cluster too
 * @throws UsageError `USAGE` where nothing of it can be checked.
 */
export async function readInputs(
  context: Context,
  inputs: readonly string[],
  options: CheckCommandOptions,
  request: CheckOptions,
  earlier?: ReadEarlierReport,
): Promise<ReadInput> {
  const parts: ReadInput[] = [];
  const images = [...(earlier?.carried ?? [])];
  const archive = inputs.find(isArchiveName);
  if (archive !== undefined) {
    parts.push(
      await withCheckedArchive(context, archive, options, async (trusted) => {
        const { subjectsOfArchive } = await import('../../../operations/check/archive-subjects.ts');
        images.push(...trusted.release.inventory.images.map(({ reference }) => reference));
        return { ...(await subjectsOfArchive(trusted, options.path, request)), release: toReportRelease(trusted) };
      }),
    );
  } else if (inputs.length > 0) parts.push(await readFiles(context, inputs, options, request));
  if (options.fromCluster !== undefined) parts.push(await readCluster(context, options.fromCluster, request, images));
  if (options.cluster) {
    const expected = earlier?.report.subjects.flatMap(({ objects }) => objects) ?? [];
    const { kubeMinor } = request;
    parts.push(await readLive(context, options, { kubeMinor, isCarried: carriedBy(images), expected }));
  }
  const subjects = parts.flatMap((part) => part.subjects);
  const warnings = parts.flatMap((part) => part.warnings);
  if (subjects.length === 0) {
    throw new UsageError('USAGE', [`${inputs.join(', ')}: holds nothing to check`, ...warnings].join('; '), {
      hint: 'name manifests, charts, a release.yaml or an archive that has some',
    });
  }
  return { subjects, warnings, release: parts[0]?.release };
}

/**
 * One archive is one release; options that say nothing about what was named are a mistake.
 * @throws UsageError `USAGE`
 */
export function assertApplies(inputs: readonly string[], options: CheckCommandOptions): void {
  const archive = inputs.find(isArchiveName);
  if (archive !== undefined && inputs.length > 1) {
    throw new UsageError('USAGE', `${archive} is an archive, and is checked by itself`, {
      hint: 'run the command once for each',
    });
  }
  const { key, trust, trustedRoot, path, compare, compareSubject } = options;
  if (compare === undefined && compareSubject.length > 0) {
    throw new UsageError('USAGE', '--compare-subject says what of an earlier report is meant, and none is named', {
      hint: 'name it with --compare FILE',
    });
  }
  const { cluster, fromCluster } = options;
  if (cluster && fromCluster !== undefined)
    throw new UsageError('USAGE', 'give only one of --cluster and --from-cluster');
  const asking = Object.entries({
    '--kubeconfig': options.kubeconfig,
    '--context': options.context,
    '--namespace': options.namespace,
    '--as': options.as,
    '--as-group': options.asGroup,
  }).flatMap(([name, value]) => (value === undefined ? [] : name));
  if (!cluster && asking.length > 0) {
    throw new UsageError('USAGE', `${asking.join(', ')} applies to --cluster, which is not given`);
  }
  const isTrusting = archive !== undefined || (compare !== undefined && isArchiveName(compare));
  const unused = [
    ...(isTrusting || key.length === 0 ? [] : ['--key']),
    ...(isTrusting || trust === undefined ? [] : ['--trust']),
    ...(isTrusting || trustedRoot === undefined ? [] : ['--trusted-root']),
    ...(archive !== undefined || path.length === 0 ? [] : ['--path']),
  ];
  if (unused.length === 0) return;
  throw new UsageError('USAGE', `${unused.join(', ')} applies to archives, and none is named`, {
    hint: 'name an archive (.tar), or leave the option out',
  });
}

async function readFiles(
  context: Context,
  inputs: readonly string[],
  options: CheckCommandOptions,
  request: CheckOptions,
): Promise<CheckedInput> {
  const { subjectsOfFiles } = await import('../../../operations/check/file-subjects.ts');
  const { ImageSources } = await import('../../../operations/resolve/image-sources.ts');
  const { env, signal, output } = context;
  await using sources = new ImageSources({ ...options, listener: listenTo(output), env, signal });
  const charts: ChartSources = {
    open: (reference, origin) => sources.open(reference, origin),
    read: (address, how) => sources.read(address, how),
  };
  const read: CheckedInput[] = [];
  for (const input of inputs) {
    read.push(await subjectsOfFiles(input, charts, request));
  }
  return { subjects: read.flatMap(({ subjects }) => subjects), warnings: read.flatMap(({ warnings }) => warnings) };
}

async function readCluster(
  { stdin, signal }: Context,
  place: string,
  request: CheckOptions,
  images: readonly string[],
): Promise<CheckedInput> {
  const { subjectOfCluster } = await import('../../../operations/check/file-subjects.ts');
  const { readStandardInput } = await import('../../inputs/standard-input.ts');
  const what = { what: 'objects of a cluster', limit: MAX_CLUSTER_BYTES, signal };
  const text = place === STDIN ? await readStandardInput(stdin, what) : await readTextFile(place, what);
  const name = place === STDIN ? 'standard input' : place;
  return { subjects: [subjectOfCluster(text, name, { ...request, isCarried: carriedBy(images) })], warnings: [] };
}

async function readLive(
  { env, signal, output }: Context,
  options: CheckCommandOptions,
  reading: Omit<ClusterReading, 'namespace'>,
): Promise<CheckedInput> {
  const { findClusterAccess } = await import('../../../kubernetes/cluster/access/kubeconfig.ts');
  const { ClusterClient } = await import('../../../kubernetes/cluster/cluster-client.ts');
  const { subjectOfNamespace } = await import('../../../operations/check/cluster-subject.ts');
  const access = await findClusterAccess(options, env);
  await using client = new ClusterClient(access, { environment: env, signal, onRequest: listenTo(output)?.onRequest });
  return await subjectOfNamespace(client, { ...reading, namespace: access.namespace });
}
