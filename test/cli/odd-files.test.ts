/**
 * Whatever a person names in the place of a file (a pipe that nothing is ever written to, a device that gives bytes
 * without end and takes none) and whatever somebody planted there: refused at once, with its name, never waited for.
 */
import { link, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AIRGAP } from '../../src/cli/airgap.ts';
import { serializeCanonically } from '../../src/base/json/canonical-json.ts';
import { programCommand } from '../e2e/support/program.ts';
import { startProcess, type RunningProcess } from '../helpers/process.ts';
import { runOk } from '../helpers/run.ts';
import { startSigningServices, type SigningServices } from '../helpers/signing-services.ts';
import { useTempDir } from '../helpers/temp.ts';
import { writeKeyFiles } from '../helpers/key-files.ts';
import { useBuiltCli } from './built-cli.ts';
import { makeSampleRelease, PASSPHRASE, type SampleRelease } from './sample-release.ts';

/** A test that waits for a pipe waits this long, and then fails; one that does not is done long before. */
const PATIENCE_MS = 120_000;
const cli = useBuiltCli();
const temp = useTempDir();
let release: SampleRelease;
let services: SigningServices;

beforeAll(async () => {
  release = await makeSampleRelease(cli, true);
  services = await startSigningServices();
  await writeFile(release.temp.join('root.json'), serializeCanonically(services.trustedRoot));
  const [root, pub] = [release.temp.join('root'), release.publicKey];
  await writeKeyFiles(root);
  await cli.ok(
    ['trust', 'init', release.temp.join('trust'), '--product', 'demo', '--expires', '2099-01-01', '--root', `${root}.pub`].concat(
      ['--release', pub],
    ),
  ); // prettier-ignore
  const lock = release.temp.join('release.lock.json');
  const delta = ['--base', release.archive, '--output', release.temp.join('demo.delta.tar')];
  await cli.ok(['build', lock, '--key', release.key, ...delta], { env: PASSPHRASE });
  // One each: every test has a name of its own for it.
  await runOk('mkfifo', [release.temp.join('a pipe')]);
  await runOk('mknod', [release.temp.join('a device'), 'c', '1', '7']);
  const load = ['load', release.archive, '--key', pub, '--to', `oci:${release.temp.join('once')}`];
  const record = ['--audit-log', release.temp.join('audit.jsonl'), '--receipt', release.temp.join('receipt.json')];
  await cli.ok([...load, ...record, '--report', release.temp.join('reports')]);
});
afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await release[Symbol.asyncDispose]();
});

/** An API server that is not there. */
const KUBECONFIG = `clusters: [{ name: c, cluster: { server: 'https://127.0.0.1:1' } }]
contexts: [{ name: c, context: { cluster: c } }]
current-context: c
`;
const FLEET = `apiVersion: airgap.hexabase.ai/v1
kind: Fleet
name: acme
clusters: [{ name: core, role: primary, kind: on-premises, region: eu, context: c }]
`;

