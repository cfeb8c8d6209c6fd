/**
 * What the secure side touches: `verify-and-load` under strace. Each file that is asked for by name, there or not, must be
 * one that the operator named or one that the runtime cannot do without, and for that there is a reason each.
 */
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test as declare } from 'vitest';
import { allOf } from '../helpers/all-of.ts';
import { makeCertificates } from '../helpers/certificates.ts';
import { ACCOUNT, startDockerRegistry, type DockerRegistry } from '../helpers/docker-registry.ts';
import { requireTool } from '../helpers/require-tool.ts';
import { traceSystem, type FileCall, type SystemTrace } from '../helpers/system-trace.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgapOk, programCommand, programEnvironment, programPath } from './support/program.ts';
import { makeKeys } from './support/release.ts';

const TIMEOUT_MS = 500_000;
const test = declare.skipIf(requireTool('strace') === undefined);
const fixture = useBuiltRelease();
let registry: DockerRegistry;
let site: string;
const at = (...names: readonly string[]): string => join(site, ...names);

/** What Node and the C library read before and beside the program, whatever the program is. All of it is only read. */
const RUNTIME: readonly (readonly [reason: string, path: RegExp])[] = [
  ['where shared libraries are', /^\/etc\/ld\.so\.cache$/],
  ['shared libraries of Node', /^(\/usr)?\/lib(64)?\/([\w-]+\/)?lib(dl|stdc\+\+|m|gcc_s|pthread|c|atomic)\.so\.\d+$/],
  ['the processors, to size thread pools', /^\/sys\/devices\/system\/cpu\/(online|cpu0\/tsc_freq_khz)$/],
  ['the memory there is, to size the heap', /^\/proc\/(meminfo|self\/cgroup)$|^\/sys\/fs\/cgroup\/([^/]+\/)*(memory|cgroup)\.[\w.]+$/],
  ['its own memory map', /^\/proc\/self\/maps$/],
  ['the kernel version that Ubuntu states there', /^\/proc\/version_signature$/],
  ['in the place of standard streams that are closed', /^\/dev\/null$/],
  ['the settings of OpenSSL', /^(\/etc\/ssl|\/usr\/(local\/)?lib\/ssl)\/openssl\.cnf$/],
  ["the system's authorities for TLS", /^\/etc\/ssl\/(certs(\/[^/]+)?|cert\.pem)$|^\/etc\/pki\/tls\/certs\/ca-bundle\.crt$/],
  ['the time zone', /^\/etc\/localtime$|^\/usr\/share\/zoneinfo\//],
]; // prettier-ignore

/** What the program itself reads of the kernel. */
const OWN_PROCESS: readonly (readonly [reason: string, path: RegExp])[] = [
  ['what a lock says of its owner', /^\/proc\/(sys\/kernel\/random\/boot_id|\d+\/stat)$/],
  ['who logged in, for the audit log', /^\/proc\/self\/loginuid$/],
];

/** What the operator names. */
function named(): readonly (readonly [reason: string, path: string | RegExp, 'r' | 'rw'])[] {
  const below = (...names: readonly string[]): RegExp => new RegExp(`^${at(...names)}(/.*)?$`);
  return [
    ['Node', realpathSync(process.execPath), 'r'],
    ['the program', programPath('verify-and-load'), 'r'],
    ['the archive', at('media', 'release.tar'), 'r'],
    ['signatures beside it', at('media'), 'r'],
    ['signatures beside it', new RegExp(`^${at('media')}/release\\.tar\\.[a-f0-9]+\\.sigstore\\.json$`), 'r'],
    ['the trust document', at('trust.json'), 'r'],
    ['the state', below('state'), 'rw'],
    ['the audit log', new RegExp(`^${at('log')}(/audit\\.jsonl(\\.lock.*)?)?$`), 'rw'],
    ["the target's credentials", at('auth.json'), 'r'],
    ["the target's authority, with --ca-file", at('ca.pem'), 'r'],
    [
      "where the target's certificates may be",
      /^(\/nonexistent\/\.config|\/etc)\/(containers|docker)\/certs\.d\/127\.0\.0\.1:\d+$/,
      'r',
    ],
    ['the receipt', new RegExp(`^${at('out')}(/receipt\\.json|/\\.[a-f0-9]{16}\\.partial)?$`), 'rw'],
    ["the site's key and its passphrase", new RegExp(`^${at('site')}\\.(key|passphrase)$`), 'r'],
    ['the reports', below('report'), 'rw'],
    ['the directory in which new ones are made, to flush their names', site, 'r'],
  ];
}

/** Files that nobody named and nothing needs, and files that were to be written and may not be. */
function foreignFiles(files: readonly FileCall[]): readonly string[] {
  const read = [...RUNTIME, ...OWN_PROCESS];
  const isAllowed = ({ path, isWriting }: FileCall): boolean =>
    (!isWriting && read.some(([, pattern]) => pattern.test(path))) ||
    named().some(
      ([, pattern, rights]) =>
        (typeof pattern === 'string' ? pattern === path : pattern.test(path)) && (!isWriting || rights === 'rw'),
    );
  return [...new Set(files.filter((file) => !isAllowed(file)).map(({ call, path }) => `${call} ${path}`))];
}

/** All that a run must not have done, in words. */
function violations({ files, addresses, programs, forks }: SystemTrace, host = registry.host): readonly string[] {
  const target = addresses.filter(({ call, address, port }) => call === 'connect' && `${address}:${port}` === host);
  return [
    ...foreignFiles(files),
    ...addresses
      .filter((each) => !target.includes(each))
      .map(({ call, address, port }) => `${call} ${address}:${port}`),
    ...programs.slice(1).map((program) => `started ${program}`),
    ...(forks > 0 ? [`made ${forks} processes`] : []),
  ];
}

const trace = (command: string, args: readonly string[], env: Record<string, string> = {}): Promise<SystemTrace> =>
  traceSystem(command, args, { cwd: site, timeoutMs: TIMEOUT_MS, env: programEnvironment(env) });

/** As the operator types it. */
async function load(
  extra: readonly string[] = [],
  env: Record<string, string> = {},
  host = registry.host,
): Promise<SystemTrace> {
  const args = [
    ...['media/release.tar', '--trust', 'trust.json', '--state', 'state', '--audit-log', 'log/audit.jsonl'],
    ...['--to', `docker://${host}/site`, '--report', 'report', ...extra],
  ];
  return trace(...programCommand('verify-and-load', args), env);
}
async function writeAccount(host: string): Promise<void> {
  const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
  await writeFile(at('auth.json'), JSON.stringify({ auths: { [host]: { auth } } }));
}
const account = (): Record<string, string> => ({ REGISTRY_AUTH_FILE: at('auth.json') });

beforeAll(async () => {
  registry = await startDockerRegistry({ htpasswd: true });
  site = fixture.temp.join('secure-site');
  await mkdir(at('media'), { recursive: true });
  for (const name of ['log', 'out', 'home']) await mkdir(at(name));
  await copyFile(fixture.archive, at('media', 'release.tar'));
  const second = await makeKeys(fixture.temp.join('second'));
  const root = await makeKeys(fixture.temp.join('root'));
  await copyFile((await makeKeys(fixture.temp.join('receipts'))).key, at('site.key'));
  await writeFile(at('site.passphrase'), 'correct horse\n');
  await airgapOk(['sign', at('media', 'release.tar'), '--key', second.key, '--detached']);
  const trust = fixture.temp.join('trust');
  const keys = ['--root', root.pub, '--release', fixture.pub, '--release', second.pub, '--release-threshold', '2'];
  await airgapOk(['trust', 'init', trust, '--product', 'sample', ...keys, '--expires', '2099-01-01']);
  await airgapOk(['trust', 'sign', trust, '--key', root.key]);
  await copyFile(join(trust, '1.trust.json'), at('trust.json'));
  await writeAccount(registry.host);
});
afterAll(() => registry.stop());

describe('verify-and-load', () => {
  const receipt = [
    '--receipt',
    'out/receipt.json',
    '--receipt-key',
    'site.key',
    '--passphrase-file',
    'site.passphrase',
  ];

  test('touches no file but what it was given, and no network but the target', { timeout: TIMEOUT_MS }, async () => {
    const first = await load(receipt, account());
    expect([first.exitCode, first.exitCode === 0 ? '' : first.stderr]).toEqual([0, '']);
    expect(first.stdout).toContain('tagged');
    expect(violations(first)).toEqual([]);
    // It did all of it: what was allowed was needed.
    const touched = new Set(first.files.map(({ path }) => path));
    for (const path of ['media/release.tar', 'trust.json', 'state/state.json', 'log/audit.jsonl', 'auth.json', 'out/receipt.json', 'site.key']) {
      expect([path, touched.has(at(path))]).toEqual([path, true]);
    }
    expect(first.addresses.length).toBeGreaterThan(0);
    const written = [...new Set(first.files.filter(({ isWriting }) => isWriting).map(({ path }) => path.split('/').at(-2)))];
    expect(allOf(written, (folder) => ['state', 'log', 'out', 'report', 'secure-site'].includes(folder ?? ''))).toBe(true);
    expect((await readdir(site)).sort()).toEqual(
      ['auth.json', 'home', 'log', 'media', 'out', 'report', 'site.key', 'site.passphrase', 'state', 'trust.json'],
    );
    const again = await load(receipt, account());
    expect(again.stdout).toContain('nothing had to move');
    expect(violations(again)).toEqual([]);
  }); // prettier-ignore

  test('over TLS reads the authority that was named, and looks for certificates of this host alone', { timeout: TIMEOUT_MS }, async () => {
    const { certFile, keyFile, caFile } = await makeCertificates(fixture.temp.path);
    await copyFile(caFile, at('ca.pem'));
    await using guarded = await startDockerRegistry({ htpasswd: true, tls: { certFile, keyFile } });
    await writeAccount(guarded.host);
    const loaded = await load(['--ca-file', 'ca.pem'], account(), guarded.host);
    await writeAccount(registry.host);
    await rm(at('ca.pem'));
    expect([loaded.exitCode, loaded.exitCode === 0 ? '' : loaded.stderr]).toEqual([0, '']);
    expect(violations(loaded, guarded.host)).toEqual([]);
    expect(loaded.files.map(({ path }) => path)).toContain(at('ca.pem'));
  }); // prettier-ignore

  test('touches no network at all when it refuses', { timeout: TIMEOUT_MS }, async () => {
    const bytes = await readFile(at('media', 'release.tar'));
    bytes[bytes.indexOf('"version"') + 12] = 0x39;
    await writeFile(at('media', 'release.tar'), bytes);
    const refused = await load(receipt, account());
    await copyFile(fixture.archive, at('media', 'release.tar'));
    expect(refused.exitCode).toBe(3);
    expect(violations(refused)).toEqual([]);
    expect(refused.addresses).toEqual([]);
    expect(refused.files.map(({ path }) => path)).not.toContain(at('auth.json'));
  });

  test('verifying touches neither the network nor any file for writing', { timeout: TIMEOUT_MS }, async () => {
    const args = ['media/release.tar', '--trust', 'trust.json', '--state', 'state'];
    const verified = await trace(...programCommand('verify-and-load', args));
    expect(verified.exitCode).toBe(0);
    expect(violations(verified)).toEqual([]);
    expect(verified.addresses).toEqual([]);
    expect(verified.files.filter(({ isWriting }) => isWriting)).toEqual([]);
  });
});

describe('the proof can fail', () => {
  test('a foreign file, address, program and process are all told', { timeout: TIMEOUT_MS }, async () => {
    const script = `
      const { readFileSync, writeFileSync, existsSync, openSync } = require('node:fs');
      readFileSync('/etc/passwd');
      try { readFileSync('${at('absent')}'); } catch {}
      writeFileSync('${at('home')}/note', '');
      openSync('${at('trust.json')}', 'r+');
      require('node:dgram').createSocket('udp4').send('x', 53, '127.0.0.53', () => {
        require('node:net').connect(1, '127.0.0.1').on('error', () => {
          require('node:child_process').execFileSync('/bin/true');
          process.exit(0);
        });
      });
    `;
    const traced = await trace(process.execPath, ['-e', script]);
    expect(traced.exitCode).toBe(0);
    expect(violations(traced)).toEqual(
      expect.arrayContaining([
        'openat /etc/passwd',
        `openat ${at('absent')}`,
        `openat ${at('home', 'note')}`,
        `openat ${at('trust.json')}`,
        expect.stringMatching(/^send\w+ 127\.0\.0\.53:53$/),
        'connect 127.0.0.1:1',
        'started /bin/true',
        expect.stringMatching(/^made \d+ processes$/),
      ]),
    );
  });

  test('the program itself, when it has to look for credentials', { timeout: TIMEOUT_MS }, async () => {
    await mkdir(at('home', '.docker'), { recursive: true });
    await writeFile(at('home', '.docker', 'config.json'), '{}');
    const searching = await load([], { HOME: at('home') });
    expect(searching.exitCode).toBe(4);
    expect(violations(searching)).toContain(`openat ${at('home', '.docker', 'config.json')}`);
  });

  test('the program itself, when it looks up a name', { timeout: TIMEOUT_MS }, async () => {
    const args = [
      'media/release.tar',
      '--trust',
      'trust.json',
      '--to',
      'docker://registry.invalid/x',
      '--report',
      'report',
    ];
    const looking = await trace(...programCommand('verify-and-load', args), account());
    expect(looking.exitCode).toBe(1);
    expect(violations(looking)).toContain('openat /etc/resolv.conf');
  });
});
