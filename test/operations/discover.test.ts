/** What a release, charts and manifests pull: found through Helm's own rendering, with the place of each. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ChartRenderer } from '../../src/kubernetes/rendering/chart-renderer.ts';
import { discoverImages, type Discovery } from '../../src/operations/discover.ts';
import { useTempDir } from '../helpers/temp.ts';
import { writeFiles } from '../kubernetes/charts/chart-files.ts';
import { HELM_ENGINE, requireEngine } from '../kubernetes/rendering/renderers.ts';

const temp = useTempDir();
const repository = fileURLToPath(new URL('../..', import.meta.url));
const CHART = {
  'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\n',
  'app/values.yaml': 'image: {repository: quay.io/a/app, tag: "1"}\n',
  'app/templates/pod.yaml': `apiVersion: v1
kind: Pod
metadata: {name: {{ .Release.Name }}}
spec:
  containers:
  - name: app
    image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
    args: ["--reloader=own.example.org/reloader:2"]
`,
};
const MANIFEST = `apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {list: "quay.io/a/listed:1 own.example.org/x:1"}
`;

function neverRenders(): Promise<ChartRenderer> {
  throw new Error('nothing here is a chart');
}

const noneAsked = (): never => {
  throw new Error('nothing is asked');
};
const NONE = { open: noneAsked, read: noneAsked };

/** Undefined where the engine may be missing. */
async function discover(...inputs: readonly string[]): Promise<Discovery | undefined> {
  const engine = await HELM_ENGINE.open();
  if (engine === undefined) return undefined;
  return discoverImages({
    inputs,
    sources: NONE,
    openRenderer: async () => engine,
  });
}

function linesOf({ images }: Discovery): readonly string[] {
  return images.flatMap(({ reference, certainty, evidence }) =>
    evidence.map(({ at }) => `${reference} ${certainty} ${at}`),
  );
}

describe('charts', () => {
  test('are rendered: what a template puts together is certain, and its arguments are suspects', async (t) => {
    await writeFiles(temp.path, CHART);
    const found = (await discover(temp.join('app'))) ?? t.skip();
    expect(linesOf(found)).toEqual([
      expect.stringMatching(/^own\.example\.org\/reloader:2 suspect app app\/templates\/pod\.yaml.*args\[0\]/),
      expect.stringMatching(/^quay\.io\/a\/app:1 certain app app\/templates\/pod\.yaml Pod\/release spec\.con/),
    ]);
    expect(found.images[1]?.evidence).toMatchObject([{ chart: 'app', values: 'default', rule: 'container' }]);
    expect(found.warnings).toEqual([]);
  });

  test('that are libraries install nothing', async (t) => {
    await writeFiles(temp.path, { 'lib/Chart.yaml': 'apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n' });
    const found = (await discover(temp.join('lib'))) ?? t.skip();
    expect(found.images).toEqual([]);
  });

  test('that Helm refuses are refused in its words', async (t) => {
    if (requireEngine() === undefined) t.skip();
    await writeFiles(temp.path, { ...CHART, 'app/templates/bad.yaml': '{{ fail "give me a name" }}' });
    await expect(discover(temp.join('app'))).rejects.toMatchObject({
      code: 'INVALID_SPEC',
      message: expect.stringContaining('give me a name') as string,
    });
  });
});

test('manifests need no renderer, and one input tells which registries another names', async () => {
  await writeFiles(temp.path, {
    'c.yaml': MANIFEST,
    'pods/p.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: own.example.org/p:1}]}\n',
  });
  const look = (...names: readonly string[]): Promise<Discovery> =>
    discoverImages({
      inputs: names.map((name) => temp.join(name)),
      sources: NONE,
      openRenderer: neverRenders,
    });
  expect(linesOf(await look('c.yaml'))).toEqual(['quay.io/a/listed:1 suspect c.yaml:1 ConfigMap/c data.list (text)']);
  expect(linesOf(await look('c.yaml', 'pods'))).toEqual([
    'own.example.org/p:1 certain pods/p.yaml:4 Pod/p spec.containers[0].image',
    'own.example.org/x:1 suspect c.yaml:1 ConfigMap/c data.list (text)',
    'quay.io/a/listed:1 suspect c.yaml:1 ConfigMap/c data.list (text)',
  ]);
});

