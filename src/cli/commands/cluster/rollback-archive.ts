/** Goes back to the release of an archive, as it was deployed when it was complete. */
import { NotFoundError, UsageError } from '../../../errors.ts';
import { findClusterAccess } from '../../../kubernetes/cluster/access/kubeconfig.ts';
import { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import { findKept, keptFolder } from '../../../operations/deploy/rollback/kept-archives.ts';
import { findRollback } from '../../../operations/deploy/rollback/find-rollback.ts';
import type { SiteTerms } from '../../../site/admission.ts';
import type { Context } from '../../context.ts';
import type { RollbackOptionValues } from '../../options/deploy-options.ts';
import { listenTo } from '../../output/registry-lines.ts';
import { deployArchive } from './deploy-archive.ts';

/** Goes back, or says what would change. @param path of the archive; else the one that the site keeps of the release before */
export async function rollbackToArchive(
  context: Context,
  path: string | undefined,
  terms: SiteTerms,
  options: RollbackOptionValues,
): Promise<void> {
  const { runJobs } = options;
  await deployArchive(context, path ?? (await findArchive(context, options)), terms, options, {
    action: 'rollback',
    async ask(client, { release: { inventory, digest } }) {
      const { namespace } = options;
      const { place, to } = await findRollback(client, { namespace, name: inventory.name, digest });
      const { components, settings } = to;
      const profile = options.profile ?? to.profile;
      return { namespace: place.namespace, profile, components, settings, goingBack: { runJobs } };
    },
  });
}

/** @throws UsageError, NotFoundError when the cluster does not say which, or the site does not have it */
async function findArchive({ env, signal, output }: Context, options: RollbackOptionValues): Promise<string> {
  const { state, namespace } = options;
  const hint =
    'give the archive of the release; where it is deployed with --keep and --state, the site keeps what it needs';
  if (state === undefined) throw new UsageError('USAGE', 'no archive to go back to', { hint });
  const access = await findClusterAccess(options, env);
  await using client = new ClusterClient(access, { environment: env, signal, onRequest: listenTo(output)?.onRequest });
  const { to } = await findRollback(client, { namespace });
  const { name, version, digest } = to.release;
  const kept = await findKept(state, digest);
  if (kept !== undefined) return kept;
  throw new NotFoundError('NOT_FOUND', `${name} ${version} (${digest}) is not kept in ${keptFolder(state)}`, { hint });
}
