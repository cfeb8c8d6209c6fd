/** The links of a fleet by cluster: who is joined to whom, and how near each cluster is to a primary. */
import type { Cluster, Link } from '../fleet.ts';

/** A link to a primary. */
export interface Contact extends Omit<Link, 'between'> {
  /** The primary. */
  readonly to: string;
}

/** The links of one fleet. */
export interface Contacts {
  /** To every primary that a link joins with the cluster, by name of the primary. */
  toPrimaries(cluster: string): readonly Contact[];
  /** Every cluster that a link joins with this one. */
  neighbours(cluster: string): ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();

/** Orders the links of a fleet. */
export function toContacts(clusters: readonly Cluster[], links: readonly Link[]): Contacts {
  const primaries = new Set(clusters.filter(({ role }) => role === 'primary').map(({ name }) => name));
  const contacts = new Map<string, Contact[]>();
  const neighbours = new Map<string, Set<string>>();
  const join = (from: string, to: string, { between: _, ...link }: Link): void => {
    neighbours.set(from, (neighbours.get(from) ?? new Set()).add(to));
    if (!primaries.has(to)) return;
    const known = contacts.get(from) ?? [];
    known.push({ to, ...link });
    contacts.set(from, known);
  };
  for (const link of links) {
    const [one, other] = link.between;
    join(one, other, link);
    join(other, one, link);
  }
  for (const list of contacts.values()) list.sort((a, b) => (a.to < b.to ? -1 : 1));
  return {
    toPrimaries: (cluster) => contacts.get(cluster) ?? [],
    neighbours: (cluster) => neighbours.get(cluster) ?? NONE,
  };
}
