/** The shipped platform on a real API server: every pattern with every overlay is accepted, installs and becomes ready. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  clusterEnvironment,
  clusterTools,
  kubectl,
  makeNamespace,
  messageOf,
  sharedCluster,
  type KubernetesObject,
  type SharedCluster,
} from '../helpers/cluster.ts';
import { EFFORT } from '../helpers/effort.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import { toolPath } from '../helpers/tools.ts';
import { makeCertificates, type Certificates } from '../helpers/certificates.ts';
import { readKubernetesYaml } from '../../src/kubernetes/resources/yaml-documents.ts';
import { stageManifests } from '../../src/kubernetes/staging/staged-manifests.ts';
import { CUSTOM_KINDS } from './custom-kinds.ts';
import { CHART, COMBINATIONS, fieldAt, openRenderer, profileFile, render, renderProfile, requestFor } from './render-profile.ts';

/** What a site has to bring for a profile, as the README of the chart says. */
const OF_THE_SITE: readonly object[] = [
  { metadata: { name: 'hexabase-tls' }, stringData: { 'tls.crt': 'a certificate', 'tls.key': 'its key' } },
  { metadata: { name: 'hexabase-hsm' }, stringData: { pin: '1234' } },
];
const temp = useTempDir();
/** Each pattern alone, and each overlay on some: an installation costs seconds. With `AIRGAP_TEST_EFFORT` above 1 all of them. */
const INSTALLED =
  EFFORT > 1
    ? COMBINATIONS
    : COMBINATIONS.filter((name) => !name.includes('+') || /^(small.*\+gdpr|medium.*\+hipaa|edge\+gdpr\+hipaa)$/.test(name));
const WORKLOADS = ['deployments', 'statefulsets', 'daemonsets'] as const;

/** The cluster with the foreign kinds, and a helm. */
async function prepare(tool = 'helm4'): Promise<(SharedCluster & { readonly helm: string }) | undefined> {
  const cluster = await sharedCluster();
  const helm = requireTool(tool);
  return cluster === undefined || helm === undefined ? undefined : { ...cluster, helm };
}

/** Installs or upgrades a release with profiles, and waits as helm does until all is ready. */
async function install(
  cluster: SharedCluster & { readonly helm: string },
  namespace: string,
  combination: string,
): Promise<void> {
  const files = combination.split('+').flatMap((name) => ['--values', profileFile(name)]);
  // The release's name is that of its cluster-wide objects too.
  const args = ['upgrade', '--install', namespace, CHART, '--namespace', namespace, ...files, '--wait', '--timeout', '300s'];
  await runOk(cluster.helm, args, { env: clusterEnvironment(cluster) });
}

async function bringSecrets({ api }: SharedCluster, namespace: string): Promise<void> {
  for (const secret of OF_THE_SITE) await api.applyOk({ apiVersion: 'v1', kind: 'Secret', ...secret }, { namespace });
}

/** `deployments control-plane 3/3`: each workload of a namespace with the pods that are ready, of those it wants. */
async function readiness({ api }: SharedCluster, namespace: string): Promise<readonly string[]> {
  const lines = await Promise.all(
    WORKLOADS.map(async (plural) =>
      (await api.list(`/apis/apps/v1/namespaces/${namespace}/${plural}`)).map((workload) => {
        const name = workload.metadata.name.replace(`${namespace}-`, '').replace('hexabase-', '');
        const { status = {}, spec = {} } = workload;
        const ready = status['readyReplicas'] ?? status['numberReady'] ?? 0;
        return `${plural} ${name} ${Number(ready)}/${Number(spec['replicas'] ?? status['desiredNumberScheduled'])}`;
      }),
    ),
  );
  return lines.flat();
}

function areAllReady(lines: readonly string[]): boolean {
  return lines.length >= 4 && lines.every((line) => / ([1-9]\d*)\/\1$/.test(line));
}

/** What may differ between two objects that say the same. */
function keyOf(object: Readonly<Record<string, unknown>>): string {
  return object['kind'] === 'Secret' ? JSON.stringify({ ...object, data: {} }) : JSON.stringify(object);
}

