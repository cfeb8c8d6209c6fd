/** `airgap deploy --fleet` on three real API servers: each gets what is placed there, and one that was down is resumed alone. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FleetDeployReport } from '../../../src/report/fleet/fleet-deploy-report.ts';
import type { EmbeddedRegistry } from '../../../src/server/embedded-registry.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { startCluster, type RunningCluster } from '../../helpers/cluster.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { makeFleetRelease, type FleetRelease } from './fleet-release.ts';

const NAMES = ['core', 'twin', 'till'] as const;
type Name = (typeof NAMES)[number];
const ROLES = { core: 'primary', twin: 'secondary', till: 'edge' } as const;

/** What a service mesh brings, as far as a deployment sees it. */
const SERVICE_ENTRIES = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'serviceentries.networking.istio.io' },
  spec: {
    group: 'networking.istio.io',
    scope: 'Namespaced',
    names: { kind: 'ServiceEntry', plural: 'serviceentries', singular: 'serviceentry' },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
};

interface FleetSite {
  readonly release: FleetRelease;
  readonly clusters: Readonly<Record<Name, RunningCluster>>;
  readonly registries: Readonly<Record<Name, EmbeddedRegistry>>;
}

const cli = useBuiltCli();
let site: FleetSite | undefined;

beforeAll(async () => {
  const core = await startCluster({ nodes: [] });
  if (core === undefined) return;
  const [twin, till] = await Promise.all([1, 2].map(() => startCluster({ nodes: [], beside: core.files })));
  const clusters = { core, twin: twin as RunningCluster, till: till as RunningCluster };
  const release = await makeFleetRelease(cli);
  const registries = {
    core: await release.openRegistry('core'),
    twin: await release.openRegistry('twin'),
    till: await release.openRegistry('till'),
  };
  site = { release, clusters, registries };
  await writeFile(release.temp.join('db.env'), 'SITE_DB_PASSWORD=secret-of-the-site\n');
  await writeFile(
    release.temp.join('fleet.yaml'),
    JSON.stringify({
      apiVersion: 'airgap.hexabase.ai/v1',
      kind: 'Fleet',
      name: 'acme',
      clusters: NAMES.map((name) => ({
        ...{ name, role: ROLES[name], kind: 'on-premises', region: 'eu', namespace: 'shop' },
        ...{ registry: registries[name].host, kubeconfig: clusters[name].files.kubeconfig, context: 'admin' },
        ...(name === 'core' ? { siteValues: 'db.env', endpoints: { db: 'tcp://db.core.internal:5432' } } : {}),
        ...(name === 'till' ? { platforms: ['linux/arm64'] } : {}),
      })),
      links: [{ between: ['core', 'till'], syncInterval: '1h' }],
      settings: [{ written: 'database.example.internal', is: '{primary.endpoints.db.host}', roles: ['secondary'] }],
      sharedValues: ['SITE_REPLICATION_PASSWORD'],
      placement: { core: { replicate: 'workload' }, agent: { roles: ['edge'], maxClusters: 'all' } },
    }),
  );
});
afterAll(async () => {
  await site?.release[Symbol.asyncDispose]();
  // The first has the store of all.
  for (const name of NAMES.toReversed()) await site?.clusters[name].stop();
});

async function deploy({ release }: FleetSite, ...more: readonly string[]): Promise<ProcessResult> {
  const { archive, pub, temp } = release;
  const state = ['--state', temp.join('state'), '--generate', 'SITE_REPLICATION_PASSWORD'];
  return cli.airgap(['deploy', archive, '--key', pub, '--fleet', temp.join('fleet.yaml'), ...state, ...more]);
}

async function status({ release }: FleetSite): Promise<ProcessResult> {
  return cli.airgap(['fleet', 'status', release.archive, '--fleet', release.temp.join('fleet.yaml')]);
}

async function namesOf({ clusters }: FleetSite, name: Name): Promise<readonly string[]> {
  const { api } = clusters[name];
  const found = await Promise.all(
    [
      '/api/v1/namespaces/shop/configmaps',
      '/api/v1/namespaces/shop/secrets',
      '/apis/batch/v1/namespaces/shop/cronjobs',
    ].map(async (path) => await api.list(path)),
  );
  return found
    .flat()
    .map(({ metadata }) => metadata.name)
    .filter((each) => !each.startsWith('airgap-'))
    .sort();
}

async function repositoriesIn({ release }: FleetSite, name: Name): Promise<readonly string[]> {
  const all = await readdir(release.temp.join(`registry-${name}`), { recursive: true });
  return ['core', 'db', 'agent'].filter((each) => all.some((path) => path.includes(`team/${each}/`)));
}

