/** A diagnosis tells what helps from afar, and nothing that is secret. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maskObject, secretValues } from '../../../src/operations/diagnosis/masked.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { sharedCluster, type SharedCluster } from '../../helpers/cluster.ts';
import { makeDeployableRelease, type DeployableRelease } from '../deploy/deployable-release.ts';

const cli = useBuiltCli();
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster !== undefined) release = await makeDeployableRelease(cli, cluster.kubeconfig);
});
afterAll(async () => release?.[Symbol.asyncDispose]());

const PASSWORD = 'correct-horse-battery';

describe('a deployment that does not get on', () => {
  test('leaves its diagnosis, in which no value of the site stands; with --plan it looks and changes nothing', async (t) => {
    const { temp, deploy, initProgram } = release ?? t.skip();
    const namespace = `diagnosed-${randomBytes(4).toString('hex')}`;
    const values = temp.join('values.env');
    await writeFile(values, `SITE_API_PASSWORD=${PASSWORD}\n`);
    const words = ['--site-values', values, '--diagnose'];
    const [failed, looked] = [temp.join('failed'), temp.join('looked')];
    // The command that would set the platform up is not there: the deployment ends when all else is ready.
    const first = await deploy('set-up', namespace, ...words, failed);
    expect(first).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`diagnosis: ${failed}\n`) as string });
    const texts = await filesOf(failed);
    const logs = [...texts.keys()].filter((path) => path.startsWith('logs/'));
    expect([...texts.keys()].filter((path) => !path.startsWith('logs/')).sort()).toEqual(
      ['behind.json', 'diagnosis.json', 'events.txt', 'nodes.json', 'objects.json', 'pods.json', 'said.txt', 'states.txt'],
    ); // prettier-ignore
    expect(logs).toHaveLength(2);
    expect(JSON.parse(texts.get('diagnosis.json') ?? '')).toMatchObject({
      kind: 'diagnosis',
      release: { name: 'shop', version: '1.0.0' },
      profile: 'set-up',
      placeholders: ['SITE_API_PASSWORD', 'SITE_API_PASSWORD_BASE64'],
      failure: { message: expect.stringContaining(`cannot run ${initProgram}`) as string },
      notRead: [],
    });
    expect(texts.get('states.txt')).toContain(`Deployment ${namespace}/control: current\n`);
    expect(texts.get('said.txt')).toContain('step init');
    expect(texts.get('objects.json')).toContain('"words":"say (hidden)"');
    const encoded = Buffer.from(PASSWORD).toString('base64').replace(/=+$/, '');
    for (const text of texts.values()) for (const secret of [PASSWORD, encoded]) expect(text).not.toContain(secret);

    const again = await deploy('set-up', namespace, ...words, failed);
    expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('exists already') as string });
    expect(await deploy('set-up', namespace, '--plan', '--diagnose', looked)).toMatchObject({ exitCode: 7 });
    const document = JSON.parse((await filesOf(looked)).get('diagnosis.json') ?? '') as object;
    expect(document).not.toHaveProperty('failure');
  });
});

async function filesOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return new Map(
    await Promise.all(
      files.map(async (file) => [file.slice(directory.length + 1), await readFile(file, 'utf8')] as const),
    ),
  );
}

describe('an object', () => {
  const metadata = { name: 'a', namespace: 'shop', managedFields: [{ manager: 'x' }] };

  test('keeps what explains it, and loses values of Secrets, variables and settings that are secret', () => {
    const env = [
      { name: 'DB_PASSWORD', value: 'hunter2-hunter2' },
      { name: 'LEVEL', value: 'debug' },
    ];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { containers: [{ name: 'main', image: 'a/b:1', env }] },
    };
    expect(maskObject(pod)).toEqual({
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' } },
      spec: {
        containers: [{ name: 'main', image: 'a/b:1', env: [{ name: 'DB_PASSWORD', value: '(hidden)' }, env[1]] }],
      },
    });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'Opaque',
      data: { user: 'c2hvcA==' },
      stringData: { a: 'b' },
    };
    expect(maskObject(secret)).toMatchObject({
      type: 'Opaque',
      data: { user: '(hidden)' },
      stringData: { a: '(hidden)' },
    });
    const settings = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { api_token: 'abcdefghijkl', level: 'info' },
    };
    expect(maskObject(settings)).toMatchObject({ data: { api_token: '(hidden)', level: 'info' } });
  });

  test('that kubectl applied has a copy of itself, which is hidden whole', () => {
    const copy = { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"secret"}}', note: 'kept' };
    const masked = maskObject({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, annotations: copy } });
    expect(masked.metadata['annotations']).toEqual({
      'kubectl.kubernetes.io/last-applied-configuration': '(hidden)',
      note: 'kept',
    });
  });

  test('of Secrets gives what is to be hidden elsewhere: long values and those with a telling name, not a user', () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const data = { user: base64('shop'), password: base64('short-one'), blob: base64('a-rather-long-value') };
    const found = secretValues([{ apiVersion: 'v1', kind: 'Secret', metadata, data }]);
    expect([...found.values()].sort()).toEqual(['a-rather-long-value', 'short-one']);
  });
});
