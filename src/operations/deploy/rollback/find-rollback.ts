/** Works out where a rollback goes: which deployment of the cluster, and which of the releases that were complete there. */
import { AuthError, inContext, NotFoundError, UsageError } from '../../../errors.ts';
import type { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import { listRecords, type DeploymentRecord, type EarlierRelease, type RecordPlace } from '../deployment-record.ts';
import { jobsOf, type DeployPlan } from '../prepare.ts';
import { rollbackTarget } from './release-history.ts';

/** A release that was complete in a deployment before. */
export interface Rollback {
  /** Where the cluster keeps the record of the deployment. */
  readonly place: RecordPlace;
  /** What the cluster keeps of the deployment as it is. */
  readonly record: DeploymentRecord;
  /** The release to go back to, and the profile it had. */
  readonly to: EarlierRelease;
}

/** Which deployment is meant, and which of its releases. */
export interface RollbackRequest {
  /** @defaultValue all namespaces */
  readonly namespace?: string | undefined;
  /** Name of the release. @defaultValue the only one there is */
  readonly name?: string | undefined;
  /** Of `checksums.txt` of the release to go back to. @defaultValue the one before */
  readonly digest?: string | undefined;
}

/**
 * Finds the deployment and the release to go back to.
 * @throws UsageError when it is not clear which deployment is meant, or there is nothing to go back to
 * @throws NotFoundError when nothing is deployed there
 * @throws AuthError `DENIED` for an account that may not look into all namespaces
 */
export async function findRollback(client: ClusterClient, request: RollbackRequest): Promise<Rollback> {
  const { namespace, name, digest } = request;
  const records = await recordsIn(client, namespace);
  const found = name === undefined ? records : records.filter(({ record }) => record.release.name === name);
  const [first, ...others] = found;
  const where = namespace === undefined ? client.access.server.origin : `namespace ${namespace}`;
  if (first === undefined) {
    throw new NotFoundError('NOT_FOUND', `no deployment of ${name ?? 'a release'} is on record in ${where}`, {
      hint: records.length > 0 ? `there are: ${records.map(describe).join(', ')}` : 'look at --context and --namespace',
    });
  }
  if (others.length > 0) {
    throw new UsageError('USAGE', `more than one deployment is on record in ${where}`, {
      items: found.map(describe),
      hint: 'say which with --namespace, or give the archive of the release to go back to',
    });
  }
  return { ...first, to: rollbackTarget(first.record, digest) };
}

async function recordsIn(
  client: ClusterClient,
  namespace: string | undefined,
): Promise<Awaited<ReturnType<typeof listRecords>>> {
  try {
    return await listRecords(client, namespace);
  } catch (error) {
    if (namespace !== undefined || !(error instanceof AuthError) || error.code !== 'DENIED') throw error;
    throw inContext(error, 'which namespace the deployment is in cannot be looked up; give --namespace');
  }
}

function describe({ place, record }: Pick<Rollback, 'place' | 'record'>): string {
  return `${record.release.name} ${record.release.version} in namespace ${place.namespace}`;
}

/** What the release that is left has run, and what that did is not undone: `Job shop/migrate`. */
export function jobsNotUndone({ previous, steps, release, init }: DeployPlan): readonly string[] {
  if (previous === undefined || previous.release.digest === release.digest) return [];
  const own = jobsOf(steps);
  const jobs = Object.entries(previous.jobs).flatMap(([job, digest]) => (own[job] === digest ? [] : [job]));
  if (previous.init === undefined || previous.init.digest === init?.digest) return jobs;
  return [...jobs, init?.title ?? 'the command that sets the platform up'];
}
