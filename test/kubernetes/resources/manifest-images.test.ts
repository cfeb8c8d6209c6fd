/** The images of a directory of manifests are those that kubectl would deploy from it. */
import { describe, expect, test } from 'vitest';
import { formatReference } from '../../../src/oci/reference.ts';
import { findImages } from '../../../src/kubernetes/resources/images.ts';
import { findManifestImages, type ManifestImages } from '../../../src/kubernetes/resources/manifest-images.ts';
import { readKubernetesYaml } from '../../../src/kubernetes/resources/yaml-documents.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { runOk } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../charts/chart-files.ts';

const temp = useTempDir();
type Files = Readonly<Record<string, string>>;
const [ONE, TWO] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];

const pod = (name: string, ...images: readonly string[]): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers:\n${images.map((image, n) => `  - {name: c${n}, image: '${image}'}\n`).join('')}`;

const find = (files: Files, named: readonly string[] = []): Promise<ManifestImages> =>
  findManifestImages(
    Object.entries(files).map(([path, text]) => ({ path, isNamed: named.includes(path), read: async () => text })),
  );
const namesOf = ({ images }: ManifestImages): readonly string[] =>
  [...new Set(images.map(({ reference }) => formatReference(reference)))].sort();

/** What `kubectl kustomize` makes of a directory. */
async function builtBy(kubectl: string, files: Files, directory: string): Promise<readonly string[]> {
  await writeFiles(temp.path, files);
  const { stdout } = await runOk(kubectl, ['kustomize', temp.join(directory)]);
  const hits = readKubernetesYaml(stdout, 'built.yaml').flatMap((resource) => findImages(resource));
  return [...new Set(hits.map(({ reference }) => formatReference(reference)))].sort();
}

describe('a kustomization', () => {
  const entry = (name: string, more: string): string => `  - {name: ${name}, ${more}}\n`;
  const listing = (images: string, resources = '[pods.yaml]'): string => `resources: ${resources}\nimages:\n${images}`;
  const pods = pod('p', 'app', 'app:1', `app:1@${ONE}`, 'docker.io/library/app:1', 'host:5000/app:1', 'app-b:1');

  test.each<[string, Files, string]>([
    ['a new tag', { 'm/kustomization.yaml': listing(entry('app', 'newTag: v2')), 'm/pods.yaml': pods }, 'm'],
    ['a new name', { 'm/kustomization.yaml': listing(entry('app', 'newName: r.io/x/app')), 'm/pods.yaml': pods }, 'm'],
    ['a digest', { 'm/kustomization.yml': listing(entry('app', `newTag: v2, digest: '${TWO}'`)), 'm/pods.yaml': pods }, 'm'],
    ['only a digest', { 'm/Kustomization': listing(entry('app', `digest: '${TWO}'`)), 'm/pods.yaml': pods }, 'm'],
    ['a number as tag', { 'm/kustomization.yaml': listing(entry('app', "newTag: '5'")), 'm/pods.yaml': pods }, 'm'],
    [
      'entries one after the other',
      { 'm/kustomization.yaml': listing(entry('app', 'newName: other') + entry('other', 'newTag: v3')), 'm/pods.yaml': pods },
      'm',
    ],
    [
      'a base and its own images',
      {
        'base/kustomization.yaml': listing(entry('app', 'newName: r.io/app')),
        'base/pods.yaml': pods,
        'overlay/kustomization.yaml': listing(entry('r.io/app', 'newTag: prod'), '[../base, more.yaml]'),
        'overlay/more.yaml': pod('q', 'r.io/app:9', 'app:9'),
      },
      'overlay',
    ],
    [
      'a component, which changes what is gathered before it',
      {
        'c/kustomization.yaml': `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n${listing(entry('app', 'newName: from-component'), '[side.yaml]')}`,
        'c/side.yaml': pod('side', 'app:side', 'x:1'),
        'm/kustomization.yaml': `components: [../c]\n${listing(entry('app', 'newTag: late') + entry('from-component', 'newTag: last'))}`,
        'm/pods.yaml': pods,
      },
      'm',
    ],
    [
      'resources of a type of their own',
      {
        'm/kustomization.yaml': listing(entry('app', 'newTag: v2')),
        'm/pods.yaml': 'apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: t}\nspec: {deep: [{containers: [{image: app}]}]}\n',
      },
      'm',
    ],
  ])('says which image pods get: %s', async (_what, files, directory) => {
    const found = await find(files);
    expect(found.warnings).toEqual([]);
    const kubectl = requireTool('kubectl');
    if (kubectl !== undefined) expect(namesOf(found)).toEqual(await builtBy(kubectl, files, directory));
    expect(namesOf(found)).not.toEqual(namesOf(await find({ 'pods.yaml': pods })));
  }); // prettier-ignore

  test('adds what its patches put in place, with its images applied', async () => {
    const files = {
      'm/kustomization.yaml': `${listing(entry('patched', "newTag: '9'") + entry('strategic', "newTag: '8'"))}patches:
  - {path: patch.json, target: {kind: Pod}}
  - {path: merge.yaml}
  - target: {kind: Pod}
    patch: |-
      - {op: add, path: /spec/containers/-, value: {name: z, image: 'inline:1'}}
      - {op: remove, path: /metadata/labels}
