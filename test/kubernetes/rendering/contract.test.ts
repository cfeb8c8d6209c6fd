/** The laws for every renderer: Helm's own bytes and refusals, limits that hold, and a machine that stays out of reach. */
import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import type { RenderedChart, RenderLimits, RenderRequest } from '../../../src/kubernetes/rendering/chart-renderer.ts';
import { joinDocuments } from '../../../src/kubernetes/rendering/rendered-documents.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { chartYaml, CORPUS, packFiles, pod, requestFor, type CorpusChart } from './corpus.ts';
import { helmTemplate } from './oracle.ts';
import { RENDERERS } from './renderers.ts';

const temp = useTempDir();

/** A chart that Helm refuses, and words it says in all its versions. */
interface RefusedChart extends Omit<CorpusChart, 'holds'> {
  readonly says: RegExp;
  readonly request?: Partial<RenderRequest>;
}

const simple = { 'Chart.yaml': chartYaml('app'), 'templates/app.yaml': pod('app', '{{ .Values.image }}') };

/** What no Helm renders. */
const REFUSED: readonly RefusedChart[] = [
  {
    name: 'a required value',
    files: { ...simple, 'templates/app.yaml': pod('app', '{{ required "image is needed" .Values.image }}') },
    says: /image is needed/,
  },
  {
    name: 'fail',
    files: { ...simple, 'templates/app.yaml': '{{ fail "not\\non this cluster" }}' },
    says: /not\n {2}on this cluster/,
  },
  {
    name: 'a missing dependency',
    files: { ...simple, 'Chart.yaml': chartYaml('app', 'dependencies:\n  - name: db\n    version: 1.2.3\n') },
    says: /found in Chart\.yaml, but missing in charts\/ directory: db/,
  },
  {
    name: 'a library chart',
    files: { 'Chart.yaml': chartYaml('app', 'type: library\n') },
    says: /library charts are not installable/,
  },
  {
    name: 'another Kubernetes',
    files: { ...simple, 'Chart.yaml': chartYaml('app', 'kubeVersion: ">=1.99.0"\n') },
    says: /chart requires kubeVersion: >=1\.99\.0 which is incompatible with Kubernetes v1\.33\.4/,
  },
  {
    name: 'a manifest that is no YAML',
    files: { ...simple, 'templates/app.yaml': 'kind: [Pod\n' },
    says: /YAML parse error on app\/templates\/app\.yaml/,
  },
  {
    name: 'a template that does not parse',
    files: { ...simple, 'templates/app.yaml': 'a: {{ if }}\n' },
    says: /parse error at \(app\/templates\/app\.yaml:1\): missing value for if/,
  },
  {
    name: 'a template that is not there',
    files: { ...simple, 'templates/app.yaml': 'a: {{ include "common.none" . }}\n' },
    says: /no template "common\.none"/,
  },
  {
    name: 'values against the schema',
    files: { ...simple, 'values.schema.json': '{"properties":{"image":{"type":"string"}}}' },
    values: ['image: 5\n'],
    says: /values don't meet the specifications of the schema/,
  },
  {
    name: 'values that are a list',
    files: simple,
    values: ['image: a\n', '- a\n'],
    says: /failed to parse values\/1\.yaml: .*cannot unmarshal/,
  },
  {
    name: 'a release name',
    files: simple,
    request: { releaseName: 'Not_A_Name' },
    says: /invalid release name/,
  },
  {
    name: 'a release name that looks like an option',
    files: simple,
    request: { releaseName: '--validate' },
    says: /invalid release name/,
  },
  {
    name: 'a Kubernetes version',
    files: simple,
    request: { kubeVersion: 'newest' },
    says: /invalid kube version 'newest'/,
  },
  {
    name: 'the environment',
    files: { ...simple, 'templates/app.yaml': pod('app', '{{ env "HOME" }}') },
    says: /function "env" not defined/,
  },
  {
    name: 'the environment in text',
    files: { ...simple, 'templates/app.yaml': pod('app', '{{ expandenv "$HOME" }}') },
    says: /function "expandenv" not defined/,
  },
  {
    name: 'a template that calls itself',
    files: { ...simple, 'templates/app.yaml': '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}' },
    says: /rendering template has a nested reference name/,
  },
];

/** The request for a refused chart. */
async function requestForRefused(chart: RefusedChart): Promise<RenderRequest> {
  return { ...(await requestFor({ ...chart, holds: /./ })), ...chart.request };
}

const MiB = 1024 * 1024;

