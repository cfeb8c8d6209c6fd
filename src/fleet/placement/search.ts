/**
 * Finds clusters for every component so that all constraints hold: depth first, the preferred clusters first, back
 * when there is no way on. Complete unless its bound is hit, and then it says so. The bound counts work and not time,
 * so that every machine finds the same.
 */
import type { Cluster } from '../fleet.ts';
import { needsOf, type Needs } from './needs.ts';
import { PlacementState, type PlacementTask } from './placement-state.ts';

/** Clusters that are looked at before a search gives up. */
export const MAX_WORK = 5_000_000;

/** `undecided`: the bound was hit; there may be a placement or not. */
export type SearchOutcome =
  | { readonly kind: 'found'; readonly state: PlacementState }
  | { readonly kind: 'none' }
  | { readonly kind: 'undecided' };

/** One decision: the next cluster of a component, or that it has enough. */
interface Node {
  readonly demand: number;
  /** Clusters that were tried in vain from here on, and those that are like them. */
  readonly excluded: number[];
  /** A cluster, -1 for having enough, or nothing yet. */
  decision: number | undefined;
  hasStopped: boolean;
}

/** Searches. @param maxWork clusters that are looked at before it gives up; @defaultValue {@link MAX_WORK} */
export function searchPlacement(task: PlacementTask, maxWork: number = MAX_WORK): SearchOutcome {
  return new Search(task, maxWork).run();
}

class Search {
  readonly #task: PlacementTask;
  readonly #state: PlacementState;
  readonly #classes: readonly string[];
  /** Demands whose clusters matter to later ones: more clusters than they need may help these. */
  readonly #isTarget: readonly boolean[];
  /** For each demand that is open, the clusters that are left to choose from. */
  readonly #pools: Set<number>[] = [];
  readonly #nodes: Node[] = [];
  readonly #failed = new Set<string>();
  #work: number;

  constructor(task: PlacementTask, maxWork: number) {
    this.#task = task;
    this.#work = maxWork;
    this.#state = new PlacementState(task);
    this.#classes = classify(task);
    const targets = new Set(task.nearTo);
    this.#isTarget = task.demands.map((_, index) => targets.has(index));
  }

  run(): SearchOutcome {
    if (!this.#open(0)) return { kind: 'found', state: this.#state };
    while (this.#work > 0) {
      const node = this.#nodes.at(-1);
      if (node === undefined) return { kind: 'none' };
      const needs = this.#needsOf(node.demand);
      if (needs.areMet && !node.hasStopped) {
        node.hasStopped = true;
        node.decision = -1;
        if (!this.#open(node.demand + 1)) return { kind: 'found', state: this.#state };
        continue;
      }
      const next = this.#pick(node, needs);
      if (next === undefined) {
        this.#fail(node);
        continue;
      }
      node.decision = next;
      this.#state.choose(node.demand, next);
      this.#pools[node.demand]?.delete(next);
      this.#nodes.push({ demand: node.demand, excluded: [], decision: undefined, hasStopped: false });
    }
    return { kind: 'undecided' };
  }

  /** Begins with a component; false when there is none left. */
  #open(demand: number): boolean {
    const candidates = this.#task.candidates[demand];
    if (candidates === undefined) return false;
    this.#work -= candidates.length + (this.#failed.size > 0 ? this.#task.clusters.length : 0) + 1;
    const isKnown = this.#failed.size > 0 && this.#failed.has(this.#state.fingerprint(demand));
    this.#pools[demand] = new Set(
      isKnown
        ? []
        : candidates.filter((cluster) => this.#state.fits(demand, cluster) && this.#state.isNear(demand, cluster)),
    );
    this.#nodes.push({ demand, excluded: [], decision: undefined, hasStopped: isKnown });
    return true;
  }

  #needsOf(demand: number): Needs {
    const chosen = [...this.#state.chosen(demand)].map((index) => this.#task.clusters[index] as Cluster);
    this.#work -= chosen.length;
    return needsOf(this.#task.demands[demand] as PlacementTask['demands'][number], chosen);
  }

  /** The first of the pool that helps most, or none when no more can or may be chosen. */
  #pick({ demand, hasStopped }: Node, needs: Needs): number | undefined {
    const asked = this.#task.demands[demand] as PlacementTask['demands'][number];
    const pool = this.#pools[demand] ?? new Set();
    const count = this.#state.chosen(demand).size;
    if (count >= asked.max || count + pool.size < asked.min) return undefined;
    if (hasStopped && this.#isTarget[demand] !== true) return undefined;
    let best: number | undefined;
    let bestHelp = -1;
    for (const cluster of pool) {
      this.#work -= 1;
      const help = needs.helps(this.#task.clusters[cluster] as Cluster);
      if (help <= bestHelp || !this.#state.isJoined(demand, cluster)) continue;
      [best, bestHelp] = [cluster, help];
      if (help === needs.open) break;
    }
    return best;
  }

  /** Goes back to the decision before, which was wrong: its cluster, and all that are like it, are out. */
  #fail(node: Node): void {
    this.#nodes.pop();
    this.#restore(node);
    const before = this.#nodes.at(-1);
    if (before?.decision === undefined) return;
    if (before.decision < 0) {
      this.#work -= this.#task.clusters.length;
      this.#failed.add(this.#state.fingerprint(node.demand));
      return;
    }
    const { demand, decision } = before;
    this.#state.release(demand, decision);
    before.excluded.push(decision);
    const pool = this.#pools[demand] ?? new Set<number>();
    for (const other of pool) {
      if (this.#classes[other] !== this.#classes[decision] || !this.#state.isAlike(other, decision)) continue;
      before.excluded.push(other);
      pool.delete(other);
    }
    this.#work -= pool.size;
  }

  /** What was out from a node on is not any more; the pool keeps its order of preference. */
  #restore({ demand, excluded }: Node): void {
    if (excluded.length === 0) return;
    const left = new Set([...(this.#pools[demand] ?? []), ...excluded]);
    this.#work -= left.size;
    this.#pools[demand] = new Set((this.#task.candidates[demand] ?? []).filter((cluster) => left.has(cluster)));
  }
}

/** A text for each cluster; those with the same one can stand in for each other as long as nothing is on them. */
function classify({ clusters, demands, candidates, contacts }: PlacementTask): readonly string[] {
  const canTake = clusters.map(() => [] as number[]);
  for (const [demand, list] of candidates.entries()) for (const cluster of list) canTake[cluster]?.push(demand);
  const isLinked = demands.some((demand) => demand.isLinked);
  return clusters.map(({ name, role, region, zone, capacity }, index) =>
    JSON.stringify([
      [role, region, zone ?? '', capacity.cpu ?? -1, capacity.memory ?? -1, capacity.storage ?? -1],
      canTake[index],
      isLinked ? [...contacts.neighbours(name)].sort() : [],
    ]),
  );
}
