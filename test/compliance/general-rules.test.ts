/** Every general rule passes on a sound deployment, and fails on each seeded violation, with its object and field. */
import { describe, expect, test } from 'vitest';
import type { YamlPath } from '../../src/base/yaml-source.ts';
import { evaluateRules } from '../../src/compliance/evaluate.ts';
import { GENERAL_RULES, rulesOf } from '../../src/compliance/profiles.ts';
import type { Subject } from '../../src/compliance/subject.ts';
import { formatPath } from '../../src/kubernetes/resources/image-places.ts';
import { makeObjects, makeSpoiled, setAt, toSubject, type Value } from './sound-objects.ts';

const RULES = rulesOf(['availability']);
const POD: YamlPath = ['spec', 'template', 'spec'];
const API: YamlPath = [...POD, 'containers', 0];
const CONTEXT = 'securityContext';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/api';

/** `rule Kind/name field` of every violation. */
function violationsOf(subject: Subject): readonly string[] {
  const [checked] = evaluateRules(RULES, [subject]);
  return (checked?.results ?? []).flatMap(({ rule, violations }) =>
    violations.map(({ kind, name, namespace, field }) =>
      [rule.id, name === '' ? `${kind} in ${namespace ?? ''}` : `${kind}/${name}`, field].join(' '),
    ),
  );
}

/** Violations of the sound objects after changes to some of them. */
function spoil(...changes: readonly (readonly [kind: string, path: YamlPath, value: unknown])[]): readonly string[] {
  const objects = makeObjects();
  for (const [kind, path, value] of changes) setAt(objects[kind], path, value);
  return violationsOf(toSubject(Object.values(objects)));
}

test('a sound deployment passes every rule, and every rule applies to it', () => {
  const [checked] = evaluateRules(RULES, [toSubject(Object.values(makeObjects()))]);
  expect(checked?.results.filter(({ verdict }) => verdict !== 'pass').map(({ rule }) => rule.id)).toEqual([]);
  expect(checked?.results.length).toBe(RULES.length);
});

interface Seed {
  readonly rule: string;
  /** Of the object that is changed. */
  readonly kind: string;
  readonly path: YamlPath;
  /** Undefined takes away what is there. */
  readonly value: unknown;
  /** Where the violation is, if not at the object and path that were changed. */
  readonly at?: string;
  /** Rules that the same change violates too. */
  readonly also?: readonly string[];
}

function deployment(rule: string, path: YamlPath, value: unknown, more: Partial<Seed> = {}): Seed {
  return { rule, kind: 'Deployment', path, value, ...more };
}

function inApi(rule: string, path: YamlPath, value: unknown, more: Partial<Seed> = {}): Seed {
  return deployment(rule, [...API, ...path], value, more);
}

function inPod(rule: string, path: YamlPath, value: unknown, more: Partial<Seed> = {}): Seed {
  return deployment(rule, [...POD, ...path], value, more);
}

const DENY = { at: 'NetworkPolicy in app spec.podSelector' };

