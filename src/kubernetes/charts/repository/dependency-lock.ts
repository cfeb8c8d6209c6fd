/** The lock of a chart's dependencies: Chart.lock, or requirements.lock of old charts, and whether it still fits. */
import { UsageError } from '../../../errors.ts';
import { sha256 } from '../../../oci/digest.ts';
import type { ChartFile } from '../chart-files.ts';
import { parseChartLock, type ChartMetadata } from '../chart-metadata.ts';
import { goJson, toGoDependency } from '../chart-oci.ts';

/** One dependency, pinned. */
export interface LockedDependency {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
}

/**
 * What a chart's lock pins; undefined where there is no lock.
 * @throws UsageError `INVALID_SPEC` for a lock that is out of sync with what the chart declares.
 * @see https://github.com/helm/helm/blob/main/internal/resolver/resolver.go (`HashReq`, `HashV2Req`)
 */
export function readDependencyLock(
  files: readonly ChartFile[],
  { apiVersion, dependencies }: ChartMetadata,
  shownAs: string,
): readonly LockedDependency[] | undefined {
  const file = ['Chart.lock', 'requirements.lock'].flatMap((name) => files.filter(({ path }) => path === name))[0];
  const lock = file && parseChartLock(file.bytes.toString('utf8'), `${shownAs}/${file.path}`);
  if (file === undefined || lock === undefined) return undefined;
  const declared = (dependencies ?? []).map(toGoDependency);
  const pinned = (lock.dependencies ?? []).flatMap((entry) => (entry === null ? [] : [entry]));
  const locked = pinned.map(({ name, ...rest }) => toGoDependency({ name: name ?? '', ...rest }));
  const sums = [goJson([declared, locked])];
  // Of locks that Helm 2 wrote.
  if (apiVersion === 'v1') sums.push(goJson({ dependencies: declared }));
  if (!sums.some((text) => sha256(text) === lock.digest)) throw outOfSync(shownAs, file.path);
  return pinned.map(({ name, version, repository }) => ({
    name: name ?? '',
    version: version ?? '',
    repository: repository ?? '',
  }));
}

function outOfSync(shownAs: string, lock: string): UsageError {
  const declaring = lock.replace('.lock', '.yaml');
  return new UsageError(
    'INVALID_SPEC',
    `${shownAs}: the lock file (${lock}) is out of sync with the dependencies file (${declaring})`,
    { hint: `run \`helm dependency update ${shownAs}\`, and commit ${lock}` },
  );
}