/** A template, and the limit it goes over. */
const GREEDY: readonly (readonly [what: string, template: string, limits: Partial<RenderLimits>, limit: string])[] = [
  ['never ends', '{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}', { timeoutMs: 500 }, 'time'],
  ['repeats text', 'a: {{ repeat 2000000000 "x" | len }}', {}, 'memory'],
  ['counts far', 'a: {{ range until 2000000000 }}x{{ end }}', {}, 'memory'],
  [
    'grows by steps',
    '{{ $d := dict "t" "xxxxxxxx" }}{{ range until 40 }}{{ $_ := set $d "t" (print $d.t $d.t) }}{{ end }}a: {{ len $d.t }}',
    {},
    'memory',
  ],
  ['prints much', '# {{ range until 3000 }}{{ repeat 1000 "x" }}{{ end }}\na: 1\n', { maxOutputBytes: MiB }, 'output'],
];

/** Ways of a template to what is not in its chart. */
const REACHING: readonly string[] = [
  '{{ .Files.Get "/etc/passwd" }}',
  '{{ .Files.Get "../../../../../../etc/passwd" }}',
  '{{ .Files.Get "file:///etc/passwd" }}',
  '{{ range $path, $_ := .Files.Glob "/etc/*" }}{{ $path }}{{ end }}',
  '{{ range $path, $_ := .Files.Glob "../**" }}{{ $path }}{{ end }}',
  '{{ (.Files.Glob "/proc/self/*").AsConfig | trim | trimAll "{}" }}',
  '{{ tpl "{{ .Files.Get \\"/etc/passwd\\" }}" . }}',
  '{{ getHostByName "localhost" }}',
  '{{ (lookup "v1" "Secret" "kube-system" "").items | join "" }}',
];

/** What the Helms print for the corpus; each is asked once, however many renderers are compared with it. */
const printed = new Map<string, Promise<ProcessResult>>();

async function expected(helm: string, chart: string, request: RenderRequest): Promise<string> {
  const key = `${helm} ${chart}`;
  const result = printed.get(key) ?? helmTemplate(helm, request, temp);
  printed.set(key, result);
  return (await result).stdout;
}

