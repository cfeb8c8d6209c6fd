/** A chart that Helm 3 or Helm 4 refuses is refused here, and one that both take is taken: Helm itself is asked. */
import { symlink } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { packChart } from '../../../src/kubernetes/charts/chart-packing.ts';
import { openChart } from '../../../src/kubernetes/charts/chart-package.ts';
import { AirgapError } from '../../../src/errors.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { run } from '../../helpers/run.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { writeFiles } from './chart-files.ts';

const temp = useTempDir();
type Files = Readonly<Record<string, string | Buffer>>;

const HEAD = 'apiVersion: v2\nname: demo\nversion: 1.0.0\n';
const SUB = 'apiVersion: v2\nname: sub\nversion: 1.0.0\n';
const BASE: Files = { 'Chart.yaml': HEAD, 'templates/a.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n' };
const chartYaml = (text: string): Files => ({ 'Chart.yaml': text });
const more = (text: string): Files => chartYaml(HEAD + text);
const values = (text: string | Buffer): Files => ({ 'values.yaml': text });
const schema = (value: unknown): Files => ({ 'values.schema.json': JSON.stringify(value) });
const depends = (...entries: readonly string[]): string =>
  `dependencies: [${entries.map((entry) => `{${entry}, version: '1', repository: ''}`).join(', ')}]\n`;
const lines = (count: number, line: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => line(n)).join('');
const tgz = (files: Files): Promise<Buffer> =>
  packChart(
    'sub',
    Object.entries(files).map(([path, content]) => ({ path, bytes: Buffer.from(content) })),
  );

const TAKEN: readonly (readonly [string, Files])[] = [
  ['the least', {}],
  ['no apiVersion', chartYaml('name: demo\nversion: 1.0.0\n')],
  ['a key twice in Chart.yaml', more('name: demo\n')],
  ['a byte order mark in Chart.yaml', chartYaml(`\uFEFF${HEAD}`)],
  ['one number as version', chartYaml('apiVersion: v2\nname: demo\nversion: 1\n')],
  ['a number with a zero in front as version', chartYaml('apiVersion: v2\nname: demo\nversion: 1.01.0\n')],
  ['a v before the version', chartYaml('apiVersion: v2\nname: demo\nversion: v1.2.3-rc.1+b.2\n')],
  ['annotations that are no text', more('annotations: {a: 1, b: true, c: null}\n')],
  ['keywords that are nothing', more('keywords: [a, null]\nsources: null\n')],
  ['a library that nobody installs, below charts/', { 'charts/sub/Chart.yaml': `${SUB}type: library\n` }],
  ['no type', more("type: ''\n")],
  ['a range of Kubernetes versions', more("kubeVersion: '>= 1.20.0-0 < 2.0.0 || ^1.31 , !=9'\n")],
  ['a hyphen range', more("kubeVersion: '1.19 - 1.99'\n")],
  ['a wildcard range', more("kubeVersion: '1.x.x || *'\n")],
  ['an unknown field', more('extra: {a: 1}\n')],
  ['values that are nothing', values('# none\n')],
  ['a key twice in values', values('a: 1\na: 2\n')],
  ['a hundred and fifty aliases', values(`a: &a {x: 1}\n${lines(150, (n) => `k${n}: *a\n`)}`)],
  ['more than a megabyte of values', values(lines(12_000, (n) => `key-${n}: ${'x'.repeat(90)}\n`))],
  ['an unknown tag in values', values('a: !Ref x\n')],
  ['keys that are numbers', values('1: a\ntrue: b\n')],
  ['a byte order mark in values', values('\uFEFFa: 1\n')],
  ['a schema', schema({ type: 'object', properties: { a: { type: ['string', 'null'], pattern: '^[a-z(?=]+$' } } })],
  ['a schema that is true', schema(true)],
  ['a schema with references', schema({ $defs: { 'a/b': { type: 'string' } }, properties: { z: { $ref: '#/$defs/a~1b' } } })],
  ['a schema of draft 7', schema({ $schema: 'http://json-schema.org/draft-07/schema#', definitions: { a: { items: [true] } } })],
  ['an unpacked dependency', { ...more(depends('name: sub')), 'charts/sub/Chart.yaml': SUB }],
  ['a dependency in a directory of another name', { ...more(depends('name: sub')), 'charts/x/Chart.yaml': SUB }],
  ['an alias', { ...more(depends('name: sub, alias: a_b-1', 'name: sub')), 'charts/sub/Chart.yaml': SUB }],
  ['a dependency that nobody declares', { 'charts/sub/Chart.yaml': SUB }],
  ['a missing dependency of a dependency', { 'charts/sub/Chart.yaml': SUB + depends('name: deep') }],
  ['dependencies in requirements.yaml', {
    ...chartYaml('apiVersion: v1\nname: demo\nversion: 1.0.0\n'),
    'requirements.yaml': depends('name: sub'),
    'charts/sub/Chart.yaml': SUB,
  }],
  ['an empty requirements.yaml', { 'requirements.yaml': '# none\n' }],
  ['what is passed over below charts/', { 'charts/_x/a': '', 'charts/.y/b': '', 'charts/_z': '', 'charts/.gitkeep': '' }],
  ['a provenance file below charts/', { 'charts/sub.tgz.prov': 'text' }],
  ['a lock', { 'Chart.lock': "generated: '2026-01-31T12:00:00.5+01:00'\ndigest: sha256:ab\ndependencies: []\n" }],
]; // prettier-ignore

