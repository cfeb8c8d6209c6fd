/** `airgap place`: which components of a release go to which clusters of a fleet, and why. */
import { defineCommand, optionalArgument, text } from '../../command.ts';
import { unplaceable } from './unplaceable.ts';

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
    if (placement.outcome !== 'placed') throw unplaceable(placement, fleet);
  },
});
