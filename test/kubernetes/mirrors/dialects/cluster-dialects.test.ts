/** What clusters and manifests take: mirror sets of OpenShift, and images of kustomize. */
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { writtenIn } from '../map.ts';

const LINES = ['nginx:1=in.example/docker.io/library/nginx:1', 'a.example/y:1=in.example/other:1'];

test('OpenShift gets the same redirects for digests and for tags, and asks nothing but the mirror', () => {
  const { files, unexpressed, steps } = writtenIn('openshift', LINES, { plainHttp: true, caFile: '/ca.pem' });
  expect(unexpressed).toEqual([]);
  const mirrorSourcePolicy = 'NeverContactSource';
  const mirrors = [
    { source: 'a.example/y', mirrors: ['in.example/other'], mirrorSourcePolicy },
    { source: 'docker.io', mirrors: ['in.example/docker.io'], mirrorSourcePolicy },
  ];
  const object = { apiVersion: 'config.openshift.io/v1', metadata: { name: 'demo' } };
  const documents = parseAllDocuments(files['mirror-sets.yaml'] ?? '').map((each) => each.toJSON() as unknown);
  expect(documents).toEqual([
    { ...object, kind: 'ImageDigestMirrorSet', spec: { imageDigestMirrors: mirrors } },
    { ...object, kind: 'ImageTagMirrorSet', spec: { imageTagMirrors: mirrors } },
  ]);
  expect(steps.join('\n')).toMatch(/in\.example in spec\.registrySources\.insecureRegistries[^]*\/ca\.pem/);
});

test('kustomize gets every way to write a repository of Docker Hub, for it compares what is written', () => {
  const { files, unexpressed } = writtenIn('kustomize', ['a/b:1=in.example/docker.io/a/b:1', ...LINES]);
  expect(unexpressed).toEqual([]);
  const { images, ...component } = parse(files['kustomization.yaml'] ?? '') as {
    readonly images: readonly { readonly name: string; readonly newName: string }[];
  };
  expect(component).toEqual({ apiVersion: 'kustomize.config.k8s.io/v1alpha1', kind: 'Component' });
  expect(images.filter(({ newName }) => newName === 'in.example/docker.io/library/nginx').map(({ name }) => name)).toEqual([
    ...['nginx', 'library/nginx', 'docker.io/nginx', 'docker.io/library/nginx'],
    ...['index.docker.io/nginx', 'index.docker.io/library/nginx'],
  ]); // prettier-ignore
  expect(images.filter(({ newName }) => newName === 'in.example/docker.io/a/b').map(({ name }) => name)).toEqual([
    ...['a/b', 'docker.io/a/b', 'index.docker.io/a/b'],
  ]);
  expect(images).toContainEqual({ name: 'a.example/y', newName: 'in.example/other' });
});

test('kustomize renames no image twice: what is named like the place of another one comes first', () => {
  const { files } = writtenIn('kustomize', ['a.example/x:1=in.example/x:1', 'in.example/x:1=in.example/old/x:1']);
  const { images } = parse(files['kustomization.yaml'] ?? '') as { readonly images: readonly unknown[] };
  expect(images).toEqual([
    { name: 'in.example/x', newName: 'in.example/old/x' },
    { name: 'a.example/x', newName: 'in.example/x' },
  ]);
});

test('an admission policy has the longest redirect first, and its binding names it', () => {
  const lines = [...LINES, 'a.example/z:1=in.example/a.example/z:1'];
  const { files, unexpressed } = writtenIn('admission', lines);
  expect(unexpressed).toEqual([]);
  const [policy, binding] = parseAllDocuments(files['admission-policy.yaml'] ?? '').map(
    (each) => each.toJSON() as { kind: string; spec: { variables: { expression: string }[]; policyName?: string } },
  );
  expect(policy?.spec.variables[0]?.expression).toBe(`[
  ["a.example/y", "in.example/other"],
  ["a.example", "in.example/a.example"],
  ["docker.io", "in.example/docker.io"],
]`);
  expect(binding).toMatchObject({ kind: 'MutatingAdmissionPolicyBinding', spec: { policyName: 'demo' } });
});
