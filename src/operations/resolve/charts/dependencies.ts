/** The charts that a chart directory lacks below charts/: fetched at the versions of its lock, and added in memory. */
import { posix } from 'node:path';
import { UsageError } from '../../../errors.ts';
import type { ChartFile } from '../../../kubernetes/charts/chart-files.ts';
import { readChartFiles } from '../../../kubernetes/charts/chart-files.ts';
import { packChart } from '../../../kubernetes/charts/chart-packing.ts';
import { findMissingDependencies, readChartMetadata } from '../../../kubernetes/charts/load-chart.ts';
import { readDependencyLock, type LockedDependency } from '../../../kubernetes/charts/repository/dependency-lock.ts';
import type { Reference } from '../../../oci/reference.ts';
import { parseChartSource } from '../../../release/spec/chart-source.ts';
import { resolveSpecPath } from '../../../release/spec/spec-paths.ts';
import type { RepositoryRequest } from './repository-chart.ts';

const LOCAL = 'file://';

/** A chart directory whose dependencies are wanted. */
export interface DependencyRequest {
  readonly files: readonly ChartFile[];
  /** Relative to the release.yaml. */
  readonly shownAs: string;
  /** Of the release.yaml: a `file://` dependency may not lead out of it. */
  readonly directory: string;
  readonly fetch: {
    readonly repository: (request: RepositoryRequest) => Promise<{ readonly bytes: Buffer }>;
    readonly oci: (from: string, reference: Reference) => Promise<{ readonly bytes: Buffer }>;
  };
}

/**
 * Packages for charts/, as `helm dependency build` would put there. None where there is no lock: the chart is then
 * refused for what it lacks.
 * @throws UsageError `INVALID_SPEC` for a lock that is out of sync, and for a repository that cannot be fetched from.
 * @throws whatever fetching a chart throws.
 */
export async function fetchDependencies(request: DependencyRequest): Promise<readonly ChartFile[]> {
  const { files, shownAs } = request;
  const missing = await findMissingDependencies(files, shownAs);
  if (missing.length === 0) return [];
  const locked = readDependencyLock(files, readChartMetadata(files, shownAs), shownAs);
  const added = new Map<string, ChartFile>();
  for (const dependency of locked ?? []) {
    const path = `charts/${dependency.name}-${dependency.version}.tgz`;
    // Without a repository, Helm expects it below charts/ too.
    if (!missing.includes(dependency.name) || added.has(path) || dependency.repository === '') continue;
    added.set(path, { path, bytes: await fetchOne(dependency, request) });
  }
  return [...added.values()];
}

async function fetchOne(dependency: LockedDependency, request: DependencyRequest): Promise<Buffer> {
  const { name, version } = dependency;
  const { fetch, shownAs } = request;
  const repository = dependency.repository.replace(/\/+$/, '');
  if (repository.startsWith('oci://')) {
    const { from, reference } = parseChartSource(`${repository}/${name}:${version.replaceAll('+', '_')}`);
    if (reference !== undefined) return (await fetch.oci(from, reference)).bytes;
  }
  if (/^https?:\/\//.test(repository)) return (await fetch.repository({ repository, name, version })).bytes;
  if (repository.startsWith(LOCAL)) return packLocal(dependency, request);
  throw new UsageError('INVALID_SPEC', `${shownAs}: its dependency ${name} lies at ${repository}, which is not fetched`, {
    hint: `run \`helm dependency build ${shownAs}\``,
  });
}

/** As Helm does: with what lies in its charts/, and nothing that it lacks itself. */
async function packLocal({ name, version, repository }: LockedDependency, request: DependencyRequest): Promise<Buffer> {
  const { shownAs, directory } = request;
  const path = posix.join(shownAs, repository.slice(LOCAL.length));
  const files = await readChartFiles(await resolveSpecPath(directory, path), path);
  const metadata = readChartMetadata(files, path);
  if (metadata.name === name && metadata.version === version) return packChart(name, files);
  throw new UsageError(
    'INVALID_SPEC',
    `${path} is ${metadata.name} ${metadata.version}; the lock of ${shownAs} pins ${name} ${version}`,
    { hint: `run \`helm dependency update ${shownAs}\`` },
  );
}
