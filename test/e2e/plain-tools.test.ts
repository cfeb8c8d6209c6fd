/** Tools that know nothing of this product check the archive and take the images out of it. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/digest.ts';
import { CONTAINERD_TOOLS, startContainerd, type ContainerdGeneration } from '../helpers/containerd.ts';
import { DOCKERD_TOOLS, startDockerd, type DockerGeneration } from '../helpers/dockerd.ts';
import { openNetworkNamespace } from '../helpers/network-namespace.ts';
import { createPodman } from '../helpers/podman.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { run, runOk } from '../helpers/run.ts';
import type { SampleNode } from '../helpers/sample-image.ts';
import { writeFiles } from '../kubernetes/charts/chart-files.ts';
import { useBuiltRelease } from './support/fixture.ts';

const ENGINE_TIMEOUT_MS = 400_000;
const PLATFORM = 'linux/amd64';
const fixture = useBuiltRelease();
/** Where `tar xf` put everything. */
let files: string;

beforeAll(async () => {
  files = fixture.folder();
  await runOk('mkdir', [files]);
  await runOk('tar', ['xf', fixture.archive], { cwd: files });
});
afterAll(() => rm(files, { recursive: true, force: true }));

const tarball = (): string => `${files}/images/linux-amd64.tar`;
/** Tagged images: engines know no others. */
const tagged = (): readonly (readonly [string, SampleNode])[] =>
  [...fixture.release.images].filter(([reference]) => !reference.includes('@'));

/** The name an image has in a tarball: one known by digest alone bears that of the platform's manifest. */
function nameIn(reference: string, node: SampleNode): string {
  return reference.replace(/@.*$/, `@${manifestFor(node).descriptor.digest}`);
}

function manifestFor(node: SampleNode, platform = PLATFORM): SampleNode {
  const [os, architecture] = platform.split('/');
  const child = node.children.find(
    ({ descriptor }) => descriptor.platform?.os === os && descriptor.platform?.architecture === architecture,
  );
  return child ?? node;
}

describe('tar and sha256sum', () => {
  test('every payload file is listed and right', async () => {
    const { stdout } = await runOk('sha256sum', ['--check', '--strict', 'checksums.txt'], { cwd: files });
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/: OK$/, ''));
    const found = (await runOk('find', ['.', '-type', 'f', '-printf', '%P\n'], { cwd: files })).stdout
      .trim()
      .split('\n');
    const unlisted = found.filter((path) => !listed.includes(path));
    expect(unlisted.toSorted()).toEqual([
      'attestations/1.sigstore.json',
      'checksums.txt',
      ...[1, 2, 3, 4].map((slot) => `signatures/${slot}.sigstore.json`),
    ]);
    expect(listed).toEqual(expect.arrayContaining(['release.json', 'image-list.txt', 'images/linux-amd64.tar', 'images/linux-arm64.tar', 'images/multi-platform.tar', 'charts/demo-1.2.3+build.7.tgz', 'manifests/agent.yaml', 'docs/install.md', 'files/LICENCE.txt', 'sbom/sample-1.2.3.cdx.json', 'install/verify-and-load.mjs'])); // prettier-ignore
  });

  test('the members are plain files in canonical ustar', async () => {
    const { stdout } = await runOk('tar', ['tvf', fixture.archive, '--numeric-owner', '--utc', '--full-time']);
    const lines = stdout.trim().split('\n');
    for (const line of lines) {
      const mode = line.includes(' install/') ? '-rwxr-xr-x' : '-rw-r--r--';
      expect(line).toMatch(new RegExp(`^${mode} 0/0 +\\d+ 2026-01-31 12:00:00 [A-Za-z0-9._+/-]+$`));
    }
    expect(lines[0]).toMatch(/checksums\.txt$/);
    expect(lines[1]).toMatch(/signatures\/1\.sigstore\.json$/);
    expect(lines.filter((line) => line.endsWith(' release.json'))).toHaveLength(1);
  });

  test('sha256sum notices one changed byte', async () => {
    const path = `${files}/docs/install.md`;
    const good = await readFile(path);
    await writeFile(path, '# Instal1\n');
    const { exitCode, stdout } = await run('sha256sum', ['--check', '--strict', 'checksums.txt'], { cwd: files });
    await writeFile(path, good);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('docs/install.md: FAILED');
  });
});

describe.each(['cosign2', 'cosign3'])('%s', (name) => {
  test('accepts the padded slot without a network, and refuses other content', async (t) => {
    const cosign = requireTool(name) ?? t.skip();
    await using offline = await openNetworkNamespace();
    const verify = (file: string) =>
      offline.run(
        cosign,
        [
          ...['verify-blob', '--key', fixture.pub, '--bundle', 'signatures/1.sigstore.json'],
          ...['--trusted-root', 'install/trusted-root.json', '--insecure-ignore-tlog', file],
        ],
        { cwd: files, env: { HOME: fixture.temp.path } },
      );
    const accepted = await verify('checksums.txt');
    expect([accepted.exitCode, accepted.stderr + accepted.stdout]).toEqual([0, expect.stringContaining('Verified OK')]);
    expect((await verify('release.json')).exitCode).toBe(1);
  });
});