/** How each path of each command comes to be used. `ODD` is the odd file; capital words stand for good files. */
const USES: Readonly<Record<string, string>> = {
  'init [directory]': 'init ODD',
  'keys generate --passphrase-file': 'keys generate --output NEW --passphrase-file ODD',
  'keys show <key>': 'keys show ODD',
  'trust init <directory>': 'trust init ODD --product x --expires 2099-01-01 --root PUB --release PUB',
  'trust init --root': 'trust init NEW --product x --expires 2099-01-01 --release PUB --root ODD',
  'trust init --release': 'trust init NEW --product x --expires 2099-01-01 --root PUB --release ODD',
  'trust init --trusted-root':
    'trust init NEW --product x --expires 2099-01-01 --root PUB --release PUB --trusted-root ODD',
  'trust add-key <directory>': 'trust add-key ODD PUB --role release',
  'trust add-key <file>': 'trust add-key TRUST ODD --role release',
  'trust remove-key <directory>': 'trust remove-key ODD PUB',
  'trust remove-key <key>': 'trust remove-key TRUST ODD',
  'trust add-identity <directory>': 'trust add-identity ODD --issuer https://i.example --subject s --role release',
  'trust add-identity --trusted-root':
    'trust add-identity TRUST --issuer https://i.example --subject s --role release --trusted-root ODD',
  'trust remove-identity <directory>': 'trust remove-identity ODD --issuer https://i.example --subject s',
  'trust set-trusted-root <directory>': 'trust set-trusted-root ODD ROOT',
  'trust set-trusted-root <file>': 'trust set-trusted-root TRUST ODD',
  'trust revoke <directory>': 'trust revoke ODD PUB',
  'trust revoke [what...]': 'trust revoke TRUST ODD',
  'trust set <directory>': 'trust set ODD --expires 2099-02-01',
  'trust sign <directory>': 'trust sign ODD --key KEY',
  'trust sign --key': 'trust sign TRUST --key ODD',
  'trust sign --passphrase-file': 'trust sign TRUST --key KEY --passphrase-file ODD',
  'trust sign --expect-key': 'trust sign TRUST --key KEY --expect-key ODD',
  'trust show <path>': 'trust show ODD',
  'trust verify <path>': 'trust verify ODD',
  'trust verify --from': 'trust verify TRUST --from ODD',
  'resolve [release.yaml]': 'resolve ODD.yaml',
  'resolve --lock': 'resolve SPEC --lock ODD',
  'resolve --ca-file': 'resolve SPEC --lock NEW --ca-file ODD',
  'build [release]': 'build ODD.json --key KEY',
  'build --lock': 'build SPEC --key KEY --output NEW --lock ODD',
  'build --key': 'build SPEC --output NEW --key ODD',
  'build --passphrase-file': 'build SPEC --output NEW --key KEY --passphrase-file ODD',
  'build --expect-key': 'build SPEC --output NEW --key KEY --expect-key ODD',
  'build --provenance-key': 'build SPEC --output NEW --key KEY --provenance-key ODD',
  'build --provenance-passphrase-file':
    'build SPEC --output NEW --key KEY --provenance-key KEY --provenance-passphrase-file ODD',
  'build --identity-token':
    'build SPEC --output NEW --fulcio-url URL --rekor-url URL --trusted-root ROOT --identity-token ODD',
  'build --trusted-root': 'build SPEC --output NEW --fulcio-url URL --rekor-url URL --trusted-root ODD',
  'build --trust': 'build SPEC --output NEW --key KEY --trust ODD',
  'build --base': 'build LOCK --output NEW --key KEY --base ODD',
  'build --inventory': 'build LOCK --output NEW --key KEY --inventory ODD',
  'build --output': 'build LOCK --key KEY --overwrite --output ODD',
  'build --ca-file': 'build LOCK --output NEW --key KEY --ca-file ODD',
  'sign <archive>': 'sign ODD --key KEY',
  'sign --parts': 'sign ARCHIVE --key KEY --detached --parts ODD',
  'sign --key': 'sign ARCHIVE --key ODD',
  'sign --passphrase-file': 'sign ARCHIVE --key KEY --passphrase-file ODD',
  'sign --expect-key': 'sign ARCHIVE --key KEY --expect-key ODD',
  'sign --identity-token': 'sign ARCHIVE --fulcio-url URL --rekor-url URL --trusted-root ROOT --identity-token ODD',
  'sign --trusted-root': 'sign ARCHIVE --fulcio-url URL --rekor-url URL --trusted-root ODD',
  'sign --bundle': 'sign ARCHIVE --bundle ODD --expect-key PUB',
  ...trustUses('verify', 'verify ARCHIVE'),
  'verify <archive>': 'verify ODD --key PUB',
  'verify --base': 'verify DELTA --key PUB --base ODD',
  'verify --parts': 'verify ARCHIVE --key PUB --parts ODD',
  'verify --report': 'verify ARCHIVE --key PUB --report ODD',
  'inspect --parts': 'inspect ARCHIVE --parts ODD',
  'inspect <archive>': 'inspect ODD',
  'discover [inputs...]': 'discover ODD.yaml',
  'import <file>': 'import ODD --output NEW',
  'import --output': 'import LIST --output ODD',
  'discover --from-cluster': 'discover oci://127.0.0.1:1/chart:1.0.0 --from-cluster ODD',
  'discover --ca-file': 'discover oci://127.0.0.1:1/chart:1.0.0 --ca-file ODD',
  'check [inputs...]': 'check ODD.yaml',
  'check --rules': 'check MANIFEST --rules ODD',
  'check --values': 'check SPEC --values ODD',
  'check --from-cluster': 'check --from-cluster ODD',
  'check --kubeconfig': 'check --cluster --kubeconfig ODD',
  'check --compare': 'check MANIFEST --compare ODD',
  'check --output': 'check MANIFEST --output ODD',
  'check --sign': 'check MANIFEST --output NEW --sign ODD',
  'check --passphrase-file': 'check MANIFEST --output NEW --sign KEY --passphrase-file ODD',
  'check --report': 'check MANIFEST --report ODD',
  'check --key': 'check ARCHIVE --key ODD',
  'check --trust': 'check ARCHIVE --trust ODD',
  'check --trusted-root':
    'check ARCHIVE --certificate-identity s --certificate-oidc-issuer https://i.example --trusted-root ODD',
  'check --state': 'check ARCHIVE --key PUB --state ODD',
  'check --ca-file': 'check oci://127.0.0.1:1/chart:1.0.0 --ca-file ODD',
  'inspect --inventory': 'inspect ARCHIVE --inventory ODD',
  'diff <old>': 'diff ODD ARCHIVE',
  'diff --parts': 'diff ARCHIVE ARCHIVE --parts ODD',
  'diff <new>': 'diff ARCHIVE ODD',
  'mirror-config [mappings...]': 'mirror-config ODD --format k3s',
  'mirror-config --output': 'mirror-config MAPPING --format k3s --output ODD',
  'mirror-config --chart': 'mirror-config MAPPING --format helm-values --chart ODD.yaml',
  'mirror-config --values': 'mirror-config MAPPING --format helm-values --chart SPEC --values ODD',
  'mirror-config --root': 'mirror-config MAPPING --format k3s --install --root ODD',
  'place [release]': 'place ODD --fleet FLEET',
  'place --fleet': 'place SPEC --fleet ODD',
  'fleet status [release]': 'fleet status ODD --fleet FLEET',
  'fleet status --fleet': 'fleet status SPEC --fleet ODD',
  'fleet status --kubeconfig': 'fleet status SPEC --fleet FLEET --kubeconfig ODD',
  'join <delta>': 'join ODD --output NEW',
  'join --base': 'join DELTA --output NEW --base ODD',
  'join --parts': 'join DELTA --base ARCHIVE --output NEW --parts ODD',
  'split <archive>': 'split ODD --size 1MiB',
  'split --output': 'split ARCHIVE --size 1MiB --output ODD',
  'split --parts': 'split ARCHIVE --size 1MiB --output NEW --parts ODD',
  'join --output': 'join DELTA --base ARCHIVE --output ODD',
  'login --password-file': 'login 127.0.0.1:1 --username u --password-file ODD',
  'login --ca-file': 'login 127.0.0.1:1 --username u --password-file PUB --ca-file ODD',
  ...trustUses('load', 'load ARCHIVE --to oci:NEW --report REPORTS'),
  'load <archive>': 'load ODD --key PUB --to oci:NEW',
  'load --base': 'load DELTA --key PUB --to oci:NEW --report REPORTS --base ODD',
  'load --parts': 'load ARCHIVE --key PUB --to oci:NEW --report REPORTS --parts ODD',
  'load --report': 'load ARCHIVE --key PUB --to oci:NEW --report ODD',
  'load --receipt': 'load ARCHIVE --key PUB --to oci:NEW --report REPORTS --audit-log NEW.log --receipt ODD',
  'load --receipt-key':
    'load ARCHIVE --key PUB --to oci:NEW --report REPORTS --audit-log NEW.log --receipt NEW.json --receipt-key ODD',
  'load --passphrase-file':
    'load ARCHIVE --key PUB --to oci:NEW --report REPORTS --audit-log NEW.log --receipt NEW.json --receipt-key KEY --passphrase-file ODD',
  'load --ca-file': 'load ARCHIVE --key PUB --to docker://127.0.0.1:1 --report REPORTS --ca-file ODD',
  'load --name-map': 'load ARCHIVE --key PUB --to docker://127.0.0.1:1 --report REPORTS --name-map ODD',
  'load --to oci:': 'load ARCHIVE --key PUB --report REPORTS --to oci:ODD',
  'load --to dir:': 'load ARCHIVE --key PUB --report REPORTS --to dir:ODD',
  ...trustUses('deploy', 'deploy ARCHIVE --to docker://127.0.0.1:1 --kubeconfig CLUSTER'),
  'deploy <archive>': 'deploy ODD --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER',
  'deploy --base': 'deploy DELTA --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --base ODD',
  'deploy --parts': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --parts ODD',
  'deploy --kubeconfig': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig ODD',
  'deploy --diagnose': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --diagnose ODD',
  'deploy --site-values': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --site-values ODD',
  'deploy --receipt':
    'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt ODD',
  'deploy --receipt-key':
    'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt NEW.json --receipt-key ODD',
  'deploy --passphrase-file':
    'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt NEW.json --receipt-key KEY --passphrase-file ODD',
  'deploy --ca-file': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --ca-file ODD',
  'deploy --name-map': 'deploy ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --name-map ODD',
  'deploy --fleet': 'deploy ARCHIVE --key PUB --fleet ODD',
  ...trustUses('rollback', 'rollback ARCHIVE --to docker://127.0.0.1:1 --kubeconfig CLUSTER'),
  'rollback [archive]': 'rollback ODD --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER',
  'rollback --parts': 'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --parts ODD',
  'rollback --base': 'rollback DELTA --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --base ODD',
  'rollback --kubeconfig': 'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig ODD',
  'rollback --diagnose': 'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --diagnose ODD',
  'rollback --site-values':
    'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --site-values ODD',
  'rollback --receipt':
    'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt ODD',
  'rollback --receipt-key':
    'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt NEW.json --receipt-key ODD',
  'rollback --passphrase-file':
    'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --audit-log NEW.log --receipt NEW.json --receipt-key KEY --passphrase-file ODD',
  'rollback --ca-file': 'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --ca-file ODD',
  'rollback --name-map': 'rollback ARCHIVE --key PUB --to docker://127.0.0.1:1 --kubeconfig CLUSTER --name-map ODD',
  ...trustUses('extract', 'extract ARCHIVE NEW'),
  'extract <archive>': 'extract ODD NEW --key PUB',
  'extract --parts': 'extract ARCHIVE NEW --key PUB --parts ODD',
  'extract <directory>': 'extract ARCHIVE ODD --key PUB',
  'audit verify <log>': 'audit verify ODD',
  'audit verify --receipt': 'audit verify LOG --receipt ODD',
  'audit verify --key': 'audit verify LOG --receipt RECEIPT --key ODD',
  'audit receipt <receipt>': 'audit receipt ODD',
  'audit receipt --key': 'audit receipt RECEIPT --key ODD',
  'audit receipt --archive': 'audit receipt RECEIPT --archive ODD',
  'mirror [release]': 'mirror ODD --to oci:NEW',
  'mirror --lock': 'mirror SPEC --to docker://127.0.0.1:1 --lock ODD',
  'mirror --report': 'mirror LIST --to docker://TARGET --report ODD',
  'mirror --name-map': 'mirror LIST --to docker://TARGET --report REPORTS --name-map ODD',
  'mirror --ca-file': 'mirror LIST --to docker://TARGET --report REPORTS --ca-file ODD',
  'registry <directory>': 'registry ODD --listen 127.0.0.1:0',
  'sample-images [release.yaml]': 'sample-images ODD.yaml --to docker://TARGET',
};
/** These name what is made, what is inside an archive, or what is on other machines. */
const NO_FILES = new Set([
  ...['keys generate --output', 'extract [paths...]', 'check --path', 'verify-and-load --path'],
  ...['mirror-config --ca-file', 'login <registry>', 'logout <registry>'],
]);