test('each cluster gets what is placed there; one that is down is named, and resumed alone', async (t) => {
  const here = site ?? t.skip();
  const { release, clusters } = here;
  await clusters.twin.stopApiServer();

  const first = await deploy(here, '--json');
  const report = FleetDeployReport.parse(JSON.parse(first.stdout));
  const summary = report.clusters.map(({ cluster, profile, components, outcome }) => [
    ...[cluster, profile, components.join(' '), outcome],
  ]);
  expect(summary).toEqual([
    ['core', 'primary', 'core db', 'deployed'],
    ['twin', 'secondary', 'core', 'offline'],
    ['till', 'edge', 'agent', 'deployed'],
  ]);
  expect(first.exitCode).toBe(5);
  expect(JSON.parse(first.stderr.trimEnd().split('\n').at(-1) ?? '')).toMatchObject({ error: { code: 'INCOMPLETE' } });
  expect(await namesOf(here, 'core')).toEqual(['core', 'db', 'db', 'fleet-shop-fleet', 'replication', 'settings', 'upstream']); // prettier-ignore
  expect(await namesOf(here, 'till')).toEqual(['agent', 'fleet-shop-fleet', 'settings']);
  expect(await Promise.all(NAMES.map(async (name) => await repositoriesIn(here, name)))).toEqual([
    ['core', 'db'],
    [],
    ['agent'],
  ]);
  const record = await clusters.till.api.get('/api/v1/namespaces/shop/configmaps/airgap-fleet-shop');
  expect(JSON.parse(record.data?.['deployment.json'] ?? '')).toMatchObject({
    profile: 'edge',
    components: ['agent'],
    state: 'complete',
  });

  const missing = await status(here);
  expect(missing.exitCode).toBe(5);
  expect(missing.stdout.split('\n')).toEqual([
    expect.stringMatching(/^CLUSTER +ROLE +STATE +VERSION +PLACED$/),
    expect.stringMatching(/^core +primary +current +1\.0\.0 +core, db$/),
    expect.stringMatching(/^twin +secondary +offline +- +core$/),
    expect.stringMatching(/^ {2}CLUSTER: GET https.*ECONNREFUSED/),
    expect.stringMatching(/^till +edge +current +1\.0\.0 +agent$/),
    ...['', 'fleet-shop 1.0.0: 2 of 3 clusters of acme have what is placed there', ''],
  ]);

  await clusters.twin.startApiServer();
  await clusters.twin.api.applyOk(SERVICE_ENTRIES);
  const before = await clusters.core.api.list('/apis/batch/v1/namespaces/shop/cronjobs');
  const alone = await deploy(here, '--only', 'twin');
  expect(alone).toMatchObject({ exitCode: 0 });
  expect(alone.stdout).toMatch(
    /^CLUSTER +ROLE +PROFILE +COMPONENTS +OUTCOME\ntwin +secondary +secondary +core +deployed$/m,
  );
  expect(alone.stderr).toMatch(/^twin: step load$/m);
  expect(await namesOf(here, 'twin')).toEqual(['core', 'fleet-shop-fleet', 'replication', 'settings', 'upstream']);
  const of = async (name: Name, path: string): Promise<unknown> =>
    (await clusters[name].api.get(`/api/v1/namespaces/shop/${path}`)).data;
  expect(await of('core', 'configmaps/upstream')).toEqual({ host: 'database.example.internal' });
  expect(await of('twin', 'configmaps/upstream')).toEqual({ host: 'db.core.internal' });
  expect(await of('twin', 'secrets/replication')).toEqual(await of('core', 'secrets/replication'));
  const told = (await of('twin', 'configmaps/fleet-shop-fleet')) as { readonly 'fleet.json': string };
  expect(JSON.parse(told['fleet.json'])).toMatchObject({
    ...{ fleet: 'acme', primary: 'core', self: { name: 'twin', role: 'secondary' } },
    peers: [{ name: 'core', endpoints: { db: 'tcp://db.core.internal:5432' } }],
  });
  const entry = await clusters.twin.api.get('/apis/networking.istio.io/v1/namespaces/shop/serviceentries/fleet-shop-fleet-core'); // prettier-ignore
  expect(entry.spec).toMatchObject({
    hosts: ['db.core.internal'],
    ports: [{ number: 5432, name: 'tcp-5432', protocol: 'TCP' }],
  });
  expect(await clusters.core.api.list('/apis/batch/v1/namespaces/shop/cronjobs')).toEqual(before);

  expect(await status(here)).toMatchObject({ exitCode: 0 });
  const plan = await deploy(here, '--plan');
  expect(plan).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('3 of 3 clusters of acme planned') as string,
  });
  for (const name of NAMES) {
    const log = release.temp.join('state', name, 'audit.jsonl');
    expect(await readFile(log, 'utf8')).toContain('"event":"completed"');
    await cli.ok(['audit', 'verify', log]);
  }
});

test('an archive of the wrong key is refused with its own exit code, whatever else could be done', async (t) => {
  const here = site ?? t.skip();
  const { archive, temp } = here.release;
  const { writeKeyFiles } = await import('../../helpers/key-files.ts');
  const { pub } = await writeKeyFiles(temp.join('other'));
  const refused = await cli.airgap(['deploy', archive, '--key', pub, '--fleet', temp.join('fleet.yaml')]);
  expect([refused.exitCode, refused.stderr]).toEqual([3, expect.stringMatching(/^error: cluster core: /m)]);
  expect(refused.stdout).toMatch(/^till .* not begun: core has to be deployed first$/m);
});
