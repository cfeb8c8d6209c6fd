/** Dependencies of a chart directory: fetched at what its lock pins, and packed as `helm dependency build` would have it. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../../src/oci/digest.ts';
import { ImageSources } from '../../../../src/operations/resolve/image-sources.ts';
import { pinRelease, type PinnedRelease } from '../../../../src/operations/resolve/pin-release.ts';
import { startRegistry } from '../../../../src/server/embedded-registry.ts';
import { serveFiles } from '../../../helpers/file-server.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { runOk } from '../../../helpers/run.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { chartYaml, packFiles } from '../../../kubernetes/rendering/corpus.ts';
import { HEAD } from '../resolve-fixture.ts';

const temp = useTempDir();
const CONFIG_MAP = 'kind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}}\ndata: {version: {{ .Chart.Version }}}\n';

const chartFiles = (name: string, version: string): Record<string, string> => ({
  'Chart.yaml': chartYaml(name).replace(/^version:.*$/m, `version: ${version}`),
  'templates/c.yaml': CONFIG_MAP,
});

async function pin(input: 'release.yaml' | 'release.lock.json' = 'release.yaml'): Promise<PinnedRelease> {
  await writeFile(temp.join('release.yaml'), `${HEAD}components:\n  - name: a\n    charts: [parent]\n`);
  await using sources = new ImageSources({ env: {}, retries: 0 });
  const kind = input === 'release.yaml' ? 'spec' : 'lock';
  return await pinRelease({ kind, path: temp.join(input) }, sources, { render: false });
}

const writeParent = async (apiVersion: string, dependencies: readonly object[]): Promise<void> => {
  const chart = JSON.stringify({ apiVersion, name: 'parent', version: '1.0.0', dependencies });
  const isOld = apiVersion === 'v1';
  await mkdir(temp.join('parent'), { recursive: true });
  await writeFile(temp.join('parent/Chart.yaml'), isOld ? 'apiVersion: v1\nname: parent\nversion: 1.0.0\n' : chart);
  if (isOld) await writeFile(temp.join('parent/requirements.yaml'), JSON.stringify({ dependencies }));
};

const hashOf = (value: unknown): string => sha256(JSON.stringify(value));

describe.each(['helm3', 'helm4'])('a lock that %s wrote', (name) => {
  test('gives what helm dependency build gives, and leaves the directory alone', async (t) => {
    const helm = requireTool(name) ?? t.skip();
    const env = { HOME: temp.join('home') };
    await mkdir(temp.join('registry'));
    await using registry = await startRegistry({ directory: temp.join('registry') });
    const oci = registry.url.replace(/^http/, 'oci');
    await writeFile(temp.join('pushed-1.2.0.tgz'), await packFiles('pushed', chartFiles('pushed', '1.2.0+b1')));
    await runOk(helm, ['push', temp.join('pushed-1.2.0.tgz'), `${oci}/charts`, '--plain-http'], { env });
    await mkdir(temp.join('repository'));
    const files = new Map<string, Buffer>();
    for (const version of ['1.0.0', '1.1.0']) {
      const bytes = await packFiles('classic', chartFiles('classic', version));
      await writeFile(temp.join(`repository/classic-${version}.tgz`), bytes);
      files.set(`/classic-${version}.tgz`, bytes);
    }
    await runOk(helm, ['repo', 'index', temp.join('repository')], { env });
    files.set('/index.yaml', await readFile(temp.join('repository/index.yaml')));
    await using server = await serveFiles(files);
    await writeFiles(temp.join('near'), chartFiles('near', '0.1.0'));

    // Of two packages of one name that both fit, Helm takes either, by the order of a map: no range here takes both.
    const repository = `http://${server.host}`;
    await writeParent('v2', [
      { name: 'classic', version: '~1.0', repository, tags: ['<a>'], condition: 'classic.enabled' },
      { name: 'classic', version: '>=1.1 <2', repository, alias: 'again', 'import-values': ['data', { parent: 'a', child: 'b' }] },
      { name: 'pushed', version: '^1', repository: `${oci}/charts` },
      { name: 'near', version: '>=0', repository: 'file://../near' },
    ]);
    await runOk(helm, ['dependency', 'update', temp.join('parent'), '--plain-http'], { env });
    const theirs = await runOk(helm, ['template', 'r', temp.join('parent')], { env });
    const built = (await readdir(temp.join('parent/charts'))).sort();
    await runOk('rm', ['-r', temp.join('parent/charts')], { env });

    const { lock, files: contents } = await pin();
    const content = contents.get(lock.files[0]!.digest) as { bytes: Buffer };
    await writeFile(temp.join('ours.tgz'), content.bytes);
    expect((await runOk(helm, ['template', 'r', temp.join('ours.tgz')], { env })).stdout).toBe(theirs.stdout);
    expect(built).toHaveLength(4);
    expect(theirs.stdout.match(/^kind: ConfigMap$/gm)).toHaveLength(4);
    expect((await readdir(temp.join('parent'))).sort()).toEqual(['Chart.lock', 'Chart.yaml']);

    // The lock of the release gives the same package, until a dependency is another one.
    expect((await pin('release.lock.json')).files.has(lock.files[0]!.digest)).toBe(true);
    const [yaml, pinned] = [await readFile(temp.join('parent/Chart.yaml'), 'utf8'), 'the lock file (Chart.lock) is out of sync'];
    await writeFile(temp.join('parent/Chart.yaml'), yaml.replace('~1.0', '~1.1'));
    await expect(pin()).rejects.toMatchObject({ code: 'INVALID_SPEC', message: expect.stringContaining(pinned) as string });
  });
});

describe('a chart of version 1', () => {
  const dependencies = [{ name: 'near', version: '0.x', repository: 'file://../near' }];
  const locked = [{ ...dependencies[0], version: '0.1.0' }];

  test.for<[string, string]>([
    ['of Helm 3', hashOf([dependencies, locked])],
    ['of Helm 2', hashOf({ dependencies })],
  ])('takes a requirements.lock %s', async ([, digest]) => {
    await writeFiles(temp.join('near'), chartFiles('near', '0.1.0'));
    await writeParent('v1', dependencies);
    await writeFile(temp.join('parent/requirements.lock'), JSON.stringify({ digest, dependencies: locked }));
    expect((await pin()).lock.files).toHaveLength(1);
  });

  test('is refused with a lock of something else', async () => {
    await writeParent('v1', dependencies);
    const lock = JSON.stringify({ digest: hashOf([]), dependencies: locked });
    await writeFile(temp.join('parent/requirements.lock'), lock);
    await expect(pin()).rejects.toMatchObject({
      message: 'parent: the lock file (requirements.lock) is out of sync with the dependencies file (requirements.yaml)',
    });
  });
});

describe('what is not fetched', () => {
  const lockedAt = async (repository: string): Promise<void> => {
    const dependencies = [{ name: 'near', version: '0.1.0', repository }];
    await writeParent('v2', dependencies);
    const digest = hashOf([dependencies, dependencies]);
    await writeFile(temp.join('parent/Chart.lock'), JSON.stringify({ digest, dependencies }));
  };

  test.for<[string, RegExp]>([
    ['@stable', /^parent: its dependency near lies at @stable, which is not fetched$/],
    ['', /^parent: depends on near, missing below charts\/$/],
    ['file://../../near', /outside|leads out|does not exist/],
    ['file://../other', /^other is other 0\.1\.0; the lock of parent pins near 0\.1\.0$/],
  ])('is refused: a dependency at %j', async ([repository, message]) => {
    await writeFiles(temp.join('other'), chartFiles('other', '0.1.0'));
    await lockedAt(repository);
    await expect(pin()).rejects.toMatchObject({ code: 'INVALID_SPEC', message: expect.stringMatching(message) as string });
  });
});
