/** `airgap check --compare` says what is worse, better or gone since an earlier report, and whose report that is. */
import { readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatCheckSchema, type CheckReport } from '../../../../src/report/checks/check-report.ts';
import { startRegistry } from '../../../../src/server/embedded-registry.ts';
import { makeNamespace, sharedCluster } from '../../../helpers/cluster.ts';
import { writeKeyFiles, type KeyFiles } from '../../../helpers/key-files.ts';
import { pushSample } from '../../../helpers/push-sample.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { makeTempDir, type TempDir } from '../../../helpers/temp.ts';
import { makeObjects, makeSpoiled, setAt, type Value } from '../../../compliance/sound-objects.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';
import { PASSPHRASE } from '../../sample-release.ts';

const cli = useBuiltCli();
const RULES = `apiVersion: airgap.hexabase.ai/v1
kind: ComplianceRules
rules:
  - { id: acme-team, title: Accounts name their team, serves: [Acme 1], shows: That it is there., cannotShow: That it is right.,
      select: { kind: ServiceAccount }, path: metadata.name, operator: exists }
`;
let temp: TempDir & AsyncDisposable;
let keys: KeyFiles;
let image: string;

beforeAll(async () => {
  temp = await makeTempDir();
  await using registry = await startRegistry({ directory: temp.join('registry') });
  image = `${registry.host}/team/api:1.0`;
  await pushSample(registry.url, 'team/api', makeImage({ platform: 'linux/amd64' }), ['1.0']);
  keys = await writeKeyFiles(temp.join('maker'), 'ed25519');
  const release = (check: string): string => `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '1.0.0'
created: '2026-01-31T12:00:00Z'
platforms: [linux/amd64]
${check}
components: [{name: api, manifests: [manifests]}]
`;
  await writeFiles(temp.path, {
    'manifests/all.yaml': named(Object.values(makeObjects())),
    'rules.yaml': RULES,
    'checked/release.yaml': release('check: { rules: [rules.yaml], demands: [{ profiles: [availability] }] }').replace('[manifests]', '[manifests/all.yaml]'), // prettier-ignore
    'checked/manifests/all.yaml': named(Object.values(makeObjects())),
    'checked/rules.yaml': RULES,
    'release.yaml': release(''),
  });
  const build = (yaml: string, output: string) =>
    cli.ok(['build', yaml, '--key', keys.key, '--output', output], { cwd: temp.path, env: PASSPHRASE });
  await build('checked/release.yaml', 'demo.tar');
  await build('release.yaml', 'unchecked.tar');
});
afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

/** Objects with the image of the release. */
function named(objects: readonly Value[]): string {
  return objects.map((object) => `---\n${JSON.stringify(object).replaceAll('registry.example/team/api:1.0', image)}\n`).join(''); // prettier-ignore
}

/** Objects as a cluster has them: without the Secret, which is not handed out, with one that it made by itself. */
function running(objects: Record<string, Value>): string {
  const { Secret: _, ...rest } = objects;
  const made = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt', namespace: 'app' } };
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...Object.values(rest), made] });
  return list.replaceAll('registry.example/team/api:1.0', image);
}

async function compare(input: string, ...words: string[]): ReturnType<typeof cli.airgap> {
  return cli.airgap(['check', '--from-cluster', '-', '--compare', ...words], { cwd: temp.path, input });
}

const ARCHIVE = ['demo.tar', '--rules', 'rules.yaml', '--key', 'maker.pub'] as const;

test('what runs as it was built is the same, by the profiles of then, and what is not there is said', async () => {
  const { exitCode, stdout, stderr } = await compare(running(makeObjects()), ...ARCHIVE);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/Compared with demo\.tar \(demo 1\.0\.0, sha256:[0-9a-f]{64}\), checked at 2026-01-31T12:00:00Z:\n/);
  expect(stdout).toContain(`cluster (standard input) with manifests
  GONE   secret-data: met then, nothing it applies to now
  1 secret checked then, not looked at now:
          Secret/api in app
  1 object not there then:
          ConfigMap/kube-root-ca.crt in app
  29 rules the same, 0 better, 0 worse, 0 new, 1 gone
All that was checked is as it was then.
`);
  expect(stdout).toContain('  pass  availability-replicas:');
}); // prettier-ignore

test('what became worse ends with exit code 6, and names each place', async () => {
  const objects = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'containers', 0, 'livenessProbe'], undefined);
  setAt(objects['CronJob'], ['spec', 'jobTemplate', 'spec', 'template', 'spec', 'containers', 0, 'image'], `${image.replace(/1\.0$/, 'latest')}`); // prettier-ignore
  const { exitCode, stdout, stderr } = await compare(running(objects), ...ARCHIVE);
  expect(exitCode).toBe(6);
  expect(stdout).toContain(`
  WORSE  workload-probes: met then, not met now
          Deployment/api in app spec.template.spec.containers[0].livenessProbe: `);
  expect(stdout).toContain(`
  WORSE  image-no-latest: met then, not met now
          CronJob/nightly in app spec.jobTemplate.spec.template.spec.containers[0].image: `);
  expect(stdout).toContain('\nSomething is worse than it was then.\n');
  expect(stderr).toContain('3 rules not met, at 3 places: image-no-latest, image-pinned, workload-probes; 3 rules worse than in demo.tar: '); // prettier-ignore
});