beforeAll(async () => {
  const cluster = clusterTools() === undefined ? undefined : await sharedCluster();
  if (cluster === undefined) return;
  const isEstablished = ({ status }: KubernetesObject): boolean => conditionsOf(status).includes('Established');
  for (const definition of CUSTOM_KINDS) {
    await cluster.api.applyOk(definition);
    await cluster.api.waitFor(await cluster.api.pathOf(definition), 'established', isEstablished);
  }
});

function conditionsOf(status: KubernetesObject['status']): readonly string[] {
  const conditions = (status?.['conditions'] ?? []) as readonly { readonly type: string; readonly status: string }[];
  return conditions.flatMap(({ type, status }) => (status === 'True' ? [type] : []));
}

test('a real API server accepts every object of every pattern with every overlay, each field of it', async (t) => {
  const { api } = (await sharedCluster()) ?? t.skip();
  await using space = await makeNamespace(api, 'accepted');
  const seen = new Set<string>();
  const kinds = new Set<string>();
  const refused: string[] = [];
  for (const combination of ['', ...COMBINATIONS]) {
    for (const { kind, name, value } of await renderProfile(combination)) {
      if (seen.size === seen.add(keyOf(value)).size) continue;
      kinds.add(kind);
      const metadata = value['metadata'] as KubernetesObject['metadata'];
      const moved = metadata.namespace === undefined ? value : { ...value, metadata: { ...metadata, namespace: space.name } };
      const answer = await api.apply(moved, { dryRun: true });
      if (answer.status >= 300) refused.push(`${combination} ${kind}/${name}: ${messageOf(answer)}`);
    }
  }
  expect(refused).toEqual([]);
  for (const { spec } of CUSTOM_KINDS) expect(kinds).toContain((spec as { names: { kind: string } }).names.kind);
});

test.for(['123', 'x'.repeat(53)])('a real API server accepts every object of a release called %s', async (releaseName, t) => {
  const { api } = (await sharedCluster()) ?? t.skip();
  await using space = await makeNamespace(api, 'named');
  const request = await requestFor('medium-enterprise+gdpr+hipaa');
  const resources = await render({ ...request, releaseName, namespace: space.name });
  const answers = await Promise.all(resources.map(({ value }) => api.apply(value, { dryRun: true })));
  expect(answers.filter(({ status }) => status >= 300).map(messageOf)).toEqual([]);
  expect(answers.length).toBeGreaterThan(40);
});

describe('helm 4', () => {
  it.for(INSTALLED)('installs %s, and all of it becomes ready', async (combination, t) => {
    const cluster = (await prepare()) ?? t.skip();
    await using space = await makeNamespace(cluster.api, 'p');
    await bringSecrets(cluster, space.name);
    await install(cluster, space.name, combination);
    expect(await readiness(cluster, space.name)).toSatisfy(areAllReady);
  });

  test('upgrades small to medium to hipaa: more replicas, the rules of the regulation, the same secrets', async (t) => {
    const cluster = (await prepare()) ?? t.skip();
    await using space = await makeNamespace(cluster.api, 'upgraded');
    await bringSecrets(cluster, space.name);
    const secrets = async (): Promise<Record<string, unknown>> => {
      const all = await cluster.api.list(`${space.path}/secrets`);
      const own = all.filter(({ type }) => type !== 'helm.sh/release.v1');
      return Object.fromEntries(own.map(({ metadata, data }) => [metadata.name, data]));
    };
    await install(cluster, space.name, 'small-enterprise');
    const atFirst = await secrets();
    const others = ['deployments ui 2/2', 'daemonsets edge-agent 3/3'];
    const replicas = async (): Promise<readonly string[]> => {
      return (await readiness(cluster, space.name)).filter((line) => !others.includes(line));
    };
    expect(await replicas()).toEqual(['deployments control-plane 3/3', 'statefulsets database 2/2']);
    await install(cluster, space.name, 'medium-enterprise');
    expect(await replicas()).toEqual(['deployments control-plane 5/5', 'statefulsets database 3/3']);
    await install(cluster, space.name, 'medium-enterprise+hipaa');
    expect(await replicas()).toEqual(['deployments control-plane 5/5', 'statefulsets database 3/3']);
    const configs = (await cluster.api.list(`${space.path}/configmaps`)).map(({ metadata }) => metadata.name);
    expect(configs).toContain(`${space.name}-hexabase-hipaa-config`);
    expect(await secrets()).toMatchObject(atFirst);
  });
});

