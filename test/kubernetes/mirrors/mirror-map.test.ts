/** The fewest redirects under which every image is found where it is. */
import { expect, test } from 'vitest';
import { redirect, repositoryName } from '../../../src/kubernetes/mirrors/mirror-map.ts';
import { mapOf } from './map.ts';

const SHAPES: Readonly<Record<string, { lines: readonly string[]; redirects: readonly string[] }>> = {
  'a registry whose paths are kept is one redirect': {
    lines: ['a.example/x:1=in.example/m/a.example/x:1', 'a.example/y/z:1=in.example/m/a.example/y/z:1'],
    redirects: ['a.example=in.example/m/a.example'],
  },
  'a registry at the root of the host': {
    lines: ['a.example/x:1=in.example/x:1'],
    redirects: ['a.example=in.example'],
  },
  'each registry has its own': {
    lines: ['b.example:5000/x:1=in.example/b.example_5000/x:1', 'nginx:1=in.example/docker.io/library/nginx:1'],
    redirects: ['b.example:5000=in.example/b.example_5000', 'docker.io=in.example/docker.io'],
  },
  'a repository with a name of its own is a redirect beside that of its registry': {
    lines: ['a.example/x:1=in.example/a/x:1', 'a.example/y:1=in.example/a/y:1', 'a.example/z:1=in.example/other:1'],
    redirects: ['a.example=in.example/a', 'a.example/z=in.example/other'],
  },
  'what lies below a renamed repository stays where it is': {
    lines: ['a.example/x:1=in.example/other:1', 'a.example/x/y:1=in.example/a/x/y:1', 'a.example/z:1=in.example/a/z:1'],
    redirects: ['a.example=in.example/a', 'a.example/x=in.example/other', 'a.example/x/y=in.example/a/x/y'],
  },
  'a repository whose name begins like another is not below it': {
    lines: ['a.example/x:1=in.example/other:1', 'a.example/xy:1=in.example/a/xy:1'],
    redirects: ['a.example=in.example/a', 'a.example/x=in.example/other'],
  },
  'flattened names are one redirect each': {
    lines: ['a.example/x/y:1=in.example/a.example-x-y:1', 'a.example/z:1=in.example/a.example-z:1'],
    redirects: ['a.example/x/y=in.example/a.example-x-y', 'a.example/z=in.example/a.example-z'],
  },
  'of the registry that holds the images, nothing else is redirected': {
    lines: ['in.example/x:1=in.example/in.example/x:1', 'in.example/y:1=in.example/in.example/y:1'],
    redirects: ['in.example/x=in.example/in.example/x', 'in.example/y=in.example/in.example/y'],
  },
  'what is where its name says needs none': {
    lines: ['in.example/x:1=in.example/x:1', 'a.example/x:1=in.example/a/x:1'],
    redirects: ['a.example=in.example/a'],
  },
  'where most paths are kept is the redirect of the registry, whichever comes first': {
    lines: [
      'a.example/a:1=in.example/one/a:1',
      ...['b', 'c', 'd'].map((name) => `a.example/${name}:1=in.example/two/${name}:1`),
      'a.example/e:1=in.example/three/e:1',
    ],
    redirects: ['a.example=in.example/two', 'a.example/a=in.example/one/a', 'a.example/e=in.example/three/e'],
  },
  'tags and digests of one repository are one redirect': {
    lines: [
      'a.example/x:1=in.example/a/x:1',
      `a.example/x:2@sha256:${'a'.repeat(64)}=in.example/a/x:2`,
      `a.example/x@sha256:${'b'.repeat(64)}=in.example/a/x@sha256:${'b'.repeat(64)}`,
    ],
    redirects: ['a.example=in.example/a'],
  },
};

test.each(Object.entries(SHAPES))('%s', (_, { lines, redirects }) => {
  const { registries } = mapOf(lines);
  expect(registries.flatMap((each) => each.redirects).map(({ from, to }) => `${from}=${to}`)).toEqual(redirects);
  for (const { images, redirects: own } of registries) {
    for (const { original, internal } of images) {
      expect(redirect(own, repositoryName(original))).toBe(repositoryName(internal));
    }
  }
});

test('the order of the lines changes nothing', () => {
  const { lines = [] } = SHAPES['what lies below a renamed repository stays where it is'] ?? {};
  const redirectsOf = (given: readonly string[]): unknown => mapOf(given).registries.map(({ redirects }) => redirects);
  expect(redirectsOf(lines.toReversed())).toEqual(redirectsOf(lines));
});

test.each([
  ['one repository at two places', ['a.example/x:1=in.example/a/x:1', 'a.example/x:2=in.example/b/x:2'], 'is at two places: in.example/a/x and in.example/b/x'],
  ['a tag that changes', ['a.example/x:1=in.example/a/x:2'], 'a.example/x:1 has another tag at in.example/a/x:2'],
  ['a digest that changes', [`a.example/x@sha256:${'a'.repeat(64)}=in.example/a/x@sha256:${'b'.repeat(64)}`], 'has another tag at'],
  ['nothing that moved', ['a.example/x:1=a.example/x:1'], 'there is nothing to configure'],
])('%s is refused', (_, lines, message) => {
  expect(() => mapOf(lines)).toThrow(expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) as string }));
}); // prettier-ignore
