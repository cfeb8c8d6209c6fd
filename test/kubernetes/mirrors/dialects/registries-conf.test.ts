/** registries.conf: a location for every redirect, so that the original registry is never asked. */
import { expect, test } from 'vitest';
import { writtenIn } from '../map.ts';

const LINES = ['nginx:1=in.example/docker.io/library/nginx:1', 'a.example/y:1=in.example/other:1'];

test('each redirect is a prefix with a location', () => {
  expect(writtenIn('registries-conf', LINES)).toMatchObject({
    unexpressed: [],
    files: {
      '90-demo.conf': `
[[registry]]
prefix = "a.example/y"
location = "in.example/other"

[[registry]]
prefix = "docker.io"
location = "in.example/docker.io"
`,
    },
  });
});

test.each([{ plainHttp: true }, { insecure: true }])('%o is insecure', (access) => {
  const { files } = writtenIn('registries-conf', LINES, access);
  expect(files['90-demo.conf']?.match(/^insecure = true$/gm)).toHaveLength(2);
});

test('where authorities belong is a step, for this file has no place for them', () => {
  const { steps, files } = writtenIn('registries-conf', LINES, { caFile: '/etc/ssl/ca.pem' });
  expect(steps.at(-1)).toBe('they trust /etc/ssl/ca.pem once it lies as /etc/containers/certs.d/in.example/ca.crt');
  expect(JSON.stringify(files)).not.toContain('ca.pem');
});
