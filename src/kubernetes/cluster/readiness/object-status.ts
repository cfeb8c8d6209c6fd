/** Whether an object has become what it was told to be, by the rules of kstatus. Pure. */
import { mappingAt, numberAt, textAt, type ClusterObject } from '../cluster-object.ts';
import { conditionOf, CURRENT, failed, groupOf, inProgress, type ObjectStatus } from './status-words.ts';
import { workloadStatus } from './workload-status.ts';

/**
 * What an object is at.
 * @see https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 */
export function statusOf(object: ClusterObject): ObjectStatus {
  const { metadata } = object;
  if (typeof metadata['deletionTimestamp'] === 'string')
    return { state: 'terminating', message: 'it is being deleted' };
  const observed = numberAt(mappingAt(object, 'status'), 'observedGeneration');
  const generation = metadata['generation'];
  if (observed !== undefined && typeof generation === 'number' && observed !== generation) {
    return inProgress(`its controller has not seen generation ${generation} yet`);
  }
  return ownStatus(object) ?? workloadStatus(object) ?? conventionalStatus(object);
}

/** Kinds whose state is in a field of their own. */
function ownStatus(object: ClusterObject): ObjectStatus | undefined {
  const phase = textAt(mappingAt(object, 'status'), 'phase') ?? '';
  switch (`${object.kind}.${groupOf(object)}`) {
    case 'Namespace.':
      return phase === 'Active' || phase === '' ? CURRENT : inProgress(`phase ${phase}`);
    case 'PersistentVolumeClaim.':
      if (phase === 'Lost') return failed('phase Lost: its volume is gone');
      return phase === 'Bound' ? CURRENT : inProgress(`phase ${phase || 'unknown'}: no volume is bound to it`);
    case 'Service.': {
      const { type, clusterIP } = mappingAt(object, 'spec');
      return type === 'LoadBalancer' && (clusterIP ?? '') === '' ? inProgress('it has no cluster address') : CURRENT;
    }
    case 'CustomResourceDefinition.apiextensions.k8s.io':
      return definitionStatus(object);
    case 'APIService.apiregistration.k8s.io':
      return conditional(object, 'Available');
    case 'PodDisruptionBudget.policy':
    case 'CronJob.batch':
    case 'Ingress.networking.k8s.io':
    case 'HorizontalPodAutoscaler.autoscaling':
      return CURRENT;
    default:
      return undefined;
  }
}

function definitionStatus(object: ClusterObject): ObjectStatus {
  const names = conditionOf(object, 'NamesAccepted');
  if (names?.status === 'False') return failed(names.said);
  const established = conditionOf(object, 'Established');
  if (established?.status === 'True') return CURRENT;
  if (established?.status === 'False' && established.reason !== 'Installing') return failed(established.said);
  return inProgress(established?.said ?? 'it is not established');
}

function conditional(object: ClusterObject, type: string): ObjectStatus {
  const condition = conditionOf(object, type);
  return condition?.status === 'True' ? CURRENT : inProgress(condition?.said ?? `condition ${type} is not there yet`);
}

/** Custom resources that follow the conventions for conditions; without conditions what was applied is all there is. */
function conventionalStatus(object: ClusterObject): ObjectStatus {
  const stalled = conditionOf(object, 'Stalled');
  if (stalled?.status === 'True') return failed(stalled.said);
  const reconciling = conditionOf(object, 'Reconciling');
  if (reconciling?.status === 'True') return inProgress(reconciling.said);
  const ready = conditionOf(object, 'Ready');
  return ready === undefined || ready.status === 'True' ? CURRENT : inProgress(ready.said);
}
