/** `airgap deploy`: from the archive to a running platform. */
import { argument, defineCommand } from '../../command.ts';
import { deployOptions } from '../../options/deploy-options.ts';
import { readTerms } from '../../options/trust-options.ts';

export const deploy = defineCommand({
  name: 'deploy',
  summary: 'verify an archive, load it into the registry of a cluster and bring the platform up there',
  examples: [
    'deploy release.tar --key release.pub --to docker://registry.internal:5000 --plan',
    'deploy release.tar --key release.pub --to docker://registry.internal:5000 --profile small-enterprise --site-values secrets.env',
    'deploy release.tar --trust trust.json --state /var/lib/airgap --to docker://registry.internal:5000 --context prod --generate SITE_API_PASSWORD',
  ],
  arguments: { archive: argument('archive', 'the file') },
  options: deployOptions,
  async run(context, { archive }, options) {
    const terms = await readTerms(options, context);
    const { deployArchive } = await import('./deploy-archive.ts');
    await deployArchive(context, archive, terms, options);
  },
});
