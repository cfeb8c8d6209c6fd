/** What one component asks of its clusters, with every default filled in, and each constraint of it with its place. */
import { toAmounts, type Amounts, type Fleet } from '../fleet.ts';
import type { ClusterKind, ClusterRole, FleetPlacement, Nearness } from '../fleet-schema.ts';
import { formatByteQuantity, formatMilli, formatSpan, parseDuration } from '../../kubernetes/resources/quantity.ts';

/** A component of a release. */
export interface PlacedComponent {
  readonly name: string;
  /** Canonical; absent for those that run everywhere. */
  readonly platforms?: readonly string[] | undefined;
}

/** What has to hold for every cluster of a component, and for all of them together. Absent fields ask for nothing. */
export interface Demand {
  readonly component: string;
  /** One of these has to be among those of the cluster. */
  readonly platforms?: readonly string[] | undefined;
  /** In order of preference. */
  readonly roles?: readonly ClusterRole[] | undefined;
  readonly kinds?: readonly ClusterKind[] | undefined;
  /** Patterns of regions. */
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
  readonly compliance: readonly string[];
  readonly maxLatencyMs?: number | undefined;
  readonly minBandwidthMbps?: number | undefined;
  readonly maxSyncIntervalMs?: number | undefined;
  /** On each cluster. */
  readonly resources: Amounts;
  readonly near?: { readonly component: string; readonly within: Nearness } | undefined;
  readonly min: number;
  readonly max: number;
  /** How many different ones its clusters are in, at least. */
  readonly regions: number;
  readonly zones: number;
  /** Whether a primary, and a secondary or dr, have to be among its clusters. */
  readonly isReplicated: boolean;
  /** Whether every other cluster has to have a link to a primary of the component. */
  readonly isLinked: boolean;
  /** Which clusters it also goes to where nothing speaks against it. */
  readonly fill: 'none' | 'replicas' | 'all';
}

/** One thing that was asked for. */
export interface Constraint {
  readonly component: string;
  /** As in fleet.yaml: `regions.allow`; `platforms` are of the release. */
  readonly field: string;
  /** In words. */
  readonly text: string;
  /** `fleet.yaml:14:9`; absent for what the release says. */
  readonly at?: string | undefined;
  /** The same demand without it. */
  readonly relax: (demand: Demand) => Demand;
}

/** What a component asks for by its entry in fleet.yaml, or by none. */
export function toDemand({ name, platforms }: PlacedComponent, policy: FleetPlacement = {}): Demand {
  const { roles, kinds, compliance = [], regions, near, minClusters = 1, maxClusters, spread, replicate } = policy;
  const standard: readonly ClusterRole[] = replicate === undefined ? ['primary'] : ['primary', 'secondary', 'dr'];
  return {
    component: name,
    platforms,
    roles: roles ?? standard,
    kinds,
    allow: regions?.allow,
    deny: regions?.deny,
    compliance: [...new Set(compliance)],
    maxLatencyMs: policy.maxLatencyMs,
    minBandwidthMbps: policy.minBandwidthMbps,
    maxSyncIntervalMs: policy.maxSyncInterval === undefined ? undefined : parseDuration(policy.maxSyncInterval),
    resources: toAmounts(policy.resources),
    near,
    min: minClusters,
    max: typeof maxClusters === 'number' ? maxClusters : Number.POSITIVE_INFINITY,
    regions: spread?.regions ?? 0,
    zones: spread?.zones ?? 0,
    isReplicated: replicate !== undefined,
    isLinked: replicate === 'data',
    fill: maxClusters !== undefined ? 'all' : replicate !== undefined ? 'replicas' : 'none',
  };
}

