/** `airgap import` writes a release.yaml that can be read, says what it left out, and overwrites nothing. */
import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseSpec } from '../../../../src/release/spec/spec.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();

const ZARF = `kind: ZarfPackageConfig
metadata: {name: demo, version: 1.10, architecture: amd64}
components:
  - name: base
    description: "what's in it # and more"
    images: [quay.io/a/b:1]
    files: [{source: f.bin, target: /opt/Tool}]
    actions: {onDeploy: {before: [{cmd: make}]}}
  - name: Base
    images:
      - quay.io/a/b:1
      - quay.io/a/c:1
    charts:
      - {name: app, localPath: charts/app, valuesFiles: [a.yaml, b.yaml]}
      - {name: two, localPath: ./charts/app, namespace: other}
    manifests: [{name: m, files: [m/one.yaml], kustomizations: [m, ../outside]}]
    files: [{source: g/f.bin, target: /opt/tool}]
  - name: arm
    only: {cluster: {architecture: arm64}}
    images: [quay.io/a/arm:1]
`;
const AROUND = { 'f.bin': '', 'g/f.bin': 'g' };
const EMPTY_SHA256 = 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';

test('the whole of a file: names that fit, nothing twice, and the line of everything', async () => {
  await writeFiles(temp.path, { ...AROUND, 'zarf.yaml': ZARF });
  const { exitCode, stdout, stderr } = await cli.airgap(['import', 'zarf.yaml'], { cwd: temp.path });
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 5,
    stdout: 'demo 1.10: 3 images, 1 chart\nwrote release.yaml\n',
    stderr: `note: zarf.yaml:8: component base: actions are not run: what they fetch or set is not carried; list it
note: zarf.yaml:15: chart charts/app is there twice: it is rendered under the first name and namespace, with the values of both
note: zarf.yaml:20: image quay.io/a/arm:1 is for linux/arm64 alone, which this release is not for
error: 1 thing that zarf.yaml names could not be said in a release.yaml:
  zarf.yaml:16: manifest ../outside does not lie below the directory of the release.yaml: write that elsewhere with --output, or copy it there
  hint: the rest was written; add what the release needs, then: airgap resolve
`,
  });
  const text = await readFile(temp.join('release.yaml'), 'utf8');
  expect(text)
    .toBe(`# Imported from zarf.yaml, a Zarf package definition. Behind each entry stands the line it comes from.
# Look through it, then: airgap resolve
#
# Named by zarf.yaml and NOT in this release:
#   zarf.yaml:16: manifest ../outside does not lie below the directory of the release.yaml: write that elsewhere with --output, or copy it there
#
# To know:
#   zarf.yaml:8: component base: actions are not run: what they fetch or set is not carried; list it
#   zarf.yaml:15: chart charts/app is there twice: it is rendered under the first name and namespace, with the values of both
#   zarf.yaml:20: image quay.io/a/arm:1 is for linux/arm64 alone, which this release is not for
apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '1.10'

platforms:
  - linux/amd64

components:
  - name: base
    description: 'what''s in it # and more'
    images:
      - quay.io/a/b:1 # zarf.yaml:6
    files:
      - path: f.bin # zarf.yaml:7
        integrity: ${EMPTY_SHA256}
        as: Tool
  - name: base-2
    images:
      - quay.io/a/b:1 # zarf.yaml:11
      - quay.io/a/c:1 # zarf.yaml:12
    charts:
      - chart: charts/app # zarf.yaml:14
        releaseName: app
        values:
          - [a.yaml, b.yaml]
          - { name: default, files: [] }
    manifests:
      - m # zarf.yaml:16
    files:
      - path: g/f.bin # zarf.yaml:17
        integrity: sha256-zQqphWFHtsW0/yt9/uXaIKo4JTCZ7xtKZKztIzya/ik=
        as: tool-2
`);
  expect(parseSpec(text, 'release.yaml').components).toHaveLength(2);
});

test('what is there already is not overwritten, and the same file gives the same text', async () => {
  await writeFiles(temp.path, { 'images.txt': 'quay.io/a/b:1\n', 'release.yaml': 'mine' });
  const { exitCode, stderr } = await cli.airgap(['import', 'images.txt'], { cwd: temp.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('release.yaml exists already and is not overwritten');
  expect(await readFile(temp.join('release.yaml'), 'utf8')).toBe('mine');
  const print = (): Promise<string> => cli.ok(['import', 'images.txt', '--output', '-'], { cwd: temp.path });
  expect(await print()).toBe(await print());
});

test('a person has the last word on name, version and platforms', async () => {
  await writeFiles(temp.path, { ...AROUND, 'zarf.yaml': ZARF });
  const args = ['--name', 'mine', '--release-version', '3.0.0', '--platform', 'linux/arm64', '--output', '-'];
  const { stdout } = await cli.airgap(['import', 'zarf.yaml', ...args], { cwd: temp.path });
  expect(parseSpec(stdout, 'release.yaml')).toMatchObject({
    name: 'mine',
    version: '3.0.0',
    platforms: [{ os: 'linux', architecture: 'arm64' }],
  });
  expect(stdout).toContain('quay.io/a/arm:1');
  for (const wrong of [
    ['--name', 'Not Right'],
    ['--release-version', 'new'],
  ]) {
    const { exitCode, stderr } = await cli.airgap(['import', 'zarf.yaml', ...wrong], { cwd: temp.path });
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(wrong[1] ?? '') as string,
    });
  }
});