const SEEDS: readonly Seed[] = [
  // Images
  inApi('image-no-latest', ['image'], 'registry.example/team/api:latest'),
  inApi('image-no-latest', ['image'], 'registry.example/team/api'),
  inApi('image-pinned', ['image'], 'quay.io/other/api:1.0'),
  // The node
  inApi('pod-privileged', [CONTEXT, 'privileged'], true),
  inPod('pod-host-namespaces', ['hostPID'], true),
  inPod('pod-host-namespaces', ['hostIPC'], true),
  inPod('pod-host-namespaces', ['hostNetwork'], true),
  inPod(
    'pod-host-paths',
    ['volumes', 1],
    { name: 'run', hostPath: { path: '/run' } },
    {
      at: 'Deployment/api spec.template.spec.volumes[1].hostPath',
    },
  ),
  inApi('pod-host-ports', ['ports', 0, 'hostPort'], 80),
  inApi('pod-host-probes', ['livenessProbe', 'httpGet', 'host'], '127.0.0.1'),
  inApi('pod-host-probes', ['lifecycle', 'preStop', 'tcpSocket', 'host'], 'other'),
  inPod('pod-host-process', [CONTEXT, 'windowsOptions', 'hostProcess'], true),
  inApi('pod-apparmor', [CONTEXT, 'appArmorProfile', 'type'], 'Unconfined'),
  deployment('pod-apparmor', ['spec', 'template', 'metadata', 'annotations', APPARMOR], 'unconfined'),
  inPod('pod-selinux', [CONTEXT, 'seLinuxOptions', 'type'], 'spc_t'),
  inApi('pod-selinux', [CONTEXT, 'seLinuxOptions', 'user'], 'system_u'),
  inApi('pod-proc-mount', [CONTEXT, 'procMount'], 'Unmasked'),
  inPod('pod-sysctls', [CONTEXT, 'sysctls'], [{ name: 'kernel.msgmax', value: '1' }], {
    at: 'Deployment/api spec.template.spec.securityContext.sysctls[0].name',
  }),
  // The pod
  inPod(
    'pod-volume-types',
    ['volumes', 1],
    { name: 'share', nfs: { server: 's', path: '/' } },
    {
      at: 'Deployment/api spec.template.spec.volumes[1].nfs',
    },
  ),
  inApi('pod-privilege-escalation', [CONTEXT, 'allowPrivilegeEscalation'], undefined),
  inApi('pod-run-as-non-root', [CONTEXT, 'runAsNonRoot'], false),
  inApi('pod-run-as-non-root', [CONTEXT, 'runAsUser'], 0),
  inApi('pod-seccomp', [CONTEXT, 'seccompProfile', 'type'], 'Unconfined'),
  inApi('pod-capabilities', [CONTEXT, 'capabilities', 'drop'], ['KILL']),
  inApi('pod-capabilities', [CONTEXT, 'capabilities', 'add'], ['NET_ADMIN'], {
    at: 'Deployment/api spec.template.spec.containers[0].securityContext.capabilities.add[0]',
  }),
  inApi('pod-read-only-root', [CONTEXT, 'readOnlyRootFilesystem'], false),
  // Workloads
  inApi('workload-probes', ['livenessProbe'], undefined),
  inApi('workload-probes', ['readinessProbe'], undefined),
  inApi('workload-requests', ['resources', 'requests', 'cpu'], undefined),
  inApi('workload-limits', ['resources', 'limits', 'memory'], undefined),
  {
    rule: 'workload-disruption-budget',
    kind: 'PodDisruptionBudget',
    path: ['spec', 'selector', 'matchLabels', 'app'],
    value: 'other',
    at: 'Deployment/api spec.replicas',
  },
  deployment('availability-replicas', ['spec', 'replicas'], 1),
  inPod('availability-spread', ['topologySpreadConstraints'], undefined),
  // The network
  {
    rule: 'network-default-deny',
    kind: 'NetworkPolicy',
    path: ['spec', 'podSelector', 'matchLabels', 'app'],
    value: 'api',
    ...DENY,
  },
  { rule: 'network-default-deny', kind: 'NetworkPolicy', path: ['spec', 'egress'], value: [{}], ...DENY },
  { rule: 'network-default-deny', kind: 'NetworkPolicy', path: ['spec', 'policyTypes'], value: undefined, ...DENY },
  { rule: 'network-default-deny', kind: 'NetworkPolicy', path: ['metadata', 'namespace'], value: 'other', ...DENY },
  // Tokens, secrets, versions
  inPod('token-not-mounted', ['automountServiceAccountToken'], undefined),
  inPod('token-not-mounted', ['automountServiceAccountToken'], true),
  { rule: 'secret-data', kind: 'Secret', path: ['stringData', 'password'], value: 'hunter2' },
  { rule: 'secret-data', kind: 'Secret', path: ['data', 'token'], value: Buffer.from('hunter2').toString('base64') },
  inApi(
    'secret-in-clear',
    ['env', 3],
    { name: 'DB_PASSWORD', value: 'hunter2' },
    {
      at: 'Deployment/api spec.template.spec.containers[0].env[3].value',
    },
  ),
  inApi(
    'secret-in-clear',
    ['env', 3],
    { name: 'DATABASE', value: 'postgres://api:hunter2@db/api' },
    {
      at: 'Deployment/api spec.template.spec.containers[0].env[3].value',
    },
  ),
  { rule: 'secret-in-clear', kind: 'ConfigMap', path: ['data', 'api_key'], value: 'a1b2c3d4' },
  { rule: 'api-alive', kind: 'PodDisruptionBudget', path: ['apiVersion'], value: 'policy/v1beta1' },
];

test('thirty violations or more are seeded, and each rule has one', () => {
  expect(SEEDS.length).toBeGreaterThanOrEqual(30);
  expect(RULES.map(({ id }) => id).filter((id) => !SEEDS.some(({ rule }) => rule === id))).toEqual([]);
});

