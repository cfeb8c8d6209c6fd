/** Fleets for tests: what a fleet.yaml says, as data. */
import { parseFleet, type Fleet } from '../../src/fleet/fleet.ts';
import type { FleetDocument } from '../../src/fleet/fleet-schema.ts';
import { placeComponents, type Placement } from '../../src/fleet/placement/placement.ts';

export type ClusterEntry = FleetDocument['clusters'][number];
export type LinkEntry = NonNullable<FleetDocument['links']>[number];
/** As written: defaults may be left out. */
export type PlacementEntries = Readonly<Record<string, object>>;

/** A cluster on premises in region `eu`, where nothing else is said. */
export function cluster(name: string, role: ClusterEntry['role'], more: Partial<ClusterEntry> = {}): ClusterEntry {
  return { name, role, kind: 'on-premises', region: 'eu', ...more };
}

/** What a fleet.yaml says. */
export interface FleetParts {
  readonly clusters: readonly ClusterEntry[];
  readonly links?: readonly LinkEntry[] | undefined;
  readonly placement?: PlacementEntries | undefined;
}

/** Reads it as a fleet.yaml is read: JSON is YAML. */
export function toFleet(parts: FleetParts): Fleet {
  return parseFleet(
    JSON.stringify({ apiVersion: 'airgap.hexabase.ai/v1', kind: 'Fleet', name: 'test', ...parts }),
    'fleet.yaml',
  );
}

/** Places the components that are named, or those that have an entry. */
export function place(
  parts: FleetParts,
  components: readonly string[] = Object.keys(parts.placement ?? {}),
): Placement {
  return placeComponents(
    components.map((name) => ({ name })),
    toFleet(parts),
  );
}

/** Where each component goes, sorted; or the constraints that cannot hold together, as `component.field`. */
export function summary(placement: Placement): Readonly<Record<string, readonly string[]>> | readonly string[] {
  if (placement.outcome === 'undecided') return ['undecided'];
  if (placement.outcome === 'impossible') {
    return placement.conflict.constraints.map(({ component, field }) => `${component}.${field}`).sort();
  }
  return Object.fromEntries(
    placement.components.map(({ component, decisions }) => [
      component,
      decisions.flatMap((each) => (each.isPlaced ? [each.cluster] : [])).sort(),
    ]),
  );
}
