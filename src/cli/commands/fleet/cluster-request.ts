/** What a deployment to one cluster of a fleet is asked for beside its own options: its components, and what it knows of the others. */
import { isSilence } from '../../../base/http/network-failure.ts';
import { readCertificates } from '../../../base/http/tls-files.ts';
import type { Cluster, Fleet } from '../../../fleet/fleet.ts';
import type { ClusterView } from '../../../fleet/settings/cluster-view.ts';
import { resolveSettings } from '../../../fleet/settings/written-values.ts';
import type { ClusterClient } from '../../../kubernetes/cluster/cluster-client.ts';
import { isSameValue, type FilledValues } from '../../../kubernetes/staging/filled-values.ts';
import { listRecords, readKeptValues } from '../../../operations/deploy/deployment-record.ts';
import type { DeployRequest } from '../../../operations/deploy/prepare.ts';
import type { ClusterTask } from '../../../operations/fleet/cluster-tasks.ts';
import { fleetObjects, SERVICE_ENTRY } from '../../../operations/fleet/fleet-objects.ts';

/** How the API servers of other clusters are opened; the caller of this closes them. */
export type OpenCluster = (cluster: Cluster) => Promise<ClusterClient>;

/**
 * Makes it.
 * @throws UsageError `USAGE` where the fleet.yaml does not state what its settings need, or a file of authorities holds none
 */
export async function clusterRequest(
  client: ClusterClient,
  release: string,
  { fleet, view, task }: { readonly fleet: Fleet; readonly view: ClusterView; readonly task: ClusterTask },
  openCluster: OpenCluster,
): Promise<Partial<DeployRequest>> {
  const { apiVersion, kind } = SERVICE_ENTRY;
  const files = [view.self, ...view.peers].flatMap(({ name, caFile }) =>
    caFile === undefined ? [] : [{ name, caFile }],
  );
  const authorities = new Map(files.map(({ name, caFile }) => [name, readCertificates(caFile)]));
  const hasMesh = (await client.resourceOf(apiVersion, kind)) !== undefined;
  return {
    components: task.components,
    settings: resolveSettings(fleet.settings, view),
    additions: fleetObjects(release, view, authorities, hasMesh),
    shared: await readShared(release, fleet, view, openCluster),
  };
}

/** What the primary has of the values that all have; none where it is away: a cluster may keep them already. */
async function readShared(
  release: string,
  { sharedValues }: Fleet,
  { self, primary }: ClusterView,
  openCluster: OpenCluster,
): Promise<FilledValues> {
  if (sharedValues.length === 0 || primary === undefined || primary.name === self.name) return new Map();
  try {
    await using client = await openCluster(primary);
    const records = await listRecords(client, primary.namespace);
    const found = records.find(({ record }) => record.release.name === release);
    const kept = found === undefined ? [] : [...(await readKeptValues(client, found.place))];
    return new Map(kept.filter(([name]) => sharedValues.some((shared) => isSameValue(shared, name))));
  } catch (error) {
    if (isSilence(error)) return new Map();
    throw error;
  }
}
