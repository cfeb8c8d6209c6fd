/** A release that demands a check is refused where a rule is not met, and carries the evidence where all are. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckReport } from '../../../../src/report/checks/check-report.ts';
import { startRegistry, type EmbeddedRegistry } from '../../../../src/server/embedded-registry.ts';
import { loadPublicKey } from '../../../../src/trust/keys/public-key.ts';
import { writeKeyFiles, type KeyFiles } from '../../../helpers/key-files.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { run, runOk } from '../../../helpers/run.ts';
import { pushSample } from '../../../helpers/push-sample.ts';
import { makeImage } from '../../../helpers/sample-image.ts';
import { readArchive } from '../../../helpers/second-reader.ts';
import { makeTempDir, type TempDir } from '../../../helpers/temp.ts';
import { makeObjects, makeSpoiled, type Value } from '../../../compliance/sound-objects.ts';
import { writeFiles } from '../../../kubernetes/charts/chart-files.ts';
import { useBuiltCli } from '../../built-cli.ts';
import { PASSPHRASE } from '../../sample-release.ts';

const cli = useBuiltCli();
const helm = requireTool('helm4');
const NAME = 'demo-offline-1.0.0.tar';
const REPORT = 'compliance/demo-1.0.0.check.json';
const HOST_NETWORK = makeSpoiled('Deployment', ['spec', 'template', 'spec', 'hostNetwork'], true);
let temp: TempDir & AsyncDisposable;
let registry: EmbeddedRegistry;
let keys: KeyFiles;

const RULES = `apiVersion: airgap.hexabase.ai/v1
kind: ComplianceRules
rules:
  - { id: acme-team, title: Accounts name their team, serves: [Acme 1], shows: That it is there., cannotShow: That it is right.,
      select: { kind: ServiceAccount }, path: metadata.labels.team, operator: exists }
exceptions:
  - { rule: acme-team, object: ServiceAccount/api, reason: The label comes with 2.0., until: 2026-06-30 }
  - { rule: pod-host-namespaces, object: Deployment/other, reason: Nothing needs this one., until: 2026-06-30 }
`;

function toYaml(objects: Record<string, Value>): string {
  const image = `${registry.host}/team/api:1.0`;
  const text = Object.values(objects).map((object) => JSON.stringify(object));
  return text.map((each) => `---\n${each.replaceAll('registry.example/team/api:1.0', image)}\n`).join('');
}

function releaseYaml(check: string, parts = 'manifests: [manifests]'): string {
  return `apiVersion: airgap.hexabase.ai/v1
kind: Release
name: demo
version: '1.0.0'
created: '2026-01-31T12:00:00Z'
platforms: [linux/amd64]
${check}
components: [{name: api, ${parts}}]
`;
}

const CHECK = 'check: { rules: [rules.yaml] }';
/** While the exception counts; a moment later it does not. */
const JUNE = (): Date => new Date('2026-06-30T23:59:59Z');
const JULY = (): Date => new Date('2026-07-01T00:00:00Z');

beforeAll(async () => {
  temp = await makeTempDir();
  registry = await startRegistry({ directory: temp.join('registry') });
  await pushSample(registry.url, 'team/api', makeImage({ platform: 'linux/amd64' }), ['1.0']);
  keys = await writeKeyFiles(temp.join('maker'), 'ed25519');
});
afterAll(async () => {
  await registry.close();
  await temp[Symbol.asyncDispose]();
});

async function airgap(words: readonly string[], now = JUNE): ReturnType<typeof cli.airgap> {
  const env = { ...PASSPHRASE, PATH: temp.join('bin') };
  return cli.airgap(words, { cwd: temp.path, env, now });
}

const build = (...words: string[]): ReturnType<typeof airgap> => airgap(['build', '--key', keys.key, ...words]);
const toObject = (text: string): object => JSON.parse(text) as object;

