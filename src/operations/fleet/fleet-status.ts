/** Compares what runs on each cluster of a fleet with what is placed there. Changes nothing. */
import { isSilence } from '../../base/http/network-failure.ts';
import { forEachConcurrently } from '../../base/limit.ts';
import { isAbort, UsageError } from '../../errors.ts';
import type { Cluster } from '../../fleet/fleet.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import { formatKey, type ObjectKey } from '../../kubernetes/cluster/cluster-object.ts';
import { statusOf } from '../../kubernetes/cluster/readiness/object-status.ts';
import { listRecords, type DeploymentRecord } from '../deploy/deployment-record.ts';

/** What a cluster should have of a release. */
export interface PlacedRelease {
  readonly name: string;
  readonly version: string;
  /** All that the release has. */
  readonly components: readonly string[];
}

/** What a cluster has of a release. */
export interface DeployedRelease {
  readonly namespace: string;
  readonly version: string;
  /** Of its `checksums.txt`. */
  readonly digest: string;
  readonly profile: string;
  readonly components: readonly string[];
  /** `applying` where a deployment has begun and is not complete. */
  readonly state: DeploymentRecord['state'];
}

/** One cluster, compared. */
export interface ClusterStatus {
  readonly cluster: Cluster;
  /** Components that are placed there. */
  readonly placed: readonly string[];
  /** Absent where nothing of the release is there, or that is not known. */
  readonly deployed?: DeployedRelease | undefined;
  /**
   * `current`: it has what is placed there, and all of it is ready. `differs`: `differences` says in what. `offline`: it
   * does not answer. `unknown`: it cannot be asked, for the reason in `error`.
   */
  readonly state: 'current' | 'differs' | 'offline' | 'unknown';
  /** One by one, in words. */
  readonly differences: readonly string[];
  readonly error?: unknown;
}

/** Options of {@link fleetStatus}. */
export interface FleetStatusOptions {
  /** Opens a cluster, to be closed by the caller of this. */
  readonly openCluster: (cluster: Cluster) => Promise<ClusterClient>;
  /** For clusters whose entry names none. @defaultValue all namespaces are looked at */
  readonly namespace?: string | undefined;
  /** Clusters that are asked at the same time. */
  readonly atOnce: number;
  readonly signal?: AbortSignal | undefined;
}

/** Kinds whose pods run the platform. */
const RUNNING = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/**
 * Asks each cluster what it has.
 * @param placed components by the name of a cluster
 * @throws UsageError when it is not said how a cluster is reached
 * @returns those on which something is placed or deployed, or of which that is not known, in the order that was given
 */
export async function fleetStatus(
  clusters: readonly Cluster[],
  placed: ReadonlyMap<string, readonly string[]>,
  release: PlacedRelease,
  options: FleetStatusOptions,
): Promise<readonly ClusterStatus[]> {
  const found = new Map<string, ClusterStatus>();
  await forEachConcurrently(
    clusters,
    options.atOnce,
    async (cluster) => {
      const own = placed.get(cluster.name) ?? [];
      found.set(cluster.name, await clusterStatus(cluster, own, release, options));
    },
    options.signal,
  );
  return clusters
    .map(({ name }) => found.get(name))
    .filter((status) => status !== undefined)
    .filter(({ state, placed: own, deployed }) => own.length > 0 || deployed !== undefined || state === 'unknown');
}

async function clusterStatus(
  cluster: Cluster,
  placed: readonly string[],
  release: PlacedRelease,
  { openCluster, namespace, signal }: FleetStatusOptions,
): Promise<ClusterStatus> {
  try {
    await using client = await openCluster(cluster);
    const records = await listRecords(client, cluster.namespace ?? namespace);
    const own = records.filter(({ record }) => record.release.name === release.name);
    const [first, ...others] = own;
    const many =
      others.length === 0
        ? []
        : [`has it ${own.length} times: in ${own.map(({ place }) => place.namespace).join(', ')}`];
    const deployed = first && toDeployed(first.place.namespace, first.record, release);
    const unready = first === undefined ? [] : await findUnready(client, first.record.objects);
    const differences = [...compareWithPlaced(placed, deployed, release), ...many, ...unready];
    return { cluster, placed, deployed, state: differences.length === 0 ? 'current' : 'differs', differences };
  } catch (error) {
    signal?.throwIfAborted();
    // What is wrong with the files that lead to a cluster says nothing of the cluster.
    if (isAbort(error) || error instanceof UsageError) throw error;
    return { cluster, placed, state: isSilence(error) ? 'offline' : 'unknown', differences: [], error };
  }
}

function toDeployed(namespace: string, record: DeploymentRecord, { components }: PlacedRelease): DeployedRelease {
  const { release, profile, state } = record;
  // Where not all of a release were, the record says which.
  const own = record.components ?? components;
  return { namespace, version: release.version, digest: release.digest, profile, components: own, state };
}

/** In what the record of a cluster differs from what is placed there, one by one. Pure. */
export function compareWithPlaced(
  placed: readonly string[],
  deployed: DeployedRelease | undefined,
  { version }: PlacedRelease,
): readonly string[] {
  if (deployed === undefined) return placed.length === 0 ? [] : ['has nothing of the release'];
  const surplus = deployed.components.filter((each) => !placed.includes(each));
  const lacking = placed.filter((each) => !deployed.components.includes(each));
  return [
    ...(deployed.state === 'complete' ? [] : [`the deployment of ${deployed.version} is not complete`]),
    ...(deployed.version === version ? [] : [`has ${deployed.version}, not ${version}`]),
    ...(lacking.length === 0 ? [] : [`lacks ${lacking.join(', ')}`]),
    ...(surplus.length === 0
      ? []
      : [`has ${surplus.join(', ')}, which ${surplus.length === 1 ? 'is' : 'are'} not placed there`]),
  ];
}

async function findUnready(client: ClusterClient, objects: readonly ObjectKey[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const key of objects.filter(({ kind }) => RUNNING.has(kind))) {
    const object = await client.get(key);
    const status = object === undefined ? undefined : statusOf(object);
    if (status === undefined) found.push(`${formatKey(key)} is not there`);
    else if (status.state !== 'current')
      found.push(`${formatKey(key)} is not ready${status.message === '' ? '' : `: ${status.message}`}`);
  }
  return found;
}
