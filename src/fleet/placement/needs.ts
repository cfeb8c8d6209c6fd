/** What a component still needs of the clusters it is on: how many, in how many regions and zones, of which roles. */
import type { Cluster } from '../fleet.ts';
import type { Demand } from './demand.ts';

/** What is still to be met. */
export interface Needs {
  /** Whether every constraint on all of its clusters together holds. */
  readonly areMet: boolean;
  /** How many of the open needs one more cluster would help with, apart from their number. */
  helps(cluster: Cluster): number;
  /** The most that any cluster could help with. */
  readonly open: number;
}

/** Looks at the clusters a component is on. */
export function needsOf(demand: Demand, chosen: readonly Cluster[]): Needs {
  const regions = new Set(chosen.map(({ region }) => region));
  const zones = new Set(chosen.map(zoneOf));
  const tests: ((cluster: Cluster) => boolean)[] = [];
  if (regions.size < demand.regions) tests.push(({ region }) => !regions.has(region));
  if (zones.size < demand.zones) tests.push((cluster) => !zones.has(zoneOf(cluster)));
  if (demand.isReplicated) {
    if (!chosen.some(isPrimary)) tests.push(isPrimary);
    if (!chosen.some(isReplica)) tests.push(isReplica);
  }
  return {
    areMet: chosen.length >= demand.min && tests.length === 0,
    helps: (cluster) => tests.filter((test) => test(cluster)).length,
    open: tests.length,
  };
}

/** A zone is one of its region; a region without zones is one zone. */
export function zoneOf({ region, zone }: Cluster): string {
  return `${region}/${zone ?? ''}`;
}

/** Whether the first copy of replicated data may be there. */
export function isPrimary({ role }: Cluster): boolean {
  return role === 'primary';
}

/** Whether copies of a primary may be there. */
export function isReplica({ role }: Cluster): boolean {
  return role === 'secondary' || role === 'dr';
}
