/** What a violation says of its place, and how rules take what a pod leaves open. */
import { expect, test } from 'vitest';
import { violationAt } from '../../src/compliance/rule.ts';
import { NETWORK_RULES } from '../../src/compliance/rules/network-rules.ts';
import { TOKEN_RULES } from '../../src/compliance/rules/token-rules.ts';
import type { Violation } from '../../src/compliance/rule.ts';
import { toSubject } from './sound-objects.ts';

const pod = (spec: object, namespace = 'app') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace },
  spec: { containers: [{ name: 'c', image: 'a:1' }], ...spec },
});
const account = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, namespace: 'app' },
  ...more,
});
const binding = (name: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'b', namespace: 'app' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
  subjects: [{ kind: 'ServiceAccount', name, namespace: 'app' }],
});

function violationsOf(rules: typeof TOKEN_RULES, objects: Parameters<typeof toSubject>[0]): readonly Violation[] {
  return rules.flatMap(({ evaluate }) => evaluate(toSubject(objects)).violations);
}

test('a violation has the namespace and the line that there are', () => {
  const resource = { kind: 'Pod', name: 'a', fileName: 'f.yaml', lineOf: () => 3 };
  type Resource = Parameters<typeof violationAt>[0];
  expect(violationAt({ ...resource, namespace: 'app' } as unknown as Resource, ['spec'], 'no')).toEqual({
    ...{ kind: 'Pod', name: 'a', namespace: 'app', file: 'f.yaml', line: 3, field: 'spec', message: 'no' },
  });
  expect(Object.keys(violationAt({ ...resource, lineOf: () => 0 } as unknown as Resource, ['spec'], 'no'))).toEqual([
    ...['kind', 'name', 'file', 'field', 'message'],
  ]);
});

test.each([
  ['the account default, bound or not', [pod({}), binding('default')], /token of the account `default`/],
  ['an account that nothing is bound to', [pod({ serviceAccountName: 'own' })], /token of own, to which no role/],
])('a pod that mounts the token of %s is told so', (_, objects, message) => {
  expect(violationsOf(TOKEN_RULES, objects).map((violation) => violation.message)).toEqual([
    expect.stringMatching(message) as string,
  ]);
});

test.each([
  ['it says so', [pod({ automountServiceAccountToken: false })]],
  [
    'its account says so',
    [pod({ serviceAccountName: 'own' }), account('own', { automountServiceAccountToken: false })],
  ],
  ['a role is bound to its account', [pod({ serviceAccountName: 'own' }), binding('own')]],
])('a pod has no token too many where %s', (_, objects) => {
  expect(violationsOf(TOKEN_RULES, objects)).toEqual([]);
});

test('a namespace whose only pods are on the network of the node needs no policy', () => {
  expect(violationsOf(NETWORK_RULES, [pod({ hostNetwork: true })])).toEqual([]);
  expect(violationsOf(NETWORK_RULES, [pod({ hostNetwork: true }), pod({}, 'other')])).toMatchObject([
    { namespace: 'other', message: 'no policy of the namespace denies all ingress by default' },
    { namespace: 'other', message: 'no policy of the namespace denies all egress by default' },
  ]);
});