test('an overlay says which image is certain, and an ignored file names no suspect', async (t) => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{image: app}]}\n';
  await writeFiles(temp.path, {
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.0.0
platforms: all
components:
  - name: app
    images: ['quay.io/a/named:1']
    manifests: [m]
    ignore: [c.yaml]
`,
    'm/c.yaml': MANIFEST,
    'm/pod.yaml': pod,
    'm/kustomization.yaml': 'resources: [pod.yaml]\nimages: [{name: app, newName: quay.io/a/real, newTag: "3"}]\n',
  });
  const found = (await discover(temp.join('release.yaml'))) ?? t.skip();
  expect(found.images.map(({ reference, certainty }) => [reference, certainty])).toEqual([
    ['quay.io/a/named:1', 'certain'],
    ['quay.io/a/real:3', 'certain'],
  ]);
});

test('decisions of the release, artifacts, what controllers know themselves, and what runs in a cluster', async () => {
  await writeFiles(temp.path, {
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.0.0
platforms: all
accept: [quay.io/a/yes:1]
dismiss: [{image: quay.io/a/no, reason: off here}]
rules: [{kind: Widget, path: spec.run}]
components:
  - {name: app, manifests: [m]}
`,
    'm/m.yaml': `apiVersion: acme.io/v1
kind: Widget
metadata: {name: w}
spec: {run: quay.io/a/run:1, yesImage: quay.io/a/yes:1, noImage: quay.io/a/no:1, dbImage: ghcr.io/aquasecurity/trivy-db:2}
---
apiVersion: kibana.k8s.elastic.co/v1
kind: Kibana
metadata: {name: k}
spec: {version: 9.0.0}
`,
  });
  const pods = ['quay.io/a/run:1', 'quay.io/a/yes:1', 'quay.io/a/no:1'].map((image, index) => ({
    kind: 'Pod',
    metadata: { namespace: 'n', name: `p${index}` },
    spec: { containers: [{ image }] },
  }));
  const found = await discoverImages({
    inputs: [temp.join('release.yaml')],
    sources: NONE,
    openRenderer: neverRenders,
    cluster: { text: JSON.stringify({ items: pods }), name: 'pods.json' },
  });
  expect(found.images.map(({ reference, verdict, reason }) => [reference, verdict, reason])).toEqual([
    ['ghcr.io/aquasecurity/trivy-db:2', 'artifact?', 'probably a database of Trivy'],
    ['quay.io/a/no:1', 'dismissed', 'off here'],
    ['quay.io/a/run:1', 'certain', undefined],
    ['quay.io/a/yes:1', 'accepted', undefined],
  ]);
  expect(found.unknowable).toEqual([expect.stringContaining('docker.elastic.co/kibana/kibana:<spec.version>')]);
  expect(found.cluster?.filter(({ isInRelease }) => !isInRelease)).toEqual([
    { reference: 'quay.io/a/no:1', isInRelease: false, pods: ['n/p2 spec.containers[0].image'] },
  ]);
});

test('values that are off name images as advice, which are never added', async (t) => {
  const engine = (await HELM_ENGINE.open()) ?? t.skip();
  await writeFiles(temp.path, {
    ...CHART,
    'app/values.yaml':
      'image: {repository: quay.io/a/app, tag: "1"}\nexporter: {enabled: false, image: {registry: quay.io, repository: a/exporter, tag: "2"}}\nproxy: {image: {repository: quay.io/a/proxy, tag: ""}}\n',
    'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\nappVersion: "3.1"\n',
  });
  const found = await discoverImages({
    inputs: [temp.join('app')],
    sources: NONE,
    openRenderer: async () => engine,
    advice: true,
  });
  expect(found.images.map(({ reference }) => reference)).not.toContain('quay.io/a/exporter:2');
  expect(found.advice).toEqual([
    expect.stringMatching(/^quay\.io\/a\/exporter:2 stands in app\/values\.yaml exporter\.image/),
    "quay.io/a/proxy:3.1 stands in app/values.yaml proxy.image.repository (its tag is empty: the chart's appVersion), and is not used with these values",
  ]);
});

test('what is not there is said by name', async () => {
  await expect(
    discoverImages({ inputs: ['no/such'], sources: NONE, openRenderer: neverRenders }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'no/such: no such file or directory' });
});

test('the release that ships as the example lists every image that it pulls, and leaves no suspect', async (t) => {
  const found = (await discover(`${repository}release.yaml`)) ?? t.skip();
  expect(found.images.length).toBeGreaterThan(0);
  for (const { reference, certainty, evidence } of found.images) {
    expect([reference, certainty]).toEqual([reference, 'certain']);
    expect(
      evidence.some(({ rule }) => rule === 'named'),
      `${reference} is named`,
    ).toBe(true);
    expect(
      evidence.some(({ chart }) => chart === 'charts/hexabase'),
      `${reference} is rendered`,
    ).toBe(true);
  }
});
