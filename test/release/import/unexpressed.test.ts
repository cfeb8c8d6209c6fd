/** What a release.yaml cannot say is named with its line and the next step, in every format; nothing is lost in silence. */
import { expect, test } from 'vitest';
import { parseForeignFile } from '../../../src/release/import/import-formats.ts';
import type { ImportFormat } from '../../../src/release/import/format-names.ts';

interface Case {
  readonly format: ImportFormat;
  readonly text: string;
  /** Line and the beginning of the message, of content that stays behind. */
  readonly left: readonly (readonly [number, string])[];
  /** The same, of other things to know. */
  readonly remarks?: readonly (readonly [number, string])[];
  /** References and charts that are taken over all the same. */
  readonly taken?: readonly string[];
}

const HAULER = `apiVersion: content.hauler.cattle.io/v1
kind: Images
spec:
  images:
    - name: quay.io/a/b:1
      key: cosign.pub
      rewrite: other/b
    - {name: 'app:dev', local: true}
    - {name: 'quay.io/a/b:2', new-option: true}
---
apiVersion: content.hauler.cattle.io/v1
kind: Charts
spec:
  charts:
    - {name: app, repoURL: 'oci://quay.io/charts'}
    - {name: app, repoURL: 'oci://quay.io/charts', version: ^1.2}
    - {name: app, repoURL: 'oci://quay.io/charts', version: 1.2.3+b}
    - {name: app, repoURL: 'https://user:hidden@charts.example.com/x/', version: 1.10}
    - {name: app, repoURL: 'https://charts.example.com/x'}
---
apiVersion: content.hauler.cattle.io/v1
kind: Files
spec: {files: [{path: 'https://example.com/a.sh?token=hidden'}]}
---
apiVersion: collection.hauler.cattle.io/v1alpha1
kind: ThickCharts
spec: {}
---
apiVersion: v1
kind: Pod
`;

