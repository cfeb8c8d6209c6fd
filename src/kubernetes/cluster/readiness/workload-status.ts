/** Whether Kubernetes' own workloads are rolled out, by the rules of kstatus. Pure. */
import { listAt, mappingAt, numberAt, textAt, type ClusterObject } from '../cluster-object.ts';
import { conditionOf, CURRENT, failed, groupOf, inProgress, type ObjectStatus } from './status-words.ts';

/** Waiting reasons by which a container does not start without somebody's help; the kubelet goes on trying all the same. */
export const STUCK_REASONS: ReadonlySet<string> = new Set([
  ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'CrashLoopBackOff'],
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'RegistryUnavailable'],
]);

/** The state of a workload; undefined for every other kind. */
export function workloadStatus(object: ClusterObject): ObjectStatus | undefined {
  switch (`${object.kind}.${groupOf(object)}`) {
    case 'Deployment.apps':
      return deploymentStatus(object);
    case 'StatefulSet.apps':
      return statefulSetStatus(object);
    case 'DaemonSet.apps':
      return daemonSetStatus(object);
    case 'ReplicaSet.apps':
    case 'ReplicationController.':
      return replicasStatus(object);
    case 'Job.batch':
      return jobStatus(object);
    case 'Pod.':
      return podStatus(object);
    default:
      return undefined;
  }
}

function unseen(object: ClusterObject): ObjectStatus | undefined {
  const observed = numberAt(mappingAt(object, 'status'), 'observedGeneration');
  return observed === undefined ? inProgress('its controller has not seen it yet') : undefined;
}

function deploymentStatus(object: ClusterObject): ObjectStatus {
  const status = mappingAt(object, 'status');
  const progressing = conditionOf(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return failed(progressing.said);
  const early = unseen(object);
  if (early !== undefined) return early;
  const wanted = numberAt(mappingAt(object, 'spec'), 'replicas') ?? 1;
  const [all, updated, ready, available] = counts(status, [
    'replicas',
    'updatedReplicas',
    'readyReplicas',
    'availableReplicas',
  ]);
  if (updated < wanted) return refusedPods(object) ?? inProgress(`${updated} of ${wanted} replicas are updated`);
  if (all > updated) return inProgress(`${all - updated} old replicas are still there`);
  if (ready < wanted) return inProgress(`${ready} of ${wanted} replicas are ready`);
  if (available < wanted) return inProgress(`${available} of ${wanted} replicas are available`);
  const isAvailable = conditionOf(object, 'Available');
  return isAvailable?.status === 'False' ? inProgress(isAvailable.said) : CURRENT;
}

/** The pods that the cluster refuses to make, with its reason: a quota, an admission policy. */
function refusedPods(object: ClusterObject): ObjectStatus | undefined {
  const failure = conditionOf(object, 'ReplicaFailure');
  return failure?.status === 'True' ? inProgress(failure.said) : undefined;
}

function statefulSetStatus(object: ClusterObject): ObjectStatus {
  const [spec, status] = [mappingAt(object, 'spec'), mappingAt(object, 'status')];
  const early = unseen(object);
  if (early !== undefined) return early;
  const wanted = numberAt(spec, 'replicas') ?? 1;
  const [all, ready, updated] = counts(status, ['replicas', 'readyReplicas', 'updatedReplicas']);
  if (all < wanted) return inProgress(`${all} of ${wanted} replicas are there`);
  if (ready < wanted) return inProgress(`${ready} of ${wanted} replicas are ready`);
  if (textAt(mappingAt(spec, 'updateStrategy'), 'type') === 'OnDelete') return CURRENT;
  const partition = numberAt(mappingAt(spec, 'updateStrategy', 'rollingUpdate'), 'partition') ?? 0;
  if (updated < wanted - partition) return inProgress(`${updated} of ${wanted - partition} replicas are updated`);
  if (partition > 0) return CURRENT;
  return status['currentRevision'] === status['updateRevision'] ? CURRENT : inProgress('it is being updated');
}

function daemonSetStatus(object: ClusterObject): ObjectStatus {
  const early = unseen(object);
  if (early !== undefined) return early;
  const names = ['desiredNumberScheduled', 'updatedNumberScheduled', 'numberAvailable', 'numberReady'] as const;
  const [wanted, updated, available, ready] = counts(mappingAt(object, 'status'), names);
  if (updated < wanted) return inProgress(`${updated} of ${wanted} pods are updated`);
  if (available < wanted) return inProgress(`${available} of ${wanted} pods are available`);
  return ready < wanted ? inProgress(`${ready} of ${wanted} pods are ready`) : CURRENT;
}

function replicasStatus(object: ClusterObject): ObjectStatus {
  const early = unseen(object);
  if (early !== undefined) return early;
  const wanted = numberAt(mappingAt(object, 'spec'), 'replicas') ?? 1;
  const [ready] = counts(mappingAt(object, 'status'), ['readyReplicas']);
  return ready < wanted ? (refusedPods(object) ?? inProgress(`${ready} of ${wanted} replicas are ready`)) : CURRENT;
}

/** To a deployment a Job is what it has done: kstatus takes one that has only begun for current. */
function jobStatus(object: ClusterObject): ObjectStatus {
  const failure = conditionOf(object, 'Failed');
  if (failure?.status === 'True') return failed(failure.said);
  if (conditionOf(object, 'Complete')?.status === 'True') return CURRENT;
  if (mappingAt(object, 'spec')['suspend'] === true) return CURRENT;
  const [active, done] = counts(mappingAt(object, 'status'), ['active', 'succeeded']);
  const wanted = numberAt(mappingAt(object, 'spec'), 'completions') ?? 1;
  return inProgress(active > 0 ? `${done} of ${wanted} pods are done, ${active} at work` : 'it has not begun');
}

function podStatus(object: ClusterObject): ObjectStatus {
  const phase = textAt(mappingAt(object, 'status'), 'phase') ?? '';
  if (phase === 'Succeeded') return CURRENT;
  if (phase === 'Failed') return failed(textAt(mappingAt(object, 'status'), 'message') ?? 'phase Failed');
  const ready = conditionOf(object, 'Ready');
  if (ready?.status === 'True') return CURRENT;
  const scheduled = conditionOf(object, 'PodScheduled');
  if (scheduled?.status === 'False') return inProgress(scheduled.said);
  return inProgress(waitingReasons(object)[0] ?? `phase ${phase || 'unknown'}`);
}

/** What the containers of a pod wait for: `api: ImagePullBackOff: Back-off pulling image …`. */
export function waitingReasons(pod: ClusterObject): readonly string[] {
  return ['initContainerStatuses', 'containerStatuses'].flatMap((list) =>
    listAt(pod, 'status', list).flatMap((container) => {
      const waiting = mappingAt(container, 'state', 'waiting');
      const reason = textAt(waiting, 'reason');
      if (reason === undefined || reason === 'PodInitializing' || reason === 'ContainerCreating') return [];
      const name = textAt(container, 'name') ?? '';
      return [[name, reason, textAt(waiting, 'message') ?? ''].filter((part) => part !== '').join(': ')];
    }),
  );
}

function counts<const K extends readonly string[]>(
  status: Readonly<Record<string, unknown>>,
  names: K,
): { readonly [I in keyof K]: number } {
  return names.map((name) => numberAt(status, name) ?? 0) as { readonly [I in keyof K]: number };
}
