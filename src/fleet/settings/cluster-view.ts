/** What one cluster of a fleet has to know of the others: which primary it follows, who is near, where each is reached. Pure. */
import { toContacts } from '../placement/contacts.ts';
import type { ComponentPlacement } from '../placement/placement.ts';
import type { Cluster, Fleet } from '../fleet.ts';

/** Data of a component that is copied from one cluster to another. */
export interface Flow {
  readonly component: string;
  readonly from: string;
  readonly to: string;
}

/** A fleet, as one of its clusters sees it. */
export interface ClusterView {
  readonly fleet: string;
  readonly self: Cluster;
  /** The primary that it follows; itself for a primary, and absent where a fleet has none. */
  readonly primary: Cluster | undefined;
  /** Other clusters that anything is placed on: its primary, those that a link joins with it, those that data flows from or to. By name. */
  readonly peers: readonly Cluster[];
  /** What flows from it and to it. */
  readonly flows: readonly Flow[];
}

/**
 * The fleet as each cluster sees it.
 * @param placed clusters that anything is placed on
 */
export function createViews(
  fleet: Fleet,
  components: readonly ComponentPlacement[],
  placed: ReadonlySet<string>,
): (cluster: Cluster) => ClusterView {
  const contacts = toContacts(fleet.clusters, fleet.links);
  const byName = new Map(fleet.clusters.map((cluster) => [cluster.name, cluster]));
  const primaries = fleet.clusters.filter(({ role, name }) => role === 'primary' && placed.has(name)).map(({ name }) => name).sort(); // prettier-ignore
  const allFlows = components.flatMap(({ component, replication }) =>
    replication.map((pair) => ({ component, ...pair })),
  );
  return (self) => {
    const flows = allFlows.filter(({ from, to }) => from === self.name || to === self.name);
    const linked = contacts.toPrimaries(self.name).map(({ to }) => to).filter((name) => placed.has(name)); // prettier-ignore
    const source = flows.find(({ to }) => to === self.name)?.from;
    const primary = self.role === 'primary' ? self.name : (source ?? linked[0] ?? primaries[0]);
    const names = [
      ...(primary === undefined ? [] : [primary]),
      ...contacts.neighbours(self.name),
      ...flows.flatMap(({ from, to }) => [from, to]),
    ];
    const peers = [...new Set(names)].filter((name) => name !== self.name && placed.has(name)).sort();
    return {
      fleet: fleet.name,
      self,
      primary: primary === undefined ? undefined : byName.get(primary),
      peers: peers.flatMap((name) => byName.get(name) ?? []),
      flows,
    };
  };
}
