/** What earlier releases applied and this one no longer has: listed always, deleted only when asked for. */
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import type { ObjectKey } from '../../kubernetes/cluster/cluster-object.ts';
import { identityOf, type DeploymentRecord, type RecordPlace } from './deployment-record.ts';
import { otherOwner } from './owner.ts';

/** With these goes what people cannot make again. */
const HOLDS_DATA = new Set(['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'CustomResourceDefinition']);

/** What is left of earlier releases. */
export interface Leftovers {
  /** May be deleted. */
  readonly prunable: readonly ObjectKey[];
  /** Hold data, or what holds data: only a person deletes them. */
  readonly kept: readonly ObjectKey[];
}

/** Compares what was applied with what is. What another deployment has taken over since is none of this one's. */
export async function findLeftovers(
  client: ClusterClient,
  record: DeploymentRecord | undefined,
  current: readonly ObjectKey[],
  place: RecordPlace,
): Promise<Leftovers> {
  const wanted = new Set(current.map(identityOf));
  const isHome = ({ kind, name }: ObjectKey): boolean => kind === 'Namespace' && name === place.namespace;
  const left: ObjectKey[] = [];
  for (const key of record?.objects ?? []) {
    if (wanted.has(identityOf(key)) || isHome(key)) continue;
    const isServed = (await client.resourceOf(key.apiVersion, key.kind)) !== undefined;
    const held = isServed ? await client.get(key) : undefined;
    if (held === undefined || otherOwner(held, place) === undefined) left.push(key);
  }
  return {
    prunable: left.filter(({ kind }) => !HOLDS_DATA.has(kind)),
    kept: left.filter(({ kind }) => HOLDS_DATA.has(kind)),
  };
}

/** Deletes what may be, the last that was applied first. */
export async function prune(client: ClusterClient, { prunable }: Leftovers): Promise<void> {
  for (const key of prunable.toReversed()) {
    // Where its definition is gone, so is every object of the kind.
    if ((await client.resourceOf(key.apiVersion, key.kind)) !== undefined) await client.delete(key);
  }
}
