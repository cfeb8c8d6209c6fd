/** What a deployment would change: each object as the server itself says it would become, without anything changed. */
import { ClusterError, HttpError } from '../../errors.ts';
import { formatKey, keyOf, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import type { InstallStepName } from '../../kubernetes/cluster/install-steps.ts';
import { isJob, isOtherJob, jobDigest, withJobDigest } from './applied-object.ts';
import { differencesOf, type Difference } from './object-difference.ts';
import { isNewKind, type DeployPlan } from './prepare.ts';
import { assertOwn } from './owner.ts';
import { findLeftovers, type Leftovers } from './prune.ts';
import { statusOf } from '../../kubernetes/cluster/readiness/object-status.ts';

/** What would become of one object. */
export interface ObjectChange {
  /** In which step it would be applied. */
  readonly step: InstallStepName | 'init';
  /** `Deployment shop/api`, or the command and its place */
  readonly object: string;
  /** `create`, `configure`, `run` a job once more or the command that sets the platform up, `remove` a job of the release that is left, or `none`. */
  readonly change: 'create' | 'configure' | 'run' | 'remove' | 'none';
  /** Each place that would change; none of what would be created. */
  readonly differences: readonly Difference[];
  /** Why the server would refuse it now. */
  readonly refused?: string | undefined;
}

/** What a plan would do. */
export interface DeployChanges {
  /** Each object, in the order it would be applied in. */
  readonly objects: readonly ObjectChange[];
  /** What earlier releases applied and this one has no longer. */
  readonly leftovers: Leftovers;
}

/**
 * Asks the server what would become of every object. What lies in a namespace or is of a kind that only this deployment
 * makes cannot be asked for, and would be created.
 * @throws AuthError, HttpError `CLUSTER` when the cluster cannot be asked
 */
export async function findChanges(
  plan: DeployPlan,
  { force = false }: { readonly force?: boolean } = {},
): Promise<DeployChanges> {
  const objects: ObjectChange[] = [];
  const absent = new Set<string>();
  for (const { name: step, objects: own } of plan.steps) {
    for (const object of own) {
      const change = await changeOf(plan, object, absent, force);
      if (object.kind === 'Namespace' && change.change === 'create') absent.add(object.metadata.name);
      objects.push({ step, object: formatKey(keyOf(object)), ...change });
    }
  }
  const { init, recordedInit } = plan;
  if (init !== undefined) {
    const isDone = recordedInit?.digest === init.digest && recordedInit.state === 'done';
    objects.push({ step: 'init', object: init.title, change: isDone ? 'none' : 'run', differences: [] });
  }
  const all = plan.steps.flatMap((step) => step.objects).map(keyOf);
  return { objects, leftovers: await findLeftovers(plan.client, plan.previous, all, plan.place) };
}

/** Whether there is anything to do. */
export function hasChanges({ load }: DeployPlan, { objects }: DeployChanges): boolean {
  return load.bytes > 0 || load.moves.length > 0 || objects.some(({ change }) => change !== 'none');
}

async function changeOf(
  plan: DeployPlan,
  object: ClusterObject,
  absent: ReadonlySet<string>,
  force: boolean,
): Promise<Pick<ObjectChange, 'change' | 'differences' | 'refused'>> {
  const { client, doneJobs, request } = plan;
  const key = keyOf(object);
  if (absent.has(key.namespace ?? '')) return { change: 'create', differences: [] };
  if (isNewKind(plan, object) && (await client.resourceOf(key.apiVersion, key.kind)) === undefined) {
    return { change: 'create', differences: [] };
  }
  const isDone = isJob(object) && doneJobs[formatKey(key)] === jobDigest(object);
  if (isDone && request.goingBack === undefined) return { change: 'none', differences: [] };
  const before = await client.get(key);
  try {
    if (!force) assertOwn(before, plan.place);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return { change: 'configure', differences: [], refused: error.message };
  }
  if (isDone) return { change: isOtherJob(before, object) ? 'remove' : 'none', differences: [] };
  if (before !== undefined && isJob(object)) {
    const isToRun = isOtherJob(before, object) || statusOf(before).state === 'failed';
    return { change: isToRun ? 'run' : 'none', differences: [] };
  }
  try {
    const after = await client.apply(withJobDigest(object), { isDryRun: true, force });
    if (before === undefined) return { change: 'create', differences: [] };
    const differences = differencesOf(before, after);
    return { change: differences.length === 0 ? 'none' : 'configure', differences };
  } catch (error) {
    // A plan tells everything that is in the way at once.
    if (!(error instanceof HttpError) || error.failure.status === 0) throw error;
    return { change: before === undefined ? 'create' : 'configure', differences: [], refused: error.message };
  }
}
