/** Values over a chart's own, under which its images are at their places: in every form that charts have for an image. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { overlayValues } from '../../../../src/kubernetes/mirrors/values/values-overlay.ts';
import { mapOf } from '../map.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const MAP = mapOf([
  'nginx:1=in.example/m/docker.io/library/nginx:1',
  'quay.example/team/app:1=in.example/m/quay.example/team/app:1',
  'quay.example/team/tool:1=in.example/m/quay.example/team/tool:1',
  'ghcr.example/a/b:1=in.example/other/name:1',
]);

const FORMS: Readonly<Record<string, readonly [values: string, overlay: string]>> = {
  'one text': ['image: quay.example/team/app:1', 'image: in.example/m/quay.example/team/app:1'],
  'one text with a digest': [`x: quay.example/team/app@${DIGEST}`, `x: in.example/m/quay.example/team/app@${DIGEST}`],
  'one text without a tag, in a field that says image': ['a: {sideImage: nginx}', 'a: {sideImage: in.example/m/docker.io/library/nginx}'],
  'repository and tag': ['image: {repository: nginx, tag: "1", pullPolicy: Always}', 'image: {repository: in.example/m/docker.io/library/nginx}'],
  'a tag that the template takes from the chart': ['image: {repository: quay.example/team/app, tag: ""}', 'image: {repository: in.example/m/quay.example/team/app}'],
  'no tag at all': ['image: {repository: quay.example/team/app}', 'image: {repository: in.example/m/quay.example/team/app}'],
  'registry, repository and tag': ['image: {registry: quay.example, repository: team/app, tag: 1}', 'image: {registry: in.example, repository: m/quay.example/team/app}'],
  'an empty registry beside it': ['image: {registry: "", repository: quay.example/team/app, tag: "1"}', 'image: {repository: in.example/m/quay.example/team/app}'],
  'another path': ['image: {repository: ghcr.example/a/b, tag: "1"}', 'image: {repository: in.example/other/name}'],
  'keys with a word in front': ['proxyImageRepository: quay.example/team/app\nproxyImageTag: "1"\ntoolImageTag: "2"', 'proxyImageRepository: in.example/m/quay.example/team/app'],
  'repository, image and version': ['driver: {repository: quay.example/team, image: app, version: "1"}', 'driver: {repository: in.example/m/quay.example/team}'],
  'a hub above names': ['hub: quay.example/team\ntag: "1"\npilot: {image: app}', 'hub: in.example/m/quay.example/team'],
  'a registry in front of names in templates': ['global: {imageRegistry: quay.example}', 'global: {imageRegistry: in.example/m/quay.example}'],
  'such a registry with a path and a slash at its end': ['global: {imageRegistry: quay.example/team/}', 'global: {imageRegistry: in.example/m/quay.example/team/}'],
  'a list, which Helm takes whole': ['extra: [{name: a, image: "nginx:1"}, {name: b}]', 'extra: [{name: a, image: "in.example/m/docker.io/library/nginx:1"}, {name: b}]'],
  'a chart that looks at where images come from': ['global: {security: {allowInsecureImages: false}}\nimage: nginx:1', 'global: {security: {allowInsecureImages: true}}\nimage: in.example/m/docker.io/library/nginx:1'],
}; // prettier-ignore

test.each(Object.entries(FORMS))('%s', (_, [values, overlay]) => {
  expect(overlayValues(parse(values) as object as Record<string, unknown>, MAP)).toEqual(parse(overlay));
});

test.each([
  'image: {repository: other.example/x, tag: "1"}',
  'image: quay.example/team/appendix:1',
  'name: nginx\nservice: {port: 80, host: "nginx:80"}',
  'git: {repository: quay.example/team/app}',
  'global: {imageRegistry: ""}',
  'global: {security: {allowInsecureImages: false}}',
  // Two places behind one front: no value in its place leads to both.
  'global: {imageRegistry: ghcr.example}',
  'driver: {repository: ghcr.example/a, image: b, version: "1"}',
])('what is none of the images, or cannot be expressed, stays: %j', (values) => {
  expect(overlayValues(parse(values) as object as Record<string, unknown>, MAP)).toBeUndefined();
});