/** The commands of install.md that rotate keys, for a release and a namespace of another name. */
async function rotationCommands(name: string): Promise<{ readonly now: string; readonly byHand: string; readonly takeBack: string }> {
  const text = await readFile(fileURLToPath(new URL('../../docs/release/install.md', import.meta.url)), 'utf8');
  const section = text.slice(text.indexOf('## 5. Rotate the keys'));
  const blocks = [...section.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) =>
    block.replaceAll('hexabase-system', name).replaceAll(/\bhexabase-(?=[a-z])/g, `${name}-hexabase-`),
  );
  const [now = '', byHand = '', takeBack = ''] = blocks;
  return { now, byHand, takeBack };
}

test.for(EFFORT > 1 ? ['helm3', 'helm4'] : ['helm3'])('keys are rotated as install.md says, with the rights of the job alone; %s keeps the new ones through upgrade and rollback', async (tool, t) => {
  const cluster = (await prepare(tool)) ?? t.skip();
  await using space = await makeNamespace(cluster.api, 'rotated');
  const { name } = space;
  await bringSecrets(cluster, name);
  await install(cluster, name, 'small-enterprise+gdpr');
  const path = `${space.path}/secrets/${name}-hexabase-encryption-keys`;
  const keys = async (): Promise<Readonly<Record<string, string>>> => (await cluster.api.get(path)).data ?? {};
  const before = await keys();
  expect(Object.keys(before).sort()).toEqual(['backup', 'database', 'storage']);

  const PATH = `${dirname(toolPath('kubectl'))}:${process.env['PATH'] ?? ''}`;
  const env = { ...clusterEnvironment(cluster), PATH };
  const account = `system:serviceaccount:${name}:${name}-hexabase-key-rotation`;
  const asTheJob = `kubectl() { command kubectl --as=${account} "$@"; }\n`;
  const { now, byHand, takeBack } = await rotationCommands(name);
  await runOk('bash', ['-euo', 'pipefail', '-c', asTheJob + byHand], { env, cwd: temp.path });
  const after = await keys();
  for (const key of ['database', 'storage', 'backup']) {
    expect(after[`${key}-previous`]).toBe(before[key]);
    expect(after[key]).not.toBe(before[key]);
    const decoded = Buffer.from(after[key] ?? '', 'base64').toString();
    expect(Buffer.from(decoded, 'base64')).toHaveLength(32);
  }
  for (const workload of ['deployments', 'statefulsets'] as const) {
    const part = workload === 'deployments' ? 'control-plane' : 'database';
    const found = await cluster.api.get(`/apis/apps/v1/namespaces/${name}/${workload}/${name}-hexabase-${part}`);
    expect(fieldAt(found, 'spec template metadata annotations')).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
  }
  for (const denied of [`get secret/${name}-hexabase-database`, 'list secrets', `delete secret/${name}-hexabase-encryption-keys`]) {
    const answer = await kubectl(cluster, ['auth', 'can-i', ...denied.split(' '), `--as=${account}`, '--namespace', name]);
    expect([denied, answer.stdout.trim()]).toEqual([denied, 'no']);
  }
  await runOk('bash', ['-euo', 'pipefail', '-c', now], { env, cwd: temp.path });
  const job = `/apis/batch/v1/namespaces/${name}/jobs/${name}-hexabase-rotate-now`;
  await cluster.api.waitFor(job, 'complete', ({ status }) => conditionsOf(status).includes('Complete'));

  const prefix = 'SITE_HEXABASE_ENCRYPTION_KEYS';
  await writeFile(temp.join('secrets.env'), `SITE_OTHER=kept\n${prefix}_BACKUP_BASE64=old\n${prefix}_DATABASE_BASE64=\n`);
  await runOk('bash', ['-euo', 'pipefail', '-c', takeBack], { env, cwd: temp.path });
  const taken = `SITE_OTHER=kept\n${prefix}_BACKUP_BASE64=${after['backup']}\n${prefix}_DATABASE_BASE64=${after['database']}\n`;
  expect(await readFile(temp.join('secrets.env'), 'utf8')).toBe(taken);

  await install(cluster, name, 'small-enterprise+gdpr');
  expect(await keys()).toEqual(after);
  const helm = async (...args: readonly string[]): Promise<string> =>
    (await runOk(cluster.helm, [...args, '--namespace', name], { env: clusterEnvironment(cluster) })).stdout;
  await helm('rollback', name, '1');
  expect(await keys()).toEqual(after);
  await helm('uninstall', name);
  expect(await keys()).toEqual(after);
  const values = ['small-enterprise', 'gdpr'].flatMap((profile) => ['--values', profileFile(profile)]);
  const again = await helm('install', name, CHART, '--dry-run=server', ...values);
  expect(again).toContain('kind: StatefulSet');
  expect(again).not.toContain('kind: Secret');
});

