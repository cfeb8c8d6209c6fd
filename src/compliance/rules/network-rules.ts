/** Networks: nothing may talk to anything unless a policy says so. */
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import type { Evaluation, Rule, Violation } from '../rule.ts';
import { namespaceOf, type Subject } from '../subject.ts';
import { entriesAt, itemsAt, valueAt } from '../values.ts';

type Direction = 'Ingress' | 'Egress';
const DIRECTIONS: readonly Direction[] = ['Ingress', 'Egress'];

export const NETWORK_RULES: readonly Rule[] = [
  {
    id: 'network-default-deny',
    title: 'Each namespace with pods denies all traffic that no policy allows',
    severity: 'high',
    serves: ['45 CFR 164.312(e)(1)', 'GDPR Art. 32(1)(b)', 'CIS Kubernetes Benchmark, network policies'],
    shows: 'A NetworkPolicy that selects every pod of the namespace and allows nothing is there for both directions.',
    cannotShow: 'That the network plugin of the cluster enforces policies, or that the allowing ones are narrow.',
    evaluate: (subject: Subject): Evaluation => {
      const namespaces = [
        ...new Set(
          // A pod on the network of its node is beyond the reach of policies; another rule refuses it.
          subject.pods.filter(({ spec }) => spec['hostNetwork'] !== true).map(({ namespace }) => namespace),
        ),
      ];
      return {
        looked: namespaces.length,
        violations: namespaces.flatMap((namespace) => violationsIn(namespace, subject)),
      };
    },
  },
];

function violationsIn(namespace: string, subject: Subject): readonly Violation[] {
  const policies = subject.resources.filter(
    (resource) => resource.kind === 'NetworkPolicy' && namespaceOf(resource, subject) === namespace,
  );
  return DIRECTIONS.filter((direction) => !policies.some((policy) => denies(policy, direction))).map((direction) => ({
    kind: 'NetworkPolicy',
    name: '',
    namespace,
    field: 'spec.podSelector',
    message: `no policy of the namespace denies all ${direction.toLowerCase()} by default`,
  }));
}

/**
 * Whether a policy selects every pod and allows nothing in a direction.
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
 */
function denies({ value }: KubernetesResource, direction: Direction): boolean {
  const spec = valueAt(value, ['spec']);
  const selector = valueAt(spec, ['podSelector']);
  const selectsAll =
    entriesAt(selector, ['matchLabels']).length === 0 && itemsAt(selector, ['matchExpressions']).length === 0;
  return selectsAll && typesOf(spec).includes(direction) && itemsAt(spec, [direction.toLowerCase()]).length === 0;
}

/** Without `policyTypes`, Ingress is meant, and Egress where the policy has rules for it. */
function typesOf(spec: unknown): readonly unknown[] {
  const types = valueAt(spec, ['policyTypes']);
  if (Array.isArray(types)) return types;
  return itemsAt(spec, ['egress']).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
}
