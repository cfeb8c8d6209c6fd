/** Why no placement exists: constraints that cannot hold together, none of which could be left out of the list. */
import type { Fleet } from '../fleet.ts';
import { constraintsOf, type Constraint, type Demand } from './demand.ts';
import type { Contacts } from './contacts.ts';
import { toTask } from './placement-state.ts';
import { searchPlacement } from './search.ts';

/** Clusters that one question may look at. */
const MAX_WORK = 2_000_000;

/** Constraints that cannot hold together. */
export interface Conflict {
  /** By component, in the order of the fields in docs/fleet.md. */
  readonly constraints: readonly Constraint[];
  /** The components they are of. */
  readonly components: readonly string[];
  /** False where a question was too large to be answered: some constraint may not be needed. */
  readonly isMinimal: boolean;
}

/** Finds one by leaving out. `demands` are known to have no placement together. */
export function findConflict(fleet: Fleet, demands: readonly Demand[], contacts: Contacts): Conflict {
  let isMinimal = true;
  const isImpossible = (some: readonly Demand[]): boolean => {
    const outcome = searchPlacement(toTask(fleet.clusters, some, contacts), MAX_WORK);
    if (outcome.kind === 'undecided') isMinimal = false;
    // What is not known to be possible without a constraint is not said to be impossible either: it stays.
    return outcome.kind === 'none';
  };
  const sorted = [...demands].sort((a, b) => (a.component < b.component ? -1 : 1));
  const components = fewest(sorted, isImpossible);
  let left = components;
  let constraints = components.flatMap((demand) => constraintsOf(demand, fleet));
  for (const constraint of constraints) {
    const without = left.map((each) => (each.component === constraint.component ? constraint.relax(each) : each));
    if (!isImpossible(without)) continue;
    left = without;
    constraints = constraints.filter((each) => each !== constraint);
  }
  return { constraints, components: [...new Set(constraints.map(({ component }) => component))], isMinimal };
}

/** One demand that is impossible alone; otherwise demands of which none can be left out. */
function fewest(demands: readonly Demand[], isImpossible: (some: readonly Demand[]) => boolean): readonly Demand[] {
  const alone = demands.find((demand) => isImpossible([demand]));
  if (alone !== undefined) return [alone];
  // The shortest beginning that is impossible ends with one that is needed; so, again, with that one in front.
  let rest = demands;
  const needed: Demand[] = [];
  while (!isImpossible(needed)) {
    let [low, high] = [0, rest.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isImpossible([...needed, ...rest.slice(0, middle)])) high = middle;
      else low = middle + 1;
    }
    const last = rest[low - 1];
    if (last === undefined || low > rest.length) return [...needed, ...rest];
    needed.push(last);
    rest = rest.slice(0, low - 1);
  }
  return needed;
}
