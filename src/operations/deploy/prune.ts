/** What earlier releases applied and this one no longer has: listed always, deleted only when asked for. */
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import type { ObjectKey } from '../../kubernetes/cluster/cluster-object.ts';
import { identityOf, type DeploymentRecord } from './deployment-record.ts';

/** With these goes what people cannot make again. */
const HOLDS_DATA = new Set(['Namespace', 'PersistentVolumeClaim', 'PersistentVolume', 'CustomResourceDefinition']);

/** What is left of earlier releases. */
export interface Leftovers {
  /** May be deleted. */
  readonly prunable: readonly ObjectKey[];
  /** Hold data, or what holds data: only a person deletes them. */
  readonly kept: readonly ObjectKey[];
}

/** Compares what was applied with what is. @param namespace that of the deployment, which is no leftover of it */
export function leftoversOf(
  record: DeploymentRecord | undefined,
  current: readonly ObjectKey[],
  namespace: string,
): Leftovers {
  const wanted = new Set(current.map(identityOf));
  const isHome = ({ kind, name }: ObjectKey): boolean => kind === 'Namespace' && name === namespace;
  const left = (record?.objects ?? []).filter((key) => !wanted.has(identityOf(key)) && !isHome(key));
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