const REFUSED: readonly (readonly [string, Files])[] = [
  ['an empty Chart.yaml', chartYaml('')],
  ['a list as Chart.yaml', chartYaml('- a\n')],
  ['no name', chartYaml('apiVersion: v2\nversion: 1.0.0\n')],
  ['no version', chartYaml('apiVersion: v2\nname: demo\n')],
  ['a version that is none', chartYaml('apiVersion: v2\nname: demo\nversion: 1.0.0.0\n')],
  ['a pre-release with a zero in front', chartYaml('apiVersion: v2\nname: demo\nversion: 1.0.0-01\n')],
  ['a name that leads elsewhere', chartYaml('apiVersion: v2\nname: a/b\nversion: 1.0.0\n')],
  ['a type that there is not', more('type: thing\n')],
  ['text for a list', more('keywords: foo\n')],
  ['text for yes or no', more('deprecated: maybe\n')],
  ['a mapping for text', more('annotations: {a: {b: c}}\n')],
  ['nothing as maintainer', more('maintainers: [null]\n')],
  ['nothing as dependency', more('dependencies: [null]\n')],
  ['a range of Kubernetes versions that is none', more('kubeVersion: banana\n')],
  ['a range with a typing error', more("kubeVersion: '>=1.20 &&<2'\n")],
  ['an alias with a dot', { ...more(depends('name: sub, alias: a.b')), 'charts/sub/Chart.yaml': SUB }],
  ['one dependency twice', { ...more(depends('name: sub', 'name: sub')), 'charts/sub/Chart.yaml': SUB }],
  ['values that are a list', values('- a\n')],
  ['values that are text', values('hello\n')],
  ['values with a template', values('{{ .Values.x }}: 1\n')],
  ['values with tabs', values('a:\n\tb: 1\n')],
  ['values with nothing as key', values('~: 1\n')],
  ['values with an alias to nothing', values('a: *b\n')],
  ['values with aliases that double', values(`k0: &k0 [a,b,c]\n${lines(20, (n) => `k${n + 1}: &k${n + 1} [${`*k${n},`.repeat(9)}]\n`)}`)],
  ['values of a chart below it that are a list', { 'charts/sub/Chart.yaml': SUB, 'charts/sub/values.yaml': '- a\n' }],
  ['a schema that is no JSON', { 'values.schema.json': '{' }],
  ['a schema that is a list', schema([])],
  ['a schema with a type that there is not', schema({ type: 'strin' })],
  ['a schema with a wrong type far below', schema({ properties: { a: { allOf: [{ items: { type: 'int' } }] } } })],
  ['a schema that requires text', schema({ required: 'a' })],
  ['a schema with properties that are a list', schema({ properties: ['a'] })],
  ['a schema with a length below nothing', schema({ properties: { a: { minLength: -1 } } })],
  ['a schema that looks ahead', schema({ properties: { a: { pattern: '^(?!x)' } } })],
  ['a schema that looks ahead in a key', schema({ patternProperties: { '(?<=a)b': true } })],
  ['a schema that refers to nothing', schema({ properties: { a: { $ref: '#/definitions/a' } } })],
  ['a lock without a time', { 'Chart.lock': 'generated: yesterday\n' }],
  ['a lock that is a list', { 'Chart.lock': '- a\n' }],
  ['an old lock without a time', { 'requirements.lock': 'generated: 5\n' }],
  ['a missing dependency', more(depends('name: redis'))],
  ['a missing dependency of version 1', {
    ...chartYaml('apiVersion: v1\nname: demo\nversion: 1.0.0\n'),
    'requirements.yaml': depends('name: redis'),
  }],
  ['a missing dependency of version 2 in requirements.yaml', { 'requirements.yaml': depends('name: redis') }],
  ['a requirements.yaml that is a list', { 'requirements.yaml': '- a\n' }],
  ['a dependency that is passed over', { ...more(depends('name: sub')), 'charts/_sub/Chart.yaml': SUB }],
  ['a dependency that .helmignore leaves out', {
    ...more(depends('name: sub')),
    'charts/sub/Chart.yaml': SUB,
    '.helmignore': 'charts/sub/\n',
  }],
  ['a file below charts/', { 'charts/README.md': '# Charts\n' }],
  ['a directory below charts/ that is no chart', { 'charts/foo/README.md': '# Foo\n' }],
  ['a package that is none', { 'charts/sub.tgz': 'no' }],
  ['a directory that is called as a package', { 'charts/sub.tgz/Chart.yaml': SUB }],
]; // prettier-ignore

