/** Objects as API servers return them, and what kstatus says of each. */
import { describe, expect, test } from 'vitest';
import { statusOf } from '../../../../src/kubernetes/cluster/readiness/object-status.ts';
import type { ClusterObject } from '../../../../src/kubernetes/cluster/cluster-object.ts';
import { waitingReasons } from '../../../../src/kubernetes/cluster/readiness/workload-status.ts';

function object(apiVersion: string, kind: string, rest: object, metadata: object = {}): ClusterObject {
  return { apiVersion, kind, metadata: { name: 'x', namespace: 'n', generation: 2, ...metadata }, ...rest };
}
const condition = (type: string, status: string, reason = '', message = ''): object => ({
  type,
  status,
  reason,
  message,
});
const deployment = (status: object, spec: object = { replicas: 2 }): ClusterObject =>
  object('apps/v1', 'Deployment', { spec, status });
const seen = { observedGeneration: 2 };

describe('a Deployment', () => {
  const full = { ...seen, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
  test.each([
    [full, 'current', ''],
    [{ ...full, observedGeneration: 1 }, 'inProgress', 'its controller has not seen generation 2 yet'],
    [{}, 'inProgress', 'its controller has not seen it yet'],
    [{ ...full, updatedReplicas: 1 }, 'inProgress', '1 of 2 replicas are updated'],
    [{ ...full, replicas: 3 }, 'inProgress', '1 old replicas are still there'],
    [{ ...full, readyReplicas: 1 }, 'inProgress', '1 of 2 replicas are ready'],
    [{ ...full, availableReplicas: 0 }, 'inProgress', '0 of 2 replicas are available'],
    [
      { ...seen, conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota: small')] },
      'inProgress',
      'FailedCreate: exceeded quota: small',
    ],
    [
      { ...full, conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'has timed out')] },
      'failed',
      'ProgressDeadlineExceeded: has timed out',
    ],
    [
      { ...full, conditions: [condition('Available', 'False', 'MinimumReplicasUnavailable', 'too few')] },
      'inProgress',
      'MinimumReplicasUnavailable: too few',
    ],
  ])('is what its status says (%#)', (status, state, message) => {
    expect(statusOf(deployment(status))).toEqual({ state, message });
  });
  test('has one replica where it does not say, and may have none', () => {
    expect(statusOf(deployment({ ...seen, replicas: 1, updatedReplicas: 1 }, {})).message).toBe(
      '0 of 1 replicas are ready',
    );
    expect(statusOf(deployment(seen, { replicas: 0 })).state).toBe('current');
  });
});

describe('other workloads', () => {
  const set = (status: object, spec: object = { replicas: 2 }): ClusterObject =>
    object('apps/v1', 'StatefulSet', { spec, status });
  const full = {
    ...seen,
    replicas: 2,
    readyReplicas: 2,
    updatedReplicas: 2,
    currentRevision: 'a',
    updateRevision: 'a',
  };
  const partitioned = { replicas: 2, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } };
  const daemons = { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3, numberReady: 3 };
  const job = (status: object, spec: object = {}): ClusterObject => object('batch/v1', 'Job', { spec, status });
  const pod = (status: object): ClusterObject => object('v1', 'Pod', { status });
  test.each<[ClusterObject, string, string]>([
    [set(full), 'current', ''],
    [set({ ...full, replicas: 1 }), 'inProgress', '1 of 2 replicas are there'],
    [set({ ...full, readyReplicas: 1 }), 'inProgress', '1 of 2 replicas are ready'],
    [set({ ...full, updatedReplicas: 1 }), 'inProgress', '1 of 2 replicas are updated'],
    [set({ ...full, currentRevision: 'b' }), 'inProgress', 'it is being updated'],
    [set({ ...full, updatedReplicas: 1, currentRevision: 'b' }, partitioned), 'current', ''],
    [set({ ...full, updatedReplicas: 0 }, { replicas: 2, updateStrategy: { type: 'OnDelete' } }), 'current', ''],
    [object('apps/v1', 'DaemonSet', { status: daemons }), 'current', ''],
    [object('apps/v1', 'DaemonSet', { status: { ...daemons, numberReady: 2 } }), 'inProgress', '2 of 3 pods are ready'],
    [job({ conditions: [condition('Complete', 'True')] }), 'current', ''],
    [job({ active: 1 }), 'inProgress', '0 of 1 pods are done, 1 at work'],
    [job({}), 'inProgress', 'it has not begun'],
    [job({}, { suspend: true }), 'current', ''],
    [
      job({ conditions: [condition('Failed', 'True', 'BackoffLimitExceeded', 'no more tries')] }),
      'failed',
      'BackoffLimitExceeded: no more tries',
    ],
    [pod({ phase: 'Succeeded' }), 'current', ''],
    [pod({ phase: 'Running', conditions: [condition('Ready', 'True')] }), 'current', ''],
    [pod({ phase: 'Failed', message: 'evicted' }), 'failed', 'evicted'],
    [
      pod({ phase: 'Pending', conditions: [condition('PodScheduled', 'False', 'Unschedulable', '0/1 nodes')] }),
      'inProgress',
      'Unschedulable: 0/1 nodes',
    ],
  ])('is what its status says (%#)', (workload, state, message) => {
    expect(statusOf(workload)).toEqual({ state, message });
  });
});