describe.each([20, 28] satisfies DockerGeneration[])('Docker Engine %i', (generation) => {
  test('loads the tarball of a platform and lists its images', { timeout: ENGINE_TIMEOUT_MS }, async (t) => {
    for (const tool of DOCKERD_TOOLS[generation]) if (requireTool(tool) === undefined) t.skip();
    await using engine = await startDockerd(generation);
    const loaded = await engine.docker(['load', '--input', tarball()]);
    expect([loaded.exitCode, loaded.stderr]).toEqual([0, '']);
    const { stdout } = await engine.docker([
      'image',
      'list',
      '--no-trunc',
      '--format',
      '{{.Repository}}:{{.Tag}} {{.ID}}',
    ]);
    const listed = new Map(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    for (const [reference, node] of tagged()) {
      const config = manifestFor(node).blobs[0];
      const id = generation === 20 ? config?.descriptor.digest : manifestFor(node).descriptor.digest;
      expect([reference, listed.get(reference)]).toEqual([reference, id]);
    }
  });
});

describe.each([1, 2] satisfies ContainerdGeneration[])('containerd %i', (generation) => {
  test('imports the tarballs and keeps every digest', { timeout: ENGINE_TIMEOUT_MS }, async (t) => {
    for (const tool of CONTAINERD_TOOLS[generation]) if (requireTool(tool) === undefined) t.skip();
    await using containerd = await startContainerd(generation);
    const expectImages = async (): Promise<void> => {
      const { stdout } = await containerd.ctr(['images', 'list']);
      for (const [reference, node] of fixture.release.images) {
        const line = stdout.split('\n').find((each) => each.startsWith(`${nameIn(reference, node)} `));
        expect([reference, line?.split(/\s+/)[2]]).toEqual([reference, manifestFor(node).descriptor.digest]);
      }
    };
    const one = await containerd.ctr(['images', 'import', tarball()]);
    expect([one.exitCode, one.stderr]).toEqual([0, '']);
    await expectImages();
    // Nothing is missing for any platform the tarball speaks of.
    const local = generation === 2 ? ['--local'] : [];
    const all = await containerd.ctr(['images', 'import', ...local, '--all-platforms', tarball()]);
    expect([all.exitCode, all.stderr]).toEqual([0, '']);
    await expectImages();
    const foreign = ['images', 'import', ...local, '--all-platforms', '--no-unpack', `${files}/images/linux-arm64.tar`];
    expect((await containerd.ctr(foreign)).exitCode).toBe(0);
  });
});

test('podman loads the tarball', { timeout: ENGINE_TIMEOUT_MS }, async (t) => {
  if (requireTool('podman') === undefined) t.skip();
  await using store = await createPodman();
  const loaded = await store.podman(['load', '--input', tarball()]);
  expect(loaded.exitCode, loaded.stderr).toBe(0);
  const { stdout } = await store.podman(['images', '--format', '{{.Repository}}:{{.Tag}}']);
  expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining(tagged().map(([reference]) => reference)));
});

describe.each(['skopeo', 'skopeo-current'])('%s', (name) => {
  test('reads every image under its digest and copies it out', async (t) => {
    const skopeo = requireTool(name) ?? t.skip();
    for (const [reference, node] of fixture.release.images) {
      const inspect = async (archive: string, ref: string): Promise<string> =>
        sha256((await runOk(skopeo, ['inspect', '--raw', `oci-archive:${archive}:${ref}`])).stdout);
      // Version 1.9.3 finds only OCI's types by name in an OCI archive; Docker's it finds in the Docker one.
      if (name === 'skopeo' && node.descriptor.mediaType.includes('docker')) {
        const where = `docker-archive:${tarball()}:${reference}`;
        const { stdout } = await runOk(skopeo, ['inspect', '--config', '--raw', where]);
        expect([reference, sha256(stdout)]).toEqual([reference, manifestFor(node).blobs[0]?.descriptor.digest]);
        continue;
      }
      const manifest = manifestFor(node).descriptor.digest;
      expect([reference, await inspect(tarball(), nameIn(reference, node))]).toEqual([reference, manifest]);
      if (node.children.length === 0) continue;
      // The index itself is in the tarball of what belongs to no single platform.
      const index = await inspect(`${files}/images/multi-platform.tar`, reference);
      expect([reference, index]).toEqual([reference, node.descriptor.digest]);
    }
    const [reference = '', node] = [...fixture.release.images].find(([key]) => key.includes('/app:')) ?? [];
    const directory = fixture.folder();
    const policy = ['--insecure-policy', '--override-arch', 'amd64', '--override-os', 'linux'];
    await runOk(skopeo, [
      ...policy,
      'copy',
      '--preserve-digests',
      `oci-archive:${tarball()}:${reference}`,
      `dir:${directory}`,
    ]);
    const copied = await readFile(`${directory}/manifest.json`);
    expect(sha256(copied)).toBe(node && manifestFor(node).descriptor.digest);
  });
});

test('umoci reads the unpacked layout', async (t) => {
  const umoci = requireTool('umoci') ?? t.skip();
  const layout = fixture.folder();
  await runOk('mkdir', [layout]);
  await runOk('tar', ['xf', tarball()], { cwd: layout });
  const { stdout } = await runOk(umoci, ['list', '--layout', layout]);
  const names = [...fixture.release.images].map(([reference, node]) => nameIn(reference, node));
  expect(stdout.trim().split('\n').toSorted()).toEqual(names.toSorted());
});

describe.each(['helm3', 'helm4'])('%s', (name) => {
  test('renders a chart with the carried library in it', async (t) => {
    const helm = requireTool(name) ?? t.skip();
    const env = { HELM_CACHE_HOME: files, HELM_CONFIG_HOME: files, HELM_DATA_HOME: files };
    const library = `${files}/charts/demo-1.2.3+build.7.tgz`;
    const chart = fixture.folder();
    await writeFiles(chart, {
      'Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
      'templates/app.yaml': 'replicas: "{{ include "demo.replicas" .Subcharts.demo }}"\n',
      'charts/demo.tgz': await readFile(library),
    });
    const { stdout } = await runOk(helm, ['template', 'r', chart, '--set', 'demo.replicas=7'], { env });
    expect(stdout).toContain('replicas: "7"');
    await runOk(helm, ['lint', library], { env });
  });
});