/** Every constraint of a demand, each of which can be left out by itself. */
export function constraintsOf(demand: Demand, fleet: Fleet): readonly Constraint[] {
  const { component, resources } = demand;
  const list: Constraint[] = [];
  const add = (field: string, text: string | undefined, relax: Constraint['relax']): void => {
    if (text === undefined) return;
    const at = field === 'platforms' ? {} : { at: fleet.locate(component, field.split('.')) };
    list.push({ component, field, text, ...at, relax });
  };
  const when = <T>(value: T | undefined, text: (value: T) => string): string | undefined =>
    value === undefined ? undefined : text(value);
  const isWritten = (field: keyof FleetPlacement): boolean => fleet.placement.get(component)?.[field] !== undefined;
  const byDefault = (field: keyof FleetPlacement): string => (isWritten(field) ? '' : ', as nothing else is said');

  add(
    'platforms',
    when(demand.platforms, (all) => `runs on ${all.join(', ')}`),
    (same) => ({ ...same, platforms: undefined }),
  );
  add(
    'roles',
    when(demand.roles, (roles) => `only on clusters of role ${roles.join(', ')}${byDefault('roles')}`),
    (same) => ({ ...same, roles: undefined }),
  );
  add(
    'kinds',
    when(demand.kinds, (kinds) => `only on clusters of kind ${kinds.join(', ')}`),
    (same) => ({ ...same, kinds: undefined }),
  );
  add(
    'regions.allow',
    when(demand.allow, (regions) => `only in ${regions.join(', ')}`),
    (same) => ({ ...same, allow: undefined }),
  );
  add(
    'regions.deny',
    when(demand.deny, (regions) => `never in ${regions.join(', ')}`),
    (same) => ({ ...same, deny: undefined }),
  );
  for (const label of demand.compliance) {
    add('compliance', `only on clusters with ${label}`, (same) => ({
      ...same,
      compliance: same.compliance.filter((each) => each !== label),
    }));
  }
  add(
    'maxLatencyMs',
    when(demand.maxLatencyMs, (ms) => `within ${ms} ms of a primary`),
    (same) => ({ ...same, maxLatencyMs: undefined }),
  );
  add(
    'minBandwidthMbps',
    when(demand.minBandwidthMbps, (mbps) => `with ${mbps} Mbit/s to a primary`),
    (same) => ({ ...same, minBandwidthMbps: undefined }),
  );
  add(
    'maxSyncInterval',
    when(demand.maxSyncIntervalMs, (ms) => `in contact with a primary every ${formatSpan(ms)}`),
    (same) => ({ ...same, maxSyncIntervalMs: undefined }),
  );
  for (const resource of ['cpu', 'memory', 'storage'] as const) {
    add(
      `resources.${resource}`,
      when(resources[resource], (amount) => `needs ${resource} ${formatAmount(resource, amount)} on each cluster`),
      (same) => ({ ...same, resources: { ...same.resources, [resource]: undefined } }),
    );
  }
  add(
    'near',
    when(demand.near, (near) => `only where ${near.component} is (within: ${near.within})`),
    (same) => ({ ...same, near: undefined }),
  );
  add('spread.regions', demand.regions > 1 ? `in at least ${demand.regions} regions` : undefined, (same) => ({
    ...same,
    regions: 0,
  }));
  add('spread.zones', demand.zones > 1 ? `in at least ${demand.zones} zones` : undefined, (same) => ({
    ...same,
    zones: 0,
  }));
  add(
    'replicate',
    demand.isReplicated
      ? `on a primary and on a secondary or dr${demand.isLinked ? ' that a link joins' : ''}`
      : undefined,
    (same) => ({ ...same, isReplicated: false, isLinked: false }),
  );
  add('maxClusters', Number.isFinite(demand.max) ? `on at most ${demand.max} clusters` : undefined, (same) => ({
    ...same,
    max: Number.POSITIVE_INFINITY,
  }));
  add(
    'minClusters',
    `on at least ${demand.min} cluster${demand.min === 1 ? '' : 's'}${byDefault('minClusters')}`,
    (same) => ({
      ...same,
      min: 0,
    }),
  );
  return list;
}

/** An amount of a resource as Kubernetes writes it. */
export function formatAmount(resource: keyof Amounts, amount: number): string {
  return resource === 'cpu' ? formatMilli(amount) : formatByteQuantity(amount);
}