test.each(SEEDS.map((seed) => [seed.rule, formatPath(seed.path), seed] as const))(
  '%s fails where %s is wrong, and no other rule does',
  (rule, path, { kind, value, at, also = [], path: steps }) => {
    const objects = makeSpoiled(kind, steps, value);
    const name = String((objects[kind]?.['metadata'] as Value)['name']);
    const violations = violationsOf(toSubject(Object.values(objects)));
    expect(violations).toContain(`${rule} ${at ?? `${kind}/${name} ${path}`}`);
    expect(new Set(violations.map((violation) => violation.split(' ')[0]))).toEqual(new Set([rule, ...also]));
  },
);

describe('what a rule does not apply to', () => {
  test('pods that end by themselves need no probes', () => {
    const never = ['Deployment', [...POD, 'restartPolicy'], 'Never'] as const;
    expect(spoil(never, ['Deployment', [...API, 'livenessProbe'], undefined])).toEqual([]);
  });

  test('Windows has no seccomp, no capabilities and no escalation', () => {
    expect(
      spoil(
        ['Deployment', [...POD, 'os'], { name: 'windows' }],
        ['Deployment', [...POD, CONTEXT, 'seccompProfile'], undefined],
        ['Deployment', [...API, CONTEXT], {}],
        ['Deployment', [...POD, 'initContainers', 0, CONTEXT], {}],
      ),
    ).toEqual([]);
  });

  test('a token is mounted where a role is bound to the account', () => {
    const objects = makeSpoiled('Deployment', [...POD, 'automountServiceAccountToken'], true);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'api', namespace: 'app' },
      roleRef: { kind: 'Role', name: 'api' },
      subjects: [{ kind: 'ServiceAccount', name: 'api' }],
    };
    expect(violationsOf(toSubject([...Object.values(objects), binding]))).toEqual([]);
    const other = { ...binding, metadata: { name: 'api', namespace: 'other' } };
    expect(violationsOf(toSubject([...Object.values(objects), other]))).toHaveLength(1);
  });

  test('an image with a digest needs no release that carries it', () => {
    expect(spoil(['Deployment', [...API, 'image'], `quay.io/other/api@sha256:${'a'.repeat(64)}`])).toEqual([]);
  });

  test('a placeholder in the data of a Secret is no value, encoded or as the site replaces it', () => {
    expect(spoil(['Secret', ['data', 'a'], '${SITE_API_PASSWORD_BASE64}'])).toEqual([]);
    expect(spoil(['Secret', ['data', 'a'], Buffer.from('changeme').toString('base64')])).toEqual([]);
  });

  test('an API version that is removed three versions later still holds', () => {
    const schema = {
      apiVersion: 'flowcontrol.apiserver.k8s.io/v1beta3',
      kind: 'FlowSchema',
      metadata: { name: 'f' },
    };
    const at = (kubeMinor: number): readonly string[] => violationsOf(toSubject([schema], { kubeMinor }));
    expect(at(29)).toEqual([]);
    expect(at(30)).toEqual(['api-alive FlowSchema/f apiVersion']);
  });

  test('a rule without anything to look at is not applicable', () => {
    const account = makeObjects()['ServiceAccount'];
    const [checked] = evaluateRules(GENERAL_RULES, [toSubject(account === undefined ? [] : [account])]);
    const applying = checked?.results.filter(({ verdict }) => verdict !== 'not-applicable').map(({ rule }) => rule.id);
    expect(applying).toEqual(['api-alive']);
  });
});

test('in a cluster, secrets are filled in, and what a controller made is checked at the controller', () => {
  const objects = makeSpoiled('Secret', ['data'], { password: Buffer.from('hunter2').toString('base64') });
  setAt(objects['Deployment'], ['metadata', 'uid'], 'd');
  const replicas = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'api-1', namespace: 'app', uid: 'r', ownerReferences: [{ kind: 'Deployment', uid: 'd' }] },
    spec: { template: { spec: { containers: [{ name: 'bare', image: 'x:latest' }] } } },
  };
  const all = [...Object.values(objects), replicas];
  expect(violationsOf(toSubject(all, { isLive: true }))).toEqual([]);
  expect(violationsOf(toSubject(all))).not.toEqual([]);
});

test('identifiers of rules are unique, and each rule says what it shows and what it cannot', () => {
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
  const lacking = RULES.filter(
    ({ serves, title, shows, cannotShow }) =>
      serves.length === 0 || [title, shows, cannotShow].some((text) => text.length < 20),
  );
  expect(lacking).toEqual([]);
});
