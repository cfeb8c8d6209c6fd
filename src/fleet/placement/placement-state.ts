/** What is placed so far: who is where, and what room is left. The search changes it step by step, and back. */
import type { Cluster } from '../fleet.ts';
import type { Contacts } from './contacts.ts';
import type { Demand } from './demand.ts';
import { RESOURCES, refusalsOf } from './eligibility.ts';

/** The clusters and demands of one placement, by number, in an order that does not depend on how they were written. */
export interface PlacementTask {
  /** By name. */
  readonly clusters: readonly Cluster[];
  /** Those that others are near to come first; then the ones that need most; then by name. */
  readonly demands: readonly Demand[];
  readonly contacts: Contacts;
  /** For each demand the clusters that can take it, the preferred ones first. */
  readonly candidates: readonly (readonly number[])[];
  /** For each demand the number of the one it is near to, or -1. */
  readonly nearTo: readonly number[];
}

/** Numbers and orders what there is to place. A component that is near to one that is not placed is near to nothing. */
export function toTask(clusters: readonly Cluster[], demands: readonly Demand[], contacts: Contacts): PlacementTask {
  const sorted = [...clusters].sort((a, b) => (a.name < b.name ? -1 : 1));
  const ordered = orderDemands(sorted, demands);
  const numbers = new Map(ordered.map(({ component }, index) => [component, index]));
  const preference = ({ roles = [] }: Demand, { role }: Cluster): number => {
    const place = roles.indexOf(role);
    return place < 0 ? roles.length : place;
  };
  return {
    clusters: sorted,
    demands: ordered,
    contacts,
    candidates: ordered.map((demand) =>
      sorted
        .map((cluster, index) => ({ cluster, index, rank: preference(demand, cluster) }))
        .filter(({ cluster }) => refusalsOf(demand, cluster, contacts).length === 0)
        .sort((a, b) => a.rank - b.rank || a.index - b.index)
        .map(({ index }) => index),
    ),
    nearTo: ordered.map(({ near }) => (near === undefined ? -1 : (numbers.get(near.component) ?? -1))),
  };
}

/** The largest share of what the fleet has that a component takes, of all resources. */
function weightOf({ resources, min }: Demand, totals: ReadonlyMap<string, number>): number {
  return min * Math.max(...RESOURCES.map((each) => (resources[each] ?? 0) / (totals.get(each) ?? 1)));
}

function orderDemands(clusters: readonly Cluster[], demands: readonly Demand[]): readonly Demand[] {
  const totals = new Map(
    RESOURCES.map((each) => [each, clusters.reduce((sum, { capacity }) => sum + (capacity[each] ?? 0), 0) || 1]),
  );
  const sorted = [...demands].sort(
    (a, b) => weightOf(b, totals) - weightOf(a, totals) || (a.component < b.component ? -1 : 1),
  );
  const byName = new Map(sorted.map((demand) => [demand.component, demand]));
  const ordered = new Set<Demand>();
  for (const demand of sorted) {
    const chain: Demand[] = [];
    for (
      let next: Demand | undefined = demand;
      next !== undefined && !ordered.has(next);
      next = byName.get(next.near?.component ?? '')
    ) {
      chain.push(next);
    }
    for (const each of chain.reverse()) ordered.add(each);
  }
  return [...ordered];
}

/** Who is where. */
export class PlacementState {
  readonly #task: PlacementTask;
  /** For each demand the clusters it is on. */
  readonly #chosen: readonly Set<number>[];
  /** Used of each resource, by cluster. */
  readonly #used: readonly number[][];
  readonly #targets: readonly number[];
  /** For each demand the least that it or any later one needs of each resource. */
  readonly #least: readonly (readonly number[])[];

  constructor(task: PlacementTask) {
    this.#task = task;
    this.#chosen = task.demands.map(() => new Set());
    this.#used = task.clusters.map(() => RESOURCES.map(() => 0));
    this.#targets = [...new Set(task.nearTo.filter((target) => target >= 0))];
    this.#least = leastNeeds(task.demands);
  }

