/** Why a component is on a cluster, and why it is not on another, in words. */
import type { Cluster } from '../fleet.ts';
import { formatSpan } from '../../kubernetes/resources/quantity.ts';
import { formatAmount, type Demand } from './demand.ts';
import { bestOf, refusalsOf, RESOURCES } from './eligibility.ts';
import type { PlacementState, PlacementTask } from './placement-state.ts';

/** What is met by the cluster, of all that was asked for. */
export function reasonsFor(task: PlacementTask, demand: number, number: number): readonly string[] {
  const asked = task.demands[demand] as Demand;
  const cluster = task.clusters[number] as Cluster;
  const { allow, deny, near, resources, compliance, kinds, platforms } = asked;
  const uses = RESOURCES.flatMap((each) => {
    const need = resources[each];
    if (need === undefined) return [];
    const has = cluster.capacity[each];
    const of = has === undefined ? 'what is not stated' : formatAmount(each, has);
    return [`${each} ${formatAmount(each, need)} of ${of}`];
  });
  return [
    `role ${cluster.role}`,
    ...(kinds === undefined ? [] : [`kind ${cluster.kind}`]),
    ...(allow === undefined && deny === undefined ? [] : [`region ${cluster.region} is allowed`]),
    ...(compliance.length === 0 ? [] : [`has ${compliance.join(', ')}`]),
    ...(platforms === undefined || cluster.platforms === undefined
      ? []
      : [`runs ${cluster.platforms.filter((each) => platforms.includes(each)).join(', ')}`]),
    ...contactReasons(asked, cluster, task),
    ...((task.nearTo[demand] ?? -1) < 0 ? [] : [`${near?.component ?? ''} is in the same ${near?.within ?? ''}`]),
    ...(uses.length === 0 ? [] : [`takes ${uses.join(', ')}`]),
  ];
}

function contactReasons(asked: Demand, { name, role }: Cluster, { contacts }: PlacementTask): readonly string[] {
  if (role === 'primary') return [];
  const links = contacts.toPrimaries(name);
  const latency = bestOf(links, ({ latencyMs }) => latencyMs, Math.min);
  const bandwidth = bestOf(links, ({ bandwidthMbps }) => bandwidthMbps, Math.max);
  const interval = bestOf(links, ({ syncIntervalMs }) => syncIntervalMs, Math.min) ?? 0;
  return [
    ...(asked.maxLatencyMs === undefined ? [] : [`${latency} ms to a primary`]),
    ...(asked.minBandwidthMbps === undefined ? [] : [`${bandwidth} Mbit/s to a primary`]),
    ...(asked.maxSyncIntervalMs === undefined
      ? []
      : [
          interval === 0
            ? 'always in contact with a primary'
            : `in contact with a primary every ${formatSpan(interval)}`,
        ]),
    ...(asked.isLinked ? ['a link leads to its primary'] : []),
  ];
}

/** What speaks against the cluster; that the component needs no more where nothing does. */
export function reasonsAgainst(
  task: PlacementTask,
  state: PlacementState,
  demand: number,
  number: number,
): readonly string[] {
  const asked = task.demands[demand] as Demand;
  const refusals = refusalsOf(asked, task.clusters[number] as Cluster, task.contacts);
  if (refusals.length > 0) return refusals;
  const count = state.chosen(demand).size;
  if (count >= asked.max) return [`is on ${clustersOf(count)} already, as many as maxClusters allows`];
  const reasons: string[] = [];
  if (!state.isNear(demand, number)) {
    reasons.push(`${asked.near?.component ?? ''} is not in the same ${asked.near?.within ?? ''}`);
  }
  for (const resource of RESOURCES) {
    const [need, free] = [asked.resources[resource] ?? 0, state.free(number, resource)];
    if (need > free) {
      reasons.push(`${resource} ${formatAmount(resource, free)} is left, needs ${formatAmount(resource, need)}`);
    }
  }
  if (!state.isJoined(demand, number)) reasons.push('no link to a primary that it is on');
  return reasons.length > 0 ? reasons : [`${clustersOf(count)} ${count === 1 ? 'is' : 'are'} enough`];
}

function clustersOf(count: number): string {
  return count === 1 ? '1 cluster' : `${count} clusters`;
}
