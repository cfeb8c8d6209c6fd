/** `airgap mirror-config`: one mapping in the words of every reader, printed or written, and what none has words for named. */
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { requireTool } from '../../../helpers/require-tool.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { toolPath } from '../../../helpers/tools.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();

beforeEach(async () => {
  await writeFile(temp.join('mapping.txt'), 'nginx:1=in.example/docker.io/library/nginx:1\na.example/x:1=in.example/a.example/x:1\n'); // prettier-ignore
  await writeFile(temp.join('flat.txt'), 'b.example/y/z:1=in.example/b.example-y-z:1\n');
});

const run = (...args: readonly string[]): ReturnType<typeof cli.airgap> =>
  cli.airgap(['mirror-config', ...args], { cwd: temp.path });

test('one file is printed as it is, ready for a pipe, and what else to do beside it', async () => {
  const { exitCode, stdout, stderr } = await run('mapping.txt', '--format', 'registries-conf', '--plain-http');
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: `# Written by airgap mirror-config from what a load brought; write it anew after the next one.

[[registry]]
prefix = "a.example"
location = "in.example/a.example"
insecure = true

[[registry]]
prefix = "docker.io"
location = "in.example/docker.io"
insecure = true
`,
  });
  expect(stderr).toMatch(/^registries-conf: podman, buildah and skopeo read it at the next call/);
});

test('several files are printed with their paths', async () => {
  const { stdout } = await run('.', '--format', 'containerd', '--quiet', '--ca-file', '/etc/ssl/ca.pem', '--json');
  const { dialects } = JSON.parse(stdout) as { readonly dialects: readonly { files: readonly { path: string }[] }[] };
  expect(dialects[0]?.files.map(({ path }) => path)).toEqual(['a.example/hosts.toml', 'docker.io/hosts.toml']);
  const lines = (await run('.', '--format', 'containerd')).stdout
    .split('\n')
    .filter((line) => /hosts\.toml/.test(line));
  expect(lines).toEqual(['# a.example/hosts.toml', '# docker.io/hosts.toml']);
});

test('several mappings are one configuration, and what cannot be expressed ends with exit code 5 after the rest is written', async () => {
  const { exitCode, stdout, stderr } = await run('mapping.txt', 'flat.txt', '--format', 'containerd', '--output', 'certs.d'); // prettier-ignore
  expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: 'a.example/hosts.toml\ndocker.io/hosts.toml\n' });
  expect(stderr).toContain('error: 1 image cannot be expressed for containerd:\n  b.example/y/z:1 is at in.example/b.example-y-z:1'); // prettier-ignore
  expect(await readdir(temp.join('certs.d'), { recursive: true })).toContain('docker.io/hosts.toml');
});

test('what cannot be expressed at all is a mistake of the call, and nothing is written', async () => {
  const { exitCode, stdout, stderr } = await run('mapping.txt', '--format', 'docker', '--output', 'new');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain('docker.io/library/nginx:1 is not at the root of a host: pull in.example/docker.io/library/nginx:1'); // prettier-ignore
  await expect(readdir(temp.join('new'))).rejects.toThrow('ENOENT');
});

test('without a format every dialect has a folder of its own, and what one of them leaves out is said', async () => {
  const { exitCode, stdout, stderr } = await run('mapping.txt', 'flat.txt', '--output', 'new', '--name', 'demo-1');
  expect({ exitCode, stdout }).toEqual({
    exitCode: 0,
    stdout: `containerd/a.example/hosts.toml
containerd/docker.io/hosts.toml
k3s/registries.yaml
rke2/registries.yaml
registries-conf/90-demo-1.conf
openshift/mirror-sets.yaml
kustomize/kustomization.yaml
admission/admission-policy.yaml
`,
  });
  expect(stderr).toContain('containerd: 1 image cannot be expressed (--format containerd names the reasons)\n');
  expect(stderr).toContain('docker: none of the images can be expressed (--format docker names the reasons)\n');
  expect(stderr).toMatch(/wrote 8 files to new\n$/);
  expect(await readFile(temp.join('new/openshift/mirror-sets.yaml'), 'utf8')).toContain('name: demo-1\n');
});

test('a directory that exists is not written into', async () => {
  await mkdir(temp.join('there'));
  const { exitCode, stderr } = await run('mapping.txt', '--output', 'there');
  expect(exitCode).toBe(2);
  expect(stderr).toContain('there exists already');
  expect(await readdir(temp.join('there'))).toEqual([]);
});

test.each([
  [['--format', 'k3s'], 'no mapping is given'],
  [['mapping.txt'], 'nothing says who is to read the configuration'],
  [['mapping.txt', '--format', 'k3s', '--name', 'A b'], '--name: A b is no name'],
  [['mapping.txt', '--format', 'k3s', '--ca-file', 'ca.pem'], '--ca-file: ca.pem is no whole path'],
  [['mapping.txt', '--format', 'k3s', '--ca-file', '/a\nb'], 'is no whole path'],
  [['mapping.txt', '--format', 'k3s', '--chart', 'x'], '--chart and --values are about --format helm-values alone'],
  [['mapping.txt', '--format', 'helm-values'], '--format helm-values needs a --chart'],
  [['mapping.txt', '--format', 'helm-values', '--chart', 'x', '--install'], 'no node reads values'],
  [['mapping.txt', '--format', 'helm'], 'helm is not one of containerd, k3s'],
])('%o is refused', async (args, message) => {
  const { exitCode, stdout, stderr } = await run(...args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(message);
});

test('values of a chart are printed ready for Helm; an image that they do not reach ends with exit code 5', async () => {
  if (requireTool('helm4') === undefined) return;
  await mkdir(temp.join('bin'));
  await symlink(toolPath('helm4'), temp.join('bin/helm'));
  const pod = (images: readonly string[]): string =>
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: images.map((image, index) => ({ name: `c${index}`, image })) } }); // prettier-ignore
  const templates = { whole: pod(['{{ .Values.image }}']), fixed: pod(['{{ .Values.image }}', 'a.example/x:1']) };
  await writeFiles(temp.path, {
    'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
    'app/values.yaml': 'image: nginx:1\n',
    'app/templates/a.yaml': templates.whole,
  });
  const configure = (): ReturnType<typeof cli.airgap> =>
    cli.airgap(['mirror-config', 'mapping.txt', '--format', 'helm-values', '--chart', 'app'], { cwd: temp.path, env: { PATH: temp.join('bin') } }); // prettier-ignore
  const values = expect.stringMatching(
    /^# Written by .*\nimage: in\.example\/docker\.io\/library\/nginx:1\n$/,
  ) as string;
  expect(await configure()).toMatchObject({ exitCode: 0, stdout: values });
  await writeFiles(temp.path, { 'app/templates/a.yaml': templates.fixed });
  const { exitCode, stdout, stderr } = await configure();
  expect({ exitCode, stdout }).toEqual({ exitCode: 5, stdout: values });
  expect(stderr).toContain('a.example/x:1 is still named by app app/templates/a.yaml Pod/a spec.containers[1].image');
  await writeFiles(temp.path, { 'app/templates/a.yaml': pod(['c.example/x:1']), 'app/values.yaml': '' });
  expect(await configure()).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing in it is an image of the mapping') as string }); // prettier-ignore
});
