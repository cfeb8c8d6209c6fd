/** Kubeconfigs mean what they mean to kubectl: files, contexts, users, and what cannot be used is said. */
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { findClusterAccess } from '../../../../src/kubernetes/cluster/access/kubeconfig.ts';
import type { AccessRequest, ClusterAccess } from '../../../../src/kubernetes/cluster/access/cluster-access.ts';
import { inClusterAccess } from '../../../../src/kubernetes/cluster/access/in-cluster.ts';
import { useTempDir } from '../../../helpers/temp.ts';

const temp = useTempDir();
const PEM = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

function config(parts: { cluster?: object; user?: object | null; context?: object; current?: string }): string {
  const { cluster = {}, user = { token: 'secret' }, context = {}, current = 'one' } = parts;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', ...context } }],
    'current-context': current,
  });
}

async function find(text: string, request: AccessRequest = {}): Promise<ClusterAccess> {
  const kubeconfig = temp.join('config');
  await writeFile(kubeconfig, text);
  return await findClusterAccess({ kubeconfig, ...request }, {});
}

describe('a kubeconfig', () => {
  test('gives the current context its cluster, its user and its namespace', async () => {
    const access = await find(
      config({
        cluster: {
          'tls-server-name': 'api.internal',
          'proxy-url': 'http://127.0.0.9:3128',
          'insecure-skip-tls-verify': true,
        },
        context: { namespace: 'shop' },
      }),
    );
    expect(access).toMatchObject({
      namespace: 'shop',
      user: { name: 'u', token: 'secret' },
      origin: { origin: 'https://127.0.0.1:6443', serverName: 'api.internal', isInsecure: true },
    });
    expect(access.server.href).toBe('https://127.0.0.1:6443/');
    expect(access.origin.proxy?.href).toBe('http://127.0.0.9:3128/');
    expect(access.name).toBe(`context one of ${temp.join('config')}`);
  });

  test('yields to what is asked for: context, namespace, another user', async () => {
    const text = config({ current: 'nowhere', user: { token: 't', as: 'own', 'as-groups': ['g'] } });
    const access = await find(text, { context: 'one', namespace: 'other', as: 'eve', asGroup: 'ops' });
    expect(access).toMatchObject({ namespace: 'other', user: { impersonates: { user: 'eve', group: 'ops' } } });
    const own = await find(text, { context: 'one' });
    expect(own).toMatchObject({ namespace: 'default', user: { impersonates: { user: 'own', group: 'g' } } });
  });

  test('takes certificates from data before files, and files from beside itself', async () => {
    await writeFile(temp.join('ca.crt'), PEM);
    const data = Buffer.from(PEM.replace('AAAA', 'BBBB')).toString('base64');
    const cluster = { 'certificate-authority': 'ca.crt' };
    expect((await find(config({ cluster }))).origin.ca).toContain('AAAA');
    const both = { ...cluster, 'certificate-authority-data': data };
    expect((await find(config({ cluster: both }))).origin.ca).toContain('BBBB');
    const user = { 'client-certificate-data': data, 'client-key-data': data, tokenFile: 'token' };
    expect(await find(config({ user }))).toMatchObject({ user: { tokenFile: temp.join('token') } });
  });

  test.each([
    [config({ current: 'two' }), {}, 'has no context two'],
    [config({ context: { cluster: 'd' } }), {}, 'has no cluster d'],
    [config({ context: { user: 'w' } }), {}, 'has no user w'],
    [config({ cluster: { server: 'ftp://x' } }), {}, 'has no server address'],
    [config({ current: '' }), {}, 'has no current context'],
    [config({ cluster: { 'proxy-url': 'nonsense' } }), {}, 'proxy-url'],
    [config({ cluster: { 'certificate-authority-data': 'AAAA' } }), {}, 'holds no PEM for an authority'],
    [config({ user: { 'client-certificate-data': Buffer.from(PEM).toString('base64') } }), {}, 'without its key'],
    [config({ user: { 'auth-provider': { name: 'gcp' } } }), {}, 'auth-provider gcp'],
    [config({ user: { as: 'eve', 'as-groups': ['a', 'b'] } }), {}, 'with 2 groups'],
    [config({}), { asGroup: 'g' }, '--as-group needs --as'],
    ['clusters: 3', {}, 'is no kubeconfig: clusters'],
  ])('is refused in words where it cannot be used (%#)', async (text, request, message) => {
    await expect(find(text, request)).rejects.toThrow(message);
    await expect(find(text, request)).rejects.toMatchObject({ name: 'UsageError' });
  });
});

test('several files are one: of two entries with one name the first counts', async () => {
  await writeFile(temp.join('a'), config({ user: { token: 'first' } }));
  await writeFile(temp.join('b'), config({ user: { token: 'second' }, current: 'other' }));
  const KUBECONFIG = [temp.join('gone'), temp.join('a'), temp.join('b')].join(':');
  const access = await findClusterAccess({}, { KUBECONFIG });
  expect(access.user.token).toBe('first');
  await expect(findClusterAccess({}, { KUBECONFIG: temp.join('gone') })).rejects.toThrow('names no file that is there');
});

test('without a kubeconfig a pod uses its own account, and others are told what to give', async () => {
  const HOME = temp.join('home');
  await expect(findClusterAccess({}, { HOME })).rejects.toThrow('no kubeconfig says which cluster is meant');
  const account = temp.join('account');
  await mkdir(account);
  const environment = { KUBERNETES_SERVICE_HOST: '::1', KUBERNETES_SERVICE_PORT: '6443' };
  expect(await inClusterAccess({}, environment, account)).toBeUndefined();
  await writeFile(`${account}/token`, 'x');
  await writeFile(`${account}/ca.crt`, PEM);
  await writeFile(`${account}/namespace`, 'shop');
  const access = await inClusterAccess({}, environment, account);
  expect(access).toMatchObject({ namespace: 'shop', user: { tokenFile: `${account}/token` } });
  expect(access?.server.origin).toBe('https://[::1]:6443');
  expect(await inClusterAccess({}, {}, account)).toBeUndefined();
});
