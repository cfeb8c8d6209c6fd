/** `airgap place`: which components of a release go to which clusters of a fleet, and why. */
import { UsageError } from '../../../errors.ts';
import { defineCommand, optionalArgument, text } from '../../command.ts';

export const place = defineCommand({
  name: 'place',
  summary: 'decide which components go to which clusters of a fleet, with the reason for every yes and no',
  examples: [
    'place --fleet fleet.yaml',
    'place hexabase-offline-1.5.0.tar --fleet fleet.yaml',
    'place release.yaml --fleet fleet.yaml --json',
  ],
  arguments: {
    release: optionalArgument(
      'release',
      'a release.yaml, a release.lock.json or an archive (default: the release.yaml of this directory)',
    ),
  },
  options: { fleet: text('--fleet <file>', 'the clusters and where components go (default: fleet.yaml)') },
  async run({ output, signal }, { release }, { fleet = 'fleet.yaml' }) {
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { placeRelease } = await import('../../../operations/place.ts');
    const { describePlacement, toPlacementReport } = await import('../../../report/placement-report.ts');
    const path = release ?? chooseInput(undefined).path;
    const result = await placeRelease({ release: path, fleet, signal });
    output.result(toPlacementReport(result), describePlacement(result));
    const { placement } = result;
    if (placement.outcome === 'placed') return;
    if (placement.outcome === 'undecided') {
      throw new UsageError(
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
    throw new UsageError('UNPLACEABLE', `${fleet}: these cannot hold together${all}:`, {
      items: constraints.map(({ component, text: words, at }) => `${at ?? 'the release'}: ${component}: ${words}`),
      hint: 'change one of them, or add a cluster or capacity; without any one of them there is a placement of these components',
      details: { fleet, constraints: constraints.length },
    });
  },
});
