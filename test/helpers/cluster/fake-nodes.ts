/** The nodes that a test's cluster has, and the storage class whose claims get volumes. */
import type { KubernetesObject } from './api.ts';

/** A node that nobody runs. */
export interface FakeNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
}

/** Three zones, each with a node for everything and one for storage alone: what the largest profile of the platform asks for. */
export const FAKE_NODES: readonly FakeNode[] = ['a', 'b', 'c'].flatMap((zone) => [
  { name: `node-${zone}`, labels: { 'topology.kubernetes.io/zone': `zone-${zone}` } },
  {
    name: `storage-${zone}`,
    labels: { 'topology.kubernetes.io/zone': `zone-${zone}`, 'hexabase.ai/node-role': 'storage' },
    taints: [{ key: 'hexabase.ai/dedicated', value: 'storage', effect: 'NoSchedule' }],
  },
]);

/** The default storage class: each claim of it gets a volume at once (fake-pods.yaml). */
export const STORAGE_CLASS = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'fake', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: 'example.com/fake',
} as const;

/** The object by which the API server knows a node, large enough for every test. */
export function nodeObject({ name, labels, taints = [] }: FakeNode): KubernetesObject {
  const resources = { cpu: '64', memory: '256Gi', pods: '1000', 'ephemeral-storage': '1Ti' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        ...labels,
      },
    },
    spec: { taints },
    status: { allocatable: resources, capacity: resources },
  };
}
