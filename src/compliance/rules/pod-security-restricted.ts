/**
 * Pod Security Standards, level `restricted`, and a root file system that cannot be written to.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
 */
import type { Rule } from '../rule.ts';
import type { ContainerPlace, PodPlace } from '../subject.ts';
import { itemsAt, showValue } from '../values.ts';
import { containerRule, effective, faultsAt, podRule, type Fault } from './pod-rule.ts';

const STANDARD = 'Kubernetes Pod Security Standards, restricted';
const CANNOT = 'That the programs in the images need no more than this, or that the kernel holds what is asked of it.';

const VOLUME_TYPES = new Set([
  ...['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim'],
  ...['projected', 'secret'],
]);
const ADDABLE = new Set(['NET_BIND_SERVICE']);

function words(id: string, title: string, shows: string): Omit<Rule, 'evaluate'> {
  return { id, title, severity: 'high', serves: [STANDARD], shows, cannotShow: CANNOT };
}

function isLinux(_: ContainerPlace, { isWindows }: PodPlace): boolean {
  return !isWindows;
}

export const POD_SECURITY_RESTRICTED: readonly Rule[] = [
  podRule(
    words(
      'pod-volume-types',
      'Volumes are of the safe kinds',
      'No pod mounts storage that is not administered by the cluster.',
    ),
    ({ spec }) =>
      itemsAt(spec, ['volumes']).flatMap((volume, index): readonly Fault[] => {
        const types = Object.keys(typeof volume === 'object' && volume !== null ? volume : {});
        // A path of the node has a rule of its own.
        return types
          .filter((type) => type !== 'name' && type !== 'hostPath' && !VOLUME_TYPES.has(type))
          .map((type) => ({ path: ['volumes', index, type], message: `is a volume of the kind ${type}` }));
      }),
  ),
  containerRule(
    words(
      'pod-privilege-escalation',
      'No container can gain privileges',
      'Each container gives up the means to gain more rights than it starts with.',
    ),
    ({ value }) =>
      faultsAt(
        value,
        [['securityContext', 'allowPrivilegeEscalation']],
        (held) => held === false,
        () => 'does not set allowPrivilegeEscalation: false',
      ),
    isLinux,
  ),
  containerRule(
    words('pod-run-as-non-root', 'No container runs as root', 'The kubelet refuses to start each container as user 0.'),
    (container, pod) => [
      ...(effective(container, pod, ['runAsNonRoot']) === true
        ? []
        : [{ path: ['securityContext', 'runAsNonRoot'], message: 'neither it nor its pod sets runAsNonRoot: true' }]),
      ...(effective(container, pod, ['runAsUser']) === 0
        ? [{ path: ['securityContext', 'runAsUser'], message: 'runs as user 0' }]
        : []),
    ],
  ),
  containerRule(
    words('pod-seccomp', 'System calls are filtered', 'Each container asks for a seccomp profile.'),
    (container, pod) => {
      const type = effective(container, pod, ['seccompProfile', 'type']);
      if (type === 'RuntimeDefault' || type === 'Localhost') return [];
      const message =
        type === undefined
          ? 'neither it nor its pod sets a seccomp profile (RuntimeDefault)'
          : `has the seccomp profile ${showValue(type)}`;
      return [{ path: ['securityContext', 'seccompProfile', 'type'], message }];
    },
    isLinux,
  ),
  containerRule(
    words(
      'pod-capabilities',
      'Capabilities are dropped',
      'Each container drops all capabilities, and takes none back but NET_BIND_SERVICE.',
    ),
    ({ value }) => {
      const path = ['securityContext', 'capabilities'];
      const drops = itemsAt(value, [...path, 'drop']).includes('ALL');
      const added = itemsAt(value, [...path, 'add']).flatMap((capability, index): readonly Fault[] =>
        ADDABLE.has(String(capability))
          ? []
          : [{ path: [...path, 'add', index], message: `adds the capability ${showValue(capability)}` }],
      );
      return [...(drops ? [] : [{ path: [...path, 'drop'], message: 'does not drop ALL capabilities' }]), ...added];
    },
    isLinux,
  ),
  containerRule(
    {
      ...words(
        'pod-read-only-root',
        'The root file system is read-only',
        'No container can change its own programs while it runs.',
      ),
      severity: 'medium',
      serves: ['NSA/CISA Kubernetes Hardening Guidance, immutable container file systems'],
      cannotShow: 'That nothing harmful is written to the volumes that it mounts.',
    },
    ({ value }) =>
      faultsAt(
        value,
        [['securityContext', 'readOnlyRootFilesystem']],
        (held) => held === true,
        () => 'does not set readOnlyRootFilesystem: true',
      ),
    ({ list }, { isWindows }) => !isWindows && list !== 'ephemeralContainers',
  ),
];
