/**
 * Every format that is imported: what the other tool's file names is what `resolve` then pins from a registry. Charts
 * declare their images in annotations: rendering them is not the subject here.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startRegistry, type EmbeddedRegistry } from '../../src/server/embedded-registry.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeImage, makeMultiPlatformImage } from '../helpers/sample-image.ts';
import { makeLayer } from '../helpers/sample-layer.ts';
import { makeTempDir, type TempDir, useTempDir } from '../helpers/temp.ts';
import { useBuiltCli } from '../cli/built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();
let registry: EmbeddedRegistry;
let store: TempDir & AsyncDisposable;

const plain = makeImage();
const multi = makeMultiPlatformImage({ name: 'multi', base: makeLayer({ base: 'multi\n' }) });

beforeAll(async () => {
  store = await makeTempDir();
  registry = await startRegistry({ directory: store.join('registry') });
  for (const name of ['web', 'team/api', 'db', 'from-chart'])
    await pushSample(registry.url, name, plain, ['1.0', '2.10']);
  await pushSample(registry.url, 'multi', multi, ['1.0']);
});
afterAll(async () => {
  await registry.close();
  await store[Symbol.asyncDispose]();
});

interface Case {
  /** The file that is imported, and what lies beside it; `HOST` stands for the registry. */
  readonly files: Readonly<Record<string, string>>;
  /** References that the file names, without their host. */
  readonly images: readonly string[];
  /** Charts and files that are carried, by their path in the archive. */
  readonly carried?: readonly string[];
}

const digest = plain.descriptor.digest;
const CHART = {
  'charts/app/Chart.yaml':
    'apiVersion: v2\nname: app\nversion: 1.2.3\nannotations:\n  images: |\n    - name: c\n      image: HOST/from-chart:1.0\n',
  'values/prod.yaml': 'a: 1\n',
};
const POD = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "HOST/db:1.0"}]}\n';

