/** Every place an archive can be loaded into, the charts among them, and what is written down about it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hexOf, sha256 } from '../../src/oci/digest.ts';
import { startRegistry, type EmbeddedRegistry, type RequestRecord } from '../../src/server/embedded-registry.ts';
import { startContainerd } from '../helpers/containerd.ts';
import { DOCKERD_TOOLS, startDockerd, type DockerGeneration } from '../helpers/dockerd.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { contentOf, listedFor, makeImage, makeIndex, makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, airgapJson, airgapOk, errorOf } from './support/program.ts';
import { allTags, get } from './support/registry-content.ts';
import { buildArchive, internalPlace, readInventory, replaceIn, writeRelease } from './support/release.ts';

const ENGINE_TIMEOUT_MS = 400_000;
const fixture = useBuiltRelease();
const references = (): readonly string[] => [...fixture.release.images.keys()].toSorted();

/** Arguments of a load; its reports go to a folder that is handed back too. */
function load(to: string, ...extra: readonly string[]): { readonly args: string[]; readonly report: string } {
  const report = fixture.folder();
  return { args: ['load', fixture.archive, '--key', fixture.pub, '--to', to, '--report', report, ...extra], report };
}

const readJson = async (path: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;

describe('docker://', () => {
  let target: EmbeddedRegistry;
  const requests: RequestRecord[] = [];
  beforeAll(async () => {
    const directory = fixture.folder();
    target = await startRegistry({ directory, onRequest: (record) => requests.push(record) });
  });
  afterAll(() => target.close());

  test('--plan says what would move, and changes nothing', async () => {
    requests.length = 0;
    const { args, report } = load(`docker://${target.host}/planned`, '--plan');
    const plan = await airgapJson<{ bytes: number; blobs: number; manifests: number; tags: { name: string }[]; images: { result: string }[] }>(args); // prettier-ignore
    expect(plan.images.map(({ result }) => result)).toEqual(references().map(() => 'missing'));
    const content = new Map([...fixture.release.images.values()].flatMap((node) => [...contentOf(node)]));
    const unique = [...content.values()].reduce((sum, { descriptor }) => sum + descriptor.size, 0);
    expect(plan.bytes).toBeGreaterThanOrEqual(unique);
    expect(plan.tags).toHaveLength(5);
    expect(requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect(await allTags(target.url)).toEqual([]);
    await expect(readdir(report)).rejects.toMatchObject({ code: 'ENOENT' });
    const said = await airgapOk(args);
    expect(said.stdout).toMatch(/would move .* in about \d+ requests/);
    expect(said.stdout).toContain('nothing was changed');
  });

  test('mapping.txt and the report say where everything went', async () => {
    const { args, report } = load(`docker://${target.host}`);
    requests.length = 0;
    const said = await airgapJson(args);
    // One question for each thing the target may lack; what is not there is not asked for again.
    expect(requests.filter(({ method }) => method === 'GET')).toEqual([]);
    const questions = requests.filter(({ method }) => method === 'HEAD').map(({ path }) => path);
    expect(new Set(questions).size).toBe(questions.length);
    const lines = (await readFile(`${report}/mapping.txt`, 'utf8')).trim().split('\n');
    const expected = references().map((reference) => {
      const [, rest = ''] = /^[^/]+\/(.*)$/.exec(reference) ?? [];
      const host = reference.slice(0, reference.indexOf('/')).replace(':', '_');
      return `${reference}=${target.host}/${host}/${rest}`;
    });
    expect(lines.toSorted()).toEqual(expected.toSorted());
    const document = await readJson(`${report}/load-report.json`);
    expect(document).toEqual(said);
    expect(document).toMatchObject({
      schemaVersion: 1,
      kind: 'load',
      archive: fixture.archive,
      release: { name: 'sample', version: '1.2.3' },
      target: `docker://${target.host}`,
      payload: 'verified',
      charts: [{ path: 'charts/demo-1.2.3+build.7.tgz', reference: `${target.host}/charts/demo:1.2.3_build.7` }],
      tagged: 5,
    });
    const images = document['images'] as { original: string; digest: string; result: string }[];
    expect(images.map(({ original, digest, result }) => [original, digest, result]).toSorted()).toEqual(
      [...fixture.release.images].map(([reference, node]) => [reference, node.descriptor.digest, 'loaded']).toSorted(),
    );
  });

  test('a second load moves nothing, writes nothing, and says so', async () => {
    requests.length = 0;
    const { args } = load(`docker://${target.host}`);
    const result = await airgapJson<{ images: { result: string }[] }>(args);
    expect(result).toMatchObject({ copied: 0, copiedBytes: 0, mounted: 0, tagged: 0, payload: 'not read' });
    expect(result.images.map(({ result: state }) => state)).toEqual(references().map(() => 'present'));
    expect(requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([]);
    expect(requests.filter(({ method, status }) => method === 'GET' || status !== 200)).toEqual([]);
    const isBlob = ({ path }: RequestRecord): boolean => path.includes('/blobs/');
    expect(requests.filter(isBlob)).toEqual([]);
    expect((await airgapOk([...args, '--thorough'])).stdout).toContain('nothing had to move');
    expect(requests.filter(isBlob).length).toBeGreaterThan(10);
  });

  test('a tag that points elsewhere is announced by --plan, and set right and reported by the load', async () => {
    const [reference = ''] = [...fixture.release.images.keys()].filter((key) => key.includes('/tool:'));
    const other = [...fixture.release.images.values()].find(({ children }) => children.length > 0)?.children[0];
    if (other === undefined) throw new Error('no image');
    await pushSample(target.url, internalPlace(reference), other, ['3']);
    const { stdout } = await airgapOk(load(`docker://${target.host}`, '--plan').args);
    expect(stdout).toContain(`would change: ${other.descriptor.digest} becomes`);
    const { args, report } = load(`docker://${target.host}`);
    const moved = { name: `${target.host}/${internalPlace(reference)}:3`, previous: other.descriptor.digest };
    expect(await airgapJson(args)).toMatchObject({ tagged: 1, movedTags: [moved] });
    expect(JSON.parse(await readFile(`${report}/load-report.json`, 'utf8'))).toMatchObject({ movedTags: [moved] });
    const { bytes } = await get(target.url, internalPlace(reference), 'manifests', '3');
    expect(sha256(bytes)).toBe(fixture.release.images.get(reference)?.descriptor.digest);
  });

  test('--platform narrows to what that platform needs', async () => {
    const prefix = `docker://${target.host}/narrow`;
    const { images, skipped } = await airgapJson<{ images: { original: string }[]; skipped: string[] }>(
      load(prefix, '--platform', 'linux/arm64').args,
    );
    expect(skipped).toEqual(references().filter((reference) => reference.includes('/tool:')));
    expect(images).toHaveLength(4);
    for (const [reference, node] of fixture.release.images) {
      for (const child of node.children) {
        const isWanted = child.descriptor.platform?.architecture === 'arm64';
        if (child.descriptor.platform?.architecture === 'unknown') continue;
        const { status } = await get(
          target.url,
          `narrow/${internalPlace(reference)}`,
          'manifests',
          child.descriptor.digest,
        );
        expect([reference, child.descriptor.platform, status]).toEqual([reference, child.descriptor.platform, isWanted ? 200 : 404]); // prettier-ignore
      }
    }
    const wrong = await airgap([...load(prefix, '--platform', 'linux/s390x').args, '--json']);
    expect([wrong.exitCode, errorOf(wrong).hint]).toEqual([2, expect.stringContaining('linux/amd64, linux/arm64')]);
  });

  test('--strip-registry gives the short names', async () => {
    const { args, report } = load(`docker://${target.host}/short`, '--strip-registry');
    await airgapOk(args);
    expect(await readFile(`${report}/mapping.txt`, 'utf8')).toContain(`=${target.host}/short/team/app:1.0\n`);
    expect(await allTags(target.url, 'short/')).toContain('short/team/app:1.0');
  });

  test.each(['helm3', 'helm4'])('%s pulls the carried chart, bit by bit', async (name) => {
    const helm = requireTool(name);
    if (helm === undefined) return;
    const home = fixture.folder();
    await mkdir(home);
    const env = { HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home };
    const chart = `oci://${target.host}/charts/demo`;
    await runOk(helm, ['pull', chart, '--version', '1.2.3+build.7', '--plain-http', '--destination', home], { env });
    const files = fixture.folder();
    await airgapOk(['extract', fixture.archive, files, 'charts', '--key', fixture.pub]);
    const carried = await readFile(`${files}/charts/demo-1.2.3+build.7.tgz`);
    expect((await readFile(`${home}/demo-1.2.3+build.7.tgz`)).equals(carried)).toBe(true);
  });
});

test('an image for linux/arm is found as linux/arm/v7 all the way, and keeps its name', async () => {
  const directory = fixture.folder();
  const release = await writeRelease(directory, fixture.source.host, { platforms: ['linux/amd64', 'linux/arm/v7'] });
  const reference = `${fixture.source.host}/team/arm:1`;
  const image = makeIndex(['linux/amd64', 'linux/arm', 'linux/arm/v6'].map((platform) => makeImage({ platform })));
  await pushSample(fixture.source.url, 'team/arm', image, ['1']);
  await writeFile(
    release.spec,
    `apiVersion: airgap.hexabase.ai/v1\nkind: Release\nname: arm\nversion: 1.0.0\ncreated: 2026-01-31T12:00:00Z
platforms: [linux/amd64, linux/arm/v7]\ncomponents:\n  - name: core\n    images: [${reference}]\n`,
  );
  const archive = `${directory}/arm.tar`;
  await buildArchive(release.spec, fixture.key, archive);
  expect((await readInventory(archive)).platforms).toEqual(['linux/amd64', 'linux/arm']);
  await using target = await startRegistry({ directory: fixture.folder() });
  const arm = image.children[1]?.descriptor.digest ?? '';
  const load = ['load', archive, '--key', fixture.pub, '--report', fixture.folder()];
  for (const name of ['linux/arm', 'linux/arm/v7']) {
    const prefix = name.replaceAll('/', '-');
    await airgapOk([...load, '--to', `docker://${target.host}/${prefix}`, '--platform', name]);
    expect((await get(target.url, `${prefix}/${internalPlace(reference)}`, 'manifests', arm)).status).toBe(200);
    await airgapOk([...load, '--to', `dir:${directory}/${prefix}`, '--platform', name]);
    expect(await readdir(`${directory}/${prefix}`)).toEqual(['arm-1.0.0-linux-arm.tar']);
  }
});

test('one manifest that an index lists for two platforms is loaded for either, everywhere', async () => {
  const directory = fixture.folder();
  const release = await writeRelease(directory, fixture.source.host);
  const reference = `${fixture.source.host}/team/neutral:1`;
  const neutral = makeImage();
  const index = makeIndex([listedFor(neutral, 'linux', 'amd64'), listedFor(neutral, 'linux', 'arm64')]);
  await pushSample(fixture.source.url, 'team/neutral', index, ['1']);
  await writeFile(
    release.spec,
    `apiVersion: airgap.hexabase.ai/v1\nkind: Release\nname: neutral\nversion: 1.0.0\ncreated: 2026-01-31T12:00:00Z
platforms: [linux/amd64, linux/arm64]\ncomponents:\n  - name: core\n    images: [${reference}]\n`,
  );
  const archive = `${directory}/neutral.tar`;
  await buildArchive(release.spec, fixture.key, archive);
  expect(await readInventory(archive)).toMatchObject({
    platforms: ['linux/amd64', 'linux/arm64'],
    images: [{ indexMode: 'complete' }],
  });
  await using target = await startRegistry({ directory: fixture.folder() });
  const load = ['load', archive, '--key', fixture.pub, '--report', fixture.folder()];
  for (const name of ['linux-amd64', 'linux-arm64']) {
    const platform = name.replace('-', '/');
    await airgapOk([...load, '--to', `docker://${target.host}/${name}`, '--platform', platform]);
    const place = `${name}/${internalPlace(reference)}`;
    expect((await get(target.url, place, 'manifests', '1')).status).toBe(200);
    expect((await get(target.url, place, 'manifests', neutral.descriptor.digest)).status).toBe(200);
    await airgapOk([...load, '--to', `dir:${directory}/${name}`, '--platform', platform]);
    expect(await readdir(`${directory}/${name}`)).toEqual([`neutral-1.0.0-${name}.tar`]);
    const { stdout } = await runOk('tar', ['-xOf', `${directory}/${name}/neutral-1.0.0-${name}.tar`, 'manifest.json']);
    expect(JSON.parse(stdout)).toMatchObject([{ RepoTags: [reference] }]);
  }
});

test('--strip-registry refuses two images that would share a name, and names both', async () => {
  const directory = fixture.folder();
  const release = await writeRelease(directory, fixture.source.host);
  await using elsewhere = await startRegistry({ directory: fixture.folder() });
  const twin = `${elsewhere.host}/team/app:1.0`;
  await pushSample(elsewhere.url, 'team/app', makeMultiPlatformImage({ name: 'twin' }), ['1.0']);
  await replaceIn(release.spec, `      - ${fixture.source.host}/team/web:2.0`, `      - ${twin}`);
  const archive = `${directory}/collision.tar`;
  await buildArchive(release.spec, fixture.key, archive);
  await using target = await startRegistry({ directory: fixture.folder() });
  const args = ['load', archive, '--key', fixture.pub, '--to', `docker://${target.host}`, '--report', fixture.folder()];
  const refused = await airgap([...args, '--strip-registry', '--json']);
  expect(refused.exitCode).toBe(2);
  expect(errorOf(refused).message).toContain(`${fixture.source.host}/team/app:1.0`);
  expect(errorOf(refused).message).toContain(twin);
  expect(await allTags(target.url)).toEqual([]);
  await airgapOk(args);
  expect((await allTags(target.url)).filter((tag) => tag.endsWith('/team/app:1.0'))).toHaveLength(2);
});

describe('oci:', () => {
  test('skopeo and umoci read the layout; a second load moves nothing', async () => {
    const layout = fixture.folder();
    await airgapOk(load(`oci:${layout}`).args);
    for (const [reference, node] of fixture.release.images) {
      for (const [digest, { bytes }] of contentOf(node)) {
        expect((await readFile(`${layout}/blobs/sha256/${hexOf(digest)}`)).equals(bytes)).toBe(true);
      }
      for (const name of ['skopeo', 'skopeo-current']) {
        const skopeo = requireTool(name);
        if (skopeo === undefined || (name === 'skopeo' && node.descriptor.mediaType.includes('docker'))) continue;
        const { stdout } = await runOk(skopeo, ['inspect', '--raw', `oci:${layout}:${reference}`]);
        expect([name, reference, sha256(stdout)]).toEqual([name, reference, node.descriptor.digest]);
      }
    }
    const umoci = requireTool('umoci');
    if (umoci !== undefined) {
      const listed = (await runOk(umoci, ['list', '--layout', layout])).stdout.trim().split('\n');
      expect(listed).toEqual(expect.arrayContaining([...references()]));
    }
    expect(await airgapJson(load(`oci:${layout}`).args)).toMatchObject({ copied: 0, tagged: 0, payload: 'not read' });
  });

  test('--plan makes no directory', async () => {
    const layout = fixture.folder();
    await airgapOk(load(`oci:${layout}`, '--plan').args);
    await expect(readdir(layout)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('dir:', () => {
  test(
    'the files are the members, and a k3s-like import finds all images',
    { timeout: ENGINE_TIMEOUT_MS },
    async () => {
      const directory = fixture.folder();
      await airgapOk(load(`dir:${directory}`).args);
      const names = ['sample-1.2.3-linux-amd64.tar', 'sample-1.2.3-linux-arm64.tar'];
      expect((await readdir(directory)).toSorted()).toEqual(names);
      const files = fixture.folder();
      await mkdir(files);
      await runOk('tar', ['xf', fixture.archive, 'images'], { cwd: files });
      for (const [index, platform] of ['amd64', 'arm64'].entries()) {
        const member = await readFile(`${files}/images/linux-${platform}.tar`);
        expect((await readFile(`${directory}/${names[index] ?? ''}`)).equals(member)).toBe(true);
      }
      if (requireTool('containerd2') === undefined) return;
      await using containerd = await startContainerd(2);
      for (const name of names) {
        const result = await containerd.ctr([
          'images',
          'import',
          '--local',
          '--all-platforms',
          '--no-unpack',
          `${directory}/${name}`,
        ]);
        expect(result.exitCode, result.stderr).toBe(0);
      }
      const { stdout } = await containerd.ctr(['images', 'list', '--quiet']);
      const tagged = references().filter((reference) => !reference.includes('@'));
      expect(stdout.split('\n')).toEqual(expect.arrayContaining(tagged));
    },
  );

  test('a second load moves nothing; a changed file is replaced; --platform narrows', async () => {
    const directory = fixture.folder();
    await airgapOk(load(`dir:${directory}`, '--platform', 'linux/arm64').args);
    const [only = ''] = await readdir(directory);
    expect(await readdir(directory)).toEqual(['sample-1.2.3-linux-arm64.tar']);
    const to = `dir:${directory}`;
    expect(await airgapJson(load(to, '--platform', 'linux/arm64').args)).toMatchObject({
      copiedBytes: 0,
      payload: 'not read',
    });
    const good = await readFile(`${directory}/${only}`);
    await writeFile(`${directory}/${only}`, Buffer.from(good).fill(1, 1000, 1001));
    await airgapOk(load(to, '--platform', 'linux/arm64').args);
    expect((await readFile(`${directory}/${only}`)).equals(good)).toBe(true);
  });
});

describe.each([20, 28] satisfies DockerGeneration[])('docker-daemon: %i', (generation) => {
  test('the images are there, and a second load moves nothing', { timeout: ENGINE_TIMEOUT_MS }, async (t) => {
    for (const tool of DOCKERD_TOOLS[generation]) if (requireTool(tool) === undefined) t.skip();
    await using engine = await startDockerd(generation);
    const to = load('docker-daemon:', '--docker-host', engine.host);
    const plan = await airgapJson<{ bytes: number; tarballs: { result: string }[] }>([...to.args, '--plan']);
    expect(plan.tarballs.map(({ result }) => result)).toEqual(['missing']);
    expect((await engine.docker(['image', 'list', '--quiet'])).stdout).toBe('');
    const loaded = await airgapJson<{ copiedBytes: number }>(to.args);
    expect(loaded.copiedBytes).toBe(plan.bytes);
    const { stdout } = await engine.docker(['image', 'list', '--format', '{{.Repository}}:{{.Tag}}']);
    const tagged = references().filter((reference) => !reference.includes('@'));
    expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining(tagged));
    expect(await airgapJson(load('docker-daemon:', '--docker-host', engine.host).args)).toMatchObject({
      copiedBytes: 0,
      payload: 'not read',
    });
    expect((await airgapOk(load('docker-daemon:', '--docker-host', engine.host).args)).stdout).toContain(
      'nothing had to move',
    );
  });
});

test('extracting writes what is carried, to a new directory only', async () => {
  const directory = fixture.folder();
  const { stdout } = await airgapOk([
    'extract',
    fixture.archive,
    directory,
    'manifests',
    'docs/install.md',
    '--key',
    fixture.pub,
  ]);
  expect(stdout.trim().split('\n')).toEqual(['docs/install.md', 'manifests/agent.yaml']);
  expect(await readFile(`${directory}/docs/install.md`, 'utf8')).toBe('# Install\n');
  const again = await airgap(['extract', fixture.archive, directory, '--key', fixture.pub, '--json']);
  expect([again.exitCode, errorOf(again).code]).toEqual([2, 'USAGE']);
  const nothing = await airgap([
    'extract',
    fixture.archive,
    fixture.folder(),
    'nowhere',
    '--key',
    fixture.pub,
    '--json',
  ]);
  expect([nothing.exitCode, errorOf(nothing).message]).toEqual([2, expect.stringContaining('nowhere')]);
});

test.each([
  ['docker://', 'not a target'],
  ['docker://registry.example/UPPER', 'not a registry target'],
  ['docker://nohost', 'not a registry host'],
  ['ftp://x', 'not a target'],
])('%s is no target', async (to, message) => {
  const result = await airgap([...load(to).args, '--json']);
  expect([result.exitCode, errorOf(result).message]).toEqual([2, expect.stringContaining(message)]);
});
