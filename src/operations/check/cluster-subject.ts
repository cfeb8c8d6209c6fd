/** What runs in a namespace of a cluster, as a subject: read through the API, Secrets left where they are. */
import { createSubject, minorOf, type Subject } from '../../compliance/subject.ts';
import { AuthError, UsageError } from '../../errors.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import { listAt, textAt, type ClusterObject } from '../../kubernetes/cluster/cluster-object.ts';
import { NO_LINE, type KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import type { CheckedInput } from './check-options.ts';
import { defaultMinor, type ClusterCheckOptions } from './file-subjects.ts';

/** A kind of objects, in a version of its group. */
interface KindName {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What rules look at, and what controllers make of it: the latter is told apart by who owns it. */
const CHECKED_KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: ['Pod', 'ReplicationController', 'ServiceAccount', 'ConfigMap', 'Service'],
  'apps/v1': ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'],
  'batch/v1': ['Job', 'CronJob'],
  'networking.k8s.io/v1': ['NetworkPolicy', 'Ingress'],
  'policy/v1': ['PodDisruptionBudget'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRoleBinding'],
};

/** What is to be read. */
export interface ClusterReading extends ClusterCheckOptions {
  readonly namespace: string;
  /** Objects of an earlier report: their kinds are read too, and of those of the whole cluster these objects. */
  readonly expected: readonly (KindName & { readonly name: string })[];
}

/**
 * Reads the objects of a namespace, with those of the whole cluster that belong to them. A kind that may not be read is
 * passed over, and named. Secrets are never asked for.
 * @throws AuthError where nothing may be read. @throws HttpError `CLUSTER`. @throws UsageError `USAGE` where nothing is there.
 */
export async function subjectOfNamespace(
  client: ClusterClient,
  { namespace, expected, kubeMinor, isCarried = () => false }: ClusterReading,
): Promise<CheckedInput> {
  const name = `cluster (namespace ${namespace}, ${client.access.name})`;
  const objects: ClusterObject[] = [];
  const refusals: AuthError[] = [];
  const names = new Set(expected.map((object) => `${object.kind}/${object.name}`));
  const kinds = kindsOf(expected);
  for (const kind of kinds) {
    try {
      const found = await readKind(client, kind, namespace);
      objects.push(...found.filter((object) => belongs(object, namespace, names)));
    } catch (error) {
      if (!(error instanceof AuthError) || error.code !== 'DENIED') throw error;
      refusals.push(error);
    }
  }
  const [refusal] = refusals;
  if (refusal !== undefined && refusals.length === kinds.length) throw refusal;
  if (objects.length === 0) {
    throw new UsageError('USAGE', `${name}: has no objects to check`, { hint: 'name the namespace: --namespace NAME' });
  }
  const subject: Omit<Subject, 'pods'> = {
    name,
    resources: objects.map(toResource),
    namespace,
    isCarried,
    kubeMinor: kubeMinor ?? minorOf(await client.version()) ?? defaultMinor(),
    isLive: true,
  };
  return { subjects: [createSubject(subject)], warnings: refusals.map(({ message }) => `not checked: ${message}`) };
}

function kindsOf(expected: readonly KindName[]): readonly KindName[] {
  const own = Object.entries(CHECKED_KINDS).flatMap(([apiVersion, kinds]) =>
    kinds.map((kind) => ({ apiVersion, kind })),
  );
  const known = new Map(
    [...own, ...expected].map(({ apiVersion, kind }) => [`${apiVersion} ${kind}`, { apiVersion, kind }]),
  );
  return [...known.values()].filter(({ apiVersion, kind }) => !(apiVersion === 'v1' && kind === 'Secret'));
}

async function readKind(
  client: ClusterClient,
  { apiVersion, kind }: KindName,
  namespace: string,
): Promise<readonly ClusterObject[]> {
  const resource = await client.resourceOf(apiVersion, kind);
  if (resource === undefined) return [];
  return await client.list(apiVersion, kind, resource.isNamespaced ? { namespace } : {});
}

/** Of what is the whole cluster's: what an earlier report names, and bindings of accounts of this namespace. */
function belongs(object: ClusterObject, namespace: string, names: ReadonlySet<string>): boolean {
  const { kind, metadata } = object;
  if (metadata.namespace !== undefined || names.has(`${kind}/${metadata.name}`)) return true;
  return (
    kind === 'ClusterRoleBinding' &&
    listAt(object, 'subjects').some((subject) => textAt(subject, 'namespace') === namespace)
  );
}

function toResource(object: ClusterObject): KubernetesResource {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  return {
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    value: object,
    fileName: 'cluster',
    line: NO_LINE,
    lineOf: () => NO_LINE,
  };
}