test('paths are those from the release.yaml on, wherever that is written', async () => {
  await writeFiles(temp.path, { 'vendor/helmfile.yaml': 'releases: [{name: a, chart: ./app}]\n', 'deep/er/x': '' });
  const chartFrom = async (output: string): Promise<string> => {
    await cli.airgap(['import', 'vendor/helmfile.yaml', '--output', output], { cwd: temp.path });
    return /chart: (\S+)/.exec(await readFile(temp.join(output), 'utf8'))?.[1] ?? '';
  };
  expect(await chartFrom('release.yaml')).toBe('vendor/app');
  expect(await chartFrom('vendor/release.yaml')).toBe('app');
  const { exitCode, stderr } = await cli.airgap(
    ['import', 'vendor/helmfile.yaml', '--output', 'deep/er/release.yaml'],
    { cwd: temp.path },
  );
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('does not lie below') as string,
  });
});

test('a file of another tool cannot write a line of its own into the release', async () => {
  const services = JSON.stringify({
    services: { 'a\nevil: true #': { image: 'quay.io/a/b:1' }, '\u202eb': { image: 'quay.io/a/c:1' } },
  });
  await writeFile(temp.join('docker-compose.json'), services);
  const text = await cli.ok(['import', 'docker-compose.json', '--output', '-'], { cwd: temp.path });
  expect(text).not.toMatch(/^evil/m);
  expect(text).not.toContain('\u202e');
  expect(parseSpec(text, 'release.yaml').components[0]?.images).toHaveLength(2);
});

test('with --json, the document says what was left, and the error too', async () => {
  await writeFiles(temp.path, { 'sync.yaml': 'quay.io: {images: {a/all: [], a/b: [v1]}}\n' });
  const { exitCode, stdout, stderr } = await cli.airgap(['import', 'sync.yaml', '--json'], { cwd: temp.path });
  expect(exitCode).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({
    path: 'release.yaml',
    format: 'skopeo',
    images: 1,
    unexpressed: [
      { line: 1, isContent: true, message: expect.stringContaining('every tag of quay.io/a/all') as string },
    ],
  });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'INCOMPLETE' } });
});

test('a file that names nothing is refused, with what it names', async () => {
  await writeFiles(temp.path, { 'sync.yaml': 'quay.io: {images: {a/all: []}}\n' });
  const { exitCode, stderr } = await cli.airgap(['import', 'sync.yaml'], { cwd: temp.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(
    'sync.yaml: names nothing that a release carries\n  sync.yaml:1: every tag of quay.io/a/all',
  );
});

test('a list that is too long for one release.yaml is told what to do instead', async () => {
  await writeFile(
    temp.join('images.txt'),
    Array.from({ length: 5_001 }, (_, index) => `quay.io/a/b:${index}`).join('\n'),
  );
  const { exitCode, stderr } = await cli.airgap(['import', 'images.txt'], { cwd: temp.path });
  expect({ exitCode, stderr }).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('imageLists: [images.txt]') as string,
  });
});

test('a file of another tool in the place of a release.yaml is refused with the way to import it', async () => {
  await writeFiles(temp.path, { 'zarf.yaml': ZARF, 'other.yaml': 'a: 1\n' });
  const { exitCode, stderr } = await cli.airgap(['resolve', 'zarf.yaml'], { cwd: temp.path });
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: 'error: zarf.yaml: is a Zarf package definition, not a release.yaml\n  hint: airgap import zarf.yaml\n',
  });
  expect((await cli.airgap(['resolve', 'other.yaml'], { cwd: temp.path })).stderr).toContain('other.yaml has');
  expect((await cli.airgap(['resolve', 'images.txt'], { cwd: temp.path })).stderr).toBe(
    'error: images.txt is not a release.yaml\n  hint: airgap import images.txt writes one from it\n',
  );
});

test('standard input is read to its end: paths start where one stands', async () => {
  const input = 'releases: [{name: a, chart: ./charts/app}]\n';
  const { stdout } = await cli.airgap(['import', '-', '--output', '-'], { cwd: temp.path, input });
  expect(stdout).toContain('# Imported from standard input, a helmfile.');
  expect(stdout).toContain('- chart: charts/app # standard input:1');
  expect(parseSpec(stdout, 'release.yaml').name).toBe('my-release');
  const wrong = await cli.airgap(['import', '-', '--from', 'zarf'], { cwd: temp.path, input: 'components: x\n' });
  expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('error: standard input:1: ') as string });
  const long = await cli.airgap(['import', '-'], { cwd: temp.path, input: 'a'.repeat(4 * 1024 * 1024 + 1) });
  expect(long).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is longer than') as string });
});
