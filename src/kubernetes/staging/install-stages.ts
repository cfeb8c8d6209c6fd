/** In which order rendered resources are installed without Helm: stages for a person, and kinds in Helm's order within. */
import { isMapping } from '../resources/yaml-documents.ts';

/** The stages, in their order; a file each. */
export const STAGES = [
  'crds',
  'namespace',
  'rbac',
  'secrets',
  'configmaps',
  'storage',
  'database',
  'control-plane',
  'networking',
] as const;
export type Stage = (typeof STAGES)[number];

/** Kinds in the order in which Helm installs them, each with its stage. */
const KINDS: readonly (readonly [kind: string, stage: Stage])[] = [
  ['PriorityClass', 'namespace'],
  ['Namespace', 'namespace'],
  ['NetworkPolicy', 'networking'],
  ['ResourceQuota', 'namespace'],
  ['LimitRange', 'namespace'],
  ['PodSecurityPolicy', 'rbac'],
  ['PodDisruptionBudget', 'control-plane'],
  ['ServiceAccount', 'rbac'],
  ['Secret', 'secrets'],
  ['ConfigMap', 'configmaps'],
  ['StorageClass', 'storage'],
  ['PersistentVolume', 'storage'],
  ['PersistentVolumeClaim', 'storage'],
  ['CustomResourceDefinition', 'crds'],
  ['ClusterRole', 'rbac'],
  ['ClusterRoleBinding', 'rbac'],
  ['Role', 'rbac'],
  ['RoleBinding', 'rbac'],
  ['Service', 'networking'],
  ['DaemonSet', 'control-plane'],
  ['Pod', 'control-plane'],
  ['ReplicationController', 'control-plane'],
  ['ReplicaSet', 'control-plane'],
  ['Deployment', 'control-plane'],
  ['HorizontalPodAutoscaler', 'control-plane'],
  ['StatefulSet', 'control-plane'],
  ['Job', 'control-plane'],
  ['CronJob', 'control-plane'],
  ['IngressClass', 'networking'],
  ['Ingress', 'networking'],
  ['APIService', 'networking'],
  ['MutatingWebhookConfiguration', 'networking'],
  ['ValidatingWebhookConfiguration', 'networking'],
];
const ORDER = new Map(KINDS.map(([kind, stage], order) => [kind, { stage, order }]));
/** API groups of which every resource is about the network. */
const NETWORKING =
  /^([a-z0-9-]+\.)*(networking\.k8s\.io|networking\.istio\.io|cilium\.io|projectcalico\.org|traefik\.io)$/;
/** Labels that say what something is; older charts have the last one. */
const NAME_LABELS = ['app.kubernetes.io/component', 'app.kubernetes.io/name', 'app'];
/** What a database is called by its labels or its API group. */
const DATABASE = /^(database|db|postgres(ql)?|mysql|mariadb|percona|mongodb|cockroachdb|cassandra|etcd)$/;
const DATABASE_GROUP = /(^|\.)(cnpg|postgresql|postgres|mysql|mariadb|percona|mongodb|cockroachdb)\./;
/** What a database brings that belongs to its own stage and to no earlier one: it runs, or is how one reaches it. */
const OF_DATABASE = new Set<Stage>(['control-plane', 'networking']);

/** Where a resource stands among all of its chart. */
export interface InstallPlace {
  readonly stage: Stage;
  /** Within the stage: hooks that run before the rest, the rest by kind, hooks that run after it. */
  readonly order: readonly [hook: number, weight: number, kind: number];
}

/**
 * The place of a resource. Undefined for what no installation applies: tests, and hooks of upgrade, rollback and deletion
 * alone.
 */
export function installPlaceOf(value: Readonly<Record<string, unknown>>): InstallPlace | undefined {
  const { annotations, labels } = textsOf(value['metadata']);
  const hook = annotations['helm.sh/hook'];
  const hooks = hook?.split(',').map((name) => name.trim());
  if (hooks !== undefined && !hooks.some((name) => /^(pre|post)-install$/.test(name))) return undefined;
  const phase = hooks === undefined ? 1 : hooks.includes('post-install') ? 2 : 0;
  const weight = hooks === undefined ? 0 : Number.parseInt(annotations['helm.sh/hook-weight'] ?? '0', 10) || 0;
  // A list is where its first item is.
  const items = value['items'];
  const kind = String(value['kind']).endsWith('List') && Array.isArray(items) && isMapping(items[0]) ? items[0] : value;
  const { stage, order } = stageOf(String(kind['kind']), String(kind['apiVersion']), labels);
  return { stage, order: [phase, weight, order] };
}

/** What an object says that it is part of, by the labels that are usual for it; the most telling first. */
export function nameLabelsOf(value: Readonly<Record<string, unknown>>): readonly string[] {
  const { labels } = textsOf(value['metadata']);
  return NAME_LABELS.flatMap((label) => labels[label] ?? []);
}

function stageOf(
  kind: string,
  apiVersion: string,
  labels: Readonly<Record<string, string>>,
): { readonly stage: Stage; readonly order: number } {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  const known = ORDER.get(kind);
  const stage = known?.stage ?? (NETWORKING.test(group) ? 'networking' : 'control-plane');
  const order = known?.order ?? KINDS.length;
  const names = NAME_LABELS.map((label) => labels[label]);
  const isDatabase =
    DATABASE_GROUP.test(`${group}.`) || names.some((name) => name !== undefined && DATABASE.test(name));
  // Rules of the network are one thing, which a person reads as one.
  return isDatabase && OF_DATABASE.has(stage) && kind !== 'NetworkPolicy'
    ? { stage: 'database', order }
    : { stage, order };
}

function textsOf(metadata: unknown): Record<'annotations' | 'labels', Readonly<Record<string, string>>> {
  const texts = (value: unknown): Readonly<Record<string, string>> =>
    isMapping(value) ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)])) : {};
  const own = isMapping(metadata) ? metadata : {};
  return { annotations: texts(own['annotations']), labels: texts(own['labels']) };
}