test('what is only gone ends with exit code 5: a rule that was not asked for, and an object', async () => {
  const { Deployment: _, PodDisruptionBudget: __, ...rest } = makeObjects();
  const { exitCode, stdout, stderr } = await compare(running(rest), 'demo.tar', '--key', 'maker.pub');
  expect({ exitCode, stderr }).toEqual({
    exitCode: 5,
    stderr: `error: nothing is worse than in demo.tar, and not everything of it was found again:
  rule acme-team
  Deployment/api
  PodDisruptionBudget/api
  hint: name the files of rules that the earlier report was made with (--rules FILE), and read objects of all its kinds
`,
  });
  expect(stdout).toContain('  GONE   acme-team: met then, not checked now\n');
  expect(stdout).toContain('  GONE   workload-probes: met then, nothing it applies to now\n');
});

test('a report of the site is compared with the next one, in every form, as the schema says', async () => {
  const [before, after] = [running(makeSpoiled('Deployment', ['spec', 'replicas'], 1)), running(makeObjects())];
  const check = (input: string, ...words: string[]) =>
    cli.airgap(['check', '--from-cluster', '-', ...words], { cwd: temp.path, input });
  const first = await check(before, '--profile', 'availability', '--output', 'then');
  expect(first.exitCode).toBe(6);
  const words = ['--compare', 'then/check-report.json', '--json', '--output', 'now'];
  const { exitCode, stdout } = await check(after, ...words);
  // Without the archive, nothing says what the tags mean: that was so then, and is so now.
  expect(exitCode).toBe(6);
  const report = JSON.parse(stdout) as CheckReport;
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(formatCheckSchema()) as object);
  expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
  expect(report.comparison).toMatchObject({ verdict: 'better', with: { name: 'then/check-report.json' }, notCompared: [] }); // prettier-ignore
  const changed = report.comparison?.subjects[0]?.rules.filter(({ outcome }) => outcome !== 'same');
  expect(changed).toMatchObject([{ rule: 'availability-replicas', outcome: 'better', then: 'fail', now: 'pass', better: [{ name: 'api' }] }]); // prettier-ignore
  expect(await readFile(temp.join('now/check-report.md'), 'utf8')).toContain('\n## Since the earlier report\n\nNothing is worse than it was then, and something is better.\n'); // prettier-ignore
  expect(await readFile(temp.join('now/check-report.html'), 'utf8')).toContain('<h2 id="comparison">Since the earlier report</h2>'); // prettier-ignore
  // A report that was compared itself is one to compare with.
  const third = await check(after, '--compare', 'now/check-report.json', '--json');
  expect((JSON.parse(third.stdout) as CheckReport).comparison?.verdict).toBe('same');
});

test('a failing rule stays failing, whatever it was before', async () => {
  await writeFile(temp.join('bad.json'), running(makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true))); // prettier-ignore
  const check = (...words: string[]) => cli.airgap(['check', '--from-cluster', 'bad.json', ...words], { cwd: temp.path }); // prettier-ignore
  await check('--report', 'bad-report.json');
  const { exitCode, stdout, stderr } = await check('--compare', 'bad-report.json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 6, stderr: expect.not.stringContaining('worse than') as string });
  expect(stdout).toContain('All that was checked is as it was then.');
});

test('an archive as input, or another one, is compared too: names decide', async () => {
  const words = ['check', 'demo.tar', '--rules', 'rules.yaml', '--key', 'maker.pub', '--compare', 'demo.tar'];
  expect(await cli.airgap(words, { cwd: temp.path })).toMatchObject({ exitCode: 0, stderr: '' });
});

