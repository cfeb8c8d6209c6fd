/** Values that lead a chart to the registry are tried by rendering it; what they do not reach is named. */
import { beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { overlayCharts, type ChartOverlays } from '../../../src/operations/mirror-config/chart-overlays.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';
import { mapOf } from '../../kubernetes/mirrors/map.ts';
import { HELM_ENGINE } from '../../kubernetes/rendering/renderers.ts';

const temp = useTempDir();
const MAP = mapOf(['a.example/app:1=in.example/a.example/app:1', 'b.example/db:2=in.example/b.example/db:2']);
const noneAsked = (): never => {
  throw new Error('nothing is asked');
};

beforeEach(() =>
  writeFiles(temp.path, {
    'app/Chart.yaml': 'apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies: [{name: db, version: 0.1.0, alias: store}]\n', // prettier-ignore
    'app/values.yaml': 'image: {repository: a.example/app, tag: "1"}\nfixed: false\nsplit: {}\n',
    'app/templates/pod.yaml': `apiVersion: v1
kind: Pod
metadata: {name: app}
spec:
  containers:
  - {name: app, image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"}
  {{- if .Values.fixed }}
  - {name: fixed, image: "a.example/app:1"}
  {{- end }}
  {{- if .Values.split.repository }}
  - {name: split, image: "a.example/{{ .Values.split.repository }}:{{ .Values.split.tag }}"}
  {{- end }}
`,
    'app/charts/db/Chart.yaml': 'apiVersion: v2\nname: db\nversion: 0.1.0\n',
    'app/charts/db/values.yaml': 'image: b.example/db:2\n',
    'app/charts/db/templates/pod.yaml':
      'apiVersion: v1\nkind: Pod\nmetadata: {name: db}\nspec: {containers: [{name: db, image: "{{ .Values.image }}"}]}\n',
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.0.0
platforms: all
components:
  - name: app
    charts:
      - {chart: app, values: [{name: small, files: [small.yaml]}, {name: fixed, files: [fixed.yaml]}]}
`,
    'small.yaml': 'fixed: false\n',
    'fixed.yaml': 'fixed: true\nimage: {repository: b.example/db, tag: "2"}\n',
  }),
);

/** Undefined where the engine may be missing. */
async function overlay(input: string, values = ''): Promise<ChartOverlays | undefined> {
  const engine = await HELM_ENGINE.open();
  if (engine === undefined) return undefined;
  return overlayCharts({
    map: MAP,
    inputs: [temp.join(input)],
    values: values === '' ? [] : [{ name: 'site.yaml', text: values }],
    sources: { open: noneAsked, read: noneAsked },
    openRenderer: async () => engine,
  });
}

const valuesIn = (overlays: ChartOverlays): Readonly<Record<string, unknown>> =>
  Object.fromEntries(overlays.files.map(({ path, content }) => [path, parse(content) as unknown]));

const store = { image: 'in.example/b.example/db:2' };

test('a chart and the charts in it, under the names that it gives them', async () => {
  const found = await overlay('app');
  if (found === undefined) return;
  expect(found.unexpressed).toEqual([]);
  expect(valuesIn(found)).toEqual({
    'app-1.0.0.yaml': { image: { repository: 'in.example/a.example/app' }, store },
  });
});

test('an image that a template names itself is named with its place', async () => {
  const found = await overlay('app', 'fixed: true\n');
  if (found === undefined) return;
  expect(found.files).toHaveLength(1);
  expect(found.unexpressed).toEqual([
    {
      original: 'a.example/app:1',
      why: expect.stringMatching(
        /^is still named by .*app\/templates\/pod\.yaml Pod\/app spec\.containers\[1\]\.image; it is at in\.example\/a\.example\/app$/,
      ) as string,
    },
  ]);
});

test('values that the template puts together in another way are found out', async () => {
  const found = await overlay('app', 'split: {repository: b.example/db, tag: "2"}\n');
  if (found === undefined) return;
  expect(found.unexpressed.map(({ original, why }) => `${original} ${why}`)).toEqual([
    expect.stringMatching(/^a\.example\/in\.example\/b\.example\/db:2 is what .* became: .* in another way$/),
  ]);
});

test('a release has a file for each set of values', async () => {
  const found = await overlay('release.yaml');
  if (found === undefined) return;
  expect(valuesIn(found)).toEqual({
    'app-1.0.0-small.yaml': { image: { repository: 'in.example/a.example/app' }, store },
    'app-1.0.0-fixed.yaml': { image: { repository: 'in.example/b.example/db' }, store },
  });
  expect(found.unexpressed.map(({ original }) => original)).toEqual(['a.example/app:1']);
});

test('values beside a release, which names its own, are refused and not passed over', async () => {
  const engine = await HELM_ENGINE.open();
  if (engine === undefined) return;
  await expect(overlay('release.yaml', 'fixed: true\n')).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('--values does not apply to') as string,
  });
});

test('values under which the chart no longer renders are refused with what was tried', async () => {
  await writeFiles(temp.path, {
    'app/values.schema.json': '{"properties":{"image":{"properties":{"repository":{"pattern":"^(a|b).example"}}}}}',
  });
  const engine = await HELM_ENGINE.open();
  if (engine === undefined) return;
  await expect(overlay('app')).rejects.toMatchObject({
    code: 'INVALID_SPEC',
    message: expect.stringMatching(/^with the values that lead .*app to the registry: /) as string,
  });
});