describe('a release that meets its rules', () => {
  let first: Buffer;

  beforeAll(async () => {
    const files = {
      'manifests/all.yaml': toYaml(makeObjects()),
      'rules.yaml': RULES,
      'release.yaml': releaseYaml(CHECK),
    };
    await writeFiles(temp.path, files);
    expect(await build('release.yaml')).toMatchObject({ exitCode: 0 });
    first = await readFile(temp.join(NAME));
  });

  test('carries the report, and says so to whoever inspects and verifies it', async () => {
    const claimed = { verdict: 'excepted', checkedAt: '2026-01-31T12:00:00Z', profiles: ['general'], counts: { fail: 0, excepted: 1 } }; // prettier-ignore
    const inspected = toObject((await airgap(['inspect', NAME, '--json'])).stdout);
    expect(inspected).toMatchObject({ claimedChecks: [claimed] });
    const verified = await airgap(['verify', NAME, '--key', keys.pub, '--json']);
    expect(verified.exitCode).toBe(0);
    expect(toObject(verified.stdout)).toMatchObject({ checks: { accepted: [claimed], unchecked: [] } });
    expect((await airgap(['inspect', NAME])).stdout).toMatch(/ {2}claims to be checked: excepted by general at 2026-01-31T12:00:00Z \(\d+ met, 0 not met, 1 not met with an exception\)/); // prettier-ignore
    expect((await airgap(['verify', NAME, '--key', keys.pub])).stdout).toContain('  checked   excepted by general at');
    expect((await airgap(['extract', NAME, 'out', REPORT, '--key', keys.pub])).exitCode).toBe(0);
    const report = JSON.parse(await readFile(temp.join('out', REPORT), 'utf8')) as CheckReport;
    expect(report).toMatchObject({
      checked: ['demo 1.0.0'],
      ruleFiles: [{ name: 'rules.yaml' }],
      exceptions: [{ used: 1 }, { used: 0 }],
      subjects: [{ name: 'manifests', live: false }],
    });
  });

  test('is the same from its lock, byte for byte, and to a reader that is written from docs/format.md alone', async () => {
    expect(await build('release.lock.json', '--output', 'again.tar')).toMatchObject({ exitCode: 0 });
    expect((await readFile(temp.join('again.tar'))).equals(first)).toBe(true);
    const key = loadPublicKey(await readFile(keys.pub, 'utf8'));
    expect(readArchive(first, [key]).map(({ path }) => path)).toContain(REPORT);
  });

  test.each(['cosign2', 'cosign3'])(
    '%s verifies the statement, about the archive and about the report',
    async (name) => {
      const cosign = requireTool(name);
      if (cosign === undefined) return;
      await mkdir(temp.join(name));
      await runOk('tar', ['xf', temp.join(NAME), 'checksums.txt', 'release.json', 'attestations', 'compliance', 'install'], { cwd: temp.join(name) }); // prettier-ignore
      const verify = async (file: string): Promise<number | null> => {
        const words = ['verify-blob-attestation', '--key', keys.pub, '--bundle', 'attestations/2.sigstore.json', '--insecure-ignore-tlog',
        '--type', 'https://airgap.hexabase.ai/attestations/check/v1', '--trusted-root', 'install/trusted-root.json', file]; // prettier-ignore
        return (await run(cosign, words, { cwd: temp.join(name), env: { HOME: temp.path } })).exitCode;
      };
      expect([await verify('checksums.txt'), await verify(REPORT)]).toEqual([0, 0]);
      expect(await verify('release.json')).not.toBe(0);
    },
  );

  test('finds its files beside the release.yaml, wherever the lock is kept', async () => {
    await mkdir(temp.join('locks'));
    const { exitCode, stderr } = await build('release.yaml', '--lock', 'locks/demo.lock.json', '--output', 'apart.tar');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.not.stringContaining('does not exist') as string }); // prettier-ignore
  });

  test('is refused once an exception that it needs has ended, and its lock where it demands less', async () => {
    const late = await airgap(['build', 'release.lock.json', '--key', keys.key, '--output', 'late.tar'], JULY);
    expect(late.exitCode).toBe(6);
    expect(late.stderr).toContain('acme-team: manifests: manifests/all.yaml:');
    expect(late.stderr).toContain('its exception has ended');
    const lock = toObject(await readFile(temp.join('release.lock.json'), 'utf8'));
    await writeFile(temp.join('release.lock.json'), `${JSON.stringify({ ...lock, check: undefined }, null, 2)}\n`);
    const cut = await build('release.lock.json', '--output', 'cut.tar');
    expect(cut).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('is not checked as') as string });
    await writeFile(temp.join('release.lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
    await rename(temp.join('rules.yaml'), temp.join('rules.old'));
    await writeFile(temp.join('rules.yaml'), RULES.replace('2.0', '3.0'));
    const other = await build('release.lock.json', '--output', 'other.tar');
    expect(other).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('rules.yaml has changed') as string });
    await rename(temp.join('rules.old'), temp.join('rules.yaml'));
    expect(['late.tar', 'cut.tar', 'other.tar'].filter((name) => existsSync(temp.join(name)))).toEqual([]);
  });
});

