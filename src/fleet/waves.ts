/** In which order the clusters of a fleet are deployed: what others follow first, what may be out of contact last. */
import type { ClusterRole } from './fleet-schema.ts';
import type { Cluster } from './fleet.ts';

/** The roles of each wave. */
const WAVES: readonly (readonly ClusterRole[])[] = [['primary'], ['secondary', 'dr'], ['edge']];

/** The clusters of each wave, by name; waves without any are left out. Within one, the order does not matter. */
export function wavesOf(clusters: readonly Cluster[]): readonly (readonly Cluster[])[] {
  return WAVES.map((roles) =>
    clusters.filter(({ role }) => roles.includes(role)).sort((a, b) => (a.name < b.name ? -1 : 1)),
  ).filter((wave) => wave.length > 0);
}