function trustUses(command: string, call: string): Readonly<Record<string, string>> {
  return {
    [`${command} --key`]: `${call} --key ODD`,
    [`${command} --trust`]: `${call} --trust ODD`,
    [`${command} --trusted-root`]: `${call} --certificate-identity s --certificate-oidc-issuer https://i.example --trusted-root ODD`,
    [`${command} --state`]: `${call} --key PUB --state ODD`,
    [`${command} --audit-log`]: `${call} --key PUB --audit-log ODD`,
  };
}

/** Every option and argument that a command's own description says is a path. */
function pathsOf({ name, arguments: given, options }: (typeof AIRGAP.commands)[number]): readonly string[] {
  return [
    ...Object.values(given).map(({ form }) => `${name} ${form}`),
    ...Object.values(options).flatMap(({ flags }) => /^(--\S+) <(?:file|path|directory|key)>$/.exec(flags)?.[1] ?? []).map((option) => `${name} ${option}`),
  ]; // prettier-ignore
}

test('every path of every command is tried', () => {
  const paths = AIRGAP.commands.flatMap(pathsOf).filter((path) => !NO_FILES.has(path));
  expect(paths.filter((path) => USES[path] === undefined)).toEqual([]);
});

function words(use: string): readonly string[] {
  const good: Readonly<Record<string, string>> = {
    ODD: temp.join('odd'),
    NEW: temp.join('new'),
    REPORTS: temp.join('reports'),
    SPEC: release.temp.join('release.yaml'),
    LOCK: release.temp.join('release.lock.json'),
    LIST: temp.join('list.txt'),
    FLEET: temp.join('fleet.yaml'),
    CLUSTER: temp.join('kubeconfig'),
    MANIFEST: temp.join('objects.yaml'),
    MAPPING: temp.join('mapping.txt'),
    ARCHIVE: release.archive,
    DELTA: release.temp.join('demo.delta.tar'),
    KEY: release.key,
    PUB: release.publicKey,
    TRUST: release.temp.join('trust'),
    ROOT: release.temp.join('root.json'),
    LOG: release.temp.join('audit.jsonl'),
    RECEIPT: release.temp.join('receipt.json'),
    URL: services.url,
    TARGET: release.target.host,
  };
  const names = new RegExp(`\\b(${Object.keys(good).join('|')})\\b`, 'g');
  return use.split(' ').map((word) => word.replace(names, (name) => good[name] ?? ''));
}

