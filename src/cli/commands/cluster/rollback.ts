/** `airgap rollback`: back to the release that was complete before. */
import { defineCommand, optionalArgument } from '../../command.ts';
import { rollbackOptions } from '../../options/deploy-options.ts';
import { readTerms } from '../../options/trust-options.ts';

export const rollback = defineCommand({
  name: 'rollback',
  summary:
    'go back to a release that was complete in a cluster before, by its archive or by what was kept of it; its jobs do not run again',
  examples: [
    'rollback shop-offline-1.0.0.tar --key release.pub --to docker://registry.internal:5000 --plan',
    'rollback shop-offline-1.0.0.tar --key release.pub --to docker://registry.internal:5000 --prune',
    'rollback --trust trust.json --state /var/lib/airgap --to docker://registry.internal:5000 --namespace shop --plan',
  ],
  arguments: {
    archive: optionalArgument(
      'archive',
      'the file of the release to go back to (default: what deploy --keep kept of the one before)',
    ),
  },
  options: rollbackOptions,
  async run(context, { archive }, options) {
    const terms = await readTerms(options, context);
    const { rollbackToArchive } = await import('./rollback-archive.ts');
    await rollbackToArchive(context, archive, terms, options);
  },
});