test('what runs in a real cluster is compared with what was built, and gets worse when somebody changes it', async (t) => {
  const cluster = (await sharedCluster()) ?? t.skip();
  await using namespace = await makeNamespace(cluster.api, 'compare');
  const objects = JSON.parse(named([{ items: Object.values(makeObjects()) }]).slice('---\n'.length)) as { items: Value[] };
  for (const object of objects.items) {
    // Installed to a namespace of another name than the release has.
    setAt(object, ['metadata', 'namespace'], namespace.name);
    await cluster.api.applyOk(object);
  }
  const check = (...words: string[]) =>
    cli.airgap(
      ['check', '--cluster', '--kubeconfig', cluster.kubeconfig, '--namespace', namespace.name, '--compare', ...words],
      { cwd: temp.path, env: { HOME: temp.path } },
    );
  const same = await check(...ARCHIVE, '--report', 'live.json');
  expect({ exitCode: same.exitCode, stderr: same.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(same.stdout).toContain(`1 secret checked then, not looked at now:\n          Secret/api in ${namespace.name}\n`);
  expect(same.stdout).toContain('All that was checked is as it was then.');
  const deployment = objects.items.find(({ kind }) => kind === 'Deployment');
  const container = ['spec', 'template', 'spec', 'containers', 0] as const;
  setAt(deployment, [...container, 'image'], image.replace(/1\.0$/, 'latest'));
  setAt(deployment, [...container, 'readinessProbe'], undefined);
  await cluster.api.applyOk(deployment);
  // Against the archive as against the site's own report of before.
  for (const earlier of [ARCHIVE, ['live.json', '--rules', 'rules.yaml']]) {
    const { exitCode, stdout } = await check(...earlier);
    expect(exitCode).toBe(6);
    expect(stdout).toMatch(/ {2}WORSE {2}image-no-latest: met then, not met now\n +Deployment\/api in \S+ spec\.template\.spec\.containers\[0\]\.image: /);
    expect(stdout).toMatch(/ {2}WORSE {2}workload-probes: met then, not met now\n +Deployment\/api in \S+ spec\.template\.spec\.containers\[0\]\.readinessProbe: /);
    expect(stdout).toContain('Something is worse than it was then.');
  }
}); // prettier-ignore

test.each<[readonly string[], string]>([
  [['--cluster', '--from-cluster', '-'], 'give only one of --cluster and --from-cluster'],
  [['manifests', '--namespace', 'app', '--as', 'me'], '--namespace, --as applies to --cluster, which is not given'],
])('check %j is refused', async (words, message) => {
  const { exitCode, stderr } = await cli.airgap(['check', ...words], { cwd: temp.path });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) as string });
});

describe('what is no earlier report', () => {
  beforeAll(async () => {
    await writeKeyFiles(temp.join('other'), 'ed25519');
    await cli.airgap(['check', 'manifests', '--report', 'report.json'], { cwd: temp.path });
    const report = await readFile(temp.join('report.json'), 'utf8');
    await writeFiles(temp.path, {
      'verify.json': JSON.stringify({ schemaVersion: 1, kind: 'verify' }),
      'later.json': JSON.stringify({ schemaVersion: 2, kind: 'check' }),
      'changed.json': report.replace(/"looked": \d+/, '"looked": -1'),
      'cut.json': report.slice(0, -100),
      'twice.json': '{"kind":"check","kind":"check","schemaVersion":1}',
    });
  });

  test.each<[string, readonly string[], number, string]>([
    ['an archive without a key', ['demo.tar'], 2, 'no key to verify with'],
    ['an archive that carries no report', ['unchecked.tar', '--key', 'maker.pub'], 2, '--compare unchecked.tar: the archive carries no report of a check'],
    ['an archive by another key', ['demo.tar', '--key', 'other.pub'], 3, '--compare demo.tar: 0 of 1'],
    ['a key for a report', ['report.json', '--key', 'maker.pub'], 2, '--key applies to archives, and none is named'],
    ['what is not there', ['none.json'], 1, 'none.json'],
    ['what is no JSON', ['rules.yaml'], 2, 'rules.yaml: is not JSON'],
    ['half a report', ['cut.json'], 2, 'cut.json: is not JSON'],
    ['a report of something else', ['verify.json'], 2, 'verify.json: is no report of a check'],
    ['a report of a later version', ['later.json'], 2, 'later.json: is a report of another version'],
    ['a report that was changed', ['changed.json'], 2, 'changed.json: subjects[0].results[0].looked: '],
    ['a report with a key twice', ['twice.json'], 2, 'twice.json: repeats the key "kind"'],
    ['a subject that it does not have', ['report.json', '--compare-subject', 'large'], 2, 'report.json has no large\n  hint: it has manifests'],
  ])('%s is refused', async (_, words, exitCode, message) => {
    const got = await compare(running(makeObjects()), ...words);
    expect(got).toMatchObject({ exitCode, stdout: '', stderr: expect.stringContaining(message) as string });
  }); // prettier-ignore
});

test('the name of a subject that is meant needs a report', async () => {
  const { exitCode, stderr } = await cli.airgap(['check', 'manifests', '--compare-subject', 'x'], { cwd: temp.path });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('name it with --compare FILE') as string }); // prettier-ignore
});

test('a report of other objects is refused, with the names that could be meant', async () => {
  const subject = (name: string): string => JSON.stringify(makeSpoiled('Deployment', ['metadata', 'name'], name)['Deployment']); // prettier-ignore
  await writeFiles(temp.path, { 'two/a/one.yaml': subject('one'), 'two/b/two.yaml': subject('two') });
  await cli.airgap(['check', 'two/a', 'two/b', '--report', 'two.json'], { cwd: temp.path });
  const got = await compare(running(makeObjects()), 'two.json');
  expect(got).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('two.json is a report of other objects') as string }); // prettier-ignore
  expect(got.stderr).toContain('--compare-subject NAME, of two/a, two/b');
  const chosen = await compare(running(makeObjects()), 'two.json', '--compare-subject', 'two/b');
  expect(chosen.stdout).toContain('cluster (standard input) with two/b\n');
});