/** By the name of the file that is imported. */
const CASES: Readonly<Record<string, Case>> = {
  'images.txt': {
    files: { 'images.txt': '# of the product\nHOST/web:1.0\n\nHOST/team/api:2.10 # the API\r\nHOST/web:1.0\n' },
    images: ['web:1.0', 'team/api:2.10'],
  },
  'hauler-manifest.yaml': {
    files: {
      ...CHART,
      'tool.bin': 'tool',
      'hauler-manifest.yaml': `apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata:
  name: first-images
  annotations: {hauler.dev/registry: HOST}
spec:
  images:
    - name: web:1.0
    - name: HOST/multi:1.0
      platform: linux/amd64
---
apiVersion: content.hauler.cattle.io/v1alpha1
kind: Charts
metadata: {name: charts}
spec:
  charts:
    - name: app
      repoURL: file://charts
      valuesFiles: [values/prod.yaml]
---
apiVersion: content.hauler.cattle.io/v1
kind: Files
spec:
  files: [{path: ./tool.bin, name: the-tool}]
`,
    },
    images: ['web:1.0', 'multi:1.0', 'from-chart:1.0'],
    carried: ['charts/app-1.2.3.tgz', 'files/the-tool'],
  },
  'imageset.yaml': {
    files: {
      ...CHART,
      'imageset.yaml': `kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
mirror:
  additionalImages:
    - name: HOST/web:1.0
    - name: docker://HOST/team/api@${digest}
  helm:
    local: [{name: app, path: charts/app}]
`,
    },
    images: ['web:1.0', `team/api@${digest}`, 'from-chart:1.0'],
    carried: ['charts/app-1.2.3.tgz'],
  },
  'regsync.yml': {
    files: {
      'regsync.yml': `version: 1
creds: [{registry: elsewhere, user: u, pass: secret}]
sync:
  - {source: 'HOST/web:1.0', target: 'mirror/web:1.0', type: image}
  - source: HOST/team/api
    target: mirror/api
    type: repository
    tags: {allow: ['1\\.0', "2.10"], deny: ["1.0"]}
`,
    },
    images: ['web:1.0', 'team/api:2.10'],
  },
  'sync.yaml': {
    files: {
      'sync.yaml': `HOST:
  images:
    web: ["1.0", 2.10]
    team/api: ['${digest}']
  credentials: {username: u, password: secret}
  tls-verify: false
`,
    },
    images: ['web:1.0', 'web:2.10', `team/api@${digest}`],
  },
  'zarf.yaml': {
    files: {
      ...CHART,
      'm/pod.yaml': POD,
      'tool.bin': 'tool',
      'zarf.yaml': `kind: ZarfPackageConfig
metadata: {name: my-package, version: v2.1.0}
components:
  - name: base
    required: true
    images: [HOST/web:1.0, 'HOST/multi:1.0']
    charts:
      - {name: app, version: 1.2.3, localPath: charts/app, namespace: team, valuesFiles: [values/prod.yaml]}
    manifests: [{name: m, namespace: team, files: [m/pod.yaml]}]
    files: [{source: tool.bin, target: /usr/local/bin/tool, shasum: 7c9bbe5ec9b3fb774e8fa0f54247e93c34ddf8e5d16fe3073420de0ae81a262d}]
`,
    },
    images: ['web:1.0', 'multi:1.0', 'db:1.0', 'from-chart:1.0'],
    carried: ['charts/app-1.2.3.tgz', 'files/tool', 'manifests/m/pod.yaml'],
  },
  '.imgpkg/images.yml': {
    files: {
      '.imgpkg/images.yml': `apiVersion: imgpkg.carvel.dev/v1alpha1
kind: ImagesLock
images:
  - image: HOST/web@${digest}
    annotations: {kbld.carvel.dev/id: HOST/web:1.0}
`,
    },
    images: [`web@${digest}`],
  },
  'charts/app/Images.lock': {
    files: {
      ...CHART,
      'charts/app/Images.lock': `apiVersion: v0
kind: ImagesLock
metadata: {generatedBy: a test}
chart: {name: app, version: 1.2.3, appVersion: ""}
images:
  - {name: c, image: 'HOST/from-chart:1.0', chart: app, digests: [{digest: '${digest}', arch: linux/amd64}]}
  - {name: d, image: 'HOST/db:1.0', chart: app, digests: [{digest: '${digest}', arch: linux/amd64}]}
`,
    },
    images: ['from-chart:1.0', 'db:1.0'],
    carried: ['charts/app-1.2.3.tgz'],
  },
  'docker-compose.yaml': {
    files: {
      'docker-compose.yaml': `name: shop
x-base: &base {restart: always, image: 'HOST/web:1.0'}
services:
  web: *base
  api: {<<: *base, image: 'HOST/team/api:2.10', platform: linux/amd64}
  db:
    image: HOST/db:1.0
    volumes: ['data:/data', {type: image, source: 'HOST/multi:1.0', target: /m}]
`,
    },
    images: ['web:1.0', 'team/api:2.10', 'db:1.0', 'multi:1.0'],
  },
  'helmfile.yaml': {
    files: {
      ...CHART,
      'values/more.yaml': 'b: 2\n',
      'helmfile.yaml': `releases:
  - {name: one, namespace: team, chart: ./charts/app, values: [values/prod.yaml]}
  - {name: two, namespace: team, chart: ./charts/app, values: [values/prod.yaml, values/more.yaml]}
`,
    },
    images: ['from-chart:1.0'],
    carried: ['charts/app-1.2.3.tgz'],
  },
};

test.each(Object.entries(CASES))(
  '%s: the release pins the same images',
  async (file, { files, images, carried = [] }) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(temp.join(path)), { recursive: true });
      await writeFile(temp.join(path), text.replaceAll('HOST', registry.host));
    }
    const imported = await cli.airgap(['import', file, '--json'], { cwd: temp.path });
    expect(imported).toMatchObject({ exitCode: 0, stderr: '' });
    const resolved = JSON.parse(await cli.ok(['resolve', '--no-render', '--json'], { cwd: temp.path })) as {
      readonly images: readonly { readonly reference: string }[];
    };
    const expected = images.map((name) => `${registry.host}/${name}`);
    expect(resolved.images.map(({ reference }) => reference).sort()).toEqual([...expected].sort());
    const lock = JSON.parse(await readFile(temp.join('release.lock.json'), 'utf8')) as {
      readonly files: readonly { readonly path: string }[];
    };
    expect(lock.files.map(({ path }) => path).sort()).toEqual([...carried].sort());
  },
);
