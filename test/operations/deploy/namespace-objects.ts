/** What is in a namespace, to be compared with what was there before or is in another. */
import type { ClusterApi } from '../../helpers/cluster.ts';

const KINDS: Readonly<Record<string, string>> = {
  configmaps: 'api/v1',
  secrets: 'api/v1',
  services: 'api/v1',
  persistentvolumeclaims: 'api/v1',
  deployments: 'apis/apps/v1',
  statefulsets: 'apis/apps/v1',
  ingresses: 'apis/networking.k8s.io/v1',
};
const SERVER_FIELDS = ['managedFields', 'resourceVersion', 'generation', 'creationTimestamp', 'uid'];
/** The record of the deployment tells what happened, and the other one is the cluster's. */
const LEFT_OUT = ['airgap-shop', 'kube-root-ca.crt'];

/** Objects by kind and name. */
export type NamespaceObjects = Readonly<Record<string, object>>;

/** Everything but jobs and their like, without what the server counts and controllers note. */
export async function readObjects(api: ClusterApi, namespace: string): Promise<NamespaceObjects> {
  const found: Record<string, object> = {};
  for (const [kind, group] of Object.entries(KINDS)) {
    for (const { metadata, status: _status, ...rest } of await api.list(`/${group}/namespaces/${namespace}/${kind}`)) {
      if (LEFT_OUT.includes(metadata.name)) continue;
      const notes = Object.entries(metadata.annotations ?? {});
      const annotations = notes.filter(([key]) => !key.startsWith('deployment.kubernetes.io/'));
      const own = Object.entries(metadata).filter(([key]) => !SERVER_FIELDS.includes(key));
      const kept = { ...Object.fromEntries(own), annotations: Object.fromEntries(annotations) };
      found[`${kind}/${metadata.name}`] = { ...rest, metadata: kept };
    }
  }
  return found;
}

/** The same of any namespace: without its name, addresses that were given out, and values that were made for it. */
export function withoutNamespace(objects: NamespaceObjects, namespace: string): unknown {
  const text = JSON.stringify(objects, (key: string, value: unknown) => {
    if (key === 'clusterIP' || key === 'clusterIPs' || key === 'volumeName') return undefined;
    return key === 'password' || key === 'SITE_API_PASSWORD_BASE64' ? 'made' : value;
  });
  return JSON.parse(text.replaceAll(namespace, 'NAMESPACE'));
}
