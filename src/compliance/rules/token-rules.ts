/** Service accounts: a pod holds a key to the cluster only where a role says what it is for. */
import { evaluateEach, violationAt, type Rule } from '../rule.ts';
import { namespaceOf, type PodPlace, type Subject } from '../subject.ts';
import { itemsAt, valueAt } from '../values.ts';

const BINDINGS = new Set(['RoleBinding', 'ClusterRoleBinding']);
const DEFAULT_ACCOUNT = 'default';

export const TOKEN_RULES: readonly Rule[] = [
  {
    id: 'token-not-mounted',
    title: 'A pod has a token of the cluster only if a role is bound to its account',
    severity: 'medium',
    serves: ['45 CFR 164.312(a)(1)', 'GDPR Art. 32(1)(b)', 'CIS Kubernetes Benchmark, service accounts'],
    shows: 'Pods whose service account has no role mount no token, and no pod uses the account `default` with one.',
    cannotShow: 'That the roles are narrow, or what is bound to an account elsewhere.',
    evaluate: (subject) =>
      evaluateEach(subject.pods, (pod) => {
        const account = accountOf(pod);
        if (!mountsToken(pod, account, subject)) return [];
        if (account !== DEFAULT_ACCOUNT && isBound(account, pod.namespace, subject)) return [];
        const message =
          account === DEFAULT_ACCOUNT
            ? 'mounts the token of the account `default`; set it to false, or give the pod an account of its own'
            : `mounts the token of ${account}, to which no role is bound; set it to false`;
        return [violationAt(pod.resource, [...pod.path, 'automountServiceAccountToken'], message)];
      }),
  },
];

function accountOf({ spec }: PodPlace): string {
  const name = spec['serviceAccountName'] ?? spec['serviceAccount'];
  return typeof name === 'string' && name !== '' ? name : DEFAULT_ACCOUNT;
}

/** The pod decides; where it does not, its account does; where neither does, a token is mounted. */
function mountsToken({ spec, namespace }: PodPlace, account: string, subject: Subject): boolean {
  const own = spec['automountServiceAccountToken'];
  if (typeof own === 'boolean') return own;
  const object = subject.resources.find(
    (resource) =>
      resource.kind === 'ServiceAccount' && resource.name === account && namespaceOf(resource, subject) === namespace,
  );
  return object === undefined || valueAt(object.value, ['automountServiceAccountToken']) !== false;
}

function isBound(account: string, namespace: string, subject: Subject): boolean {
  return subject.resources
    .filter(({ kind }) => BINDINGS.has(kind))
    .some((binding) =>
      itemsAt(binding.value, ['subjects']).some(
        (bound) =>
          valueAt(bound, ['kind']) === 'ServiceAccount' &&
          valueAt(bound, ['name']) === account &&
          (valueAt(bound, ['namespace']) ?? namespaceOf(binding, subject)) === namespace,
      ),
    );
}
