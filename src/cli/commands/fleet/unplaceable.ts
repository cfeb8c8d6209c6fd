/** Why components cannot be placed, as an error. */
import { UsageError } from '../../../errors.ts';
import type { Placement } from '../../../fleet/placement/placement.ts';

/** The error of a placement that is none. @param fleet the file, for the message */
export function unplaceable(placement: Exclude<Placement, { readonly outcome: 'placed' }>, fleet: string): UsageError {
  if (placement.outcome === 'undecided') {
    return new UsageError(
      'UNPLACEABLE',
      `${fleet}: no placement was found within the bound of the search; there may be one`,
      {
        hint: 'say more of where components go (roles, regions), so that there is less to try',
        details: { fleet, undecided: true },
      },
    );
  }
  const { constraints, isMinimal } = placement.conflict;
  const all = isMinimal ? '' : ' (not all of them may be needed)';
  return new UsageError('UNPLACEABLE', `${fleet}: these cannot hold together${all}:`, {
    items: constraints.map(({ component, text: words, at }) => `${at ?? 'the release'}: ${component}: ${words}`),
    hint: 'change one of them, or add a cluster or capacity; without any one of them there is a placement of these components',
    details: { fleet, constraints: constraints.length },
  });
}
