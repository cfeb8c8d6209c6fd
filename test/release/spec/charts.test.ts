/** Charts in a release.yaml: their two forms, what they are rendered with, and every mistake. */
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { AirgapError } from '../../../src/errors.ts';
import { loadSpec, parseSpec } from '../../../src/release/spec/spec.ts';
import { useTempDir } from '../../helpers/temp.ts';

const HEAD = `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: 1.2.3
platforms: all
`;
const temp = useTempDir();

function withCharts(charts: string): string {
  return `${HEAD}components:\n  - name: app\n    charts:\n${charts.replace(/^/gm, '      ')}\n`;
}

function chartsOf(text: string): unknown {
  return parseSpec(withCharts(text), 'release.yaml').components[0]?.charts;
}

function messageOf(charts: string): string {
  try {
    chartsOf(charts);
  } catch (error) {
    if (error instanceof AirgapError) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

const OWN_VALUES = [{ name: 'default', files: [] }];
const SETTINGS = { kubeVersion: '1.34.0', apiVersions: [], namespace: 'default', releaseName: 'release' };

describe('a chart', () => {
  it('is rendered with its own values where only its place is written', () => {
    const settled = { values: OWN_VALUES, settings: SETTINGS };
    expect(chartsOf('- charts/app\n- chart: ./charts/other/')).toEqual([
      { path: 'charts/app', at: 'release.yaml:9:9', ...settled },
      { path: 'charts/other', at: 'release.yaml:10:9', ...settled },
    ]);
    expect(chartsOf('- chart: oci://r.example.com/charts/db:1.2.3+4')).toMatchObject([
      { path: 'oci://r.example.com/charts/db:1.2.3_4', reference: { tag: '1.2.3_4' }, ...settled },
    ]);
  });

  it('is rendered with every set of values: a file, files laid over one another, a set with a name', () => {
    const charts = chartsOf(`- chart: charts/app
  values:
    - ./values/prod.yaml
    - [values/base.yaml, values/gpu.yaml]
    - {name: ha, files: [values/ha.yaml]}
    - {name: default, files: []}`);
    expect(charts).toMatchObject([
      {
        values: [
          { name: 'values/prod.yaml', files: ['values/prod.yaml'] },
          { name: 'values/base.yaml+values/gpu.yaml', files: ['values/base.yaml', 'values/gpu.yaml'] },
          { name: 'ha', files: ['values/ha.yaml'] },
          { name: 'default', files: [] },
        ],
      },
    ]);
  });

  it('is rendered for the cluster that is named', () => {
    const words = 'kubeVersion: 1.30.2\n  apiVersions: [a.io/v1, a.io/v1]\n  namespace: team\n  releaseName: app';
    expect(chartsOf(`- chart: charts/app\n  ${words}`)).toMatchObject([
      { settings: { kubeVersion: '1.30.2', apiVersions: ['a.io/v1'], namespace: 'team', releaseName: 'app' } },
    ]);
  });

  it('may be named in a repository, with a version or a range', () => {
    expect(
      chartsOf(`- {chart: app, repository: 'https://c.example.com/x/', version: ^1.2, keyring: keys/a.gpg}`),
    ).toMatchObject([
      {
        path: 'app',
        repository: 'https://c.example.com/x',
        version: '^1.2',
        keyring: 'keys/a.gpg',
        values: OWN_VALUES,
      },
    ]);
  });

  it('names no file that is not there', async () => {
    await mkdir(temp.join('charts/app'), { recursive: true });
    await mkdir(temp.join('values'));
    await writeFile(temp.join('values/prod.yaml'), '');
    const path = temp.join('release.yaml');
    await writeFile(
      path,
      withCharts('- chart: charts/app\n  keyring: k.gpg\n  values: [values/prod.yaml, [values/prd.yaml]]'),
    );
    const problems = await loadSpec(path).catch((error: AirgapError) => error.message.split('\n  '));
    expect(problems).toEqual([
      expect.stringMatching(/has 2 problems$/),
      expect.stringMatching(/release.yaml:10:18: components\[0\]\.charts\[0\]\.keyring: k\.gpg does not exist$/),
      expect.stringMatching(
        /:11:36: components\[0\]\.charts\[0\]\.values\[1\]: values\/prd\.yaml does not exist \(did you mean values\/prod\.yaml\?\)$/,
      ),
    ]);
  });
});

describe('what is wrong with a chart is named with its place', () => {
  it.each([
    [
      'a field of another name',
      '- {chart: charts/app, valuess: [a.yaml]}',
      '9:29: components[0].charts[0]: unknown field "valuess" (did you mean values?)',
    ],
    ['no chart', '- {values: [a.yaml]}', 'components[0].charts[0].chart: is missing'],
    [
      'a place that is none',
      '- {chart: ../app}',
      'charts[0].chart: must be a plain path below the directory of this file, or the address of a chart (such as charts/app',
    ],
    [
      'a version without a repository',
      '- {chart: charts/app, version: 1.2.3}',
      'charts[0].version: goes with `repository` only',
    ],
    [
      'a repository without a version',
      "- {chart: app, repository: 'https://c.example.com'}",
      'charts[0].version: is missing',
    ],
    [
      'a path in a repository',
      "- {chart: a/b, repository: 'https://c.example.com', version: 1.0.0}",
      'charts[0].chart: must be the name of a chart',
    ],
    [
      'a secret in an address',
      "- {chart: a, repository: 'https://me:pw@c.example.com', version: 1.0.0}",
      'charts[0].repository: must be an https:// or http:// address, without a user',
    ],
    [
      'a set that is none',
      '- {chart: charts/app, values: [1]}',
      'values[0]: expected a file, a list of files or a mapping, found number 1',
    ],
    ['an empty set without a name', '- {chart: charts/app, values: [[]]}', 'values[0]: must not be empty'],
    [
      'two sets of one name',
      '- {chart: charts/app, values: [a.yaml, [./a.yaml]]}',
      'values[1]: duplicate set of values a.yaml, already in line 9 (give one of them another name)',
    ],
    [
      'one chart twice',
      '- charts/app\n- {chart: charts/app/}',
      'charts[1]: duplicate path charts/app, already in line 9',
    ],
    [
      'a version that is none',
      '- {chart: charts/app, kubeVersion: new}',
      'charts[0].kubeVersion: must be a version of Kubernetes, such as 1.34.0',
    ],
  ])('%s', (_what, charts, message) => expect(messageOf(charts)).toContain(message));
});
