/**
 * API versions that Kubernetes stops serving, with the minor version that does: 1.22 for `minor: 22`.
 * @see https://kubernetes.io/docs/reference/using-api/deprecation-guide/
 */

/** Kinds of one API version that are removed together. */
export interface RemovedApi {
  readonly apiVersion: string;
  readonly kinds: readonly string[];
  /** The first minor version of Kubernetes 1 that does not serve them. */
  readonly minor: number;
  /** What serves them from then on; absent where nothing does. */
  readonly successor?: string | undefined;
}

/** Up to Kubernetes 1.37, what is announced included. */
export const REMOVED_APIS: readonly RemovedApi[] = [
  removed(16, 'extensions/v1beta1', 'Deployment DaemonSet ReplicaSet', 'apps/v1'),
  removed(16, 'extensions/v1beta1', 'NetworkPolicy', 'networking.k8s.io/v1'),
  removed(16, 'extensions/v1beta1', 'PodSecurityPolicy'),
  removed(16, 'apps/v1beta1', 'ControllerRevision Deployment StatefulSet', 'apps/v1'),
  removed(16, 'apps/v1beta2', 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet', 'apps/v1'),
  removed(
    22,
    'admissionregistration.k8s.io/v1beta1',
    'MutatingWebhookConfiguration ValidatingWebhookConfiguration',
    'admissionregistration.k8s.io/v1',
  ),
  removed(22, 'apiextensions.k8s.io/v1beta1', 'CustomResourceDefinition', 'apiextensions.k8s.io/v1'),
  removed(22, 'apiregistration.k8s.io/v1beta1', 'APIService', 'apiregistration.k8s.io/v1'),
  removed(22, 'certificates.k8s.io/v1beta1', 'CertificateSigningRequest', 'certificates.k8s.io/v1'),
  removed(22, 'coordination.k8s.io/v1beta1', 'Lease', 'coordination.k8s.io/v1'),
  removed(22, 'extensions/v1beta1', 'Ingress', 'networking.k8s.io/v1'),
  removed(22, 'networking.k8s.io/v1beta1', 'Ingress IngressClass', 'networking.k8s.io/v1'),
  removed(
    22,
    'rbac.authorization.k8s.io/v1beta1',
    'ClusterRole ClusterRoleBinding Role RoleBinding',
    'rbac.authorization.k8s.io/v1',
  ),
  removed(22, 'scheduling.k8s.io/v1beta1', 'PriorityClass', 'scheduling.k8s.io/v1'),
  removed(22, 'storage.k8s.io/v1beta1', 'CSIDriver CSINode StorageClass VolumeAttachment', 'storage.k8s.io/v1'),
  removed(24, 'storage.k8s.io/v1alpha1', 'CSIStorageCapacity VolumeAttachment', 'storage.k8s.io/v1'),
  removed(25, 'autoscaling/v2beta1', 'HorizontalPodAutoscaler', 'autoscaling/v2'),
  removed(25, 'batch/v1beta1', 'CronJob', 'batch/v1'),
  removed(25, 'discovery.k8s.io/v1beta1', 'EndpointSlice', 'discovery.k8s.io/v1'),
  removed(25, 'events.k8s.io/v1beta1', 'Event', 'events.k8s.io/v1'),
  removed(25, 'node.k8s.io/v1beta1', 'RuntimeClass', 'node.k8s.io/v1'),
  removed(25, 'policy/v1beta1', 'PodDisruptionBudget', 'policy/v1'),
  removed(25, 'policy/v1beta1', 'PodSecurityPolicy'),
  removed(26, 'autoscaling/v2beta2', 'HorizontalPodAutoscaler', 'autoscaling/v2'),
  removed(26, 'flowcontrol.apiserver.k8s.io/v1beta1', 'FlowSchema PriorityLevelConfiguration', 'flowcontrol.apiserver.k8s.io/v1'), // prettier-ignore
  removed(27, 'storage.k8s.io/v1beta1', 'CSIStorageCapacity', 'storage.k8s.io/v1'),
  removed(29, 'flowcontrol.apiserver.k8s.io/v1beta2', 'FlowSchema PriorityLevelConfiguration', 'flowcontrol.apiserver.k8s.io/v1'), // prettier-ignore
  removed(32, 'flowcontrol.apiserver.k8s.io/v1beta3', 'FlowSchema PriorityLevelConfiguration', 'flowcontrol.apiserver.k8s.io/v1'), // prettier-ignore
  removed(32, 'admissionregistration.k8s.io/v1alpha1', 'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding', 'admissionregistration.k8s.io/v1'), // prettier-ignore
  removed(34, 'admissionregistration.k8s.io/v1beta1', 'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding', 'admissionregistration.k8s.io/v1'), // prettier-ignore
  removed(35, 'storage.k8s.io/v1alpha1', 'VolumeAttributesClass', 'storage.k8s.io/v1'),
  removed(37, 'certificates.k8s.io/v1alpha1', 'ClusterTrustBundle', 'certificates.k8s.io/v1beta1'),
  removed(37, 'networking.k8s.io/v1beta1', 'IPAddress ServiceCIDR', 'networking.k8s.io/v1'),
  removed(37, 'storage.k8s.io/v1beta1', 'VolumeAttributesClass', 'storage.k8s.io/v1'),
  removed(38, 'admissionregistration.k8s.io/v1alpha1', 'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding', 'admissionregistration.k8s.io/v1beta1'), // prettier-ignore
  removed(38, 'coordination.k8s.io/v1alpha2', 'LeaseCandidate', 'coordination.k8s.io/v1beta1'),
  removed(38, 'resource.k8s.io/v1beta1', 'DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice', 'resource.k8s.io/v1'), // prettier-ignore
  removed(39, 'coordination.k8s.io/v1beta1', 'LeaseCandidate'),
  removed(39, 'resource.k8s.io/v1alpha3', 'DeviceTaintRule', 'resource.k8s.io/v1beta2'),
  removed(39, 'resource.k8s.io/v1beta2', 'DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice', 'resource.k8s.io/v1'), // prettier-ignore
];

function removed(minor: number, apiVersion: string, kinds: string, successor?: string): RemovedApi {
  return { apiVersion, kinds: kinds.split(' '), minor, ...(successor === undefined ? {} : { successor }) };
}
