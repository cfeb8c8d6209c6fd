/** `airgap mirror-config --install` and `--check`: a node's files, and whether every image is where they lead. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { pushSample } from '../../../helpers/push-sample.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { useRegistry } from '../../../helpers/use-registry.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const registry = useRegistry();
const cli = useBuiltCli();
const [APP, OTHER] = [makeImage({ labels: { is: 'app' } }), makeImage({ labels: { is: 'other' } })];

beforeEach(async () => {
  await mkdir(temp.join('node'));
  await pushSample(registry.url, 'a.example/app', APP, ['1']);
  await pushSample(registry.url, 'a.example/other', OTHER, ['1']);
  await writeReport({ app: APP.descriptor.digest, other: OTHER.descriptor.digest });
});

/** What a load leaves. */
async function writeReport(digests: Readonly<Record<string, string>>): Promise<void> {
  const images = Object.entries(digests).map(([name, digest]) => ({
    original: `a.example/${name}:1`,
    internal: `${registry.host}/a.example/${name}:1`,
    digest,
  }));
  await writeFile(temp.join('load-report.json'), JSON.stringify({ images }));
}

const run = (...args: readonly string[]): ReturnType<typeof cli.airgap> =>
  cli.airgap(['mirror-config', temp.join('load-report.json'), ...args, '--root', temp.join('node')], {
    now: () => new Date('2026-01-31T12:00:00Z'),
  });
const hosts = (): string => temp.join('node/etc/containerd/certs.d/a.example/hosts.toml');

describe('a node that has them', () => {
  beforeEach(async () => {
    expect(await run('--format', 'containerd', '--install')).toMatchObject({
      exitCode: 0,
      stdout: `written  ${hosts()}\n`,
      stderr: expect.stringContaining('containerd: containerd reads these files where') as string,
    });
  });

  test('finds every image, with one request each', async () => {
    registry.requests.length = 0;
    const { exitCode, stdout, stderr } = await run('--format', 'containerd', '--check');
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `in place  ${hosts()}
there  a.example/app:1    at ${registry.host}/a.example/app:1
there  a.example/other:1  at ${registry.host}/a.example/other:1
`,
    });
    expect(stderr).toBe('2 images: each is where this node looks for it\n');
    const manifests = registry.requests.filter(({ path }) => path.includes('/manifests/'));
    expect(manifests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
  });

  test('is not changed by a second installation', async () => {
    expect(await run('--format', 'containerd', '--install')).toMatchObject({
      exitCode: 0,
      stdout: `unchanged  ${hosts()}\n`,
      stderr: 'nothing was changed\n',
    });
  });

  test('is told of files that are gone or different, and of images that are, all at once', async () => {
    await writeReport({ app: OTHER.descriptor.digest, other: OTHER.descriptor.digest, gone: APP.descriptor.digest });
    await writeFile(hosts(), 'server = "https://elsewhere.example"\n');
    const { exitCode, stdout, stderr } = await run('--format', 'containerd', '--check');
    expect(exitCode).toBe(6);
    expect(stdout).toContain(`other  ${hosts()}\n`);
    expect(stderr).toContain(`error: this node does not find every image by its name:
  ${hosts()} says something else
  a.example/app:1 is another one: ${registry.host}/a.example/app:1 is ${APP.descriptor.digest}
  a.example/gone:1 is not there: ${registry.host}/a.example/gone:1
`);
    await rm(hosts());
    const { stderr: missing } = await run('--format', 'containerd', '--check');
    expect(missing).toContain(`${hosts()} is missing\n`);
    expect(await run('--format', 'containerd', '--check', '--json')).toMatchObject({ exitCode: 6 });
  });
});

test('replacing a file says where the one before it is', async () => {
  const place = temp.join('node/etc/rancher/k3s/registries.yaml');
  await mkdir(temp.join('node/etc/rancher/k3s'), { recursive: true });
  await writeFile(place, 'mirrors:\n  c.example: {endpoint: [https://d.example]}\n');
  const { stdout, stderr } = await run('--format', 'k3s', '--install', '--plain-http');
  expect(stdout).toBe(`replaced  ${place}  before: ${place}.2026-01-31T120000Z.bak\n`);
  expect(stderr).toContain('systemctl restart k3s');
  expect(await readFile(place, 'utf8')).toMatch(/c\.example[^]*a\.example/);
});

test('a registry that does not answer ends the check with its own error, after what is known', async () => {
  const report = await readFile(temp.join('load-report.json'), 'utf8');
  await writeFile(temp.join('load-report.json'), report.replaceAll(registry.host, '127.0.0.1:1'));
  await run('--format', 'registries-conf', '--install');
  const { exitCode, stdout, stderr } = await run('--format', 'registries-conf', '--check', '--plain-http');
  expect(exitCode).toBe(1);
  expect(stdout).toContain('no answer');
  expect(stderr).toContain('127.0.0.1:1');
});

test('images that a dialect cannot express are not asked for, and end an installation with exit code 5', async () => {
  const report = await readFile(temp.join('load-report.json'), 'utf8');
  const renamed = report.replace(`${registry.host}/a.example/app:1`, `${registry.host}/renamed:1`);
  await writeFile(temp.join('load-report.json'), renamed);
  expect(await run('--format', 'containerd', '--install')).toMatchObject({ exitCode: 5 });
  registry.requests.length = 0;
  const { exitCode, stderr } = await run('--format', 'containerd', '--check');
  expect(exitCode).toBe(5);
  expect(stderr).toContain('a.example/app:1 is at');
  expect(registry.requests.map(({ path }) => path).filter((path) => path.includes('renamed'))).toEqual([]);
});

test.each([
  [['--install'], '--install and --check are about one reader of a node'],
  [['--format', 'openshift', '--install'], '--install and --check are about one reader of a node'],
  [['--format', 'k3s', '--install', '--check'], '--install and --check exclude each other'],
  [['--format', 'k3s', '--install', '--output', 'x'], '--output and --install exclude each other'],
  [['--format', 'k3s'], '--root is about --install and --check alone'],
])('%o is refused', async (args, message) => {
  const { exitCode, stdout, stderr } = await run(...args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(message);
});
