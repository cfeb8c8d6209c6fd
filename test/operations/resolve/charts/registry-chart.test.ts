/** Charts from registries: what `helm push` put there is pinned by digest and carried byte for byte. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bytesOf } from '../../../../src/content/verified.ts';
import { createChartArtifact } from '../../../../src/kubernetes/charts/chart-oci.ts';
import { readCarriedPackage } from '../../../../src/kubernetes/charts/chart-package.ts';
import { sha256 } from '../../../../src/oci/digest.ts';
import { ImageSources } from '../../../../src/operations/resolve/image-sources.ts';
import { pinRelease } from '../../../../src/operations/resolve/pin-release.ts';
import { startRegistry } from '../../../../src/server/embedded-registry.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { runOk } from '../../../helpers/run.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { chartYaml, packFiles } from '../../../kubernetes/rendering/corpus.ts';
import { HEAD, Images, resolveFiles } from '../resolve-fixture.ts';

const temp = useTempDir();
const withCharts = (...charts: readonly string[]): string =>
  `${HEAD}components:\n  - name: a\n    charts: [${charts.map((chart) => `'${chart}'`).join(', ')}]\n`;

const makeChart = (image: string): Promise<Buffer> =>
  packFiles('app', {
    'Chart.yaml': chartYaml('app', `annotations:\n  helm.sh/images: |\n    - image: ${image}\n`),
  });

describe('a chart that helm pushed', () => {
  test('is pinned, carried unchanged, and found again by its digest once the tag names another', async (t) => {
    const helm = requireTool('helm4') ?? t.skip();
    await mkdir(temp.join('registry'));
    await using registry = await startRegistry({ directory: temp.join('registry') });
    const host = new URL(registry.url).host;
    const push = async (bytes: Buffer): Promise<void> => {
      await writeFile(temp.join('app-1.2.3.tgz'), bytes);
      const args = ['push', temp.join('app-1.2.3.tgz'), `oci://${host}/charts`, '--plain-http'];
      await runOk(helm, args, { env: { HOME: temp.path } });
    };
    const chart = await packFiles('app', { 'Chart.yaml': chartYaml('app') });
    await push(chart);
    await writeFile(temp.join('release.yaml'), withCharts(`oci://${host}/charts/app:1.2.3`));
    const input = { kind: 'spec', path: temp.join('release.yaml') } as const;
    const pin = async (options: Parameters<typeof pinRelease>[2] = {}): ReturnType<typeof pinRelease> => {
      await using sources = new ImageSources({ env: {} });
      return await pinRelease(input, sources, { render: false, ...options });
    };
    const { lock, files } = await pin();
    const file = {
      path: 'charts/app-1.2.3.tgz',
      from: `oci://${host}/charts/app:1.2.3`,
      kind: 'chart',
      size: chart.length,
      digest: sha256(chart),
    };
    expect(lock.files).toEqual([file]);
    expect(files.get(sha256(chart))).toEqual({ bytes: chart });
    await pin({ locked: true });

    await push(await packFiles('app', { 'Chart.yaml': chartYaml('app'), 'README.md': 'moved' }));
    await expect(pin({ locked: true })).rejects.toMatchObject({ code: 'INVALID_SPEC' });
    await using sources = new ImageSources({ env: {} });
    const again = await pinRelease({ kind: 'lock', path: temp.join('release.lock.json') }, sources);
    expect(again.files.get(sha256(chart))).toEqual({ bytes: chart });
    expect(await readFile(temp.join('release.lock.json'), 'utf8')).toContain(sha256(chart));
  });
});

describe('what a registry has under the name', () => {
  const CHART = 'oci://registry.example/charts/app:1.2.3';

  async function put(
    images: Images,
    bytes: Buffer,
    change: (manifest: ChartManifest) => void = () => undefined,
    signed?: Buffer,
  ): Promise<void> {
    const { metadata } = await readCarriedPackage(bytes, 'x');
    const artifact = createChartArtifact(bytes, metadata, '2026-01-01T00:00:00Z', signed);
    const { manifest, config, layer, provenance } = artifact;
    const blobs = [config, layer, ...(provenance === undefined ? [] : [provenance])];
    const store = images.repository('registry.example/charts/app');
    for (const { descriptor, bytes: content } of blobs) await store.push(descriptor, bytesOf(content));
    const changed = JSON.parse(manifest.bytes.toString('utf8')) as ChartManifest;
    change(changed);
    const raw = Buffer.from(JSON.stringify(changed));
    const descriptor = { ...manifest.descriptor, digest: sha256(raw), size: raw.length };
    await store.push(descriptor, bytesOf(raw));
    await store.tag(descriptor, '1.2.3');
  }

  interface ChartManifest {
    config: { mediaType: string };
    layers: { mediaType: string; size: number }[];
  }

  const resolve = (images: Images, chart = CHART): ReturnType<typeof resolveFiles> =>
    resolveFiles(temp.path, images, { 'release.yaml': withCharts(chart) });

  test('is a chart, and the images it declares are pinned with it', async () => {
    const images = new Images();
    await images.put('registry.example/app', '1.0', makeImage({ labels: { which: 'app' } }));
    await put(images, await makeChart('registry.example/app:1.0'));
    const { lock } = await resolve(images);
    expect(lock.images.map(({ reference }) => reference)).toEqual(['registry.example/app:1.0']);
    expect(lock.components[0]?.images[0]?.foundIn[0]).toContain(CHART);
  });

  test('is a chart with its provenance file, which is carried beside it', async () => {
    const images = new Images();
    const bytes = await packFiles('app', { 'Chart.yaml': chartYaml('app') });
    const signed = Buffer.from(`-----BEGIN PGP SIGNED MESSAGE-----\n\napp-1.2.3.tgz: ${sha256(bytes)}\n`);
    await put(images, bytes, undefined, signed);
    const { lock, files } = await resolve(images);
    const entry = { from: CHART, kind: 'provenance', size: signed.length, digest: sha256(signed) };
    expect(lock.files[1]).toEqual({ path: 'charts/app-1.2.3.tgz.prov', ...entry });
    expect(files.get(sha256(signed))).toEqual({ bytes: signed });
  });

  test('is a chart named by digest', async () => {
    const images = new Images();
    const bytes = await makeChart('registry.example/app:1.0');
    await images.put('registry.example/app', '1.0', makeImage({ labels: { which: 'app' } }));
    await put(images, bytes);
    const { digest } = await images.repository('registry.example/charts/app').resolve('1.2.3');
    const { lock } = await resolve(images, `oci://registry.example/charts/app@${digest}`);
    expect(lock.files[0]).toMatchObject({ digest: sha256(bytes), from: `oci://registry.example/charts/app@${digest}` });
  });

  test.each<[string, (manifest: ChartManifest) => void, RegExp]>([
    [
      'an image',
      (m) => (m.config.mediaType = 'application/vnd.oci.image.config.v1+json'),
      /is no Helm chart but application\/vnd\.oci/,
    ],
    ['a chart without a package', (m) => (m.layers = []), /is no Helm chart/],
    ['a chart with two packages', (m) => m.layers.push(...m.layers), /is no Helm chart/],
    ['a package that is too large', (m) => m.layers.forEach((layer) => (layer.size = 2 ** 40)), /at most \d+ are read/],
  ])('is %s, and refused', async (_what, change, words) => {
    const images = new Images();
    await put(images, await makeChart('a'), change);
    await expect(resolve(images)).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringMatching(words) as string,
    });
  });

  test('is not there', async () => {
    await expect(resolve(new Images())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

test.each([
  ['oci://app:1.0', /names no registry/],
  ['oci://bitnamicharts/app:1.0', /names no registry/],
  ['oci://registry.example/charts/app', /names no version/],
  ['oci://registry.example/Charts/app:1.0', /lower case/],
  ['../app', /must be a plain path below the directory of this file, or the address/],
  ['https://me:secret@registry.example/app-1.0.tgz', /account or a query in it/],
  ['ftp://registry.example/app-1.0.tgz', /must be a plain path/],
])('%s is no chart of a release', async (chart, words) => {
  await expect(resolveFiles(temp.path, new Images(), { 'release.yaml': withCharts(chart) })).rejects.toMatchObject({
    code: 'INVALID_SPEC',
    message: expect.stringMatching(words) as string,
  });
});

test('one chart named twice is a duplicate, whatever its spelling', async () => {
  const twice = withCharts('oci://registry.example/charts/app:1.0.0+1', 'oci://registry.example/charts/app:1.0.0_1');
  await expect(resolveFiles(temp.path, new Images(), { 'release.yaml': twice })).rejects.toMatchObject({
    message: expect.stringContaining('duplicate') as string,
  });
});
