/** Decides which components go to which clusters, with the reason for every yes and every no. Pure: the same input, the same answer. */
import type { Cluster, Fleet } from '../fleet.ts';
import { CLUSTER_ROLES } from '../fleet-schema.ts';
import { fillPlacement, trimPlacement } from './adjustment.ts';
import { toContacts, type Contacts } from './contacts.ts';
import { toDemand, type Demand, type PlacedComponent } from './demand.ts';
import { reasonsAgainst, reasonsFor } from './reasons.ts';
import { toTask, type PlacementState, type PlacementTask } from './placement-state.ts';
import { refusalsOf, RESOURCES } from './eligibility.ts';
import { searchPlacement } from './search.ts';
import { findConflict, type Conflict } from './unsatisfiable.ts';

/** What was decided of one component and one cluster. */
export interface Decision {
  readonly cluster: string;
  readonly isPlaced: boolean;
  readonly reasons: readonly string[];
}

/** Where one component goes. */
export interface ComponentPlacement {
  readonly component: string;
  /** Of every cluster: those it goes to first, each by role and name. */
  readonly decisions: readonly Decision[];
  /** Data flows from a primary to each other cluster it is on, where that is asked for. */
  readonly replication: readonly { readonly from: string; readonly to: string }[];
}

/** What is left of a cluster; absent for what it does not state. */
export interface ClusterLoad {
  readonly cluster: string;
  readonly components: readonly string[];
  readonly free: { readonly [resource in (typeof RESOURCES)[number]]?: number };
}

/** All of it, or why there is none. */
export type Placement =
  | {
      readonly outcome: 'placed';
      readonly components: readonly ComponentPlacement[];
      readonly clusters: readonly ClusterLoad[];
    }
  | {
      readonly outcome: 'impossible';
      readonly conflict: Conflict;
      /** Of the components in the conflict: which clusters they could be on at all, and why not on others. */
      readonly components: readonly ComponentPlacement[];
    }
  | { readonly outcome: 'undecided' };

/** Places every component. Neither the order of components nor that of clusters and links changes anything. */
export function placeComponents(components: readonly PlacedComponent[], fleet: Fleet): Placement {
  const demands = components.map((component) => toDemand(component, fleet.placement.get(component.name)));
  const contacts = toContacts(fleet.clusters, fleet.links);
  const task = toTask(fleet.clusters, demands, contacts);
  const found = searchPlacement(task);
  if (found.kind === 'undecided') return { outcome: 'undecided' };
  if (found.kind === 'none') return explainConflict(fleet, demands, contacts);
  trimPlacement(task, found.state);
  fillPlacement(task, found.state);
  const numbers = new Map(task.clusters.map((cluster, index) => [cluster, index]));
  const placed = task.demands.map((_, index) => describe(task, found.state, index));
  return {
    outcome: 'placed',
    components: placed.sort(byComponent),
    clusters: byRole(task.clusters).map((cluster) => {
      const number = numbers.get(cluster) ?? -1;
      return {
        cluster: cluster.name,
        components: componentsOn(task, found.state, number),
        free: freeOf(found.state, number),
      };
    }),
  };
}

function describe(task: PlacementTask, state: PlacementState, demand: number): ComponentPlacement {
  const asked = task.demands[demand] as Demand;
  const numbers = new Map(task.clusters.map((cluster, index) => [cluster, index]));
  const decisions = byRole(task.clusters).map((cluster): Decision => {
    const number = numbers.get(cluster) ?? -1;
    const isPlaced = state.chosen(demand).has(number);
    return {
      cluster: cluster.name,
      isPlaced,
      reasons: isPlaced ? reasonsFor(task, demand, number) : reasonsAgainst(task, state, demand, number),
    };
  });
  return {
    component: asked.component,
    decisions: [...decisions.filter(({ isPlaced }) => isPlaced), ...decisions.filter(({ isPlaced }) => !isPlaced)],
    replication: asked.isLinked ? replicationOf(task, state, demand) : [],
  };
}

/** From the first primary by name that a link joins with the cluster. */
function replicationOf(task: PlacementTask, state: PlacementState, demand: number): ComponentPlacement['replication'] {
  const chosen = byRole([...state.chosen(demand)].map((index) => task.clusters[index] as Cluster));
  const primaries = new Set(chosen.filter(({ role }) => role === 'primary').map(({ name }) => name));
  return chosen
    .filter(({ role }) => role !== 'primary')
    .flatMap(({ name }) => {
      const source = task.contacts.toPrimaries(name).find(({ to }) => primaries.has(to));
      return source === undefined ? [] : [{ from: source.to, to: name }];
    });
}

function explainConflict(fleet: Fleet, demands: readonly Demand[], contacts: Contacts): Placement {
  const conflict = findConflict(fleet, demands, contacts);
  const components = demands
    .filter(({ component }) => conflict.components.includes(component))
    .map((demand) => ({
      component: demand.component,
      replication: [],
      decisions: byRole(fleet.clusters).map((cluster) => {
        const reasons = refusalsOf(demand, cluster, contacts);
        return {
          cluster: cluster.name,
          isPlaced: false,
          reasons: reasons.length > 0 ? reasons : ['could take it, if nothing else spoke against it'],
        };
      }),
    }));
  return { outcome: 'impossible', conflict, components: components.sort(byComponent) };
}

function byRole(clusters: readonly Cluster[]): readonly Cluster[] {
  const rank = ({ role }: Cluster): number => CLUSTER_ROLES.indexOf(role);
  return [...clusters].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function byComponent(a: ComponentPlacement, b: ComponentPlacement): number {
  return a.component < b.component ? -1 : 1;
}

function componentsOn(task: PlacementTask, state: PlacementState, cluster: number): readonly string[] {
  return task.demands
    .filter((_, demand) => state.chosen(demand).has(cluster))
    .map(({ component }) => component)
    .sort();
}

function freeOf(state: PlacementState, cluster: number): ClusterLoad['free'] {
  const entries = RESOURCES.map((each) => [each, state.free(cluster, each)] as const);
  return Object.fromEntries(entries.filter(([, amount]) => Number.isFinite(amount)));
}
