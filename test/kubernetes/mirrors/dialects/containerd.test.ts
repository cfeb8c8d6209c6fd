/** hosts.toml: an address in front of paths that stay as they are, and nothing that asks the original registry. */
import { expect, test } from 'vitest';
import { writtenIn } from '../map.ts';

test('each registry has a directory, whose server is the place of its images', () => {
  const lines = ['nginx:1=in.example:5000/m/docker.io/library/nginx:1', 'a.example:443/x:1=in.example:5000/m/a/x:1'];
  const { files, unexpressed } = writtenIn('containerd', lines);
  expect(unexpressed).toEqual([]);
  expect(files).toEqual({
    'docker.io/hosts.toml': `# docker.io is at in.example:5000/m/docker.io
server = "https://in.example:5000/v2/m/docker.io"
capabilities = ["pull", "resolve"]
override_path = true

[host."https://in.example:5000/v2/m/docker.io"]
  capabilities = ["pull", "resolve"]
  override_path = true
`,
    'a.example_443_/hosts.toml': `# a.example:443 is at in.example:5000/m/a
server = "https://in.example:5000/v2/m/a"
capabilities = ["pull", "resolve"]
override_path = true

[host."https://in.example:5000/v2/m/a"]
  capabilities = ["pull", "resolve"]
  override_path = true
`,
  });
});

test('how the registry is reached stands in each of them', () => {
  const access = { plainHttp: true, insecure: true, caFile: '/etc/ssl/a "b".pem' };
  const { files } = writtenIn('containerd', ['a.example/x:1=in.example/x:1'], access);
  expect(files['a.example/hosts.toml']).toBe(`# a.example is at in.example
server = "http://in.example/v2"
capabilities = ["pull", "resolve"]
override_path = true
ca = "/etc/ssl/a \\"b\\".pem"
skip_verify = true

[host."http://in.example/v2"]
  capabilities = ["pull", "resolve"]
  override_path = true
  ca = "/etc/ssl/a \\"b\\".pem"
  skip_verify = true
`);
});

test('repositories in front of which something else stands are tried first', () => {
  const lines = ['a.example/x:1=in.example/a/x:1', 'a.example/y:1=in.example/a/y:1', 'a.example/z:1=in.example/b/z:1'];
  const { files, unexpressed } = writtenIn('containerd', lines);
  expect(unexpressed).toEqual([]);
  expect(files['a.example/hosts.toml']).toBe(`# a.example is at in.example/a
server = "https://in.example/v2/a"
capabilities = ["pull", "resolve"]
override_path = true

[host."https://in.example/v2/b"]
  capabilities = ["pull", "resolve"]
  override_path = true

[host."https://in.example/v2/a"]
  capabilities = ["pull", "resolve"]
  override_path = true
`);
});

test('an image that another one would be found in the place of is named', () => {
  // Asked for a.example/x, containerd would try b/x first, which is another image.
  const lines = [
    ...['a.example/x:1=in.example/a/x:1', 'a.example/y:1=in.example/a/y:1', 'a.example/z:1=in.example/b/z:1'],
    'c.example/x:1=in.example/b/x:1',
  ];
  const { unexpressed } = writtenIn('containerd', lines);
  expect(unexpressed).toEqual([
    {
      original: 'a.example/x:1',
      why: 'is at in.example/a/x:1: containerd keeps the path that follows the registry',
    },
  ]);
});

test('a path that changes is named, and the rest is written', () => {
  const lines = [
    'a.example/x:1=in.example/a/x:1',
    'a.example/y:1=in.example/other:1',
    'b.example/z:1=in.example/b-z:1',
  ];
  const { files, unexpressed } = writtenIn('containerd', lines);
  expect(Object.keys(files)).toEqual(['a.example/hosts.toml']);
  expect(unexpressed.map(({ original }) => original)).toEqual(['a.example/y:1', 'b.example/z:1']);
});

test('the registry that holds the images is not sent to itself', () => {
  const { files, unexpressed } = writtenIn('containerd', ['in.example/x:1=in.example/m/x:1']);
  expect(files).toEqual({});
  expect(unexpressed[0]?.why).toContain('all of in.example would be looked for there');
});