const CASES: readonly Case[] = [
  {
    format: 'hauler',
    text: HAULER,
    left: [
      [29, 'this document is not part of a Hauler manifest'],
      [15, 'chart app names no version'],
      [16, 'chart app has the range ^1.2'],
      [23, 'file https://example.com/a.sh?*** lies on the network'],
      [25, 'documents of kind ThickCharts are not taken over'],
    ],
    remarks: [
      [5, 'quay.io/a/b:1: its signer (key) is not taken over'],
      [5, 'quay.io/a/b:1: its other name is not taken over'],
      [9, 'spec.images[2].new-option is not known here'],
      [18, 'chart app: the credentials in the address of its repository are not copied'],
      [19, "chart app has no version: '*', the newest, is written"],
    ],
    taken: [
      'quay.io/a/b:1',
      'docker-daemon:app:dev',
      'quay.io/a/b:2',
      'oci://quay.io/charts/app:1.2.3_b',
      'app 1.10 of https://charts.example.com/x',
      'app * of https://charts.example.com/x',
    ],
  },
  {
    format: 'oc-mirror',
    text: `apiVersion: mirror.openshift.io/v1alpha2
kind: ImageSetConfiguration
storageConfig: {local: {path: x}}
mirror:
  platform:
    channels: [{name: stable-4.20, type: ocp}]
    graph: true
  operators:
    - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.20
      packages: [{name: acm}, {name: odf}]
  additionalImages: [{name: 'quay.io/a/b:1', targetTag: x}, {name: 'oci:///tmp/x'}]
  helm:
    repositories:
      - {name: r, url: 'https://charts.example.com', charts: [{name: app, version: 1.0.0, imagePaths: ['{.a}']}]}
      - {name: all, url: 'https://all.example.com'}
  blockedImages: [{name: quay.io/bad}]
  samples: [{name: ruby}]
`,
    left: [
      [11, 'image oci:///tmp/x is a directory'],
      [15, 'every chart of https://all.example.com'],
      [6, 'OpenShift release channel stable-4.20'],
      [7, "graph data of OpenShift's updates"],
      [9, 'operator catalog registry.redhat.io/redhat/redhat-operator-index:v4.20 (packages acm, odf)'],
      [17, 'sample images ruby'],
    ],
    remarks: [
      [11, 'quay.io/a/b:1: its other name'],
      [14, 'imagePaths of chart app'],
      [16, 'blocked image quay.io/bad'],
    ],
    taken: ['quay.io/a/b:1', 'app 1.0.0 of https://charts.example.com'],
  },
  {
    format: 'regsync',
    text: `version: 1
creds: [{registry: quay.io, pass: hidden}]
sync:
  - {source: quay.io/a/all, target: t, type: repository}
  - source: quay.io/a/some
    target: t
    type: repository
    tags: {allow: ['1.0', 'v2\\..*'], deny: ['.*-rc', '1.1']}
  - {source: quay.io/a/range, target: t, type: repository, tags: {semverRange: ['>=1.0']}}
  - {source: quay.io, target: t, type: registry}
  - {source: 'ocidir://x', target: t, type: image}
  - {source: '{{env "R"}}/a:1', target: t, type: image}
  - {source: 'quay.io/a/p:1', target: t, type: image, platforms: [linux/amd64, local]}
`,
    left: [
      [4, 'every tag of quay.io/a/all'],
      [8, 'tags of quay.io/a/some that match v2\\..*'],
      [9, 'versions >=1.0 of quay.io/a/range'],
      [10, 'every repository of quay.io'],
      [11, 'ocidir://x is a directory'],
      [12, 'image {{env "R"}}/a:1 is a template'],
    ],
    remarks: [
      [8, 'tags of quay.io/a/some that match .*-rc were not taken out'],
      [13, 'platform local is not known'],
    ],
    taken: ['quay.io/a/some:1.0', 'quay.io/a/p:1'],
  },
  {
    format: 'skopeo',
    text: `quay.io:
  images: {a/all: [], a/one: [1.10]}
  images-by-tag-regex: {a/re: ^1\\.}
  images-by-semver: {a/sem: '>= 3'}
  credentials: {username: u, password: hidden}
`,
    left: [
      [2, 'every tag of quay.io/a/all'],
      [3, 'tags that match ^1\\. of quay.io/a/re'],
      [4, 'versions >= 3 of quay.io/a/sem'],
    ],
    remarks: [[5, 'credentials of quay.io are not copied']],
    taken: ['quay.io/a/one:1.10'],
  },
  {
    format: 'zarf',
    text: `kind: ZarfPackageConfig
components:
  - name: a
    import: {path: ../other}
  - name: b
    only: {flavor: upstream}
    images:
      - quay.io/a/b:1
      - quay.io/a/b:###ZARF_PKG_TMPL_TAG###
      - quay.io/a/b:sha256-${'a'.repeat(64)}.sig
    imageArchives: [{path: x.tar, images: ['quay.io/a/c:1']}]
    repos: ['https://example.com/x.git']
    actions: {onCreate: {before: [{cmd: make}]}}
    charts:
      - {name: g, url: 'https://example.com/x.git', gitPath: c, version: 1.0.0}
      - {name: v, localPath: c, valuesFiles: ['https://example.com/v.yaml', v.yaml], variables: [{name: X, path: y}]}
      - {name: o, url: 'oci://quay.io/charts/o', version: 1.0.0, releaseName: UPPER}
    manifests: [{name: m, kustomizations: ['https://example.com/k']}]
    files: [{source: 'https://example.com/f', target: f}]
    novelty: true
`,
    left: [
      [4, 'component a: an imported component is not read'],
      [9, 'image quay.io/a/b:###ZARF_PKG_TMPL_TAG### is a template'],
      [11, 'images in the archive x.tar (quay.io/a/c:1)'],
      [15, 'chart g comes from Git'],
      [16, 'values https://example.com/v.yaml of chart v lie on the network'],
      [18, 'manifest https://example.com/k lies on the network'],
      [19, 'file https://example.com/f lies on the network'],
      [12, 'component b: Git repositories are not carried'],
    ],
    remarks: [
      [5, 'component b is of flavor upstream alone'],
      [10, 'is evidence of an image'],
      [16, 'chart v: values that are set at deployment'],
      [17, 'releaseName UPPER of chart oci://quay.io/charts/o is not taken over'],
      [13, 'component b: actions are not run'],
      [20, 'components[1].novelty is not known here'],
    ],
    taken: ['quay.io/a/b:1', 'c', 'oci://quay.io/charts/o:1.0.0'],
  },
  {
    format: 'imgpkg',
    text: `apiVersion: imgpkg.carvel.dev/v1alpha1
kind: BundleLock
bundle: {image: 'quay.io/a/bundle@sha256:${'1'.repeat(64)}', tag: v1}
`,
    left: [[3, 'images of the bundle quay.io/a/bundle@sha256']],
    taken: [`quay.io/a/bundle@sha256:${'1'.repeat(64)}`],
  },
  {
    format: 'compose',
    text: `include: [other.yaml]
services:
  a: {build: .}
  b: {build: ., image: 'quay.io/a/b:1'}
  c: {image: 'quay.io/a/c:\${TAG:-1}'}
  d: {extends: {service: a}}
  e: {provider: {type: x}}
models:
  llm: {model: ai/model}
`,
    left: [
      [3, 'service a is built and names no image'],
      [5, 'image quay.io/a/c:${TAG:-1} is a template: run `docker compose config'],
      [6, 'service d extends another'],
      [7, 'service e is run by a provider'],
      [1, 'files that are included are not read'],
      [9, 'model llm (ai/model)'],
    ],
    remarks: [[4, 'service b is built here']],
    taken: ['quay.io/a/b:1'],
  },
  {
    format: 'helmfile',
    text: `repositories:
  - {name: r, url: quay.io/charts, oci: true}
  - {name: h, url: 'https://charts.example.com', password: hidden}
bases: [env.yaml]
helmfiles: [{path: sub/helmfile.yaml}]
helmDefaults: {postRenderer: ./r.sh}
kubeVersion: v1.30.0
releases:
  - {name: a, chart: r/app, version: 1.0.0, namespace: team}
  - {name: b, chart: h/app, version: ~1.2, values: [a.yaml, {x: 1}, 'git::https://example.com/x'], set: [{name: i, value: j}]}
  - {name: c, chart: r/app, installed: false}
  - {name: d, chart: 'git::https://example.com/x'}
  - {name: e, chart: ./local, secrets: [s.yaml], jsonPatches: [p.yaml]}
`,
    left: [
      [10, 'release b: values in `set` are not taken over'],
      [10, 'release b: values that are written in it are not taken over'],
      [10, 'release b: values of git::https://example.com/x are not taken over'],
      [12, 'chart git::https://example.com/x comes from'],
      [13, 'release e: encrypted values are not taken over'],
      [13, 'release e: patches of rendered resources are not taken over'],
      [5, 'sub/helmfile.yaml is not read'],
      [4, 'env.yaml is not read'],
      [6, 'post-renderer ./r.sh is not run'],
    ],
    remarks: [[11, 'release c is not installed']],
    taken: ['oci://quay.io/charts/app:1.0.0', 'app ~1.2 of https://charts.example.com', './local'],
  },
];

