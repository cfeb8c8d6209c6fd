/** `airgap rollback`: back to the release that was complete before. */
import { argument, defineCommand } from '../../command.ts';
import { rollbackOptions } from '../../options/deploy-options.ts';
import { readTerms } from '../../options/trust-options.ts';

export const rollback = defineCommand({
  name: 'rollback',
  summary: 'go back to a release that was complete in a cluster before, by its archive; its jobs do not run again',
  examples: [
    'rollback shop-offline-1.0.0.tar --key release.pub --to docker://registry.internal:5000 --plan',
    'rollback shop-offline-1.0.0.tar --key release.pub --to docker://registry.internal:5000 --prune',
  ],
  arguments: { archive: argument('archive', 'the file of the release to go back to') },
  options: rollbackOptions,
  async run(context, { archive }, options) {
    const terms = await readTerms(options, context);
    const { rollbackToArchive } = await import('./rollback-archive.ts');
    await rollbackToArchive(context, archive, terms, options);
  },
});