test.for(['small-enterprise', 'edge+gdpr', 'medium-enterprise+gdpr+hipaa'])(
  'without helm: the manifests of %s, applied in their order as they say, become ready',
  async (combination, t) => {
    const cluster = (await sharedCluster()) ?? t.skip();
    await using space = await makeNamespace(cluster.api, 'staged');
    await bringSecrets(cluster, space.name);
    const request = { ...(await requestFor(combination)), releaseName: space.name, namespace: space.name };
    const renderer = await openRenderer();
    const [one, other] = [await renderer.render({ ...request, seed: 0 }), await renderer.render({ ...request, seed: 1 })];
    const files = stageManifests({
      shownAs: request.shownAs,
      folder: 'manifests/site',
      namespace: space.name,
      renderings: [one.documents, other.documents],
      givenTexts: new Set(),
    });
    for (const { name, bytes } of files) await writeFile(temp.join(name), bytes);
    const example = files.find(({ name }) => name === 'secrets.env.example')?.bytes.toString() ?? '';
    await writeFile(temp.join('secrets.env'), fillIn(example, await makeCertificates(temp.path)));
    const [loop = ''] = /^#   for file[^]*?\n#   done$/m.exec(example) ?? [];
    const script = loop.replaceAll(/^# {3}/gm, '').replace('kubectl apply', 'kubectl apply --server-side --validate=strict');
    const PATH = `${dirname(toolPath('kubectl'))}:${process.env['PATH'] ?? ''}`;
    const env = { ...clusterEnvironment(cluster), PATH };
    const { stdout, stderr } = await runOk('bash', ['-euo', 'pipefail', '-c', script], { env, cwd: temp.path });
    expect(stderr).toBe('');
    const objects = files.flatMap(({ name, bytes }) =>
      name.endsWith('.yaml') ? readKubernetesYaml(bytes.toString(), name) : [],
    );
    const applied = stdout.split('\n').filter((line) => line.endsWith(' serverside-applied'));
    expect(applied).toHaveLength(objects.length);
    expect(objects.length).toBeGreaterThan(40);
    await expect.poll(() => readiness(cluster, space.name)).toSatisfy(areAllReady);
  },
);

/** Gives every name a value, those in base64 the same one; certificates are some. */
function fillIn(example: string, { caFile, certFile, keyFile }: Certificates): string {
  const files: readonly (readonly [RegExp, string])[] = [[/_CA_CRT$/, caFile], [/_TLS_CRT$/, certFile], [/_TLS_KEY$/, keyFile]];
  return example.replaceAll(/^(SITE_[A-Z0-9_]*?)(_BASE64)?=$/gm, (line, name: string, inBase64?: string) => {
    const [, file] = files.find(([pattern]) => pattern.test(name)) ?? [];
    const value = file === undefined ? createHash('sha256').update(name).digest('hex') : readFileSync(file, 'utf8');
    return line + (inBase64 === undefined ? value : Buffer.from(value).toString('base64'));
  });
}