describe('everything else', () => {
  const crd = (...conditions: object[]): ClusterObject =>
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', { status: { conditions } });
  const custom = (...conditions: object[]): ClusterObject =>
    object('shop.example/v1', 'Order', { status: { conditions } });
  test.each<[ClusterObject, string, string]>([
    [object('v1', 'PersistentVolumeClaim', { status: { phase: 'Bound' } }), 'current', ''],
    [
      object('v1', 'PersistentVolumeClaim', { status: { phase: 'Pending' } }),
      'inProgress',
      'phase Pending: no volume is bound to it',
    ],
    [object('v1', 'Namespace', { status: { phase: 'Active' } }), 'current', ''],
    [object('v1', 'Namespace', { status: { phase: 'Terminating' } }), 'inProgress', 'phase Terminating'],
    [object('v1', 'ConfigMap', {}), 'current', ''],
    [object('v1', 'Service', { spec: { type: 'LoadBalancer' } }), 'inProgress', 'it has no cluster address'],
    [crd(condition('Established', 'True')), 'current', ''],
    [crd(condition('Established', 'False', 'Installing', 'wait')), 'inProgress', 'Installing: wait'],
    [crd(condition('NamesAccepted', 'False', 'Conflict', 'taken')), 'failed', 'Conflict: taken'],
    [crd(), 'inProgress', 'it is not established'],
    [custom(), 'current', ''],
    [custom(condition('Ready', 'False', 'Waiting', 'for stock')), 'inProgress', 'Waiting: for stock'],
    [custom(condition('Ready', 'True')), 'current', ''],
    [custom(condition('Stalled', 'True', 'Broken', 'x')), 'failed', 'Broken: x'],
    [custom(condition('Reconciling', 'True', 'Working', 'y')), 'inProgress', 'Working: y'],
    [
      object('apiregistration.k8s.io/v1', 'APIService', {
        status: { conditions: [condition('Available', 'False', 'MissingEndpoints')] },
      }),
      'inProgress',
      'MissingEndpoints',
    ],
    [
      object('v1', 'ConfigMap', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      'terminating',
      'it is being deleted',
    ],
  ])('is what its status says (%#)', (thing, state, message) => {
    expect(statusOf(thing)).toEqual({ state, message });
  });
});

test('what containers wait for is told by name, and a usual start is no reason', () => {
  const waiting = (name: string, reason: string, message?: string): object => ({
    name,
    state: { waiting: { reason, message } },
  });
  const pod = object('v1', 'Pod', {
    status: {
      initContainerStatuses: [waiting('setup', 'CrashLoopBackOff', 'back-off 10s')],
      containerStatuses: [
        waiting('api', 'PodInitializing'),
        waiting('web', 'ImagePullBackOff'),
        { name: 'up', state: { running: {} } },
      ],
    },
  });
  expect(waitingReasons(pod)).toEqual(['setup: CrashLoopBackOff: back-off 10s', 'web: ImagePullBackOff']);
});
