/** What Kubernetes stops serving, by the headings of its guide: a wrong number would call a sound release broken, or the other way round. */
import { expect, test } from 'vitest';
import { REMOVED_APIS } from '../../src/compliance/removed-apis.ts';

test('each API version is removed in the version of Kubernetes that the guide says', () => {
  const byMinor = Map.groupBy(REMOVED_APIS, ({ minor }) => minor);
  const seen = [...byMinor].map(([minor, apis]) => [minor, [...new Set(apis.map(({ apiVersion }) => apiVersion))]]);
  expect(Object.fromEntries(seen)).toEqual({
    16: ['extensions/v1beta1', 'apps/v1beta1', 'apps/v1beta2'],
    22: [
      'admissionregistration.k8s.io/v1beta1',
      'apiextensions.k8s.io/v1beta1',
      'apiregistration.k8s.io/v1beta1',
      'certificates.k8s.io/v1beta1',
      'coordination.k8s.io/v1beta1',
      'extensions/v1beta1',
      'networking.k8s.io/v1beta1',
      'rbac.authorization.k8s.io/v1beta1',
      'scheduling.k8s.io/v1beta1',
      'storage.k8s.io/v1beta1',
    ],
    24: ['storage.k8s.io/v1alpha1'],
    25: [
      'autoscaling/v2beta1',
      'batch/v1beta1',
      'discovery.k8s.io/v1beta1',
      'events.k8s.io/v1beta1',
      'node.k8s.io/v1beta1',
      'policy/v1beta1',
    ],
    26: ['autoscaling/v2beta2', 'flowcontrol.apiserver.k8s.io/v1beta1'],
    27: ['storage.k8s.io/v1beta1'],
    29: ['flowcontrol.apiserver.k8s.io/v1beta2'],
    32: ['flowcontrol.apiserver.k8s.io/v1beta3', 'admissionregistration.k8s.io/v1alpha1'],
    34: ['admissionregistration.k8s.io/v1beta1'],
    35: ['storage.k8s.io/v1alpha1'],
    37: ['certificates.k8s.io/v1alpha1', 'networking.k8s.io/v1beta1', 'storage.k8s.io/v1beta1'],
    38: ['admissionregistration.k8s.io/v1alpha1', 'coordination.k8s.io/v1alpha2', 'resource.k8s.io/v1beta1'],
    39: ['coordination.k8s.io/v1beta1', 'resource.k8s.io/v1alpha3', 'resource.k8s.io/v1beta2'],
  });
});

test('no kind of one API version is removed twice', () => {
  const all = REMOVED_APIS.flatMap(({ apiVersion, kinds }) => kinds.map((kind) => `${apiVersion} ${kind}`));
  expect(all).toEqual([...new Set(all)]);
});

test('each names what serves its kinds from then on, but for those that nothing serves', () => {
  const without = REMOVED_APIS.filter(({ successor }) => successor === undefined);
  expect(without.map(({ minor, kinds }) => `${minor} ${kinds.join(' ')}`)).toEqual([
    '16 PodSecurityPolicy',
    '25 PodSecurityPolicy',
    '39 LeaseCandidate',
  ]);
  const sameGroup = ({ apiVersion, successor = apiVersion }: (typeof REMOVED_APIS)[number]): boolean =>
    apiVersion.startsWith('extensions/') || apiVersion.split('/')[0] === successor.split('/')[0];
  expect(REMOVED_APIS.filter((api) => !sameGroup(api))).toEqual([]);
  expect(REMOVED_APIS.filter(({ apiVersion, successor }) => apiVersion === successor)).toEqual([]);
});