describe.each(RENDERERS)('$name', ({ oracles, open }) => {
  test.for(CORPUS)('renders $name as helm template does, byte for byte', async (chart, t) => {
    const renderer = (await open()) ?? t.skip();
    const request = await requestFor(chart);
    const manifest = joinDocuments((await renderer.render(request)).documents);
    expect(manifest).toMatch(chart.holds);
    for (const oracle of oracles) {
      const helm = requireTool(oracle);
      if (helm !== undefined) expect(manifest).toBe(await expected(helm, chart.name, request));
    }
  });

  describe('refuses what Helm refuses, in its words', () => {
    test.for(REFUSED)('$name', async (chart, t) => {
      const renderer = (await open()) ?? t.skip();
      const error = await failureOf(renderer.render(await requestForRefused(chart)));
      expect(error.code).toBe('INVALID_SPEC');
      expect(error.message).toMatch(new RegExp(`^charts/${chart.name}: Helm refuses to render this chart: `));
      expect(error.message).toMatch(chart.says);
      expect(error.hint).toContain('helm template');
      expect(error.message).not.toMatch(/Use --debug|values-\d\.yaml|chart\.tgz/);
    });
  });

  describe('ends what takes too much', () => {
    test.for(GREEDY)('a template that %s', async ([, template, limits, limit], t) => {
      const renderer = (await open(limits)) ?? t.skip();
      const chart = { name: 'greedy', files: { 'Chart.yaml': chartYaml('greedy'), 'templates/a.yaml': template } };
      const error = await failureOf(renderer.render(await requestFor({ ...chart, holds: /./ })));
      expect(error.details['limit']).toBe(limit);
      expect(error.message).toMatch(/^charts\/greedy: rendering this chart (takes|renders)/);
      // The next chart is rendered as if nothing had been.
      const next = limits.timeoutMs === undefined ? renderer : await open();
      const rendered = await next?.render(await requestFor({ ...chart, files: OK, holds: /./ }));
      expect(rendered?.documents[0]?.text).toContain('registry.example/ok:1');
    });
  });

  test('reaches nothing beyond the chart, whatever a template tries', async (t) => {
    const renderer = (await open()) ?? t.skip();
    const templates = REACHING.map((template, at) => [`templates/${at}.yaml`, `a: "<${template}>"\n`] as const);
    const files = { 'Chart.yaml': chartYaml('reach'), ...Object.fromEntries(templates) };
    const { documents } = await renderer.render(await requestFor({ name: 'reach', files, holds: /./ }));
    expect(documents.map(({ source, text }) => [source, text])).toEqual(
      REACHING.map((_, at) => [`reach/templates/${at}.yaml`, 'a: "<>"\n']),
    );
  });

  test('shows a chart nothing of the environment', async (t) => {
    const renderer = (await open()) ?? t.skip();
    const files = { 'Chart.yaml': chartYaml('all'), 'templates/a.yaml': 'all: {{ toJson . | quote }}\n' };
    const { documents } = await renderer.render(await requestFor({ name: 'all', files, holds: /./ }));
    const manifest = joinDocuments(documents);
    expect(manifest).toContain('KubeVersion');
    for (const word of [process.env['PATH'], process.env['HOME'], process.cwd(), temp.path]) {
      expect(manifest).not.toContain(word);
    }
  });

  test('lets no schema read files or call servers', async (t) => {
    await using server = await startScriptedServer((_request, response) => void response.end('true'));
    const file = temp.join('schema.json');
    await writeFile(file, 'false');
    const renderer = (await open()) ?? t.skip();
    const leaving = schemasThatLeave(`http://${server.host}/s.json`, file);
    for (const schema of leaving) {
      const files = { ...OK, 'values.schema.json': schema };
      const request = await requestFor({ name: 'leaves', files, values: ['image: a\n'], holds: /./ });
      const error = await failureOf(renderer.render(request), schema);
      expect(error.message).toMatch(/values\.schema\.json: (refers to .*, which is not in the file|is no JSON)/);
    }
    const skipped = await renderer.render({ ...(await requestForAll(leaving)), skipSchemaValidation: true });
    expect(imagesOf(skipped)).toHaveLength(leaving.length);
    // In a chart below it, and in a package below that.
    const [schema = ''] = leaving;
    const inner = { 'Chart.yaml': chartYaml('inner'), 'values.schema.json': schema };
    const outer = await packFiles('outer', {
      'Chart.yaml': chartYaml('outer'),
      'charts/inner-1.tgz': await packFiles('inner', inner),
    });
    const below = Object.entries(inner).map(([path, text]) => [`charts/inner/${path}`, text] as const);
    for (const files of [
      { ...OK, ...Object.fromEntries(below) },
      { ...OK, 'charts/outer-1.tgz': outer },
    ]) {
      const values = ['inner: {image: a}\nouter: {inner: {image: a}}\n'];
      const error = await failureOf(renderer.render(await requestFor({ name: 'nested', files, values, holds: /./ })));
      expect(error.message).toMatch(/charts\/inner.*\/values\.schema\.json: refers to/);
    }
    // Where Helm does not look, anything may lie.
    const elsewhere = { ...OK, 'files/values.schema.json': schema, 'charts/_old.tgz': 'no package' };
    await renderer.render(await requestFor({ name: 'elsewhere', files: elsewhere, holds: /./ }));
    const staying = schemasThatStay(`http://${server.host}/s.json`).map((schema) => JSON.stringify(schema));
    const { documents } = await renderer.render(await requestForAll(staying));
    expect(imagesOf({ documents })).toHaveLength(staying.length);
    expect(server.asked).toEqual([]);
  });

  test('stops when it is told to', async (t) => {
    const renderer = (await open()) ?? t.skip();
    const files = { 'Chart.yaml': chartYaml('long'), 'templates/a.yaml': GREEDY[0]?.[1] ?? '' };
    const stop = new AbortController();
    const rendering = renderer.render(await requestFor({ name: 'long', files, holds: /./ }), { signal: stop.signal });
    const outcome = rendering.then(
      () => 'rendered',
      (error: unknown) => (error as Error).name,
    );
    setTimeout(() => stop.abort(), 200);
    expect(await outcome).toBe('AbortError');
    await expect(renderer.render(await requestFor({ name: 'ok', files: OK, holds: /./ }), stop)).rejects.toThrow();
  });

  test('takes no words that are none', async (t) => {
    const renderer = (await open()) ?? t.skip();
    const request = await requestFor({ name: 'ok', files: OK, holds: /./ });
    for (const wrong of [
      { namespace: '--debug' },
      { namespace: '' },
      { releaseName: '' },
      { releaseName: 'a\0b' },
      { kubeVersion: '1.30\n' },
      { apiVersions: ['v1,v2'] },
      { apiVersions: ['v1', '"'] },
    ]) {
      const error = await failureOf(renderer.render({ ...request, ...wrong }), JSON.stringify(wrong));
      expect(error.message).toMatch(/^charts\/ok: ".*" is no (namespace|release name|Kubernetes version|API version)$/);
    }
  });

  test('refuses what is no chart package', async (t) => {
    const renderer = (await open()) ?? t.skip();
    const request = await requestFor({ name: 'ok', files: OK, holds: /./ });
    await expect(renderer.render({ ...request, chart: Buffer.from('no gzip') })).rejects.toMatchObject({
      code: 'MALFORMED',
    });
  });
});

