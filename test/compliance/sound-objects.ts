/** The objects of a small deployment that meets every general rule, as plain values that a test may spoil. */
import { createSubject, type Subject } from '../../src/compliance/subject.ts';
import type { YamlPath } from '../../src/base/yaml-source.ts';
import { readKubernetesYaml } from '../../src/kubernetes/resources/yaml-documents.ts';
import { formatReference, type Reference } from '../../src/oci/reference.ts';

/** A mapping in an object. */
export type Value = Record<string, unknown>;

const LABELS = { app: 'api' };
const RESOURCES = { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } };

function makeContainer(): Value {
  return {
    name: 'api',
    image: 'registry.example/team/api:1.0',
    env: [
      { name: 'DATABASE_PASSWORD', valueFrom: { secretKeyRef: { name: 'api', key: 'password' } } },
      { name: 'TOKEN_TTL', value: '15m' },
      { name: 'TLS_PRIVATE_KEY', value: '/etc/tls/tls.key' },
    ],
    ports: [{ containerPort: 8080 }],
    livenessProbe: { httpGet: { path: '/healthz', port: 8080 } },
    readinessProbe: { httpGet: { path: '/readyz', port: 8080 } },
    resources: RESOURCES,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
}

function makePod(restartPolicy?: string): Value {
  const { livenessProbe, readinessProbe, ...once } = makeContainer();
  return {
    metadata: { labels: { ...LABELS }, annotations: {} },
    spec: {
      serviceAccountName: 'api',
      automountServiceAccountToken: false,
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
      ],
      initContainers: [{ ...structuredClone(once), name: 'migrate' }],
      containers: [restartPolicy === undefined ? { ...once, livenessProbe, readinessProbe } : once],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    },
  };
}

/** The objects by their kinds, each new. */
export function makeObjects(): Record<string, Value> {
  const metadata = (name: string): Value => ({ name, namespace: 'app' });
  return structuredClone({
    Deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata('api'),
      spec: { replicas: 2, selector: { matchLabels: LABELS }, template: makePod() },
    },
    CronJob: {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: metadata('nightly'),
      spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template: makePod('OnFailure') } } },
    },
    PodDisruptionBudget: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata('api'),
      spec: { minAvailable: 1, selector: { matchLabels: LABELS } },
    },
    NetworkPolicy: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: metadata('default-deny'),
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    },
    ServiceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata('api') },
    Secret: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata('api'),
      stringData: { password: '<made at the site>' },
    },
    ConfigMap: { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('api'), data: { log_level: 'info' } },
  });
}

/** Puts a value at a path, where its parents are there or are mappings; `undefined` takes away what is there. */
export function setAt(object: unknown, path: YamlPath, value: unknown): void {
  const [key = '', ...rest] = path;
  const held = object as Record<string | number, unknown>;
  if (rest.length > 0) setAt((held[key] ??= {}), rest, value);
  else if (value === undefined) Reflect.deleteProperty(held, key);
  else held[key] = value;
}

/** The objects, with one of them changed. @throws RangeError where there is none of that kind */
export function makeSpoiled(kind: string, path: YamlPath, value: unknown): Record<string, Value> {
  const objects = makeObjects();
  const object = objects[kind];
  if (object === undefined) throw new RangeError(`no ${kind}`);
  setAt(object, path, value);
  return objects;
}

/** Objects as a subject; `registry.example/team/…` travels with the release. */
export function toSubject(objects: readonly Value[], options: Partial<Subject> = {}): Subject {
  return createSubject({
    name: 'test',
    resources: readKubernetesYaml(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), 'objects.json'),
    namespace: 'default',
    isCarried: (reference: Reference) => formatReference(reference).startsWith('registry.example/team/'),
    kubeMinor: 34,
    isLive: false,
    ...options,
  });
}
