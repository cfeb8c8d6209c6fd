/** What each cluster of a fleet gets of a release: its components, platforms and manifests. Asks nothing. */
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { nearest } from '../../base/suggestion.ts';
import { UsageError } from '../../errors.ts';
import type { Cluster, Fleet } from '../../fleet/fleet.ts';
import { findPlatforms } from '../../oci/platform.ts';
import { profilesOf } from '../deploy/chosen-manifests.ts';

/** What one cluster gets. */
export interface ClusterTask {
  readonly cluster: Cluster;
  readonly components: readonly string[];
  /** Platforms of the release that its nodes have; undefined for all of them. */
  readonly platforms: readonly string[] | undefined;
  /** Which manifests of the release. */
  readonly profile: string;
}

/** Options of {@link planClusters}. */
export interface ClusterTaskOptions {
  /** For clusters whose entry does not say which. */
  readonly profile?: string | undefined;
  /** Only these clusters; none means all. @defaultValue all */
  readonly only?: readonly string[] | undefined;
}

/**
 * Says what each cluster gets that anything is placed on.
 * @param placed components by the name of a cluster
 * @throws UsageError `USAGE` naming every cluster that lacks a registry or a context, whose manifests are not clear, or
 *   that is asked for and gets nothing
 */
export function planClusters(
  fleet: Fleet,
  placed: ReadonlyMap<string, readonly string[]>,
  inventory: Pick<Inventory, 'files' | 'platforms'>,
  { profile: common, only = [] }: ClusterTaskOptions = {},
): readonly ClusterTask[] {
  assertClusters(only, fleet);
  const empty = only.find((name) => (placed.get(name) ?? []).length === 0);
  if (empty !== undefined) {
    throw new UsageError('USAGE', `nothing is placed on ${empty}`, { hint: '`airgap place` says why' });
  }
  const profiles = [...profilesOf(inventory.files).keys()].sort();
  const faults: string[] = [];
  const tasks: ClusterTask[] = [];
  for (const cluster of fleet.clusters) {
    const components = placed.get(cluster.name) ?? [];
    if (components.length === 0 || (only.length > 0 && !only.includes(cluster.name))) continue;
    const profile = chooseProfile(cluster, common, profiles);
    if (cluster.registry === undefined) faults.push(`${cluster.name} has no registry`);
    if (cluster.context === undefined && cluster.kubeconfig === undefined) {
      faults.push(`${cluster.name} has neither a context nor a kubeconfig`);
    }
    if (profile === undefined) {
      const asked = cluster.profile ?? common;
      faults.push(
        `${cluster.name} ${asked === undefined ? 'has no profile' : `has profile ${asked}, which is not in the archive`}`,
      );
    } else {
      tasks.push({ cluster, components, platforms: platformsFor(cluster, inventory.platforms), profile });
    }
  }
  if (faults.length === 0) return tasks;
  throw new UsageError('USAGE', `${fleet.name} does not say how these clusters are deployed`, {
    items: faults,
    hint: `give them registry, context and profile in the fleet.yaml; the archive has the profiles ${profiles.join(', ') || '(none)'}`,
  });
}

/** The one that is asked for, else the one that is called as the role, else the only one. */
function chooseProfile(
  { profile, role }: Cluster,
  common: string | undefined,
  profiles: readonly string[],
): string | undefined {
  const asked = profile ?? common;
  if (asked !== undefined) return profiles.includes(asked) ? asked : undefined;
  // What takes over from a primary is set up as what follows it.
  const called = role === 'dr' ? [role, 'secondary'] : [role];
  return called.find((name) => profiles.includes(name)) ?? (profiles.length === 1 ? profiles[0] : undefined);
}

/** Those of its nodes that the release has; all of them where that is all. */
function platformsFor({ platforms }: Cluster, carried: readonly string[]): readonly string[] | undefined {
  if (platforms === undefined) return undefined;
  const own = platforms.filter((platform) => findPlatforms(carried, platform).length > 0);
  const met = new Set(own.flatMap((platform) => findPlatforms(carried, platform)));
  return own.length === 0 || met.size === carried.length ? undefined : own;
}

/** Holds that clusters which are asked for are there. @throws UsageError `USAGE` */
export function assertClusters(only: readonly string[], { name: fleet, clusters }: Fleet): void {
  const names = clusters.map(({ name }) => name);
  const unknown = only.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const meant = nearest(unknown, names);
  throw new UsageError('USAGE', `${fleet} has no cluster ${unknown}`, {
    hint: meant === undefined ? `it has ${names.slice(0, 20).join(', ')}` : `did you mean ${meant}?`,
  });
}
