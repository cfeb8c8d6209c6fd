/** Small charts, one for each thing Helm does between a package and its manifest, and how each is asked for. */
import { packChart } from '../../../src/kubernetes/charts/chart-packing.ts';
import type { RenderRequest } from '../../../src/kubernetes/rendering/chart-renderer.ts';

/** A chart as its files, and what its rendering is given. */
export interface CorpusChart {
  readonly name: string;
  /** By path within the chart; charts in `charts/` may be packages. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  readonly values?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly kubeVersion?: string;
  readonly includeCrds?: boolean;
  /** Something that a right rendering holds, so that equal emptiness is not taken for success. */
  readonly holds: RegExp;
}

/** The package of a chart made of these files. */
export async function packFiles(name: string, files: CorpusChart['files']): Promise<Buffer> {
  const list = Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content as string) }));
  return packChart(name, list);
}

/** A request for a chart of the corpus. */
export async function requestFor(chart: CorpusChart): Promise<RenderRequest> {
  return {
    chart: await packFiles(chart.name, chart.files),
    shownAs: `charts/${chart.name}`,
    values: (chart.values ?? []).map((text, index) => ({ name: `values/${index}.yaml`, text })),
    releaseName: 'shop',
    namespace: 'front',
    kubeVersion: chart.kubeVersion ?? '1.33.4',
    apiVersions: chart.apiVersions ?? [],
    includeCrds: chart.includeCrds ?? true,
  };
}

/** A Chart.yaml. */
export function chartYaml(name: string, more = ''): string {
  return `apiVersion: v2\nname: ${name}\nversion: 1.2.3\nappVersion: "4.5"\n${more}`;
}

