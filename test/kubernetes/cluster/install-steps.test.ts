/** The order of installation: what others need first, hooks where Helm runs them, tests not at all. */
import { expect, test } from 'vitest';
import { toInstallSteps } from '../../../src/kubernetes/cluster/install-steps.ts';
import type { ClusterObject } from '../../../src/kubernetes/cluster/cluster-object.ts';

function make(apiVersion: string, kind: string, name: string, annotations?: object, labels?: object): ClusterObject {
  return { apiVersion, kind, metadata: { name, ...(annotations && { annotations }), ...(labels && { labels }) } };
}
const hook = (when: string, weight = 0): object => ({ 'helm.sh/hook': when, 'helm.sh/hook-weight': String(weight) });

test('objects are divided into steps, whatever order they come in', () => {
  const steps = toInstallSteps([
    make('batch/v1', 'Job', 'init', hook('post-install,post-upgrade', 5)),
    make('v1', 'Service', 'api'),
    make('batch/v1', 'Job', 'first', hook('post-install', -5)),
    make('apps/v1', 'Deployment', 'api'),
    make('batch/v1', 'Job', 'migrate', hook('pre-install')),
    make('v1', 'ConfigMap', 'for-migrate', hook('pre-install')),
    make('v1', 'ConfigMap', 'api'),
    make('v1', 'Pod', 'test', hook('test')),
    make('batch/v1', 'Job', 'drop', hook('pre-delete')),
    make('shop.example/v1', 'Order', 'one'),
    make('apps/v1', 'StatefulSet', 'db', undefined, { 'app.kubernetes.io/component': 'database' }),
    make('v1', 'Secret', 'keys'),
    make('v1', 'Namespace', 'shop'),
    make('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'orders'),
  ]);
  expect(
    steps.map(({ name, isSerial, objects }) => [
      name,
      isSerial,
      objects.map(({ metadata }) => metadata.name).join(' '),
    ]),
  ).toEqual([
    ['definitions', false, 'orders'],
    ['namespaces', false, 'shop'],
    ['settings', false, 'keys for-migrate api'],
    ['before', true, 'migrate'],
    ['database', false, 'db'],
    ['platform', false, 'api one api'],
    ['after', true, 'first init'],
  ]);
});

test('steps without objects are none', () => {
  expect(toInstallSteps([])).toEqual([]);
  expect(toInstallSteps([make('v1', 'ConfigMap', 'a')]).map(({ name }) => name)).toEqual(['settings']);
});
