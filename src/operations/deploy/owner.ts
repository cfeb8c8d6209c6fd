/** Which deployment an object belongs to: two of them would set one object in turn, and one could delete what the other needs. */
import { ClusterError } from '../../errors.ts';
import { formatKey, keyOf, mappingAt, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import type { RecordPlace } from './deployment-record.ts';

/** Names the record of the deployment: `shop/airgap-shop`. */
export const OWNER = 'airgap.hexabase.ai/deployment';

/** The object as one of a deployment; a namespace may be home to several. */
export function withOwner(object: ClusterObject, { namespace, name }: RecordPlace): ClusterObject {
  if (object.kind === 'Namespace') return object;
  const annotations = { ...mappingAt(object.metadata, 'annotations'), [OWNER]: `${namespace}/${name}` };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** The other deployment that an object belongs to; undefined where it is this one's, or none is named. */
export function otherOwner(held: ClusterObject, place: RecordPlace): string | undefined {
  const owner = mappingAt(held.metadata, 'annotations')[OWNER];
  return typeof owner !== 'string' || owner === `${place.namespace}/${place.name}` ? undefined : owner;
}

/** @throws ClusterError `CONFLICT` naming the deployment that the object belongs to */
export function assertOwn(held: ClusterObject | undefined, place: RecordPlace): void {
  const owner = held && otherOwner(held, place);
  if (held === undefined || owner === undefined) return;
  throw new ClusterError('CONFLICT', `${formatKey(keyOf(held))} belongs to another deployment, ${owner}`, {
    hint: 'two deployments cannot share it: deploy them to clusters of their own, or take it over with --force-conflicts',
  });
}