test.each(CASES)('$format names what it leaves, with the line', ({ format, text, left, remarks = [], taken = [] }) => {
  const release = parseForeignFile(text, 'x.yaml');
  expect(release.format).toBe(format);
  const named = (isContent: boolean): readonly (readonly [number, unknown])[] =>
    release.unexpressed.filter((each) => each.isContent === isContent).map(({ at, message }) => [at, message]);
  const expected = (list: readonly (readonly [number, string])[]): readonly (readonly [number, unknown])[] =>
    list.map(([line, message]) => [line, expect.stringContaining(message)]);
  expect(named(true)).toEqual(expected(left));
  expect(named(false)).toEqual(expected(remarks));
  expect(
    release.components.flatMap(({ images, charts }) => [
      ...images.map(({ reference }) => reference),
      ...charts.map(({ chart, version, repository }) =>
        repository === undefined ? chart : `${chart} ${version ?? ''} of ${repository}`,
      ),
    ]),
  ).toEqual(taken);
  expect(JSON.stringify(release)).not.toContain('hidden');
});

test('a template that only Helmfile can render is refused with the command that does', () => {
  const texts = [
    'releases:\n  - name: a\n    chart: ./c\n    version: "{{ .Values.v }}"\n',
    'releases:\n  - name: a\n    chart: ./c\n    inherit: [{template: default}]\n',
    'releases:\n{{ range .Values.list }}\n  - name: a\n{{ end }}\n',
  ];
  for (const text of texts) {
    expect(() => parseForeignFile(text, 'helmfile.yaml')).toThrow(
      expect.objectContaining({
        code: 'INVALID_SPEC',
        message: expect.stringMatching(/^helmfile\.yaml:[234]/) as string,
      }),
    );
    const said = (() => {
      try {
        return parseForeignFile(text, 'helmfile.yaml');
      } catch (error) {
        const { message, hint } = error as { message: string; hint: string };
        return message + hint;
      }
    })();
    expect(said).toContain('helmfile build');
  }
});

test('a chart with a name that no registry can have is named with its line, and the rest is taken over', () => {
  const chart = (name: string): string => `    - {name: ${name}, repoURL: 'oci://quay.io/charts', version: 1.0.0}\n`;
  const text = `apiVersion: content.hauler.cattle.io/v1\nkind: Charts\nspec:\n  charts:\n${chart('App')}${chart('app')}`;
  const { components, unexpressed } = parseForeignFile(text, 'hauler-manifest.yaml');
  expect(unexpressed).toEqual([
    expect.objectContaining({ at: 5, message: expect.stringMatching(/App.* cannot be taken over: /) as string }),
  ]);
  expect(components.flatMap(({ charts }) => charts.map((each) => each.chart))).toEqual([
    'oci://quay.io/charts/app:1.0.0',
  ]);
});

test.each([
  ['name: demo', 'demo'],
  ['name: ${PROJECT}', undefined],
  ['version: "3"', undefined],
])('a Compose file with %j names the release %s', (head, name) => {
  const file = `${head}\nservices: {web: {image: 'quay.io/a/b:1'}}\n`;
  expect(parseForeignFile(file, 'compose.yaml', 'compose').name).toBe(name);
});

test('fields that a format does not know, and files of values, are named by what they say', () => {
  const skopeo = parseForeignFile('quay.io:\n  images: {a/b: ["1"]}\n  novelty: 1\n', 'sync.yaml', 'skopeo');
  expect(skopeo.unexpressed).toEqual([
    expect.objectContaining({ at: 3, message: expect.stringContaining('novelty') as string }),
  ]);
  const zarf = parseForeignFile(
    'kind: ZarfPackageConfig\nmetadata: {name: a}\nvalues:\n  files: [site.yaml]\ncomponents: []\n',
    'zarf.yaml',
    'zarf',
  );
  expect(zarf.unexpressed).toEqual([
    expect.objectContaining({ at: 4, message: expect.stringContaining('site.yaml') as string }),
  ]);
});
