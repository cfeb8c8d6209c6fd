/** Opens the API server of one cluster of a fleet, to ask whether it is there. */
import { UsageError } from '../../../errors.ts';
import type { Cluster } from '../../../fleet/fleet.ts';
import { findClusterAccess } from '../../../kubernetes/cluster/access/kubeconfig.ts';
import { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import type { Context } from '../../context.ts';
import type { ClusterOptions } from '../../options/cluster-options.ts';
import { listenTo } from '../../output/registry-lines.ts';

/** Whether a cluster is there at all is not worth the patience that a deployment has with one that was. */
const PROBE = { tries: 3, baseMs: 250, maxMs: 1_000 };

/**
 * Opens it; the caller closes it.
 * @throws UsageError `USAGE` when it is not said how it is reached
 */
export async function openFleetCluster(
  { env, signal, output }: Context,
  { name, context, kubeconfig, namespace }: Cluster,
  options: Pick<ClusterOptions, 'kubeconfig' | 'namespace' | 'as' | 'asGroup'>,
): Promise<ClusterClient> {
  // The current context of a common kubeconfig would be the same for all of them.
  if (context === undefined && kubeconfig === undefined) {
    throw new UsageError('USAGE', `${name} has neither a context nor a kubeconfig`, {
      hint: 'give it one in the fleet.yaml',
    });
  }
  const request = {
    ...options,
    context,
    kubeconfig: kubeconfig ?? options.kubeconfig,
    namespace: namespace ?? options.namespace,
  };
  const access = await findClusterAccess(request, env);
  return new ClusterClient(access, {
    environment: env,
    signal,
    retry: PROBE,
    onRequest: listenTo(output)?.onRequest,
  });
}