test.for(['helm3', 'helm4'])('%s itself refuses all of these', async (name, t) => {
  const helm = requireTool(name) ?? t.skip();
  for (const chart of REFUSED) {
    const { releaseName, ...request } = await requestForRefused(chart);
    // Given plainly it would be an option.
    if (releaseName.startsWith('-')) continue;
    expect((await helmTemplate(helm, { releaseName, ...request }, temp)).exitCode, chart.name).toBe(1);
  }
});

const OK = { 'Chart.yaml': chartYaml('ok'), 'templates/a.yaml': pod('ok', 'registry.example/ok:1') };

/** One chart with a chart below it for each schema. */
function requestForAll(schemas: readonly string[]): Promise<RenderRequest> {
  const files = schemas.flatMap((schema, at) => [
    [`charts/s${at}/Chart.yaml`, chartYaml(`s${at}`)] as const,
    [`charts/s${at}/templates/a.yaml`, pod(`s${at}`, 'registry.example/ok:1')] as const,
    [`charts/s${at}/values.schema.json`, schema] as const,
  ]);
  const values = schemas.map((_, at) => `s${at}: {image: a}\n`).join('');
  return requestFor({
    ...{ name: 'all', values: [values], holds: /./ },
    files: { 'Chart.yaml': chartYaml('all'), ...Object.fromEntries(files) },
  });
}

function imagesOf({ documents }: Pick<RenderedChart, 'documents'>): readonly string[] {
  return joinDocuments(documents).match(/registry\.example\/ok:1/g) ?? [];
}

function schemasThatLeave(url: string, file: string): readonly string[] {
  const named = (name: string): object => ({ $id: name, type: 'object' });
  const image = (schema: object): object => ({ properties: { image: schema } });
  return [
    image({ $ref: url }),
    image({ $ref: `${url}#/definitions/a` }),
    image({ $ref: `file://${file}` }),
    image({ $ref: file }),
    image({ $ref: file.slice(1) }),
    image({ $dynamicRef: url }),
    image({ $recursiveRef: url }),
    { $schema: url },
    { $id: url.replace('s.json', 'root.json'), ...image({ $ref: 's.json' }) },
    // A name in a place where only some validators look for one.
    { examples: [named(url)], ...image({ $ref: url }) },
    { const: named(`file://${file}`), ...image({ $ref: `file://${file}` }) },
    {
      definitions: { [`a${'/'.repeat(3)}`]: { allOf: [{ not: { $ref: url } }] } },
      ...image({ $ref: '#/definitions/a~1~1~1' }),
    },
  ]
    .map((schema) => JSON.stringify(schema))
    .concat(
      `${JSON.stringify(image({ $ref: `file://${file}` }))} trailing`,
      JSON.stringify(image({ $ref: url })).replace('$ref', '\\u0024ref'),
    );
}

/** Names are no references: no Helm fetches them. */
function schemasThatStay(url: string): readonly object[] {
  const definitions = { text: { type: 'string' } };
  const inner = { $id: url, definitions, properties: { image: { $ref: '#/definitions/text' } } };
  return [
    inner,
    { ...inner, $schema: 'http://json-schema.org/draft-07/schema#' },
    { ...inner, id: url, $schema: 'http://json-schema.org/draft-04/schema#' },
    { allOf: [inner] },
    { definitions, properties: { image: { $id: url, type: 'string' } } },
    { default: { $id: url }, definitions, properties: { image: { $ref: '#/definitions/text' } } },
  ];
}

async function failureOf(rendering: Promise<unknown>, of = ''): Promise<UsageError> {
  const outcome: unknown = await rendering.then(
    () => `rendered ${of}`,
    (error: unknown) => error,
  );
  if (!(outcome instanceof UsageError)) throw outcome instanceof Error ? outcome : new Error(String(outcome));
  return outcome;
}
