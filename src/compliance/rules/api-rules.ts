/** API versions: that every object is one which the cluster, and the next two, still take. */
import { REMOVED_APIS } from '../removed-apis.ts';
import { evaluateEach, violationAt, type Rule } from '../rule.ts';

/** How many minor versions ahead a release is to hold: a cluster is upgraded while it runs. */
const VERSIONS_AHEAD = 2;

export const API_RULES: readonly Rule[] = [
  {
    id: 'api-alive',
    title: 'Every API version is served by this Kubernetes and the next two',
    severity: 'high',
    serves: ['Kubernetes deprecation policy', 'GDPR Art. 32(1)(b)'],
    shows: 'No object has an API version that Kubernetes removes up to two minor versions later.',
    cannotShow: 'That custom resources are defined in the cluster, or what later versions remove.',
    evaluate: ({ resources, kubeMinor }) =>
      evaluateEach(resources, (resource) => {
        const { apiVersion, kind } = resource;
        const found = REMOVED_APIS.find((api) => api.apiVersion === apiVersion && api.kinds.includes(kind));
        if (found === undefined || found.minor > kubeMinor + VERSIONS_AHEAD) return [];
        const next = found.successor === undefined ? 'nothing takes its place' : `use ${found.successor}`;
        const message = `${apiVersion} ${kind} is not served from Kubernetes 1.${found.minor} on; ${next}`;
        return [violationAt(resource, ['apiVersion'], message)];
      }),
  },
];