async function expectRefused(use: string): Promise<void> {
  const args = words(use);
  const odd = args.find((word) => /\/odd(\.\w+)?$/.test(word))?.replace(/^\w+:/, '') ?? '';
  await makeOdd(odd);
  const { exitCode, stderr } = await cli.airgap(args, { env: PASSPHRASE, signal: AbortSignal.timeout(PATIENCE_MS) });
  expect({ exitCode: exitCode === 1 || exitCode === 2 ? 'refused' : exitCode, stderr }).toEqual({
    exitCode: 'refused',
    stderr: expect.stringContaining(odd) as string,
  });
}

let makeOdd: (path: string) => Promise<unknown>;

describe.each(['a pipe', 'a device'])('%s', (kind) => {
  beforeEach(async () => {
    await writeFile(temp.join('list.txt'), `${release.source.host}/team/app:1.0\n`);
    await writeFile(temp.join('fleet.yaml'), FLEET);
    await writeFile(temp.join('kubeconfig'), KUBECONFIG);
    await writeFile(temp.join('mapping.txt'), 'a.example/x:1=in.example/a.example/x:1\n');
    await writeFile(temp.join('objects.yaml'), '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n');
    makeOdd = (path) => link(release.temp.join(kind), path);
  });

  test.each(Object.entries(USES))('%s: %s', async (_, use) => {
    await expectRefused(use);
  });
});

