/** `airgap deploy`: from the archive to a running platform. */
import { UsageError } from '../../../errors.ts';
import { argument, defineCommand, text } from '../../command.ts';
import { deployOptions } from '../../options/deploy-options.ts';
import { assertFleetOptions, fleetOptions } from '../../options/fleet-options.ts';
import { readTerms } from '../../options/trust-options.ts';

export const deploy = defineCommand({
  name: 'deploy',
  summary: 'verify an archive, load it into the registry of a cluster and bring the platform up there',
  examples: [
    'deploy release.tar --key release.pub --to docker://registry.internal:5000 --plan',
    'deploy release.tar --key release.pub --to docker://registry.internal:5000 --profile small-enterprise --site-values secrets.env',
    'deploy release.tar --trust trust.json --state /var/lib/airgap --to docker://registry.internal:5000 --context prod --generate SITE_API_PASSWORD',
    'deploy release.tar --trust trust.json --state /var/lib/airgap --fleet fleet.yaml',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: {
    ...deployOptions,
    to: text('--to <registry>', 'docker://host[:port][/prefix], from which the nodes pull; required without --fleet'),
    ...fleetOptions,
  },
  async run(context, { archive }, options) {
    assertFleetOptions(options);
    const { to, fleet } = options;
    if (to === undefined && fleet === undefined) {
      throw new UsageError('USAGE', 'give --to, the registry that the nodes of a cluster pull from, or --fleet');
    }
    const terms = await readTerms(options, context);
    if (fleet !== undefined) {
      const { deployFleet } = await import('../fleet/deploy-fleet.ts');
      await deployFleet(context, archive, terms, { ...options, fleet });
    } else if (to !== undefined) {
      const { deployArchive } = await import('./deploy-archive.ts');
      await deployArchive(context, archive, terms, { ...options, to });
    }
  },
});
