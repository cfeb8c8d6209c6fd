/** Workloads: that a cluster can tell whether they work, and that one of them cannot starve the others. */
import { evaluateEach, violationAt, type Rule } from '../rule.ts';
import { entriesAt, itemsAt, selects, valueAt } from '../values.ts';
import { namespaceOf, type PodPlace, type Subject } from '../subject.ts';
import { containerRule, podRule, type Fault } from './pod-rule.ts';

const SERVING = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod']);
const REPLICATED = new Set(['Deployment', 'StatefulSet']);
const ONE_SHOT = new Set(['Never', 'OnFailure']);
const AVAILABILITY = 'GDPR Art. 32(1)(b)';

/** Whether a pod is there to go on: jobs end by themselves, and say so by their exit code. */
function goesOn({ resource: { kind }, spec }: PodPlace): boolean {
  return SERVING.has(kind) && !ONE_SHOT.has(String(valueAt(spec, ['restartPolicy'])));
}

function missing(value: unknown, paths: readonly (readonly string[])[], what: string): readonly Fault[] {
  return paths
    .filter((path) => valueAt(value, path) === undefined)
    .map((path) => ({ path, message: `has no ${path.at(-1) ?? ''} ${what}` }));
}

export const WORKLOAD_RULES: readonly Rule[] = [
  containerRule(
    {
      id: 'workload-probes',
      title: 'Every container that goes on says whether it lives and is ready',
      severity: 'medium',
      serves: [AVAILABILITY],
      shows: 'Each container of a pod that goes on has a liveness probe and a readiness probe.',
      cannotShow: 'That the probes ask for what matters.',
    },
    ({ value }) =>
      ['livenessProbe', 'readinessProbe']
        .filter((probe) => valueAt(value, [probe]) === undefined)
        .map((probe) => ({ path: [probe], message: `has no ${probe}` })),
    ({ list }, pod) => list === 'containers' && goesOn(pod),
  ),
  containerRule(
    {
      id: 'workload-requests',
      title: 'Every container asks for the CPU and memory it needs',
      severity: 'medium',
      serves: [AVAILABILITY],
      shows: 'The scheduler knows what each container needs, so that nodes are not filled beyond what they have.',
      cannotShow: 'That the numbers are right.',
    },
    ({ value }) =>
      missing(
        value,
        ['cpu', 'memory'].map((resource) => ['resources', 'requests', resource]),
        'request',
      ),
    ({ list }) => list !== 'ephemeralContainers',
  ),
  containerRule(
    {
      id: 'workload-limits',
      title: 'Every container has a limit of memory',
      severity: 'medium',
      serves: [AVAILABILITY],
      shows:
        'No container can take the memory of all others on its node. A limit of CPU is not demanded: it slows down and protects no one whose requests are right.',
      cannotShow: 'That the numbers are right.',
    },
    ({ value }) => missing(value, [['resources', 'limits', 'memory']], 'limit'),
    ({ list }) => list !== 'ephemeralContainers',
  ),
  {
    id: 'workload-disruption-budget',
    title: 'Replicated workloads have a disruption budget',
    severity: 'low',
    serves: [AVAILABILITY],
    shows: 'When nodes are emptied for maintenance, not all replicas of a workload go at once.',
    cannotShow: 'That the workload goes on when a node fails without warning.',
    evaluate: (subject) =>
      evaluateEach(
        subject.pods.filter(({ resource }) => REPLICATED.has(resource.kind) && replicasOf(resource.value) > 1),
        ({ resource, metadata, namespace }) =>
          isBudgeted(subject, namespace, metadata)
            ? []
            : [violationAt(resource, ['spec', 'replicas'], 'has several replicas and no PodDisruptionBudget')],
      ),
  },
];

/** What high availability asks for beyond: its own set, since a small site may choose to have one of each. */
export const AVAILABILITY_RULES: readonly Rule[] = [
  {
    id: 'availability-replicas',
    title: 'Every workload that serves has two replicas or more',
    severity: 'medium',
    serves: [AVAILABILITY],
    shows: 'Each Deployment and StatefulSet starts at least two pods.',
    cannotShow: 'That they run on different machines, or that the program can run twice.',
    evaluate: ({ pods, resources }) =>
      evaluateEach(
        pods.filter(({ resource }) => REPLICATED.has(resource.kind)),
        ({ resource }) =>
          replicasOf(resource.value) >= 2 || isScaled(resource.kind, resource.name, resources)
            ? []
            : [
                violationAt(
                  resource,
                  ['spec', 'replicas'],
                  `has ${replicasOf(resource.value)}, where two are demanded`,
                ),
              ],
      ),
  },
  podRule(
    {
      id: 'availability-spread',
      title: 'Replicas are kept apart',
      severity: 'medium',
      serves: [AVAILABILITY],
      shows: 'The scheduler is told to place the replicas of a workload on different nodes or zones.',
      cannotShow: 'That the cluster has several nodes, or that their power and network fail apart.',
    },
    ({ spec }) =>
      itemsAt(spec, ['topologySpreadConstraints']).length > 0 ||
      entriesAt(spec, ['affinity', 'podAntiAffinity']).length > 0
        ? []
        : [{ path: ['topologySpreadConstraints'], message: 'neither spreads its replicas nor keeps them apart' }],
    ({ resource }) => REPLICATED.has(resource.kind) && replicasOf(resource.value) > 1,
  ),
];

/** One is Kubernetes' own default. */
function replicasOf(value: unknown): number {
  const replicas = valueAt(value, ['spec', 'replicas']);
  return typeof replicas === 'number' ? replicas : 1;
}

/** Whether an autoscaler keeps two or more. */
function isScaled(kind: string, name: string, resources: Subject['resources']): boolean {
  return resources.some(
    (resource) =>
      resource.kind === 'HorizontalPodAutoscaler' &&
      valueAt(resource.value, ['spec', 'scaleTargetRef', 'kind']) === kind &&
      valueAt(resource.value, ['spec', 'scaleTargetRef', 'name']) === name &&
      Number(valueAt(resource.value, ['spec', 'minReplicas']) ?? 1) >= 2,
  );
}

function isBudgeted(subject: Subject, namespace: string, podMetadata: unknown): boolean {
  const labels = valueAt(podMetadata, ['labels']);
  return subject.resources.some(
    (resource) =>
      resource.kind === 'PodDisruptionBudget' &&
      namespaceOf(resource, subject) === namespace &&
      selects(valueAt(resource.value, ['spec', 'selector']), labels),
  );
}
