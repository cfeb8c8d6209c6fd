/** What is applied is held to the rules that the release demands and the site asks for, before anything changes. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkObjects } from '../../../src/operations/deploy/steps/check-step.ts';
import { startRegistry } from '../../../src/server/embedded-registry.ts';
import { useBuiltCli } from '../../cli/built-cli.ts';
import { PASSPHRASE } from '../../cli/sample-release.ts';
import { makeObjects, makeSpoiled, type Value } from '../../compliance/sound-objects.ts';
import { sharedCluster, type SharedCluster } from '../../helpers/cluster.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { pushSample } from '../../helpers/push-sample.ts';
import { makeImage } from '../../helpers/sample-image.ts';
import { makeTempDir } from '../../helpers/temp.ts';
import { writeFiles } from '../../kubernetes/charts/chart-files.ts';

const RULES = `apiVersion: airgap.hexabase.ai/v1
kind: ComplianceRules
rules:
  - { id: acme-team, title: Accounts name their team, serves: [Acme 1], shows: That it is there., cannotShow: That it is right.,
      select: { kind: ServiceAccount }, path: metadata.labels.team, operator: exists }
exceptions:
  - { rule: acme-team, object: ServiceAccount/api, reason: The label comes with 2.0., until: 2026-06-30 }
`;
const HOST_NETWORK = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true);

const cli = useBuiltCli();
const namespace = `ruled-${randomBytes(4).toString('hex')}`;
const closing = new AsyncDisposableStack();
let cluster: SharedCluster | undefined;
let log = '';
let deploy: (profile: string, ...more: readonly string[]) => Promise<ProcessResult>;
let tags: () => Promise<unknown>;

beforeAll(async () => {
  cluster = await sharedCluster();
  if (cluster === undefined) return;
  const { kubeconfig } = cluster;
  const temp = closing.use(await makeTempDir());
  const [source, target] = [
    await startRegistry({ directory: temp.join('a') }),
    await startRegistry({ directory: temp.join('b') }),
  ];
  closing.defer(() => source.close());
  closing.defer(() => target.close());
  await pushSample(source.url, 'team/api', makeImage(), ['1.0']);
  const yaml = (objects: Record<string, Value>): string =>
    Object.values(objects)
      .map((object) => `---\n${JSON.stringify(object)}\n`)
      .join('')
      .replaceAll('registry.example/team/api:1.0', `${source.host}/team/api:1.0`)
      .replaceAll('"namespace":"app"', `"namespace":"${namespace}"`);
  await writeFiles(temp.path, {
    'manifests/good/01-all.yaml': yaml(makeObjects()),
    'manifests/bad/01-all.yaml': yaml(HOST_NETWORK),
    'rules.yaml': RULES,
    'release.yaml': JSON.stringify({
      ...{ apiVersion: 'airgap.hexabase.ai/v1', kind: 'Release', name: 'ruled', version: '1.0.0' },
      ...{ created: '2026-01-31T12:00:00Z', platforms: ['linux/amd64'], check: { rules: ['rules.yaml'] } },
      components: [{ name: 'api', manifests: ['manifests'] }],
    }),
  });
  const { key, pub } = await writeKeyFiles(temp.join('release'));
  await cli.ok(['build', 'release.yaml', '--key', key, '--check', 'warn'], { cwd: temp.path, env: PASSPHRASE });
  log = temp.join('audit.jsonl');
  await writeFile(temp.join('values'), 'SITE_API_PASSWORD=correct-horse-battery\n');
  const words = [temp.join('ruled-offline-1.0.0.tar'), '--key', pub, '--to', `docker://${target.host}`];
  deploy = (profile, ...more) =>
    cli.airgap([
      'deploy',
      ...words,
      '--kubeconfig',
      kubeconfig,
      '--profile',
      profile,
      '--namespace',
      namespace,
      ...more,
    ]);
  tags = async () => await (await fetch(`${target.url}/v2/_catalog`)).json();
});
afterAll(async () => closing.disposeAsync());

describe('a release that demands a check of itself', () => {
  test('is not deployed where a rule is not met, and nothing has changed; --skip-check goes on, on record', async (t) => {
    const { api } = cluster ?? t.skip();
    const refused = await deploy('bad', '--audit-log', log);
    expect(refused).toMatchObject({
      exitCode: 6,
      stderr: expect.stringContaining('Deployment/api spec.template.spec.hostNetwork') as string,
    });
    const plan = await deploy('bad', '--plan');
    expect([plan.exitCode, plan.stdout]).toEqual([6, expect.stringContaining('not as demanded (general)')]);
    expect(await api.request('GET', `/api/v1/namespaces/${namespace}`)).toMatchObject({ status: 404 });
    expect(await tags()).toEqual({ repositories: [] });
    const skipped = await deploy('bad', '--skip-check', '--audit-log', log);
    expect(skipped).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('the rules that the release demands are not checked (--skip-check)') as string,
      stdout: expect.stringContaining('not checked, although the release demands it') as string,
    });
    const entries = (await readFile(log, 'utf8')).trimEnd().split('\n').map((line) => JSON.parse(line) as { event: string; cluster?: { rules?: string } }); // prettier-ignore
    expect(entries.filter(({ cluster: found }) => found?.rules === 'skipped').map(({ event }) => event)).toEqual(['started', 'completed']); // prettier-ignore
    await cli.ok(['audit', 'verify', log]);
  });

  test('is deployed where all are met, with the exceptions that it makes; the site may ask for more', async (t) => {
    if (cluster === undefined) t.skip();
    const more = await deploy('good', '--check', 'hipaa');
    expect(more).toMatchObject({ exitCode: 6, stderr: expect.stringContaining('hipaa-audit: ') as string });
    const done = await deploy('good', '--json');
    expect({ exitCode: done.exitCode, stderr: done.stderr }).toEqual({
      exitCode: 0,
      stderr: expect.any(String) as string,
    });
    expect(JSON.parse(done.stdout)).toMatchObject({ rules: { state: 'met', profiles: [], failures: [], excepted: 1 } });
  });

  test('is told which option contradicts which', async (t) => {
    if (cluster === undefined) t.skip();
    expect(await deploy('good', '--check', 'hipaa', '--skip-check')).toMatchObject({ exitCode: 2 });
    expect(await deploy('good', '--check', 'hippa')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('hippa is not one of') as string,
    });
  });
});

describe('which rules are asked', () => {
  const objects = Object.values(HOST_NETWORK) as unknown as Parameters<typeof checkObjects>[2]['objects'];
  const images = ['registry.example/team/api:1.0'];
  const checked = {
    objects,
    images,
    namespace: 'app',
    profile: 'edge',
    kubeVersion: 'v1.37.2',
    created: '2026-01-31T12:00:00Z',
  };
  const demand = (
    demands: readonly { values?: string[]; profiles: ['hipaa'] | [] }[],
  ): Parameters<typeof checkObjects>[0] => ({
    rules: [],
    demands: [...demands],
  });

  test('none, where no demand is about the profile and the site asks for none', () => {
    expect(checkObjects(demand([{ values: ['gdpr'], profiles: [] }]), [], checked)).toBeUndefined();
    expect(checkObjects(undefined, [], checked)).toBeUndefined();
    expect(checkObjects(undefined, 'skip', checked)).toBeUndefined();
  });

  test('those of every demand that is about it, and those of the site', () => {
    const own = checkObjects(demand([{ profiles: [] }]), [], checked);
    expect(own).toMatchObject({ state: 'failed', profiles: [], failures: [expect.stringContaining('hostNetwork')] });
    const both = checkObjects(
      demand([{ profiles: [] }, { values: ['edge'], profiles: ['hipaa'] }]),
      ['availability'],
      checked,
    );
    expect(both?.profiles).toEqual(['availability', 'hipaa']);
    expect(both?.rules).toBeGreaterThan(own?.rules ?? 0);
    expect(checkObjects(undefined, ['general'], checked)?.state).toBe('failed');
  });
});
