/**
 * Pod Security Standards, level `baseline`: what would give a pod the power of its node.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
 */
import { violationAt, type Evaluation, type Rule, type Violation } from '../rule.ts';
import type { PodPlace, Subject } from '../subject.ts';
import { entriesAt, itemsAt, showValue, valueAt } from '../values.ts';
import { containerRule, faultsAt, podRule, type Fault } from './pod-rule.ts';

const STANDARD = 'Kubernetes Pod Security Standards, baseline';
const CANNOT = 'That the node, the container runtime or the cluster keep pods apart as they are told to.';

const HANDLERS = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;
const HOOKS = ['postStart', 'preStop'] as const;

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const SELINUX_TYPES = new Set(['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t']);
/** Of namespaces of their own, and without power over other pods; up to Kubernetes 1.37. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

function words(id: string, title: string, shows: string): Omit<Rule, 'evaluate'> {
  return { id, title, severity: 'high', serves: [STANDARD], shows, cannotShow: CANNOT };
}

export const POD_SECURITY_BASELINE: readonly Rule[] = [
  containerRule(
    words('pod-privileged', 'No container is privileged', 'No container asks for all powers of its node.'),
    ({ value }) =>
      faultsAt(
        value,
        [['securityContext', 'privileged']],
        (held) => held !== true,
        () => 'is privileged',
      ),
  ),
  podRule(
    words(
      'pod-host-namespaces',
      'No pod shares a namespace of its node',
      'No pod asks for the network, processes or IPC of its node.',
    ),
    ({ spec }) =>
      faultsAt(
        spec,
        [['hostNetwork'], ['hostPID'], ['hostIPC']],
        (held) => held !== true,
        () => 'shares a namespace of the node',
      ),
  ),
  podRule(
    words('pod-host-paths', 'No pod mounts a path of its node', 'No pod asks for files of its node.'),
    ({ spec }) =>
      itemsAt(spec, ['volumes']).flatMap((volume, index): readonly Fault[] => {
        const held = valueAt(volume, ['hostPath']);
        if (held === undefined) return [];
        return [
          { path: ['volumes', index, 'hostPath'], message: `mounts ${showValue(valueAt(held, ['path']))} of the node` },
        ];
      }),
  ),
  containerRule(
    words('pod-host-ports', 'No container takes a port of its node', 'No container asks for a port of its node.'),
    ({ value }) =>
      itemsAt(value, ['ports']).flatMap((port, index): readonly Fault[] => {
        const held = valueAt(port, ['hostPort']);
        if (held === undefined || held === 0) return [];
        return [{ path: ['ports', index, 'hostPort'], message: `takes port ${showValue(held)} of the node` }];
      }),
  ),
  containerRule(
    words(
      'pod-host-probes',
      'No probe or hook is sent to another host',
      'No probe and no lifecycle hook makes the kubelet call an address of its own choice.',
    ),
    ({ value }) => {
      const parents = [...HANDLERS.map((key) => [key]), ...HOOKS.map((key) => ['lifecycle', key])];
      return faultsAt(
        value,
        parents.flatMap((parent) => [
          [...parent, 'httpGet', 'host'],
          [...parent, 'tcpSocket', 'host'],
        ]),
        (held) => held === undefined || held === '',
        (held) => `is sent to ${showValue(held)}`,
      );
    },
  ),
  {
    ...words(
      'pod-host-process',
      'No container is a process of a Windows node',
      'No pod and no container asks to run as a process of its Windows node.',
    ),
    evaluate: podAndContainers(
      ['windowsOptions', 'hostProcess'],
      (held) => held !== true,
      () => 'is a process of the node',
    ),
  },
  {
    ...words(
      'pod-apparmor',
      'No AppArmor profile is taken off',
      'No pod and no container asks to run outside of AppArmor.',
    ),
    evaluate: (subject: Subject): Evaluation => {
      const { looked, violations } = podAndContainers(
        ['appArmorProfile', 'type'],
        (held) => held === undefined || held === '' || held === 'RuntimeDefault' || held === 'Localhost',
        (held) => `has the AppArmor profile ${showValue(held)}`,
      )(subject);
      return { looked, violations: [...violations, ...subject.pods.flatMap(annotationViolations)] };
    },
  },
  {
    ...words(
      'pod-selinux',
      'No SELinux label is chosen that takes protection off',
      'No pod and no container asks for an SELinux user, a role, or a type that is not meant for containers.',
    ),
    evaluate: (subject: Subject): Evaluation => {
      const parts = [
        podAndContainers(
          ['seLinuxOptions', 'type'],
          (held) => held === undefined || (typeof held === 'string' && SELINUX_TYPES.has(held)),
          (held) => `has the SELinux type ${showValue(held)}`,
        ),
        ...['user', 'role'].map((key) =>
          podAndContainers(
            ['seLinuxOptions', key],
            (held) => held === undefined || held === '',
            (held) => `has the SELinux ${key} ${showValue(held)}`,
          ),
        ),
      ].map((evaluate) => evaluate(subject));
      return { looked: parts[0]?.looked ?? 0, violations: parts.flatMap(({ violations }) => violations) };
    },
  },
  containerRule(
    words('pod-proc-mount', 'No container sees all of /proc', 'No container asks for a /proc without masked paths.'),
    ({ value }) =>
      faultsAt(
        value,
        [['securityContext', 'procMount']],
        (held) => held === undefined || held === '' || held === 'Default',
        (held) => `has the /proc mount ${showValue(held)}`,
      ),
  ),
  podRule(
    words(
      'pod-sysctls',
      'No unsafe kernel setting is changed',
      'No pod asks for kernel settings that reach beyond its own namespaces.',
    ),
    ({ spec }) =>
      itemsAt(spec, ['securityContext', 'sysctls']).flatMap((sysctl, index): readonly Fault[] => {
        const name = valueAt(sysctl, ['name']);
        if (SAFE_SYSCTLS.has(String(name))) return [];
        return [{ path: ['securityContext', 'sysctls', index, 'name'], message: `changes ${showValue(name)}` }];
      }),
  ),
];

/** A field of the security context, of the pod and of every container. */
function podAndContainers(
  path: readonly string[],
  isAllowed: (held: unknown) => boolean,
  message: (held: unknown) => string,
): Rule['evaluate'] {
  const place = ['securityContext', ...path];
  const pods = podRule(words('', '', ''), ({ spec }) => faultsAt(spec, [place], isAllowed, message));
  const containers = containerRule(words('', '', ''), ({ value }) => faultsAt(value, [place], isAllowed, message));
  return (subject) => {
    const [pod, container] = [pods.evaluate(subject), containers.evaluate(subject)];
    return { looked: container.looked, violations: [...pod.violations, ...container.violations] };
  };
}

/** AppArmor's form before Kubernetes 1.30, which is still read. */
function annotationViolations({ resource, metadata, metadataPath }: PodPlace): readonly Violation[] {
  return entriesAt(metadata, ['annotations'])
    .filter(([key]) => key.startsWith(APPARMOR_ANNOTATION))
    .filter(([, value]) => value !== 'runtime/default' && value !== '' && !String(value).startsWith('localhost/'))
    .map(([key, value]) =>
      violationAt(resource, [...metadataPath, 'annotations', key], `has the AppArmor profile ${showValue(value)}`),
    );
}
