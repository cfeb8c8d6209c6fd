/** What of a demand a cluster meets or not by what it is, whatever else is placed: each refusal with its reason. */
import type { Cluster } from '../fleet.ts';
import { formatSpan } from '../../kubernetes/resources/quantity.ts';
import type { Contact, Contacts } from './contacts.ts';
import { formatAmount, type Demand } from './demand.ts';

export const RESOURCES = ['cpu', 'memory', 'storage'] as const;

/** Why a component cannot be on a cluster; empty where it can. */
export function refusalsOf(demand: Demand, cluster: Cluster, contacts: Contacts): readonly string[] {
  const { platforms, roles, kinds, allow, deny } = demand;
  const reasons: string[] = [];
  const lacking = demand.compliance.filter((label) => !cluster.compliance.includes(label));
  const denied = deny?.find((pattern) => matchesRegion(pattern, cluster.region));
  if (roles?.includes(cluster.role) === false) reasons.push(`role ${cluster.role}, not ${roles.join(' or ')}`);
  if (kinds?.includes(cluster.kind) === false) reasons.push(`kind ${cluster.kind}, not ${kinds.join(' or ')}`);
  if (allow?.some((pattern) => matchesRegion(pattern, cluster.region)) === false) {
    reasons.push(`region ${cluster.region} is not allowed`);
  }
  if (denied !== undefined) reasons.push(`region ${cluster.region} is denied`);
  if (lacking.length > 0) reasons.push(`lacks ${lacking.join(', ')}`);
  if (platforms !== undefined && cluster.platforms?.some((each) => platforms.includes(each)) === false) {
    reasons.push(
      `runs ${cluster.platforms.join(', ')}, the component ${platforms.join(', ') || 'nothing that is common to its images'}`,
    );
  }
  reasons.push(...contactRefusals(demand, cluster, contacts));
  for (const resource of RESOURCES) {
    const [need, has] = [demand.resources[resource] ?? 0, cluster.capacity[resource]];
    if (has !== undefined && need > has) {
      reasons.push(`has ${resource} ${formatAmount(resource, has)}, needs ${formatAmount(resource, need)}`);
    }
  }
  return reasons;
}

/** Whether a region is the one that is named, or begins as a pattern with * at its end does. */
export function matchesRegion(pattern: string, region: string): boolean {
  return pattern.endsWith('*') ? region.startsWith(pattern.slice(0, -1)) : region === pattern;
}

function contactRefusals(demand: Demand, { name, role }: Cluster, contacts: Contacts): readonly string[] {
  const { maxLatencyMs, minBandwidthMbps, maxSyncIntervalMs } = demand;
  const isAsked = [maxLatencyMs, minBandwidthMbps, maxSyncIntervalMs].some((each) => each !== undefined);
  if (role === 'primary' || !isAsked) return [];
  const links = contacts.toPrimaries(name);
  if (links.length === 0) return ['no link to a primary'];
  const reasons: string[] = [];
  const check = (limit: number | undefined, isMet: (link: Contact) => boolean, reason: string): void => {
    if (limit !== undefined && !links.some(isMet)) reasons.push(reason);
  };
  const latency = bestOf(links, ({ latencyMs }) => latencyMs, Math.min);
  const bandwidth = bestOf(links, ({ bandwidthMbps }) => bandwidthMbps, Math.max);
  const interval = Math.min(...links.map(({ syncIntervalMs }) => syncIntervalMs));
  check(
    maxLatencyMs,
    (link) => link.latencyMs !== undefined && link.latencyMs <= (maxLatencyMs ?? 0),
    latency === undefined
      ? 'no link to a primary states its latencyMs'
      : `${latency} ms to a primary, not ${maxLatencyMs}`,
  );
  check(
    minBandwidthMbps,
    (link) => link.bandwidthMbps !== undefined && link.bandwidthMbps >= (minBandwidthMbps ?? 0),
    bandwidth === undefined
      ? 'no link to a primary states its bandwidthMbps'
      : `${bandwidth} Mbit/s to a primary, not ${minBandwidthMbps}`,
  );
  check(
    maxSyncIntervalMs,
    (link) => link.syncIntervalMs <= (maxSyncIntervalMs ?? 0),
    `in contact with a primary every ${formatSpan(interval)} only`,
  );
  return reasons;
}

/** The best of what links state. */
export function bestOf(
  links: readonly Contact[],
  stated: (link: Contact) => number | undefined,
  choose: (...values: number[]) => number,
): number | undefined {
  const values = links.flatMap((link) => stated(link) ?? []);
  return values.length === 0 ? undefined : choose(...values);
}