/** What the two Helms judge differently; either may be what installs behind the gap, so that the stricter one counts. */
const DISPUTED: readonly (readonly [string, Files])[] = [
  ['an apiVersion that is not yet', chartYaml('apiVersion: v9\nname: demo\nversion: 1.0.0\n')],
  ['a second document in values that is a list', values('a: 1\n---\n- b\n')],
];

async function helmTakes(tool: string): Promise<boolean> {
  const env = {
    ...(process.env as Record<string, string>),
    HELM_CACHE_HOME: temp.join('helm'),
    HELM_CONFIG_HOME: temp.join('helm'),
    HELM_DATA_HOME: temp.join('helm'),
  };
  return (await run(tool, ['template', 'r', temp.join('demo')], { env })).exitCode === 0;
}

async function weTake(): Promise<boolean> {
  try {
    await openChart(temp.join('demo'));
    return true;
  } catch (error) {
    if (error instanceof AirgapError) return false;
    throw error;
  }
}

async function verdicts(helm3: string, helm4: string): Promise<object> {
  const [first, second, ours] = await Promise.all([helmTakes(helm3), helmTakes(helm4), weTake()]);
  return { helm3: first, helm4: second, ours };
}

describe.each([
  ['taken', TAKEN, { helm3: true, helm4: true, ours: true }],
  ['refused', REFUSED, { helm3: false, helm4: false, ours: false }],
  ['refused where Helm 4 does', DISPUTED, { helm3: true, helm4: false, ours: false }],
])('%s:', (_verdict, table, expected) => {
  test.each(table)('%s', async (_what, files) => {
    const [helm3, helm4] = [requireTool('helm3'), requireTool('helm4')];
    await writeFiles(temp.join('demo'), { ...BASE, ...files });
    if (helm3 === undefined || helm4 === undefined) expect(await weTake()).toBe(expected.ours);
    else expect(await verdicts(helm3, helm4)).toEqual(expected);
  });
});

test('a packed dependency is looked into as an unpacked one is', async (t) => {
  const [helm3, helm4] = [requireTool('helm3') ?? t.skip(), requireTool('helm4') ?? t.skip()];
  const files = { ...BASE, ...more(depends('name: sub')) };
  await writeFiles(temp.join('demo'), { ...files, 'charts/sub-1.tgz': await tgz({ 'Chart.yaml': `\uFEFF${SUB}` }) });
  expect(await verdicts(helm3, helm4)).toEqual({ helm3: true, helm4: true, ours: true });
  const broken = await tgz({ 'Chart.yaml': SUB, 'charts/deep/Chart.yaml': SUB, 'charts/deep/values.yaml': '- a\n' });
  await writeFiles(temp.join('demo'), { 'charts/sub-1.tgz': broken });
  expect(await verdicts(helm3, helm4)).toEqual({ helm3: false, helm4: false, ours: false });
});

test('a link to nothing is refused, one that leads out is for `helm package`', async (t) => {
  const [helm3, helm4] = [requireTool('helm3') ?? t.skip(), requireTool('helm4') ?? t.skip()];
  await writeFiles(temp.join('demo'), { ...BASE, '.helmignore': 'ignored\n' });
  await symlink('nowhere', temp.join('demo/broken'));
  expect(await verdicts(helm3, helm4)).toEqual({ helm3: false, helm4: false, ours: false });
  await writeFiles(temp.path, { nowhere: '', 'demo/nowhere': '' });
  await symlink('../nowhere', temp.join('demo/ignored'));
  expect(await verdicts(helm3, helm4)).toEqual({ helm3: true, helm4: true, ours: true });
  await symlink('../nowhere', temp.join('demo/outside'));
  await expect(openChart(temp.join('demo'), { shownAs: 'charts/demo' })).rejects.toMatchObject({
    message: 'charts/demo/outside: is a link that leads out of the chart',
    hint: 'run `helm package charts/demo`, which follows it, and name the package instead',
  });
});