`,
      'm/pods.yaml': `${pod('p', 'app:1', 'app:2')}`.replace('name: p', 'name: p, labels: {a: b}'),
      'm/patch.json': '[{"op": "replace", "path": "/spec/containers/1/image", "value": "patched:1"}]',
      'm/merge.yaml': pod('p', 'strategic:1').replace('c0', 'c9'),
    };
    const found = await find(files);
    expect(found.warnings).toEqual([]);
    const kubectl = requireTool('kubectl');
    const built = kubectl === undefined ? [] : await builtBy(kubectl, files, 'm');
    const names = namesOf(found);
    for (const image of built) expect(names).toContain(image);
    expect(names).toEqual(
      ['app:1', 'app:2', 'inline:1', 'patched:9', 'strategic:8'].map((name) => `docker.io/library/${name}`),
    );
    expect(found.images.map(({ at }) => at)).toContain(
      'm/patch.json:1 JSONPatch/0 spec.containers[0].image, replaced by m/kustomization.yaml',
    );
  });

  test('that two overlays list gives the images of both, and of neither its own', async () => {
    const overlay = (tag: string): string => listing(entry('app', `newTag: ${tag}`), '[../base]');
    const found = await find({
      'base/kustomization.yaml': 'resources: [pods.yaml]\n',
      'base/pods.yaml': pod('p', 'app:0'),
      'dev/kustomization.yaml': overlay('dev'),
      'prod/kustomization.yaml': overlay('prod'),
      'plain.yaml': pod('q', 'app:plain'),
    });
    expect(namesOf(found)).toEqual(['dev', 'plain', 'prod'].map((tag) => `docker.io/library/app:${tag}`));
  });

  test('gives its images to what the patches of its base put in place', async () => {
    const found = await find({
      'base/kustomization.yaml':
        "resources: [pods.yaml]\npatches:\n  - patch: '[{op: add, path: /spec/containers/-, value: {image: app:1}}]'\n",
      'base/pods.yaml': pod('p', 'other:1'),
      'overlay/kustomization.yaml': listing(entry('app', 'newTag: late'), '[../base]'),
    });
    expect(namesOf(found)).toEqual(['docker.io/library/app:late', 'docker.io/library/other:1']);
  });

  test('that takes resources from elsewhere is warned of', async () => {
    const { warnings } = await find({
      'm/kustomization.yaml':
        'resources: [https://example.com/x.yaml, ../gone, ../../up/x.yaml, ../../../far]\nhelmCharts: [{name: x}]\npatches: [{path: p.yaml}]\n',
    });
    expect(warnings).toEqual([
      expect.stringMatching(/^m\/kustomization\.yaml lists https:\/\/example\.com\/x\.yaml, which is not among/),
      expect.stringMatching(/^m\/kustomization\.yaml lists gone, which is not among/),
      expect.stringMatching(/^m\/kustomization\.yaml lists \.\.\/up\/x\.yaml, which is not among/),
      expect.stringMatching(/^m\/kustomization\.yaml lists \.\.\/\.\.\/far, which is not among/),
      expect.stringMatching(/^m\/kustomization\.yaml lists m\/p\.yaml, which is not among/),
      expect.stringMatching(/^m\/kustomization\.yaml takes resources from helmCharts, /),
    ]);
  });

  test.each([
    ['a circle', { 'a/kustomization.yaml': 'resources: [../b]\n', 'b/kustomization.yaml': 'resources: [../a]\n' }, 'circle'],
    [
      'a circle below another',
      { 'r/kustomization.yaml': 'resources: [../a]\n', 'a/kustomization.yaml': 'resources: [../b]\n', 'b/kustomization.yaml': 'resources: [../a]\n' },
      'circle',
    ],
    ['a circle beside others', { 'r/kustomization.yaml': '', 'a/kustomization.yaml': 'resources: [../b]\n', 'b/kustomization.yaml': 'resources: [../a]\n' }, 'circle'],
    ['ways that double', Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`k${n}/kustomization.yaml`, `resources: [../k${n + 1}, ../k${n + 1}/]\n`])), 'too many ways'],
    ['a suffix', { 'a/kustomization.yaml': `images:\n${entry('app', 'tagSuffix: -fips')}` }, 'a/kustomization.yaml:2:28: tagSuffix is applied differently'],
    ['two files in one directory', { 'a/kustomization.yaml': '', 'a/Kustomization': '' }, 'two kustomizations of one'],
    ['images that are no list', { 'a/kustomization.yaml': 'images: {name: app}\n' }, 'a/kustomization.yaml:1:9: '],
    ['an image that becomes none', { 'a/kustomization.yaml': `resources: [p.yaml]\n${listing(entry('app', 'newTag: a/b')).split('\n').slice(1).join('\n')}`, 'a/p.yaml': pod('p', 'app') }, 'replaced by a/kustomization.yaml'],
  ])('is refused for %s', async (_what, files, message) => {
    await expect(find(files)).rejects.toThrow(message);
  }); // prettier-ignore
});

describe('a file of a directory that holds no resources', () => {
  const others: Files = {
    'm/kustomizeconfig.yaml': 'images:\n- path: spec/image\n  kind: Thing\n',
    'm/dashboard.json': '{"title": "Load", "panels": [{"type": "graph"}]}',
    'm/values.yaml': 'image: {repository: app, tag: 1.0}\nkind: Deployment\n',
    'm/list.yaml': '- a\n- b\n',
  };

  test('is passed over and named', async () => {
    const { images, warnings } = await find({
      ...others,
      'm/pod.yaml': pod('p', 'app:1'),
      'm/empty.yaml': '# later\n',
    });
    expect(images).toHaveLength(1);
    expect(warnings).toEqual(
      Object.keys(others).map(
        (path): unknown => expect.stringContaining(`${path} holds no Kubernetes resources; it is carried, `) as string,
      ),
    );
  });

  test.each(Object.keys(others))('is refused where the release names %s itself', async (path) => {
    await expect(find(others, [path])).rejects.toMatchObject({ code: 'INVALID_SPEC' });
  });

  test('is refused where a kustomization lists it as a resource', async () => {
    const files = { ...others, 'm/kustomization.yaml': 'resources: [values.yaml]\n' };
    await expect(find(files)).rejects.toThrow('m/values.yaml:1: Deployment has no apiVersion');
  });

  test('is none to warn of where a kustomization reads it', async () => {
    const kustomization = `configurations: [kustomizeconfig.yaml]
