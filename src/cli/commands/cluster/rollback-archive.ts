/** Goes back to the release of an archive, as it was deployed when it was complete. */
import { findRollback } from '../../../operations/deploy/rollback.ts';
import type { SiteTerms } from '../../../site/admission.ts';
import type { Context } from '../../context.ts';
import type { RollbackOptionValues } from '../../options/deploy-options.ts';
import { deployArchive } from './deploy-archive.ts';

/** Goes back, or says what would change. */
export async function rollbackToArchive(
  context: Context,
  path: string,
  terms: SiteTerms,
  options: RollbackOptionValues,
): Promise<void> {
  const { runJobs } = options;
  await deployArchive(context, path, terms, options, {
    action: 'rollback',
    async ask(client, { release: { inventory, digest } }) {
      const { namespace } = options;
      const { place, to } = await findRollback(client, { namespace, name: inventory.name, digest });
      return { namespace: place.namespace, profile: options.profile ?? to.profile, goingBack: { runJobs } };
    },
  });
}