const DAMAGED = { 'bytes of no kind': Buffer.from([0x00, 0xff, 0x7b, 0x0a]), 'JSON of nothing': Buffer.from('{}\n') };

/** What is verified, and not what it is verified with: damage to it is the very thing to find out. */
const IS_VERIFIED =
  /^(sign|verify|inspect|split|load|deploy|extract) <archive>$|^rollback \[archive\]$|^join <delta>$|^(place|fleet status) \[release\]$|^audit (verify <log>|receipt (<receipt>|--archive)|verify --receipt)$/;
/** A passphrase file with the wrong bytes is a wrong passphrase. */
const IS_PASSPHRASE = /passphrase-file$/;
/** Any file will do: it is replaced, its bytes are the passphrase, or it says nothing of values. */
const TAKEN = new Set([
  ...[
    'build --output',
    'keys generate --passphrase-file',
    'load --receipt',
    'deploy --receipt',
    'rollback --receipt',
    'verify --report',
  ],
  'login --password-file',
  ...['check --report', 'check --values', 'mirror-config --values', 'inspect --inventory', 'build --inventory'],
]);

describe.each(Object.entries(DAMAGED))('damaged, %s', (_, bytes) => {
  beforeEach(async () => {
    await writeFile(temp.join('list.txt'), `${release.source.host}/team/app:1.0\n`);
    await writeFile(temp.join('fleet.yaml'), FLEET);
    await writeFile(temp.join('kubeconfig'), KUBECONFIG);
    await writeFile(temp.join('mapping.txt'), 'a.example/x:1=in.example/a.example/x:1\n');
    await writeFile(temp.join('objects.yaml'), '{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n');
    makeOdd = (path) => writeFile(path, bytes);
  });

  test.each(Object.entries(USES).filter(([path]) => !TAKEN.has(path)))('%s: %s', async (path, use) => {
    const args = words(use);
    const odd = args.find((word) => /\/odd(\.\w+)?$/.test(word))?.replace(/^\w+:/, '') ?? '';
    await makeOdd(odd);
    const { exitCode, stderr } = await cli.airgap(args, { env: PASSPHRASE, signal: AbortSignal.timeout(PATIENCE_MS) });
    const allowed = IS_VERIFIED.test(path) ? [3] : IS_PASSPHRASE.test(path) ? [4] : [1, 2];
    expect({ allowed: allowed.includes(exitCode ?? -1) ? 'allowed' : exitCode, stderr }).toEqual({
      allowed: 'allowed',
      stderr: expect.stringContaining(IS_PASSPHRASE.test(path) ? release.key : odd.replace(/^.*\//, '')) as string,
    });
  });
});

test('an audit log that something else wrote to stops a load with exit code 1, for the archive is not at fault', async () => {
  const log = temp.join('odd');
  await writeFile(log, DAMAGED['JSON of nothing']);
  const args = words('load ARCHIVE --key PUB --to oci:NEW --report REPORTS --audit-log ODD');
  const { exitCode, stderr } = await cli.airgap(args);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 1,
    stderr: expect.stringContaining(`the audit log ${log}`) as string,
  });
  expect(await readFile(log)).toEqual(DAMAGED['JSON of nothing']);
});

