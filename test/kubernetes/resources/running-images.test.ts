/** The images of a list of pods, as kubectl prints it. */
import { expect, test } from 'vitest';
import { readRunningImages } from '../../../src/kubernetes/resources/running-images.ts';
import { formatReference } from '../../../src/oci/reference.ts';

const pod = (name: string, spec: object): object => ({ kind: 'Pod', metadata: { namespace: 'team', name }, spec });

test('every container of every pod is read, each image once', () => {
  const list = {
    kind: 'List',
    items: [
      pod('a', { containers: [{ image: 'nginx' }], initContainers: [{ image: 'quay.io/a/init:1' }] }),
      pod('b', { containers: [{ image: 'docker.io/library/nginx:latest' }, { image: `sha256:${'a'.repeat(64)}` }] }),
      pod('c', { ephemeralContainers: [{ image: 'quay.io/a/debug:1' }] }),
      { kind: 'Node', spec: { containers: [{ image: 'quay.io/no/pod:1' }] } },
      null,
    ],
  };
  const images = readRunningImages(JSON.stringify(list), 'pods.json');
  expect(images.map(({ reference, pods }) => [formatReference(reference), pods])).toEqual([
    ['quay.io/a/init:1', ['team/a spec.initContainers[0].image']],
    ['docker.io/library/nginx:latest', ['team/a spec.containers[0].image', 'team/b spec.containers[0].image']],
    ['quay.io/a/debug:1', ['team/c spec.ephemeralContainers[0].image']],
  ]);
});

test.each(['', 'NAME READY', '[]', '{"kind":"Pod"}'])('%j is refused with the command that makes a list', (text) => {
  const act = (): unknown => readRunningImages(text, 'pods.json');
  expect(act).toThrow(/pods\.json is no list of pods/);
  expect(act).toThrow(expect.objectContaining({ hint: 'write it with: kubectl get pods -A -o json' }) as Error);
});