configMapGenerator:
  - {name: boards, files: [dashboard.json, v.yaml=values.yaml]}
  - {name: env, envs: [list.yaml]}
`;
    expect((await find({ ...others, 'm/kustomization.yaml': kustomization })).warnings).toEqual([]);
  });

  test('sets images all the same where it is a JSON patch', async () => {
    const patch =
      '- {op: add, path: /spec/template/spec/initContainers, value: [{image: "init:1"}]}\n- {op: test, path: /a}\n';
    const found = await find({ 'm/patch.yaml': patch });
    expect({ names: namesOf(found), warnings: found.warnings }).toEqual({
      names: ['docker.io/library/init:1'],
      warnings: [],
    });
  });

  test.each([
    ['a resource with a misspelt apiVersion', 'apiversion: v1\nkind: Pod\nmetadata: {name: p}\n', 'has no apiVersion'],
    ['a resource without a kind', 'apiVersion: v1\nmetadata: {name: p}\n', 'has no kind'],
    ['a list beside a resource', `${pod('p', 'app:1')}---\n- a\n`, 'is not a Kubernetes resource'],
    ['a template', 'apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\n', 'm/x.yaml:3:'],
  ])('is not taken for such: %s', async (_what, text, message) => {
    await expect(find({ 'm/x.yaml': text })).rejects.toThrow(message);
  });
});