describe('a report that cannot be written', () => {
  const FULL = '/dev/full';
  const below = async (): Promise<string> => {
    await writeFile(temp.join('file'), '');
    return temp.join('file/report.json');
  };
  const verify = (archive: string, report: string, ...more: readonly string[]): ReturnType<typeof cli.airgap> =>
    cli.airgap(['verify', archive, '--key', release.publicKey, '--report', report, ...more]);

  test.each([
    ['on a full disk', async () => FULL],
    ['below a file', below],
  ])('%s leaves a damaged archive refused with exit code 3, and both are said', async (_, place) => {
    const bytes = await readFile(release.archive);
    bytes[bytes.length - 1024 * 40] = (bytes[bytes.length - 1024 * 40] ?? 0) ^ 1;
    await writeFile(temp.join('a.tar'), bytes);
    const report = await place();
    const { exitCode, stderr } = await verify(temp.join('a.tar'), report, '--quiet');
    expect({ exitCode, stderr }).toEqual({
      exitCode: 3,
      stderr: expect.stringContaining('the report is not there') as string,
    });
    expect(stderr).toContain(report);
    const told = await verify(temp.join('a.tar'), report, '--json');
    expect(told.exitCode).toBe(3);
    expect(JSON.parse(told.stdout)).toMatchObject({ kind: 'verify', verdict: 'refused' });
  });

  test.each([
    ['on a full disk', async () => FULL],
    ['below a file', below],
  ])('%s is exit code 1 of a good archive, whose verdict is printed', async (_, place) => {
    const report = await place();
    const { exitCode, stdout, stderr } = await verify(release.archive, report);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: expect.stringMatching(/^verified: demo/) as string });
    expect(stderr).toContain('the archive is verified, and the report is not there');
    expect(stderr).toContain(report);
  });
});