test('a release that does not meet them is refused with rule, object and field, unless it is to warn', async () => {
  const files = { 'manifests/all.yaml': toYaml(HOST_NETWORK), 'release.yaml': releaseYaml('check: {}') };
  await writeFiles(temp.path, files);
  await rm(temp.join(NAME), { force: true });
  for (const command of [['resolve'], ['build', '--key', keys.key]]) {
    const { exitCode, stderr } = await airgap([...command, 'release.yaml']);
    expect(exitCode).toBe(6);
    expect(stderr).toMatch(
      /pod-host-namespaces: manifests: manifests\/all\.yaml:\d+ Deployment\/api spec\.template\.spec\.hostNetwork: shares/,
    );
    expect(existsSync(temp.join(NAME))).toBe(false);
  }
  const { exitCode, stderr } = await build('release.yaml', '--check', 'warn');
  expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('warning: not met: pod-host') as string }); // prettier-ignore
  expect(toObject((await airgap(['inspect', NAME, '--json'])).stdout)).toMatchObject({
    claimedChecks: [{ verdict: 'fail' }],
  });
});

test('demands name sets of values, and what none of them is about is named', async (t) => {
  if (helm === undefined) return t.skip();
  await mkdir(temp.join('bin'), { recursive: true });
  await symlink(helm, temp.join('bin', 'helm'));
  const parts = `charts: [{ chart: charts/web, values: [{ name: small, files: [small.yaml] }, { name: bare, files: [bare.yaml] }] }], manifests: [manifests]`;
  const release = (demands: string): string =>
    releaseYaml(`check: { rules: [rules.yaml], demands: [${demands}] }`, parts);
  await writeFiles(temp.path, {
    'charts/web/Chart.yaml': 'apiVersion: v2\nname: web\nversion: 1.0.0\n',
    'charts/web/templates/a.yaml': `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web, labels: { {{ if .Values.team }}team: {{ .Values.team }}{{ end }} } }\n`,
    'small.yaml': 'team: a\n',
    'bare.yaml': 'team: ""\n',
    'rules.yaml': RULES,
    'release.yaml': release('{ values: [small], profiles: [general] }'),
  });
  const small = await airgap(['resolve', 'release.yaml']);
  expect(small).toMatchObject({ exitCode: 0 });
  expect(small.stderr).toContain('warning: manifests is not checked: no demand is about it');
  expect(small.stderr).toContain('warning: charts/web (bare) is not checked: no demand is about it');
  await writeFile(temp.join('release.yaml'), release('{ values: [small, bare] }'));
  const bare = await airgap(['resolve', 'release.yaml']);
  expect(bare.exitCode).toBe(6);
  expect(bare.stderr).toContain(
    'acme-team: charts/web (bare): charts/web web/templates/a.yaml ServiceAccount/web metadata.labels.team',
  );
  expect(bare.stderr).not.toContain('charts/web (small)');
  await writeFile(temp.join('release.yaml'), release('{ values: [smal] }'));
  const unknown = await airgap(['resolve', 'release.yaml']);
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no chart has a set of values called smal (the sets are small, bare)') as string }); // prettier-ignore
  await writeFile(temp.join('release.yaml'), release('{}'));
  const blind = await airgap(['resolve', 'release.yaml', '--no-render']);
  expect(blind).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('charts/web was not rendered') as string,
  });
});
