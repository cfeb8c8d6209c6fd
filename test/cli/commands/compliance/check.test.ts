/** `airgap check` says of each rule whether it is met, where it is not, and ends with an exit code of its own. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { formatCheckSchema, type CheckReport } from '../../../../src/report/checks/check-report.ts';
import { startRegistry } from '../../../../src/server/embedded-registry.ts';
import { emptyTrustedRoot } from '../../../../src/trust/signatures/empty-root.ts';
import { writeKeyFiles } from '../../../helpers/key-files.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { run } from '../../../helpers/run.ts';
import { pushSample } from '../../../helpers/push-sample.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { useTempDir } from '../../../helpers/temp.ts';
import { makeObjects, makeSpoiled, type Value } from '../../../compliance/sound-objects.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { PASSPHRASE } from '../../sample-release.ts';
import { useBuiltCli } from '../../built-cli.ts';

const temp = useTempDir();
const cli = useBuiltCli();

function toYaml(objects: Record<string, Value>, image = `registry.example/team/api@sha256:${'a'.repeat(64)}`): string {
  const text = Object.values(objects).map((object) => JSON.stringify(object));
  return text.map((each) => `---\n${each.replaceAll('registry.example/team/api:1.0', image)}\n`).join('');
}

test('passes on sound manifests, with a line for each rule', async () => {
  await writeFiles(temp.path, { 'deploy/all.yaml': toYaml(makeObjects()) });
  const { exitCode, stdout, stderr } = await cli.airgap(['check', 'deploy', '--profile', 'availability'], {
    cwd: temp.path,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toContain('deploy: 7 objects, for Kubernetes 1.34 and later\n  pass  image-no-latest: No image');
  expect(stdout).toContain('\n  29 rules pass, 0 fail, 0 do not apply\n');
});

test('names object, file, line and field of what is wrong, and ends with exit code 6', async () => {
  const objects = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true);
  await writeFiles(temp.path, { 'all.yaml': toYaml(objects) });
  const { exitCode, stdout, stderr } = await cli.airgap(['check', 'all.yaml'], { cwd: temp.path });
  expect(exitCode).toBe(6);
  expect(stdout).toContain(
    `  FAIL  pod-host-namespaces: No pod shares a namespace of its node
        all.yaml:2 Deployment/api spec.template.spec.hostNetwork: shares a namespace of the node
`,
  );
  expect(stderr).toBe(
    `error: 1 rule not met, at 1 place: pod-host-namespaces
  hint: each place is listed with its object and field; docs/compliance.md says what each rule is for
`,
  );
});

test('prints a report that its schema describes, whatever the verdict', async () => {
  await writeFiles(temp.path, { 'all.yaml': toYaml(makeObjects(), 'quay.io/a/api:1.0') });
  const { exitCode, stdout, stderr } = await cli.airgap(['check', 'all.yaml', '--json'], { cwd: temp.path });
  const report = JSON.parse(stdout) as CheckReport;
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(formatCheckSchema()) as object);
  expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
  expect({ exitCode, error: JSON.parse(stderr) as unknown }).toMatchObject({
    exitCode: 6,
    error: { error: { code: 'CHECK_FAILED' } },
  });
  const [result] = report.subjects[0]?.results.filter(({ verdict }) => verdict === 'fail') ?? [];
  expect(result).toMatchObject({
    rule: 'image-pinned',
    violations: [
      { kind: 'Deployment', namespace: 'app', file: 'all.yaml', field: 'spec.template.spec.initContainers[0].image' },
      { kind: 'Deployment' },
      { kind: 'CronJob' },
      { kind: 'CronJob' },
    ],
  });
});

test('writes the report in the form that its name asks for, also where a rule is not met', async () => {
  await writeFiles(temp.path, { 'all.yaml': toYaml(makeObjects(), 'quay.io/a/api:1.0') });
  for (const [name, start] of [
    ['r.html', '<!doctype html>'],
    ['r.md', '# Check of all.yaml'],
    ['r.json', '{\n  "schemaVersion": 1,'],
  ] as const) {
    const { exitCode } = await cli.airgap(['check', 'all.yaml', '--report', name], { cwd: temp.path });
    expect(exitCode).toBe(6);
    expect((await readFile(temp.join(name), 'utf8')).slice(0, start.length)).toBe(start);
  }
});

test("checks by the site's own rules, and shows what is excepted as not met", async () => {
  const rules = (until: string): string => `apiVersion: airgap.hexabase.ai/v1
kind: ComplianceRules
rules:
  - { id: acme-team, title: Workloads name their team, serves: [Acme 1], shows: That it is there., cannotShow: That it is right.,
      select: { kind: Deployment }, path: metadata.labels.team, operator: exists }
exceptions:
  - { rule: acme-team, object: Deployment/api, reason: The label comes with 2.0., approvedBy: 'Office <it>', until: ${until} }
  - { rule: pod-privileged, object: 'Deployment/*', reason: Nothing needs this one., until: 2099-01-01 }
`;
  const files = {
    'all.yaml': toYaml(makeObjects()),
    'rules.yaml': rules('2099-12-31'),
    'old.yaml': rules('2020-12-31'),
  };
  await writeFiles(temp.path, files);
  const check = (...words: string[]) => cli.airgap(['check', 'all.yaml', '--rules', ...words], { cwd: temp.path });
  const lines = await check('rules.yaml', '--report', 'r.html');
  expect(lines).toMatchObject({ exitCode: 0, stderr: '' });
  expect(lines.stdout).toContain(`  EXC   acme-team: Workloads name their team
        all.yaml:2 Deployment/api metadata.labels.team: is not set, and a value is demanded
          excepted until 2099-12-31, approved by Office <it>: The label comes with 2.0.
`);
  expect(lines.stdout).toContain('27 rules pass, 0 fail, 1 not met with an exception, 0 do not apply');
  expect(lines.stdout).toContain(`Exceptions:
  acme-team at Deployment/api: until 2099-12-31, needed at 1 place (rules.yaml:7)
  pod-privileged at Deployment/*: until 2099-01-01, nothing needs it (rules.yaml:8)
`);
  const page = await readFile(temp.join('r.html'), 'utf8');
  expect(page).toContain('There are rules that are not met; each has an exception.');
  expect(page).toContain('excepted until 2099-12-31, approved by Office &lt;it&gt;: The label comes with 2.0.');
  const { exitCode, stdout } = await check('rules.yaml', '--json', '--report', 'r.md');
  const report = JSON.parse(stdout) as CheckReport;
  const validate = new Ajv2020({ strict: false }).compile(JSON.parse(formatCheckSchema()) as object);
  expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
  expect({ exitCode, report }).toMatchObject({
    exitCode: 0,
    report: { verdict: 'excepted', exceptions: [{ used: 1 }, { used: 0 }] },
  });
  expect(await readFile(temp.join('r.md'), 'utf8')).toContain('**not met**, excepted');
  const late = await check('old.yaml');
  expect(late.exitCode).toBe(6);
  expect(late.stdout).toContain('exception ended on 2020-12-31');
  const wrong = await check('all.yaml');
  expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('all.yaml') as string });
});

test('writes the report in all forms with a signed statement about them, which cosign verifies', async () => {
  await writeFiles(temp.path, { 'all.yaml': toYaml(makeObjects(), 'quay.io/a/api:1.0') });
  const { key, pub } = await writeKeyFiles(temp.join('site'));
  const check = (...words: string[]) =>
    cli.airgap(['check', 'all.yaml', '--output', 'evidence', ...words], { cwd: temp.path, env: PASSPHRASE });
  const { exitCode, stderr } = await check('--sign', key);
  // The evidence is written whatever the verdict: that is what it is about.
  expect(exitCode).toBe(6);
  const names = ['json', 'md', 'html', 'sigstore.json'].map((form) => `check-report.${form}`);
  expect(stderr).toContain(names.map((name) => `wrote evidence/${name}\n`).join(''));
  expect((await readdir(temp.join('evidence'))).sort()).toEqual(names.toSorted());
  const report = JSON.parse(await readFile(temp.join('evidence/check-report.json'), 'utf8')) as CheckReport;
  expect(report.verdict).toBe('fail');
  await writeFile(temp.join('root.json'), emptyTrustedRoot);
  for (const name of ['cosign2', 'cosign3']) {
    const cosign = requireTool(name);
    if (cosign === undefined) continue;
    const verify = async (file: string): Promise<number | null> => {
      const words = ['verify-blob-attestation', '--key', pub, '--bundle', 'check-report.sigstore.json', '--insecure-ignore-tlog',
        '--type', 'https://airgap.hexabase.ai/attestations/check/v1', '--trusted-root', temp.join('root.json'), file]; // prettier-ignore
      return (await run(cosign, words, { cwd: temp.join('evidence'), env: { HOME: temp.path } })).exitCode;
    };
    expect(await Promise.all(names.slice(0, 3).map(verify)), name).toEqual([0, 0, 0]);
    expect(await verify('../all.yaml'), name).not.toBe(0);
  }
  // Without a key the statement about the older report goes.
  await check();
  expect((await readdir(temp.join('evidence'))).sort()).toEqual(names.slice(0, 3).toSorted());
});

test('checks objects of a cluster from standard input', async () => {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Object.values(makeObjects()) });
  const { exitCode, stdout } = await cli.airgap(['check', '--from-cluster', '-', '--json'], { input });
  const report = JSON.parse(stdout) as CheckReport;
  expect(report.subjects).toMatchObject([{ name: 'cluster (standard input)', live: true }]);
  // Nothing says that the images of the cluster are those of a release.
  expect(exitCode).toBe(6);
});

test('checks a signed archive: its images count as pinned, and a changed file is refused', async () => {
  await using registry = await startRegistry({ directory: temp.join('registry') });
  await pushSample(registry.url, 'team/api', makeImage({ platform: 'linux/amd64' }), ['1.0']);
  const { key, pub } = await writeKeyFiles(temp.join('maker'));
  await writeFiles(temp.path, {
    'manifests/all.yaml': toYaml(makeObjects(), `${registry.host}/team/api:1.0`),
    'release.yaml': `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '1.0.0'
created: '2026-01-31T12:00:00Z'
platforms: [linux/amd64]
components: [{name: api, manifests: [manifests]}]
`,
  });
  await cli.ok(['build', 'release.yaml', '--key', key], { cwd: temp.path, env: PASSPHRASE });
  const archive = temp.join('demo-offline-1.0.0.tar');
  const args = ['check', archive, '--key', pub];
  expect(JSON.parse(await cli.ok([...args, '--json']))).toMatchObject({
    verdict: 'pass',
    release: { name: 'demo', version: '1.0.0', digest: expect.stringMatching(/^sha256:/) as string },
    subjects: [{ name: 'manifests', live: false }],
  });
  // The same files without an archive: nothing says which image the tag means.
  expect((await cli.airgap(['check', temp.join('manifests')])).exitCode).toBe(6);
  // As a release that is not built yet: whatever it names will be pinned.
  expect((await cli.airgap(['check', temp.join('release.yaml')])).exitCode).toBe(0);
  const none = await cli.airgap([...args, '--path', 'docs']);
  expect(none).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('has nothing to check below docs') as string,
  });
  expect((await cli.airgap(['check', archive])).exitCode).toBe(2);
  const bytes = await readFile(archive);
  // In the manifest: the rules in install/verify-and-load.mjs have the word too.
  const name = '"name":"default-deny"';
  bytes.write(name.replace('deny', 'open'), bytes.indexOf(name));
  await writeFile(archive, bytes);
  expect((await cli.airgap(args)).exitCode).toBe(3);
});

test.each<[string, readonly string[], string]>([
  ['a key without an archive', ['.', '--key', 'k.pub'], '--key applies to archives'],
  ['a profile that is none', ['.', '--profile', 'genral'], 'genral is not one of general, availability, gdpr, hipaa'],
  ['a version that is none', ['.', '--kube-version', 'new'], '--kube-version: new is no version'],
  [
    'a key that signs nothing',
    ['.', '--sign', 'site.key'],
    '--sign signs a statement about files, and none are written',
  ],
  ['a passphrase for no key', ['.', '--passphrase-file', 'p'], '--passphrase-file is for the key of --sign'],
  ['two archives', ['a.tar', 'b.tar'], 'a.tar is an archive, and is checked by itself'],
])('refuses %s', async (_, args, message) => {
  const { exitCode, stderr } = await cli.airgap(['check', ...args], { cwd: temp.path });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) as string });
});
