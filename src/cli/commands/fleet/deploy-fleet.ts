/** Deploys an archive to the clusters of a fleet, each in the order that its own site keeps, and reports all of them. */
import { join } from 'node:path';
import { ChangesError, exitCodeOf, ExitCode, IncompleteError, inContext, UsageError } from '../../../errors.ts';
import { loadFleet } from '../../../fleet/fleet.ts';
import type { DeployRequest } from '../../../operations/deploy/prepare.ts';
import { createViews } from '../../../fleet/settings/cluster-view.ts';
import { resolveSettings } from '../../../fleet/settings/written-values.ts';
import type { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import { planClusters, type ClusterTask } from '../../../operations/fleet/cluster-tasks.ts';
import { rollOut, type RollOutEvent } from '../../../operations/fleet/roll-out.ts';
import { inspectArchive } from '../../../operations/inspect.ts';
import { placeRelease } from '../../../operations/place.ts';
import { formatCount } from '../../../report/format.ts';
import {
  describeFleetDeployment,
  outcomeText,
  toFleetDeployReport,
  type ClusterResult,
  type FleetDeployment,
} from '../../../report/fleet/fleet-deploy-report.ts';
import type { SiteTerms } from '../../../site/admission.ts';
import type { Context } from '../../context.ts';
import type { FleetDeployOptions } from '../../options/fleet-options.ts';
import { clusterContext } from './cluster-context.ts';
import type { Output } from '../../output/output.ts';
import { deployArchive } from '../cluster/deploy-archive.ts';
import { clusterRequest } from './cluster-request.ts';
import { openFleetCluster } from './fleet-cluster.ts';
import { unplaceable } from './unplaceable.ts';

const DEFAULT_AT_ONCE = 4;

/** Deploys an archive to a fleet, or says what would change. */
export async function deployFleet(
  context: Context,
  archive: string,
  terms: SiteTerms,
  options: FleetDeployOptions,
): Promise<void> {
  const { output, signal, now } = context;
  if (archive === '-') {
    throw new UsageError('USAGE', 'an archive cannot be deployed from standard input', { hint: 'give the file' });
  }
  const fleet = await loadFleet(options.fleet);
  const { placement, release } = await placeRelease({ release: archive, fleet: options.fleet, signal });
  if (placement.outcome !== 'placed') throw unplaceable(placement, options.fleet);
  const placed = new Map(placement.clusters.map(({ cluster, components }) => [cluster, components]));
  const { inventory } = await inspectArchive(archive, { signal });
  const tasks = planClusters(fleet, placed, inventory, options);
  const viewOf = createViews(
    fleet,
    placement.components,
    new Set(placement.clusters.filter(({ components }) => components.length > 0).map(({ cluster }) => cluster)),
  );
  // What the settings need and the fleet.yaml lacks is told before anything is changed anywhere.
  for (const { cluster } of tasks) resolveSettings(fleet.settings, viewOf(cluster));
  const taskOf = new Map(tasks.map((task) => [task.cluster.name, task]));
  const outcomes = await rollOut(
    tasks.map(({ cluster }) => cluster),
    async (cluster) => {
      const task = taskOf.get(cluster.name) as ClusterTask;
      const own = { fleet, view: viewOf(cluster), task };
      return await deployCluster(context, archive, terms, options, task, async (client) => {
        return await clusterRequest(
          client,
          release.name,
          own,
          async (other) => await openFleetCluster(context, other, options),
        );
      });
    },
    {
      atOnce: options.clustersAtOnce ?? DEFAULT_AT_ONCE,
      waitMs: (options.wait ?? 0) * 1000,
      nowMs: () => now().getTime(),
      signal,
      onEvent: noteClusters(output),
    },
  );
  const deployment = { fleet: fleet.name, release, isPlan: options.plan, tasks, outcomes };
  output.result(toFleetDeployReport(deployment), describeFleetDeployment(deployment));
  assertComplete(deployment);
}

async function deployCluster(
  context: Context,
  archive: string,
  terms: SiteTerms,
  { fleet: _fleet, only: _only, clustersAtOnce: _atOnce, wait: _wait, ...options }: FleetDeployOptions,
  { cluster, platforms = [], profile }: ClusterTask,
  ask: (client: ClusterClient) => Promise<Partial<DeployRequest>>,
): Promise<ClusterResult> {
  const { name, registry = '', context: named, pullFrom, siteValues } = cluster;
  const own = {
    ...options,
    to: `docker://${registry}`,
    context: named,
    pullFrom,
    siteValues,
    profile,
    platform: platforms,
    kubeconfig: cluster.kubeconfig ?? options.kubeconfig,
    namespace: cluster.namespace ?? options.namespace,
  };
  await using probe = await openFleetCluster(context, cluster, options);
  await probe.version();
  const state = terms.state === undefined ? undefined : join(terms.state, name);
  const { context: inner, result } = clusterContext(context, name);
  let shortfall: unknown;
  try {
    await deployArchive(inner, archive, { ...terms, state }, own, { action: 'deploy', ask });
  } catch (error) {
    // What is reported in full was done, or planned, in full.
    if (result() === undefined) throw error;
    shortfall = error;
  }
  const { document, lines } = result() ?? { document: {}, lines: [] };
  const hasChanges = shortfall instanceof ChangesError;
  return { document, lines, hasChanges, shortfall: hasChanges ? undefined : shortfall };
}

function noteClusters(output: Output): (event: RollOutEvent) => void {
  return (event) => {
    switch (event.type) {
      case 'begun':
        output.note(`${event.cluster}: begun`);
        return;
      case 'done':
        output.note(`${event.cluster}: done`);
        return;
      case 'failed':
      case 'offline':
        output.note(`${event.cluster}: ${outcomeText({ kind: event.type, error: event.error }, false)}`);
        return;
      case 'waiting':
        output.note(`waiting for ${event.clusters.join(', ')}`);
    }
  };
}

/** @throws the refusal of the archive before all else; IncompleteError where some clusters are done and some are not; ChangesError */
function assertComplete({ tasks, outcomes, isPlan }: FleetDeployment): void {
  const ends = tasks.map(({ cluster: { name } }) => ({ name, outcome: outcomes.get(name) }));
  const failed = ends.flatMap(({ name, outcome }) =>
    outcome?.kind === 'failed' ? [{ name, error: outcome.error }] : [],
  );
  const isAnyDone = ends.some(({ outcome }) => outcome?.kind === 'done');
  const worst =
    failed.find(({ error }) => exitCodeOf(error) === ExitCode.untrusted) ?? (isAnyDone ? undefined : failed[0]);
  if (worst !== undefined) throw inContext(worst.error, `cluster ${worst.name}`);
  const missing = ends.filter(({ outcome }) => outcome?.kind !== 'done' || outcome.value.shortfall !== undefined);
  if (missing.length > 0) {
    throw new IncompleteError(
      'INCOMPLETE',
      `${missing.length} of ${formatCount(tasks.length, 'cluster')} are not complete`,
      {
        items: missing.map(({ name, outcome }) => `${name}: ${outcomeText(outcome, isPlan)}`),
        hint: 'run the same command again: it goes on where it stopped; --only CLUSTER is for one alone',
      },
    );
  }
  const changed = ends.filter(({ outcome }) => outcome?.kind === 'done' && outcome.value.hasChanges).length;
  if (changed === 0) return;
  throw new ChangesError('CHANGES', `there is something to do on ${formatCount(changed, 'cluster')}`, {
    hint: 'run the same command without --plan',
    details: { clusters: changed },
  });
}
