/** The shipped release carries each profile rendered, and the commands of its install.md make a profile ready to apply. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readKubernetesYaml } from '../../src/kubernetes/resources/yaml-documents.ts';
import { stageManifests } from '../../src/kubernetes/staging/staged-manifests.ts';
import { loadSpec } from '../../src/release/spec/spec.ts';
import { fieldsAt } from '../kubernetes/resources/resource-faults.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { runOk } from '../helpers/run.ts';
import { useTempDir } from '../helpers/temp.ts';
import { openRenderer, OVERLAYS, PATTERNS, requestFor } from './render-profile.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const temp = useTempDir();

test('release.yaml renders every pattern and every overlay into the archive', async () => {
  const { components } = await loadSpec(`${ROOT}/release.yaml`);
  const sets = components.flatMap(({ charts }) => charts.flatMap(({ values }) => values));
  const rendered = sets.filter(({ rendersManifests }) => rendersManifests === true).map(({ name }) => name);
  expect(rendered.sort()).toEqual([...PATTERNS, ...OVERLAYS].sort());
});

test.each<string>([...PATTERNS, 'small-enterprise+gdpr', 'medium-enterprise+hipaa'])(
  '%s is rendered in the order of its installation, the same each time, and holds no secret',
  async (combination) => {
    const request = await requestFor(combination);
    const renderer = await openRenderer();
    const [one, other] = await Promise.all(([0, 1] as const).map((seed) => renderer.render({ ...request, seed })));
    const stage = (first: typeof one, second: typeof one): ReturnType<typeof stageManifests> =>
      stageManifests({
        ...{ shownAs: 'the chart', folder: `manifests/${combination}`, namespace: request.namespace, givenTexts: new Set<string>() },
        renderings: [first?.documents ?? [], second?.documents ?? []],
      });
    const files = stage(one, other);
    expect(files).toEqual(stage(other, one));
    expect(files.map(({ name }) => name)).toEqual([
      ...['01-namespace.yaml', '02-rbac.yaml', '03-secrets.yaml', '04-configmaps.yaml', '05-storage.yaml'],
      ...['06-database.yaml', '07-control-plane.yaml', '08-networking.yaml', 'secrets.env.example'],
    ]);
    const secrets = readKubernetesYaml(String(files[2]?.bytes), '03-secrets.yaml');
    const values = secrets.flatMap(({ value }) => Object.values(fieldsAt(value, 'data')));
    expect(values.length).toBeGreaterThanOrEqual(4);
    expect(values.filter((value) => !/^\$\{SITE_[A-Z0-9_]+_BASE64\}$/.test(String(value)))).toEqual([]);
  },
);

/** The commands of a section of install.md, block by block. */
async function commandsOf(heading: string): Promise<readonly string[]> {
  const text = await readFile(`${ROOT}/docs/release/install.md`, 'utf8');
  const section = text.slice(text.indexOf(heading), text.indexOf('\n## ', text.indexOf(heading) + 1));
  return [...section.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) => block);
}

test('what install.md says fills in every secret of a profile, with keys of their length and a certificate that holds', async () => {
  const openssl = requireTool('openssl');
  if (openssl === undefined) return;
  const folder = temp.join('manifests/small-enterprise');
  await mkdir(folder, { recursive: true });
  const renderer = await openRenderer();
  const request = await requestFor('small-enterprise+gdpr');
  const { values, namespace } = request;
  const renderings = await Promise.all([0, 1].map((seed) => renderer.render({ ...request, seed: seed as 0 | 1 })));
  const staged = stageManifests({
    ...{ shownAs: 'the chart', folder: 'manifests/small-enterprise', namespace, givenTexts: new Set<string>() },
    renderings: [renderings[0]?.documents ?? [], renderings[1]?.documents ?? []],
  });
  for (const { name, bytes } of staged) await writeFile(`${folder}/${name}`, bytes);
  expect(values.map(({ name }) => name)).toEqual(['small-enterprise.yaml', 'gdpr.yaml']);

  const [prepare = '', secrets = '', certificate = '', install = ''] = await commandsOf('## 2b.');
  // The cluster's part: what it is handed is kept, in the order in which it is.
  const applied = temp.join('applied.yaml');
  const kubectl = `kubectl() { if [[ $* == *"-f -"* ]]; then printf -- '---\\n' >>${applied} && cat >>${applied}; fi; }\n`;
  const script = ['set -euo pipefail\n', prepare, secrets, certificate, kubectl, install].join('');
  await runOk('bash', ['-c', script.replace('rm ca.key', `${openssl} verify -CAfile ca.crt -verify_hostname hexabase-database-0.hexabase-database.hexabase-system.svc tls.crt >verified\nrm ca.key`)], { cwd: temp.path });

  const resources = readKubernetesYaml(await readFile(applied, 'utf8'), 'applied.yaml');
  expect(await readFile(applied, 'utf8')).not.toContain('${SITE_');
  expect(await readFile(`${folder}/verified`, 'utf8')).toBe('tls.crt: OK\n');
  expect(resources[0]?.kind).toBe('Namespace');
  const sizes = resources
    .filter(({ kind }) => kind === 'Secret')
    .flatMap(({ name, value }) =>
      Object.entries(fieldsAt(value, 'data')).map(([key, data]) => {
        const bytes = Buffer.from(String(data), 'base64');
        const shown = name === 'hexabase-encryption-keys' ? Buffer.from(bytes.toString(), 'base64').length : bytes.length;
        return [`${name} ${key}`, name === 'hexabase-transport-tls' ? bytes.toString().split('\n')[0] : shown];
      }),
    );
  expect(Object.fromEntries(sizes)).toEqual({
    'hexabase-control-plane session-key': 48,
    'hexabase-control-plane encryption-key': 48,
    'hexabase-database password': 48,
    'hexabase-edge-agent join-token': 48,
    'hexabase-replication password': 48,
    'hexabase-encryption-keys database': 32,
    'hexabase-encryption-keys storage': 32,
    'hexabase-encryption-keys backup': 32,
    'hexabase-transport-tls ca.crt': '-----BEGIN CERTIFICATE-----',
    'hexabase-transport-tls tls.crt': '-----BEGIN CERTIFICATE-----',
    'hexabase-transport-tls tls.key': '-----BEGIN PRIVATE KEY-----',
  });
  const deployment = resources.find(({ kind, name }) => kind === 'Deployment' && name === 'hexabase-ui');
  expect(JSON.stringify(deployment?.value)).toContain(
    '"image":"registry.internal.corp/registry.hexabase.ai/hexabase/ui:1.5.0"',
  );
  expect(JSON.stringify(resources.find(({ kind }) => kind === 'Ingress')?.value)).toContain('hexabase.internal.corp');
});
