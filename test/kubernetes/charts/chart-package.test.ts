/** Chart packages: deterministic, complete, and refused when they are not what Helm would install. */
import { symlink, utimes, writeFile } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { unpackChart } from '../../../src/kubernetes/charts/chart-archive.ts';
import { openChart, readChartPackage } from '../../../src/kubernetes/charts/chart-package.ts';
import { formatReference } from '../../../src/oci/reference.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { MINIMAL_CHART, writeFiles } from './chart-files.ts';

const temp = useTempDir();

async function tgz(
  entries: readonly (Partial<Header> & { readonly name: string } & { content?: string })[],
): Promise<Buffer> {
  const tar = pack();
  for (const { content, ...header } of entries) tar.entry(header, content ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

describe('openChart of a directory', () => {
  it('packs what Helm would, in its order, whatever the files’ times', async () => {
    const directory = await writeFiles(temp.join('a'), MINIMAL_CHART);
    const first = await openChart(directory);
    await utimes(temp.join('a/values.yaml'), 1, 1);
    const second = await openChart(directory);
    expect(sha256(second.bytes)).toBe(sha256(first.bytes));
    expect(first.fileName).toBe('demo-1.2.3+build.7.tgz');
    expect((await unpackChart(first.bytes, 'x')).map(({ path }) => path)).toEqual([
      'Chart.yaml',
      'values.yaml',
      'templates/_helpers.tpl',
      'templates/cm.yaml',
      '.helmignore',
      'README.md',
    ]);
    expect(first.metadata.appVersion).toBe('1.5');
    const tar = gunzipSync(first.bytes);
    expect(tar.subarray(0, 15).toString()).toBe('demo/Chart.yaml');
    expect(tar.subarray(136, 147).toString()).toBe('00000000000');
    expect(tar.includes('# a comment stays')).toBe(true);
    expect([first.bytes[3], first.bytes.subarray(12, 53).toString(), first.bytes.subarray(53, 57).toString()]).toEqual([
      0x14,
      '+aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=',
      'Helm',
    ]);
  });

  it('gives the same bytes on every machine', async () => {
    const { bytes } = await openChart(await writeFiles(temp.join('a'), MINIMAL_CHART));
    expect(sha256(bytes)).toBe('sha256:bbd20f456408a6f191206a5bef7c9dda94fdc37005612409b9f5a7364394e232');
  });

  it('lists declared images with their places, those of the charts below it too, packed or not', async () => {
    const sub = (name: string, annotations: string): string =>
      `apiVersion: v2\nname: ${name}\nversion: 1.0.0\nannotations: ${annotations}\n`;
    const packed = await tgz([
      { name: 'p/Chart.yaml', content: `\uFEFF${sub('packed', '{helm.sh/images: "[packed:1]"}')}` },
      { name: 'p/charts/deep/Chart.yaml', content: sub('deep', '{images: "[{image: deep:1}]"}') },
    ]);
    const directory = await writeFiles(temp.join('a'), {
      ...MINIMAL_CHART,
      'charts/sub/Chart.yaml': sub('sub', '{images: "[{image: sub:1}]"}'),
      'charts/packed.tgz': packed,
    });
    const { images, warnings } = await openChart(directory, { shownAs: 'charts/demo' });
    expect(images.map(({ reference, at }) => `${formatReference(reference)} ${at}`)).toEqual([
      'registry.example.com/app:1.5 charts/demo/Chart.yaml annotations["images"][0]',
      'docker.io/library/busybox:latest charts/demo/Chart.yaml annotations["artifacthub.io/images"][0]',
      'docker.io/library/packed:1 charts/demo/charts/packed.tgz/Chart.yaml annotations["helm.sh/images"][0]',
      'docker.io/library/deep:1 charts/demo/charts/packed.tgz/charts/deep/Chart.yaml annotations["images"][0]',
      'docker.io/library/sub:1 charts/demo/charts/sub/Chart.yaml annotations["images"][0]',
    ]);
    expect(warnings).toEqual([]);
  });

  describe('warns of', () => {
    const bare = { 'Chart.yaml': 'apiVersion: v2\nname: demo\nversion: 1.0.0\n' };
    const runs = 'kind: Pod\nspec: {containers: [{name: a, image: "{{ .Values.image }}"}]}\n';
    const sub = 'apiVersion: v2\nname: sub\nversion: 1.0.0\n';
    const warningsOf = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> => {
      const chart = await openChart(await writeFiles(temp.join('a'), files), { shownAs: 'charts/a' });
      return [...chart.unrendered, ...chart.warnings];
    };

    it('a chart that runs images and declares none', async () => {
      expect(await warningsOf({ ...bare, 'templates/pod.yaml': runs })).toEqual([
        expect.stringMatching(/^charts\/a runs images but declares none, .* list its images under images \(`airgap discover` shows them where charts can be rendered\)/),
      ]);
    });

    it('such a chart below another', async () => {
      const files = { ...bare, 'charts/sub/Chart.yaml': sub, 'charts/sub/templates/pod.yaml': runs };
      expect(await warningsOf(files)).toEqual([expect.stringMatching(/^charts\/a\/charts\/sub runs images/)]);
    });

    it('no chart that runs none, and none below a chart that declares images', async () => {
      const declares = { 'Chart.yaml': `${bare['Chart.yaml']}annotations: {images: "[sub:1]"}\n` };
      const quiet = { 'templates/cm.yaml': 'kind: ConfigMap\ndata: {my-imagery: x}\n', 'values.yaml': 'image: app\n' };
      expect(await warningsOf({ ...bare, ...quiet })).toEqual([]);
      expect(
        await warningsOf({ ...declares, 'charts/sub/Chart.yaml': sub, 'charts/sub/templates/pod.yaml': runs }),
      ).toEqual([]);
    });

    it('a version that Helm reads otherwise than it is written', async () => {
      const text = 'apiVersion: v2\nname: demo\nversion: 1.10\nappVersion: 2.5\n';
      expect(await warningsOf({ 'Chart.yaml': text })).toEqual([
        'charts/a/Chart.yaml: Helm reads version 1.10 as 1.1, since it has no quotes',
      ]);
      expect(await warningsOf({ 'Chart.yaml': text.replace('1.10', "'1.10'") })).toEqual([]);
    });

    it('a schema that Helm fetches when it installs', async () => {
      const schema = JSON.stringify({ properties: { a: { $ref: 'https://example.com/s.json' } } });
      expect(await warningsOf({ ...bare, 'values.schema.json': schema })).toEqual([
        expect.stringMatching(/^charts\/a\/values\.schema\.json refers to https:\/\/example\.com\/s\.json, /),
      ]);
    });
  });

  it('leaves out what Helm passes over below charts/, and keeps the provenance of packages', async () => {
    const directory = await writeFiles(temp.join('a'), {
      ...MINIMAL_CHART,
      'charts/_draft/Chart.yaml': 'broken: [',
      'charts/.gitkeep': '',
      'charts/sub/Chart.yaml': 'apiVersion: v2\nname: sub\nversion: 1.0.0\n',
      'charts/sub/charts/_old/a': '',
      'charts/sub/_kept': '',
      'charts/sub-1.tgz.prov': 'signed',
    });
    const paths = (await openChart(directory)).files.map(({ path }) => path);
    expect(paths.filter((path) => path.startsWith('charts/'))).toEqual([
      'charts/sub/Chart.yaml',
      'charts/sub/_kept',
      'charts/sub-1.tgz.prov',
    ]);
  });

  it('drops byte order marks, as Helm does', async () => {
    const { files } = await openChart(await writeFiles(temp.join('a'), { ...MINIMAL_CHART, 'NOTES.txt': '\uFEFFa' }));
    expect(files.find(({ path }) => path === 'NOTES.txt')?.bytes).toEqual(Buffer.from('a'));
  });

  it.each([
    ['no Chart.yaml', { 'values.yaml': '' }, 'has no Chart.yaml'],
    [
      'a bad version',
      { 'Chart.yaml': 'apiVersion: v2\nname: x\nversion: one' },
      'Chart.yaml:3:10: version: is not a semantic version',
    ],
    [
      'a missing dependency',
      { 'Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\ndependencies: [{name: redis, version: "1"}]' },
      'depends on redis',
    ],
    [
      'a bad annotation',
      { 'Chart.yaml': 'apiVersion: v2\nname: x\nversion: 1.0.0\nannotations: {images: "[{image: A B}]"}' },
      'annotations["images"][0]: ',
    ],
    ['a pattern Helm refuses', { ...MINIMAL_CHART, '.helmignore': 'a/**/b' }, '.helmignore:1: Helm does not know'],
    ['a file over the limit', { ...MINIMAL_CHART, big: Buffer.alloc(5 * 1024 * 1024 + 1) }, 'big: is 5242881 bytes'],
  ])('refuses %s', async (_what, files, message) => {
    await expect(openChart(await writeFiles(temp.join('a'), files))).rejects.toThrow(message);
  });

  it('refuses links that lead out, follows those that stay', async () => {
    const directory = await writeFiles(temp.join('a'), MINIMAL_CHART);
    await symlink('README.md', temp.join('a/inside.md'));
    expect((await openChart(directory)).files.map(({ path }) => path)).toContain('inside.md');
    await symlink('/etc/hostname', temp.join('a/outside'));
    await expect(openChart(directory)).rejects.toThrow('outside: is a link that leads out');
  });
});

describe('packages within a package', () => {
  const meta = { name: 'c/Chart.yaml', content: 'apiVersion: v2\nname: c\nversion: 1.0.0\n' };
  /** Shrinks to a sixtieth, which is not yet taken for a bomb. */
  const sparse = (seed: number): Buffer => Buffer.concat([noise(`${seed}`, 70_000), Buffer.alloc(4 * 1024 * 1024)]);
  const holding = (content: string | Buffer) => tgz([meta, { name: 'c/charts/sub.tgz', content: content as string }]);

  it('share what may be unpacked, however deep they lie', async () => {
    const large = await tgz([meta, ...Array.from({ length: 12 }, (_, n) => ({ name: `c/${n}`, content: sparse(n) as never }))]);
    const subs = Array.from({ length: 4 }, (_, n) => ({ name: `c/charts/${n}.tgz`, content: large as never }));
    await readChartPackage(await tgz([meta, ...subs.slice(0, 2)]), 'c.tgz');
    await expect(readChartPackage(await tgz([meta, ...subs]), 'c.tgz')).rejects.toMatchObject({
      code: 'MALFORMED',
      message: expect.stringMatching(/^c\.tgz\/charts\/3\.tgz: /) as string,
    });
    await expect(readChartPackage(await holding(await tgz([meta, ...subs])), 'c.tgz')).rejects.toMatchObject({
      code: 'MALFORMED',
      message: expect.stringMatching(/^c\.tgz\/charts\/sub\.tgz\/charts\/[23]\.tgz: /) as string,
    });
  });

  it('end somewhere', async () => {
    let inner = await tgz([meta]);
    for (let depth = 0; depth < 16; depth += 1) inner = await holding(inner);
    await expect(readChartPackage(inner, 'c.tgz')).resolves.toMatchObject({ metadata: { name: 'c' } });
    inner = await holding(inner);
    await expect(readChartPackage(inner, 'c.tgz')).rejects.toThrow('charts are nested too deep');
  });
});

describe('openChart of a package', () => {
  it('carries the original bytes', async () => {
    const original = await tgz([
      { name: 'any/Chart.yaml', content: 'apiVersion: v2\nname: demo\nversion: 1.0.0\n', mtime: new Date(5000) },
    ]);
    await writeFile(temp.join('x.tgz'), original);
    const chart = await openChart(temp.join('x.tgz'));
    expect(chart.bytes.equals(original)).toBe(true);
    expect(chart.fileName).toBe('demo-1.0.0.tgz');
  });

  const meta = { name: 'c/Chart.yaml', content: 'apiVersion: v2\nname: c\nversion: 1.0.0\n' };
  it.each([
    ['a symbolic link', [meta, { name: 'c/x', type: 'symlink', linkname: '/etc/passwd' }], 'is a symbolic link'],
    ['a hard link', [meta, { name: 'c/x', type: 'link', linkname: 'c/Chart.yaml' }], 'is a hard link'],
    ['a device', [meta, { name: 'c/x', type: 'character-device' }], 'is a character device'],
    ['a way out', [meta, { name: 'c/../../x', content: '' }], 'not a safe path'],
    ['a way out for Windows', [meta, { name: 'c\\..\\x', content: '' }], 'not a safe path'],
    ['an absolute path', [meta, { name: '/c/x', content: '' }], 'not a safe path'],
    ['a drive', [meta, { name: 'C:/x', content: '' }], 'not a safe path'],
    ['a name twice', [meta, meta], 'twice'],
    ['two directories', [meta, { name: 'd/x', content: '' }], 'two top directories'],
    ['a file at the top', [{ ...meta, name: 'Chart.yaml' }], 'outside of the chart'],
    ['no Chart.yaml', [{ name: 'c/values.yaml', content: '' }], 'has no Chart.yaml'],
  ] as const)('refuses %s', async (_what, entries, message) => {
    await expect(
      unpackChart(await tgz(entries as readonly (Partial<Header> & { readonly name: string })[]), 'c.tgz'),
    ).rejects.toThrow(message);
  });

  it('refuses what is no package, or cut short', async () => {
    const good = await tgz([meta]);
    for (const bytes of [Buffer.from('x'), good.subarray(0, good.length - 20), gzipSync('no tar')]) {
      await expect(unpackChart(bytes, 'c.tgz')).rejects.toMatchObject({ code: 'MALFORMED' });
    }
  });
});