describe('what was planted', () => {
  const load = (...more: readonly string[]): readonly string[] => [
    ...['load', release.archive, '--key', release.publicKey, '--to', `oci:${temp.join('layout')}`, ...more],
  ];
  const run = (args: readonly string[]): ReturnType<typeof cli.airgap> =>
    cli.airgap(args, { cwd: temp.path, env: PASSPHRASE, signal: AbortSignal.timeout(PATIENCE_MS) });

  test.each(['state.json', 'state.lock', 'audit.jsonl', 'audit.jsonl.lock'])(
    'a pipe as %s of a state',
    async (name) => {
      await mkdir(temp.join('state'));
      await runOk('mkfifo', [temp.join('state', name)]);
      const { exitCode, stderr } = await run(load('--state', 'state'));
      expect(exitCode).toBe(1);
      expect(stderr).toContain(name);
    },
  );

  test.each(['mapping.txt', 'load-report.json'])('a link to a device as %s, which is not written to', async (name) => {
    const directory = temp.join('demo-1.0.0-load');
    await mkdir(directory);
    await runOk('mknod', [temp.join('device'), 'c', '1', '7']);
    await symlink(temp.join('device'), `${directory}/${name}`);
    const { exitCode, stderr } = await run(load());
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(new RegExp(`${name}: it is a link`));
  });

  test.each(['.lock', '.partial', '.journal'])('a pipe as %s of an archive', async (ending) => {
    await runOk('mkfifo', [temp.join(`a.tar${ending}`)]);
    const lock = release.temp.join('release.lock.json');
    const { exitCode, stderr } = await run(['build', lock, '--key', release.key, '--output', 'a.tar']);
    expect(exitCode === 1 || exitCode === 2).toBe(true);
    expect(stderr).toContain(`a.tar${ending}`);
  });

  test('a pipe as a file that a release.yaml names', async () => {
    for (const field of ['imageLists', 'charts', 'manifests', 'docs']) {
      const path = temp.join(`${field}.yaml`);
      await writeFile(
        path,
        `apiVersion: airgap.hexabase.ai/v1\nkind: Release\nname: x\nversion: '1.0.0'\nplatforms: all\n` +
          `components:\n  - name: a\n    ${field}: [odd-${field}]\n`,
      );
      await runOk('mkfifo', [temp.join(`odd-${field}`)]);
      const { exitCode, stderr } = await run(['resolve', path]);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`odd-${field}`) as string });
    } // prettier-ignore
  });

  test('a pipe beside an archive, in the place of a signature', async () => {
    const archive = temp.join('a.tar');
    await symlink(release.archive, archive);
    await runOk('mkfifo', [`${archive}.0123456789abcdef.sigstore.json`]);
    const { exitCode, stderr } = await run(['verify', archive, '--key', release.publicKey]);
    expect(exitCode).toBe(3);
    expect(stderr).toContain('0123456789abcdef.sigstore.json');
  });
});

describe('a stream that is meant', () => {
  /** A line for bash, in which `$airgap` is the program as it is shipped. */
  const shell = (line: string): Promise<RunningProcess> => {
    const [node, args] = programCommand('airgap', []);
    const env = {
      archive: release.archive,
      key: release.temp.join('root.key'),
      pub: release.publicKey,
      node,
      script: args[0] ?? '',
    };
    return startProcess('bash', ['-c', `airgap() { "$node" "$script" "$@"; }; ${line}`], { cwd: temp.path, env });
  };

  test('keys and passphrases from <(…) of a shell are read', async () => {
    const args = '<(cat "$key") --passphrase-file <(printf "%s" "correct horse")';
    await using signing = await shell(`cp "$archive" a.tar && airgap sign a.tar --detached --key ${args}`);
    expect(await signing.ended).toMatchObject({ exitCode: 0 });
    await using verifying = await shell('airgap verify a.tar --key <(cat "$pub") --report /dev/stdout --quiet --json');
    const { exitCode, stdout } = await verifying.ended;
    expect(exitCode).toBe(0);
    expect(stdout.match(/"schemaVersion"/g)).toHaveLength(2);
  });

  test('and the wait for one that says nothing can be interrupted', async () => {
    await using waiting = await shell(
      'exec 4< <(exec sleep 600 2>/dev/null); echo ready >&2; exec "$node" "$script" sign "$archive" --key /dev/fd/4',
    );
    await waiting.waitUntil('it began', () => waiting.stderr.includes('ready'));
    await expect.poll(() => readFile(`/proc/${waiting.pid}/cmdline`, 'utf8')).toContain('sign');
    await waitForPipeReader(waiting.pid);
    process.kill(waiting.pid, 'SIGTERM');
    expect(await waiting.ended).toMatchObject({ exitCode: 130 });
  });
});

/** Waits until the process has opened its descriptor 4 once more, that is, until it reads from it. */
async function waitForPipeReader(pid: number): Promise<void> {
  const pipe = await readlink(`/proc/${pid}/fd/4`);
  const count = async (): Promise<number> => {
    const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ''));
    return (await Promise.all(links)).filter((link) => link === pipe).length;
  };
  await expect.poll(count, { timeout: PATIENCE_MS }).toBeGreaterThan(1);
}
