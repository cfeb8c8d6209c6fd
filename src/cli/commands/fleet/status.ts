/** `airgap fleet status`: whether each cluster of a fleet has what is placed there. */
import { count, defineCommand, list, optionalArgument, text } from '../../command.ts';
import { clusterOptions } from '../../options/cluster-options.ts';

const { kubeconfig, namespace, as, asGroup } = clusterOptions;
const MAX_AT_ONCE = 256;
const DEFAULT_AT_ONCE = 16;

export const fleetStatusCommand = defineCommand({
  name: 'fleet status',
  summary: 'compare what runs on each cluster of a fleet with what is placed there',
  examples: [
    'fleet status hexabase-offline-1.5.0.tar --fleet fleet.yaml',
    'fleet status release.yaml --fleet fleet.yaml --only store-7 --json',
  ],
  arguments: {
    release: optionalArgument(
      'release',
      'a release.yaml, a release.lock.json or an archive (default: the release.yaml of this directory)',
    ),
  },
  options: {
    fleet: text('--fleet <file>', 'the clusters and where components go (default: fleet.yaml)'),
    only: list('--only <cluster>', 'ask this cluster only'),
    clustersAtOnce: count(
      '--clusters-at-once <n>',
      'clusters that are asked at the same time (default: 16)',
      1,
      MAX_AT_ONCE,
    ),
    ...{ kubeconfig, namespace, as, asGroup },
  },
  async run(context, { release }, options) {
    const { chooseInput } = await import('../../inputs/release-input.ts');
    const { reportFleetStatus } = await import('./report-status.ts');
    const { fleet = 'fleet.yaml', clustersAtOnce = DEFAULT_AT_ONCE } = options;
    await reportFleetStatus(context, release ?? chooseInput(undefined).path, { ...options, fleet, clustersAtOnce });
  },
});