  /** The clusters a component is on, by number. */
  chosen(demand: number): ReadonlySet<number> {
    return this.#chosen[demand] ?? new Set();
  }

  /** Puts a component on a cluster. */
  choose(demand: number, cluster: number): void {
    this.#chosen[demand]?.add(cluster);
    this.#use(demand, cluster, 1);
  }

  /** Takes it off again. */
  release(demand: number, cluster: number): void {
    this.#chosen[demand]?.delete(cluster);
    this.#use(demand, cluster, -1);
  }

  /** What is left of a resource, infinite where the cluster does not state what it has. */
  free(cluster: number, resource: (typeof RESOURCES)[number]): number {
    const has = this.#task.clusters[cluster]?.capacity[resource];
    const used = this.#used[cluster]?.[RESOURCES.indexOf(resource)] ?? 0;
    return has === undefined ? Number.POSITIVE_INFINITY : has - used;
  }

  /** Whether the cluster has room for the component. */
  fits(demand: number, cluster: number): boolean {
    const resources = this.#task.demands[demand]?.resources;
    return RESOURCES.every((each) => (resources?.[each] ?? 0) <= this.free(cluster, each));
  }

  /** Whether the component that this one is near to is there. */
  isNear(demand: number, cluster: number): boolean {
    const target = this.#task.nearTo[demand] ?? -1;
    if (target < 0) return true;
    const within = this.#task.demands[demand]?.near?.within;
    if (within === 'cluster') return this.chosen(target).has(cluster);
    const here = this.#task.clusters[cluster];
    return [...this.chosen(target)].some((other) => {
      const there = this.#task.clusters[other];
      return there?.region === here?.region && (within === 'region' || there?.zone === here?.zone);
    });
  }

  /** Whether a link leads to a primary of the component, where that is asked for; the primaries themselves need none. */
  isJoined(demand: number, cluster: number): boolean {
    const { clusters, contacts, demands } = this.#task;
    const here = clusters[cluster];
    if (demands[demand]?.isLinked !== true || here === undefined || here.role === 'primary') return true;
    return contacts.toPrimaries(here.name).some(({ to }) => {
      for (const other of this.chosen(demand)) if (clusters[other]?.name === to) return true;
      return false;
    });
  }

  /** Whether two clusters look the same to everything that is still to be placed. */
  isAlike(one: number, other: number): boolean {
    return (
      RESOURCES.every((each) => this.free(one, each) === this.free(other, each)) &&
      this.#targets.every((target) => this.chosen(target).has(one) === this.chosen(target).has(other))
    );
  }

  /** The same text for every state in which the demands from this one on have the same chances. */
  fingerprint(demand: number): string {
    const least = this.#least[demand] ?? [];
    const used = this.#used.flatMap((amounts, cluster) => {
      if (amounts.every((amount) => amount === 0)) return [];
      // How full a cluster is does not matter once nothing fits any more.
      const isFull = RESOURCES.some((each, index) => this.free(cluster, each) < (least[index] ?? 0));
      return [isFull ? `${cluster}` : `${cluster}:${amounts.join(',')}`];
    });
    const targets = this.#targets
      .filter((target) => target < demand)
      .map((target) => [...this.chosen(target)].sort((a, b) => a - b).join(','));
    return [demand, used.join(' '), ...targets].join(' / ');
  }

  #use(demand: number, cluster: number, sign: 1 | -1): void {
    const used = this.#used[cluster];
    const resources = this.#task.demands[demand]?.resources;
    if (used === undefined || resources === undefined) return;
    for (const [index, resource] of RESOURCES.entries()) {
      used[index] = (used[index] ?? 0) + sign * (resources[resource] ?? 0);
    }
  }
}

function leastNeeds(demands: readonly Demand[]): readonly (readonly number[])[] {
  let least = RESOURCES.map(() => Number.POSITIVE_INFINITY);
  return demands
    .map(({ resources }) => resources)
    .reverse()
    .map((resources) => (least = RESOURCES.map((each, index) => Math.min(least[index] ?? 0, resources[each] ?? 0))))
    .reverse();
}