/** A Pod of one container. */
export function pod(name: string, image: string): string {
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  containers:\n    - name: main\n      image: ${image}\n`;
}

/** Hook annotations. */
function hooked(kind: string, hook: string, weight = '0'): string {
  return `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: ${kind}\n  annotations:\n    helm.sh/hook: ${hook}\n    helm.sh/hook-weight: "${weight}"\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n        - name: main\n          image: registry.example/${kind}:1\n`;
}

const crd = (name: string): string =>
  `apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: ${name}.example.com\n`;

/** One chart a feature. */
export const CORPUS: readonly CorpusChart[] = [
  {
    name: 'conditional',
    files: {
      'Chart.yaml': chartYaml(
        'conditional',
        'dependencies:\n  - name: db\n    version: 1.2.3\n    condition: db.enabled\n  - name: cache\n    version: 1.2.3\n    condition: cache.enabled\n    tags: [fast]\n  - name: queue\n    version: 1.2.3\n    tags: [slow]\n',
      ),
      'values.yaml': 'db: {enabled: true}\ncache: {enabled: false}\ntags: {fast: true, slow: false}\n',
      'templates/app.yaml': pod('app', 'registry.example/app:{{ .Chart.AppVersion }}'),
      'charts/db/Chart.yaml': chartYaml('db'),
      'charts/db/templates/db.yaml': pod('db', 'registry.example/db:1'),
      'charts/cache/Chart.yaml': chartYaml('cache'),
      'charts/cache/templates/cache.yaml': pod('cache', 'registry.example/cache:1'),
      'charts/queue/Chart.yaml': chartYaml('queue'),
      'charts/queue/templates/queue.yaml': pod('queue', 'registry.example/queue:1'),
    },
    values: ['cache: {enabled: true}\n'],
    holds: /cache:1[^]*db:1|db:1[^]*cache:1/,
  },
  {
    name: 'aliases',
    files: {
      'Chart.yaml': chartYaml(
        'aliases',
        'dependencies:\n  - name: db\n    version: 1.2.3\n    alias: users\n  - name: db\n    version: 1.2.3\n    alias: orders\n    condition: orders.enabled\n',
      ),
      'values.yaml':
        'users: {image: registry.example/users:1}\norders: {image: registry.example/orders:2, enabled: true}\n',
      'charts/db/Chart.yaml': chartYaml('db'),
      'charts/db/values.yaml': 'image: registry.example/none:0\n',
      'charts/db/templates/db.yaml': pod('{{ .Chart.Name }}', '{{ .Values.image }}'),
    },
    holds: /orders:2[^]*users:1|users:1[^]*orders:2/,
  },
  {
    name: 'imports',
    files: {
      'Chart.yaml': chartYaml(
        'imports',
        'dependencies:\n  - name: base\n    version: 1.2.3\n    import-values:\n      - defaults\n      - {child: extra.image, parent: picture}\n',
      ),
      'templates/app.yaml': pod('app', '{{ .Values.image }}-{{ .Values.picture.tag }}'),
      'charts/base/Chart.yaml': chartYaml('base'),
      'charts/base/values.yaml':
        'exports:\n  defaults: {image: registry.example/imported}\nextra: {image: {tag: "7"}}\n',
    },
    holds: /registry\.example\/imported-7/,
  },
  {
    name: 'library',
    files: {
      'Chart.yaml': chartYaml('library', 'dependencies:\n  - name: common\n    version: 1.2.3\n'),
      'values.yaml': 'image: {repository: registry.example/app, tag: "1"}\n',
      'templates/app.yaml': pod('app', '{{ include "common.image" .Values.image }}'),
      'charts/common/Chart.yaml': chartYaml('common', 'type: library\n'),
      'charts/common/templates/_image.tpl': '{{- define "common.image" -}}{{ .repository }}:{{ .tag }}{{- end -}}',
      'charts/common/templates/ignored.yaml': pod('never', 'registry.example/never:1'),
    },
    holds: /registry\.example\/app:1/,
  },
  {
    name: 'hooks',
    files: {
      'Chart.yaml': chartYaml('hooks'),
      'templates/app.yaml': pod('app', 'registry.example/app:1'),
      'templates/late.yaml': hooked('late', 'post-install,post-upgrade', '5'),
      'templates/early.yaml': hooked('early', 'pre-install', '-5'),
      'templates/two.yaml': `${hooked('one', 'pre-delete')}---\n${pod('beside', 'registry.example/beside:1')}---\n${hooked('two', 'pre-delete', '1')}`,
      'templates/tests/check.yaml': hooked('check', 'test'),
    },
    holds: /check:1/,
  },
  {
    name: 'crds',
    files: {
      'Chart.yaml': chartYaml('crds', 'dependencies:\n  - name: sub\n    version: 1.2.3\n'),
      'crds/b.yaml': `# first\n${crd('b')}---\n${crd('c')}`,
      'crds/a.yaml': crd('a'),
      'templates/app.yaml': pod('app', 'registry.example/app:1'),
      'charts/sub/Chart.yaml': chartYaml('sub'),
      'charts/sub/crds/deep/d.yaml': `\n\n${crd('d')}\n\n`,
    },
    holds: /name: d\.example\.com/,
  },
  {
    name: 'no-crds',
    files: {
      'Chart.yaml': chartYaml('no-crds'),
      'crds/a.yaml': crd('a'),
      'templates/app.yaml': pod('app', 'registry.example/app:1'),
    },
    includeCrds: false,
    holds: /app:1/,
  },
  {
    name: 'nulls',
    files: {
      'Chart.yaml': chartYaml('nulls', 'dependencies:\n  - name: sub\n    version: 1.2.3\n'),
      'values.yaml': 'probe: {path: /ready, port: 80}\nsub: {args: {level: info}}\n',
      'templates/app.yaml': `${pod('app', 'registry.example/app:1')}  probe: {{ .Values.probe | toJson }}\n`,
      'charts/sub/Chart.yaml': chartYaml('sub'),
      'charts/sub/values.yaml': 'args: {level: debug, format: text}\n',
      'charts/sub/templates/sub.yaml': `${pod('sub', 'registry.example/sub:1')}  args: {{ .Values.args | toJson }}\n`,
    },
    values: ['probe: {port: null, host: local}\n'],
    holds: /probe: \{"host":"local","path":"\/ready"\}/,
  },
  {
    name: 'tpl',
    files: {
      'Chart.yaml': chartYaml('tpl'),
      'values.yaml':
        'registry: registry.example\nimage: "{{ .Values.registry }}/{{ .Chart.Name }}:{{ .Release.Revision }}"\n',
      'templates/_helpers.tpl': '{{- define "image" -}}{{ tpl .Values.image . }}{{- end -}}',
      'templates/app.yaml': pod(
        '{{ .Release.Name }}-{{ include "image" . | sha256sum | trunc 8 }}',
        '{{ include "image" . | quote }}',
      ),
    },
    holds: /"registry\.example\/tpl:1"/,
  },
  {
    name: 'lookup',
    files: {
      'Chart.yaml': chartYaml('lookup'),
      'templates/app.yaml': `${pod('app', '{{ if (lookup "v1" "Secret" .Release.Namespace "old") }}registry.example/old:1{{ else }}registry.example/new:1{{ end }}')}  found: {{ (lookup "v1" "Pod" "" "").items | default list | len }}\n`,
    },
    holds: /new:1[^]*found: 0/,
  },
  {
    name: 'files',
    files: {
      'Chart.yaml': chartYaml('files'),
      'config/app.conf': 'image = registry.example/from-file:1\n',
      'config/more.conf': 'second = {{ not rendered }}\n',
      'templates/config.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config\ndata:\n{{ (.Files.Glob "config/*").AsConfig | indent 2 }}\n  first: {{ .Files.Lines "config/app.conf" | first | quote }}\n  secret: {{ .Files.Get "config/app.conf" | b64enc }}\n',
    },
    holds: /registry\.example\/from-file:1/,
  },
  {
    name: 'several',
    files: {
      'Chart.yaml': chartYaml('several'),
      'values.yaml': 'image: {repository: registry.example/app, tag: "1"}\nlist: [a, b]\n',
      'templates/app.yaml': `${pod('app', '{{ .Values.image.repository }}:{{ .Values.image.tag }}')}  list: {{ .Values.list | toJson }}\n`,
    },
    values: ['image: {tag: "2"}\nlist: [c]\n', 'image: {repository: registry.example/other}\n', '# nothing\n'],
    holds: /registry\.example\/other:2[^]*\["c"\]/,
  },
  {
    name: 'capabilities',
    files: {
      'Chart.yaml': chartYaml('capabilities', 'kubeVersion: ">=1.30.0-0"\n'),
      'templates/app.yaml': pod(
        'v{{ .Capabilities.KubeVersion.Major }}-{{ .Capabilities.KubeVersion.Minor }}',
        'registry.example/app:{{ .Capabilities.KubeVersion.Version }}-{{ .Capabilities.APIVersions.Has "example.com/v1/Widget" }}-{{ .Capabilities.APIVersions.Has "apps/v1" }}-{{ semverCompare ">=1.31-0" .Capabilities.KubeVersion.GitVersion }}',
      ),
    },
    kubeVersion: 'v1.31.2',
    apiVersions: ['example.com/v1', 'example.com/v1/Widget'],
    holds: /app:v1\.31\.2-true-true-true/,
  },
  {
    name: 'notes',
    files: {
      'Chart.yaml': chartYaml('notes'),
      'templates/NOTES.txt': 'Thank you for {{ .Chart.Name }}, {{ .Release.Name }}.\n',
      'templates/app.yaml': pod('app', 'registry.example/app:1'),
    },
    holds: /app:1/,
  },
  {
    name: 'order',
    files: {
      'Chart.yaml': chartYaml('order'),
      'templates/z.yaml': `{{- range $kind := list "Service" "Namespace" "ConfigMap" "Widget" "ServiceAccount" "Ingress" "Secret" }}\n---\napiVersion: v1\nkind: {{ $kind }}\nmetadata:\n  name: {{ $kind | lower }}\n{{- end }}\n`,
      'templates/a.yaml': `${pod('app', 'registry.example/app:1')}--- \n# only a comment\n---\n\n${pod('second', 'registry.example/second:1')}`,
      'templates/empty.yaml': '{{- if false }}\nnever\n{{- end }}\n',
    },
    holds: /kind: Namespace[^]*kind: ServiceAccount[^]*kind: Secret[^]*kind: ConfigMap/,
  },
  {
    name: 'nested',
    files: {
      'Chart.yaml': chartYaml('nested', 'dependencies:\n  - name: outer\n    version: 1.2.3\n'),
      'values.yaml': 'global: {registry: registry.example}\nouter: {inner: {tag: "9"}}\n',
      'charts/outer-1.2.3.tgz': await packFiles('outer', {
        'Chart.yaml': chartYaml('outer', 'dependencies:\n  - name: inner\n    version: 1.2.3\n'),
        'charts/inner-1.2.3.tgz': await packFiles('inner', {
          'Chart.yaml': chartYaml('inner'),
          'values.yaml': 'tag: "1"\n',
          'templates/inner.yaml': pod('inner', '{{ .Values.global.registry }}/inner:{{ .Values.tag }}'),
        }),
      }),
    },
    holds: /registry\.example\/inner:9/,
  },
  {
    name: 'schema',
    files: {
      'Chart.yaml': chartYaml('schema'),
      'values.schema.json': JSON.stringify({
        $schema: 'http://json-schema.org/draft-07/schema#',
        $id: 'https://example.com/values.schema.json',
        type: 'object',
        required: ['image'],
        properties: { image: { $ref: '#/definitions/image' } },
        definitions: { image: { type: 'string', pattern: '^registry' } },
      }),
      'templates/app.yaml': pod('app', '{{ .Values.image }}'),
    },
    values: ['image: registry.example/app:1\n'],
    holds: /app:1/,
  },
  {
    name: 'old',
    files: {
      'Chart.yaml': 'apiVersion: v1\nname: old\nversion: 0.1.0\n',
      'requirements.yaml': 'dependencies:\n  - name: sub\n    version: 1.2.3\n    condition: sub.enabled\n',
      'values.yaml': 'sub: {enabled: false}\n',
      'templates/app.yaml': pod('app', 'registry.example/old:1'),
      'charts/sub/Chart.yaml': chartYaml('sub'),
      'charts/sub/templates/sub.yaml': pod('sub', 'registry.example/sub:1'),
    },
    values: ['sub: {enabled: true}\n'],
    holds: /sub:1/,
  },
  {
    name: 'nothing',
    files: { 'Chart.yaml': chartYaml('nothing'), 'templates/_only.tpl': '{{ define "x" }}{{ end }}' },
    holds: /^\n$/,
  },
];
