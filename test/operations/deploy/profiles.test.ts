/** `airgap deploy` of every profile of the shipped release, on a real API server with its controllers and fake nodes. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CUSTOM_KINDS } from '../../charts/custom-kinds.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { startRegistry, type EmbeddedRegistry } from '../../../src/server/embedded-registry.ts';
import { makeCertificates, type Certificates } from '../../helpers/certificates.ts';
import { sharedCluster, type KubernetesObject, type SharedCluster } from '../../helpers/cluster.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { fillSiteValues, makeShippedRelease, type ShippedRelease } from './shipped-release.ts';

/** Where the release has its objects. */
const NAMESPACE = 'hexabase-system';
/** What a site has to bring, as the README of the chart says. */
const OF_THE_SITE: readonly object[] = [
  { metadata: { name: 'hexabase-tls' }, stringData: { 'tls.crt': 'a certificate', 'tls.key': 'its key' } },
  { metadata: { name: 'hexabase-hsm' }, stringData: { pin: '1234' } },
];
/** The profiles of release.yaml that are rendered; that no other is there, the first test says. */
const PROFILES = [
  ...['small-enterprise', 'medium-enterprise', 'edge', 'primary', 'secondary', 'hybrid', 'gdpr', 'hipaa'],
] as const;

const cli = useBuiltCli();
interface Site {
  readonly cluster: SharedCluster;
  readonly release: ShippedRelease;
  readonly certificates: Certificates;
  readonly registry: EmbeddedRegistry;
}
let site: Site | undefined;

beforeAll(async () => {
  const cluster = await sharedCluster();
  if (cluster === undefined || requireTool('helm4') === undefined) return;
  const release = await makeShippedRelease(cli, { platform: 'linux/amd64', images: 'small' });
  const certificates = await makeCertificates(release.temp.path);
  site = { cluster, release, certificates, registry: await startRegistry({ directory: release.temp.join('target') }) };
  const isEstablished = ({ status }: KubernetesObject): boolean => JSON.stringify(status).includes('"Established","status":"True"'); // prettier-ignore
  for (const definition of CUSTOM_KINDS) {
    await cluster.api.applyOk(definition);
    await cluster.api.waitFor(await cluster.api.pathOf(definition), 'there', ({ status }) => status !== undefined);
    await cluster.api.waitFor(await cluster.api.pathOf(definition), 'established', isEstablished);
  }
});
afterAll(async () => {
  await site?.registry.close();
  await site?.release[Symbol.asyncDispose]();
});

test('the release has these profiles', (t) => {
  const { release } = site ?? t.skip();
  expect(release.profiles).toEqual(PROFILES);
});

test.for(PROFILES)('%s comes up, from the internal registry alone, and has nothing left to do', async (profile, t) => {
  const { cluster, release, certificates, registry } = site ?? t.skip();
  const { api } = cluster;
  await using _space = await openNamespace(cluster);
  const values = await fillSiteValues(release, profile, certificates);
  const words = ['deploy', release.archive, '--key', release.publicKey, '--to', `docker://${registry.host}`];
  const deploy = (...more: readonly string[]): ReturnType<typeof cli.airgap> =>
    cli.airgap([...words, '--kubeconfig', cluster.kubeconfig, '--profile', profile, ...more]);

  const first = await deploy('--site-values', values);
  expect(first).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('everything is ready') as string });
  expect(first.stdout).toContain('reached at https://');

  const pods = await api.list(`/api/v1/namespaces/${NAMESPACE}/pods`);
  expect(pods.length).toBeGreaterThanOrEqual(5);
  for (const { spec } of pods) {
    const { containers = [], initContainers = [] } = spec as Readonly<Record<string, readonly { image: string }[]>>;
    for (const { image } of [...initContainers, ...containers]) {
      expect(image).toMatch(
        new RegExp(`^${registry.host}/registry\\.hexabase\\.ai/hexabase/[a-z-]+@sha256:[0-9a-f]{64}$`),
      );
    }
  }

  // Values are kept in the cluster.
  const plan = await deploy('--plan');
  expect([plan.exitCode, plan.stderr, plan.stdout]).toEqual([0, expect.anything(), expect.anything()]);
});

/** An empty namespace with what a site brings, which is gone, with all in it, when it is disposed of. */
async function openNamespace({ api }: SharedCluster): Promise<AsyncDisposable> {
  const path = `/api/v1/namespaces/${NAMESPACE}`;
  await api.applyOk({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  for (const secret of OF_THE_SITE) {
    await api.applyOk({ apiVersion: 'v1', kind: 'Secret', ...secret }, { namespace: NAMESPACE });
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await api.request('DELETE', path);
      await expect.poll(async () => (await api.request('GET', path)).status).toBe(404);
    },
  };
}
