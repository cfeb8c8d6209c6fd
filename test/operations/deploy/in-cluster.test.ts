/** docs/examples/deploy-job.yaml as it is: taken by a real API server, and its account may do what a deployment does and no more. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { trustArchive } from '../../../src/archive/verification/trusted-archive.ts';
import { inClusterAccess } from '../../../src/kubernetes/cluster/access/in-cluster.ts';
import { ClusterClient } from '../../../src/kubernetes/cluster/cluster-client.ts';
import { findChanges } from '../../../src/operations/deploy/changes.ts';
import { deploy } from '../../../src/operations/deploy/deploy.ts';
import { prepareDeployment, type DeployPlan } from '../../../src/operations/deploy/prepare.ts';
import { openImageTarget } from '../../../src/release/mapping/open-target.ts';
import { parseTarget } from '../../../src/release/mapping/target-address.ts';
import { loadPublicKey } from '../../../src/trust/keys/public-key.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { sharedCluster, type SharedCluster } from '../../helpers/cluster.ts';
import { LATER_CLASS, makeDeployableRelease, type DeployableRelease } from './deployable-release.ts';
import { readObjects } from './namespace-objects.ts';

const cli = useBuiltCli();
const EXAMPLE = new URL('../../../docs/examples/deploy-job.yaml', import.meta.url);
let cluster: SharedCluster | undefined;
let release: DeployableRelease | undefined;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster === undefined) return;
  release = await makeDeployableRelease(cli, cluster.kubeconfig);
  const metadata = { name: LATER_CLASS };
  const rest = { provisioner: 'example.com/later', volumeBindingMode: 'WaitForFirstConsumer' };
  await cluster.api.applyOk({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, ...rest });
});
afterAll(async () => release?.[Symbol.asyncDispose]());

test('a pod of the example deploys with its token and nothing else; a plan changes nothing, and what is elsewhere is refused', async (t) => {
  if (cluster === undefined || release === undefined) return t.skip();
  const { api, server, caFile } = cluster;
  const { temp, archive: path, target } = release;
  const id = randomBytes(4).toString('hex');
  const [home, shop] = [`inside-${id}`, `inside-shop-${id}`];
  const text = await readFile(EXAMPLE, 'utf8');
  const named = text.replaceAll('airgap-deploy', home).replaceAll(/(name|namespace): shop$/gm, `$1: ${shop}`);
  expect(named.match(new RegExp(shop, 'g'))).toHaveLength(3);
  for (const document of parseAllDocuments(named)) await api.applyOk(document.toJS());

  const account = temp.join('account');
  await mkdir(account);
  const { body } = await api.request('POST', `/api/v1/namespaces/${home}/serviceaccounts/deploy/token`, {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
    spec: { expirationSeconds: 3600 },
  });
  await writeFile(`${account}/token`, (body as { status: { token: string } }).status.token);
  await writeFile(`${account}/namespace`, home);
  await copyFile(caFile, `${account}/ca.crt`);
  const { hostname, port } = new URL(server);
  const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const access = await inClusterAccess({}, environment, account);
  if (access === undefined) throw new Error('no account');

  using archive = await trustArchive(path, {
    keys: [loadPublicKey(await readFile(temp.join('release.pub'), 'utf8'))],
    threshold: 1,
  });
  const address = parseTarget(`docker://${target.host}`);
  if (address.kind !== 'registry') throw new Error('no registry');
  await using opened = await openImageTarget(address);
  await using client = new ClusterClient(access, { environment: {} });
  const prepare = (profile: string): Promise<DeployPlan> => {
    const generate = profile === 'whole' ? ['SITE_API_PASSWORD'] : [];
    return prepareDeployment({ archive, target: opened.target, client, profile, namespace: shop, generate });
  };
  const plan = await prepare('whole');
  const { objects } = await findChanges(plan);
  expect(objects.filter(({ refused }) => refused !== undefined)).toEqual([]);
  expect(objects.filter(({ change }) => change === 'create')).toHaveLength(objects.length);
  expect(await readObjects(api, shop)).toEqual({});

  const { checked } = await deploy(plan, { timeoutMs: 300_000 });
  expect(checked.services).toBe(2);
  expect(Object.keys(await readObjects(api, shop))).toContain('deployments/api');

  const elsewhere = await prepare('shared');
  await expect(deploy(elsewhere, { timeoutMs: 300_000 })).rejects.toMatchObject({
    code: 'DENIED',
    message: expect.stringContaining(`system:serviceaccount:${home}:deploy`) as string,
  });
  for (const name of [home, shop]) await api.request('DELETE', `/api/v1/namespaces/${name}`);
});
