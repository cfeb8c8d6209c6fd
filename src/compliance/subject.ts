/** What is checked: the objects of one deployment, its pods found, and what is known of where it comes from. */
import type { YamlPath } from '../base/yaml-source.ts';
import type { KubernetesResource } from '../kubernetes/resources/yaml-documents.ts';
import { isMapping } from '../kubernetes/resources/yaml-documents.ts';
import type { Reference } from '../oci/reference.ts';
import { valueAt } from './values.ts';

/** One container of a pod. */
export interface ContainerPlace {
  readonly list: 'initContainers' | 'containers' | 'ephemeralContainers';
  readonly name: string;
  readonly path: YamlPath;
  readonly value: Readonly<Record<string, unknown>>;
}

/** A PodSpec, wherever it stands. */
export interface PodPlace {
  readonly resource: KubernetesResource;
  readonly namespace: string;
  /** Of the PodSpec. */
  readonly path: YamlPath;
  readonly spec: Readonly<Record<string, unknown>>;
  /** Of the pod or of its template: labels and annotations. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly metadataPath: YamlPath;
  readonly containers: readonly ContainerPlace[];
  /** Whether its containers are for Windows, where some fields of Linux may not be set. */
  readonly isWindows: boolean;
}

/** One deployment. */
export interface Subject {
  /** As reports call it. */
  readonly name: string;
  readonly resources: readonly KubernetesResource[];
  readonly pods: readonly PodPlace[];
  /** Where objects go that name no namespace. */
  readonly namespace: string;
  /** Whether an image without a digest is one that travels with the release, and so is pinned by it. */
  readonly isCarried: (reference: Reference) => boolean;
  /** The minor version of the oldest Kubernetes it is meant for: 34 for 1.34. */
  readonly kubeMinor: number;
  /** Whether these are objects of a cluster that runs, and not what a release brings. */
  readonly isLive: boolean;
}

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Where Kubernetes' own kinds hold their pods. */
const POD_PATHS: readonly { readonly group: RegExp; readonly kinds: readonly string[]; readonly path: YamlPath }[] = [
  { group: /^v1$/, kinds: ['Pod'], path: [] },
  { group: /^v1$/, kinds: ['PodTemplate'], path: ['template'] },
  { group: /^v1$/, kinds: ['ReplicationController'], path: ['spec', 'template'] },
  {
    group: /^(apps|extensions)\//,
    kinds: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
    path: ['spec', 'template'],
  },
  { group: /^batch\//, kinds: ['Job'], path: ['spec', 'template'] },
  { group: /^batch\//, kinds: ['CronJob'], path: ['spec', 'jobTemplate', 'spec', 'template'] },
];

/** `1.34.0` and `v1.34` as 34. */
export function minorOf(version: string): number | undefined {
  const found = /^v?1\.([0-9]{1,3})(?:\.|$)/.exec(version)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Completes a subject with the pods that its resources make. */
export function createSubject(parts: Omit<Subject, 'pods'>): Subject {
  const resources = parts.isLive ? withoutOwned(parts.resources) : parts.resources;
  return { ...parts, resources, pods: resources.flatMap((resource) => podOf(resource, parts.namespace)) };
}

/** The namespace of an object. */
export function namespaceOf(resource: KubernetesResource, subject: Pick<Subject, 'namespace'>): string {
  return resource.namespace ?? subject.namespace;
}

/** What a controller made is checked where it is written: at the controller. */
function withoutOwned(resources: readonly KubernetesResource[]): readonly KubernetesResource[] {
  const present = new Set(resources.map(({ value }) => valueAt(value, ['metadata', 'uid'])));
  return resources.filter(({ value }) => {
    const owners = valueAt(value, ['metadata', 'ownerReferences']);
    return !(Array.isArray(owners) && owners.some((owner) => present.has(valueAt(owner, ['uid']))));
  });
}

function podOf(resource: KubernetesResource, defaultNamespace: string): readonly PodPlace[] {
  const { apiVersion, kind, value } = resource;
  const place = POD_PATHS.find(({ group, kinds }) => group.test(apiVersion) && kinds.includes(kind));
  if (place === undefined) return [];
  const spec = valueAt(value, [...place.path, 'spec']);
  if (!isMapping(spec)) return [];
  const path = [...place.path, 'spec'];
  const metadata = valueAt(value, [...place.path, 'metadata']);
  return [
    {
      resource,
      namespace: resource.namespace ?? defaultNamespace,
      path,
      spec,
      metadata: isMapping(metadata) ? metadata : {},
      metadataPath: [...place.path, 'metadata'],
      containers: LISTS.flatMap((list) => containersOf(spec, list, path)),
      isWindows: valueAt(spec, ['os', 'name']) === 'windows',
    },
  ];
}

function containersOf(
  spec: Readonly<Record<string, unknown>>,
  list: ContainerPlace['list'],
  path: YamlPath,
): readonly ContainerPlace[] {
  const items = spec[list];
  if (!Array.isArray(items)) return [];
  return items.flatMap((value: unknown, index) => {
    if (!isMapping(value)) return [];
    const name = typeof value['name'] === 'string' ? value['name'] : String(index);
    return [{ list, name, path: [...path, list, index], value }];
  });
}
