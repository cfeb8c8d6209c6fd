/** Asks the clusters of a fleet what they have, and reports in what that differs from what is placed there. */
import { IncompleteError } from '../../../errors.ts';
import { loadFleet } from '../../../fleet/fleet.ts';
import { assertClusters } from '../../../operations/fleet/cluster-tasks.ts';
import { fleetStatus } from '../../../operations/fleet/fleet-status.ts';
import { placeRelease } from '../../../operations/place.ts';
import { formatCount } from '../../../report/format.ts';
import { describeFleetStatus, reasonsOf, toFleetStatusReport } from '../../../report/fleet/fleet-status-report.ts';
import type { Context } from '../../context.ts';
import type { ClusterOptions } from '../../options/cluster-options.ts';
import { openFleetCluster } from './fleet-cluster.ts';
import { unplaceable } from './unplaceable.ts';

interface StatusOptions extends Pick<ClusterOptions, 'kubeconfig' | 'namespace' | 'as' | 'asGroup'> {
  readonly fleet: string;
  readonly only: readonly string[];
  readonly clustersAtOnce: number;
}

/** Reports; IncompleteError `INCOMPLETE` where a cluster is not as it should be. */
export async function reportFleetStatus(context: Context, release: string, options: StatusOptions): Promise<void> {
  const { output, signal } = context;
  const { only, clustersAtOnce: atOnce, namespace } = options;
  const fleet = await loadFleet(options.fleet);
  const { placement, release: placedRelease } = await placeRelease({ release, fleet: options.fleet, signal });
  if (placement.outcome !== 'placed') throw unplaceable(placement, options.fleet);
  assertClusters(only, fleet);
  const placed = new Map(placement.clusters.map(({ cluster, components }) => [cluster, components]));
  const components = placement.components.map(({ component }) => component);
  const clusters = await fleetStatus(
    fleet.clusters.filter(({ name }) => only.length === 0 || only.includes(name)),
    placed,
    { ...placedRelease, components },
    { openCluster: async (cluster) => await openFleetCluster(context, cluster, options), namespace, atOnce, signal },
  );
  const comparison = { fleet: fleet.name, release: placedRelease, clusters };
  output.result(toFleetStatusReport(comparison), describeFleetStatus(comparison));
  const others = clusters.filter(({ state }) => state !== 'current');
  if (others.length === 0) return;
  throw new IncompleteError(
    'INCOMPLETE',
    `${others.length} of ${formatCount(clusters.length, 'cluster')} are not as placed`,
    {
      items: others.map((status) => `${status.cluster.name}: ${status.state}: ${reasonsOf(status)[0] ?? ''}`),
      hint: 'airgap deploy ARCHIVE --fleet brings them there; --plan says what it would change',
    },
  );
}
