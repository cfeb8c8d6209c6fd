/** What becomes of a placement that was found: no cluster too many, and then every cluster that is also wished for. */
import type { Cluster } from '../fleet.ts';
import type { Demand } from './demand.ts';
import { needsOf } from './needs.ts';
import type { PlacementState, PlacementTask } from './placement-state.ts';

/** Takes components off clusters on the way to a placement that nothing needs, the least preferred first. */
export function trimPlacement(task: PlacementTask, state: PlacementState): void {
  // Only what others are near to was put on more clusters than it needs by itself; those that are near come later.
  for (const demand of [...new Set(task.nearTo)].filter((each) => each >= 0).sort((a, b) => b - a)) {
    for (const cluster of [...(task.candidates[demand] ?? [])].reverse()) {
      if (!state.chosen(demand).has(cluster)) continue;
      state.release(demand, cluster);
      if (!isWhole(task, state, demand)) state.choose(demand, cluster);
    }
  }
}

/** Puts components that ask for more clusters than they need on those that take them. */
export function fillPlacement(task: PlacementTask, state: PlacementState): void {
  for (const [demand, { fill, max }] of task.demands.entries()) {
    for (const cluster of task.candidates[demand] ?? []) {
      if (fill === 'none' || state.chosen(demand).size >= max) break;
      if (fill === 'replicas' && task.clusters[cluster]?.role === 'primary') continue;
      if (state.chosen(demand).has(cluster) || !state.fits(demand, cluster)) continue;
      if (state.isNear(demand, cluster) && state.isJoined(demand, cluster)) state.choose(demand, cluster);
    }
  }
}

function isWhole(task: PlacementTask, state: PlacementState, demand: number): boolean {
  const chosen = [...state.chosen(demand)];
  const clusters = chosen.map((index) => task.clusters[index] as Cluster);
  return (
    needsOf(task.demands[demand] as Demand, clusters).areMet &&
    chosen.every((cluster) => state.isJoined(demand, cluster)) &&
    task.nearTo.every(
      (target, near) => target !== demand || [...state.chosen(near)].every((cluster) => state.isNear(near, cluster)),
    )
  );
}
