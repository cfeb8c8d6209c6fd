/** Whether what was deployed is there and answers: every object current, and pods behind every service. */
import { wait } from '../../base/wait.ts';
import { AuthError, ClusterError } from '../../errors.ts';
import type { ClusterClient } from '../../kubernetes/cluster/cluster-client.ts';
import {
  formatKey,
  keyOf,
  listAt,
  mappingAt,
  textAt,
  type ClusterObject,
} from '../../kubernetes/cluster/cluster-object.ts';
import { statusOf } from '../../kubernetes/cluster/readiness/object-status.ts';
import { waitReady, type WaitOptions } from '../../kubernetes/cluster/readiness/wait-ready.ts';

const PAUSE_MS = 500;
/** Where a workload keeps the template of its pods. */
const TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  ReplicaSet: ['spec', 'template'],
  Pod: [],
};

/** What is to be known of a deployment that is complete. */
export interface CheckedDeployment {
  /** Services with a pod behind each. */
  readonly services: number;
  /** Claims that wait for the pod that will use them first, as their storage class says. */
  readonly waitingClaims: readonly string[];
  /** Where people reach it: `https://app.example`. */
  readonly addresses: readonly string[];
}

/**
 * Waits until everything is current and every service that selects a workload of the deployment has a pod that answers.
 * @throws ClusterError `NOT_READY` with why, as the cluster says it
 */
export async function checkDeployed(
  client: ClusterClient,
  objects: readonly ClusterObject[],
  options: WaitOptions,
): Promise<CheckedDeployment> {
  const waitingClaims = await unusedClaims(client, objects);
  // Jobs were waited for when they ran; they may be gone by now.
  const isChecked = (object: ClusterObject): boolean =>
    object.kind !== 'Job' && !waitingClaims.includes(formatKey(keyOf(object)));
  await waitReady(client, objects.filter(isChecked).map(keyOf), options);
  const services = objects.filter((object) => selectsOwnPods(object, objects));
  await waitEndpoints(client, services, options);
  return { services: services.length, waitingClaims, addresses: await addressesOf(client, objects) };
}

/** Claims that are bound when a pod first uses them, and none does yet: that of a nightly backup. */
async function unusedClaims(client: ClusterClient, objects: readonly ClusterObject[]): Promise<readonly string[]> {
  const unused = [];
  for (const claim of objects.filter(({ kind }) => kind === 'PersistentVolumeClaim')) {
    const found = await client.get(keyOf(claim));
    if (found === undefined || statusOf(found).state === 'current') continue;
    const { namespace } = claim.metadata;
    const pods = await client.list('v1', 'Pod', namespace === undefined ? {} : { namespace });
    const isUsed = pods.some((pod) =>
      listAt(pod, 'spec', 'volumes').some(
        (volume) => mappingAt(volume, 'persistentVolumeClaim')['claimName'] === claim.metadata.name,
      ),
    );
    if (!isUsed && (await waitsForConsumer(client, found))) unused.push(formatKey(keyOf(claim)));
  }
  return unused;
}

/** Who may not read storage classes cannot tell; what is wrong with a claim shows when a pod uses it. */
async function waitsForConsumer(client: ClusterClient, claim: ClusterObject): Promise<boolean> {
  const name = textAt(mappingAt(claim, 'spec'), 'storageClassName') ?? '';
  if (name === '') return false;
  try {
    const found = await client.get({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', name });
    return found?.['volumeBindingMode'] === 'WaitForFirstConsumer';
  } catch (error) {
    if (error instanceof AuthError && error.code === 'DENIED') return true;
    throw error;
  }
}

function selectsOwnPods(service: ClusterObject, objects: readonly ClusterObject[]): boolean {
  if (service.kind !== 'Service' || service.apiVersion !== 'v1') return false;
  const selector = Object.entries(mappingAt(service, 'spec', 'selector'));
  if (selector.length === 0) return false;
  return objects.some((object) => {
    const template = TEMPLATES[object.kind];
    if (template === undefined || object.metadata.namespace !== service.metadata.namespace) return false;
    if (mappingAt(object, 'spec')['replicas'] === 0) return false;
    const labels = mappingAt(object, ...template, 'metadata', 'labels');
    return selector.every(([key, value]) => labels[key] === value);
  });
}

async function waitEndpoints(
  client: ClusterClient,
  services: readonly ClusterObject[],
  { timeoutMs, signal, nowMs = Date.now }: WaitOptions,
): Promise<void> {
  const endMs = nowMs() + timeoutMs;
  for (let open = services; ;) {
    const lacking = [];
    for (const service of open) if (!(await hasEndpoint(client, service))) lacking.push(service);
    open = lacking;
    if (open.length === 0) return;
    if (nowMs() >= endMs) {
      throw new ClusterError('NOT_READY', 'services have no pod that answers behind them', {
        items: open.map((service) => formatKey(keyOf(service))),
        hint: 'their pods are ready, so look at the selectors and ports: kubectl describe service',
      });
    }
    await wait(PAUSE_MS, signal);
  }
}

async function hasEndpoint(client: ClusterClient, { metadata: { name, namespace } }: ClusterObject): Promise<boolean> {
  const labels = `kubernetes.io/service-name=${name}`;
  const slices = await client.list('discovery.k8s.io/v1', 'EndpointSlice', {
    labels,
    ...(namespace === undefined ? {} : { namespace }),
  });
  return slices.some((slice) =>
    listAt(slice, 'endpoints').some((endpoint) => mappingAt(endpoint, 'conditions')['ready'] !== false),
  );
}

/** Hosts of ingresses, and addresses of load balancers that have one. */
async function addressesOf(client: ClusterClient, objects: readonly ClusterObject[]): Promise<readonly string[]> {
  const addresses: string[] = [];
  for (const object of objects) {
    if (object.kind === 'Ingress') {
      const secure = new Set(
        listAt(object, 'spec', 'tls').flatMap(({ hosts }) =>
          Array.isArray(hosts) ? (hosts as readonly unknown[]) : [],
        ),
      );
      for (const rule of listAt(object, 'spec', 'rules')) {
        const host = textAt(rule, 'host');
        if (host !== undefined) addresses.push(`${secure.has(host) ? 'https' : 'http'}://${host}`);
      }
    }
    if (object.kind !== 'Service' || mappingAt(object, 'spec')['type'] !== 'LoadBalancer') continue;
    const found = await client.get(keyOf(object));
    const ports = listAt(object, 'spec', 'ports').map(({ port }) => String(port));
    for (const entry of listAt(found, 'status', 'loadBalancer', 'ingress')) {
      const host = textAt(entry, 'hostname') ?? textAt(entry, 'ip');
      if (host !== undefined)
        addresses.push(...ports.map((port) => `${host.includes(':') ? `[${host}]` : host}:${port}`));
    }
  }
  return [...new Set(addresses)];
}
