/** Trust documents and the site's memory through the built commands: the rotation of every key, and every way back refused. */
import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VerifyReport } from '../../../src/report/verify-report.ts';
import { openSite } from '../../../src/site/site-state.ts';
import type { AuditEntry } from '../../../src/site/audit/entry-schema.ts';
import { SiteState } from '../../../src/trust/rollback/site-state-schema.ts';
import type { ProcessResult } from '../../helpers/process.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import { useBuiltCli } from '../built-cli.ts';
import { makeSampleRelease, PASSPHRASE, type SampleRelease } from '../sample-release.ts';

const cli = useBuiltCli();
let release: SampleRelease;
const at = (...names: readonly string[]): string => release.temp.join(...names);
const inRelease = (): { cwd: string; env: Record<string, string> } => ({ cwd: release.temp.path, env: PASSPHRASE });
const airgap = (...args: readonly string[]): Promise<ProcessResult> => cli.airgap(args, inRelease());
const ok = (...args: readonly string[]): Promise<string> => cli.ok(args, inRelease());
const stateOf = async (directory = 'state'): Promise<SiteState> =>
  SiteState.parse(JSON.parse(await readFile(at(directory, 'state.json'), 'utf8')));
const lineOf = async (): Promise<SiteState['lines'][number] | undefined> => (await stateOf()).lines[0];
const errorOf = ({ stderr }: ProcessResult): { readonly code: string; readonly hint?: string } =>
  (JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: { code: string; hint?: string } }).error;

/** Builds release 1.<sequence>.0; its document says its number, so that each has a digest of its own. */
async function build(
  name: string,
  sequence: number | undefined,
  key: string,
  ...extra: readonly string[]
): Promise<string> {
  const yaml = await readFile(at('release.yaml'), 'utf8');
  const numbered = yaml.replace(/version: .*\n(sequence: .*\n)?/, () => {
    const line = sequence === undefined ? '' : `sequence: ${sequence}\n`;
    return `version: '1.${sequence ?? 99}.0'\n${line}`;
  });
  await writeFile(at('release.yaml'), numbered);
  await writeFile(at('docs', 'install.md'), `Read me first: ${name}\n`);
  const output = await ok('build', 'release.yaml', '--key', `${key}.key`, '--output', name, '--json', ...extra);
  return (JSON.parse(output) as { digest: string }).digest;
}
const SITE = ['--trust', 'site.trust.json', '--state', 'state', '--to', 'oci:images'] as const;

beforeAll(async () => {
  release = await makeSampleRelease(cli, false);
  for (const name of ['root1', 'root2', 'release1', 'release2', 'release3']) await writeKeyFiles(at(name));
});
afterAll(() => release[Symbol.asyncDispose]());

// One test after the other: each step stands on the one before, as it does for people.
describe('the life of a trust document', () => {
  const digests = new Map<number, string>();

  test('init shows what it begins, and a draft counts for nothing', async () => {
    const args = ['trust', 'init', 'trust', '--product', 'demo', '--root', 'root1.pub', '--release', 'release1.pub'];
    const plan = await airgap(...args, '--expires', '2099-01-01', '--plan');
    expect(plan.stdout).toMatch(/^begins version 1 for demo\/stable\n\+ key [a-f0-9]{64} \(ecdsa-p256\) signs /);
    await expect(stat(at('trust'))).rejects.toThrow('ENOENT');
    const { stdout, stderr } = await airgap(...args, '--expires', '2099-01-01');
    expect(stdout).toBe(plan.stdout);
    expect(stderr).toContain('wrote trust/1.trust.json, a draft');
    expect(await ok('trust', 'show', 'trust')).toContain('a DRAFT, not signed by enough keys yet:');
    expect(await airgap('trust', 'verify', 'trust')).toMatchObject({ exitCode: 3, stdout: '' });
    const again = await airgap(...args, '--expires', '2099-01-01');
    expect(again).toMatchObject({ exitCode: 2, stdout: '' });
    const building = await airgap('build', '--key', 'release1.key', '--trust', 'trust', '--json');
    expect(errorOf(building).code).toBe('UNSIGNED');
  });

  test('sign takes a root key, and no other', async () => {
    const wrong = await airgap('trust', 'sign', 'trust', '--key', 'release1.key');
    expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
    expect(wrong.stderr).toContain('is not a root key');
    const { stdout, stderr } = await airgap('trust', 'sign', 'trust', '--key', 'root1.key');
    expect(stderr).toMatch(/^begins version 1 for demo\/stable\n/);
    expect(stdout).toMatch(/^trust\/1\.trust\.json: version 1, complete\n {2}digest sha256:/);
    expect(await ok('trust', 'verify', 'trust')).toMatch(/^version 1 {2}sha256:[a-f0-9]{64}\nvalid until 2099-/);
    await cp(at('trust', '1.trust.json'), at('site.trust.json'));
  });

  test('a release carries it, and inspect shows it without believing it', async () => {
    digests.set(1, await build('one.tar', 1, 'release1', '--trust', 'trust'));
    const shown = await ok('inspect', 'one.tar');
    expect(shown).toMatch(/^NOT VERIFIED[^]*\n {2}sequence {2}1\n[^]*carries trust version 1, until 2099-/);
    expect(JSON.parse(await ok('inspect', 'one.tar', '--json'))).toMatchObject({
      release: { sequence: 1 },
      trust: [{ member: 'trust/1.trust.json', document: { product: 'demo', version: 1 } }],
    });
  });

  test('verify needs no memory, and says what it could not check without', async () => {
    const stdout = await ok('verify', 'one.tar', '--trust', 'site.trust.json');
    expect(stdout).toContain('  trust     version 1 of demo/stable, until 2099-01-01T00:00:00Z (sha256:');
    expect(stdout).toContain('  rollback  not checked: earlier releases');
    const report = VerifyReport.parse(
      JSON.parse(await ok('verify', 'one.tar', '--trust', 'site.trust.json', '--json')),
    );
    expect(report).toMatchObject({
      release: { sequence: 1 },
      trust: { threshold: 1, document: { version: 1 }, rollback: 'unknown', ignoredSigners: [] },
    });
    expect(await ok('verify', 'one.tar', '--key', 'release1.pub')).toContain(
      '  rollback  not checked: earlier releases',
    );
  });

  test('neither verify nor a plan nor a load that fails makes a memory', async () => {
    await ok('verify', 'one.tar', '--trust', 'site.trust.json', '--state', 'state');
    await ok('load', 'one.tar', ...SITE, '--plan');
    await expect(stat(at('state'))).rejects.toThrow('ENOENT');
    await writeFile(at('in-the-way'), '');
    const failed = await airgap('load', 'one.tar', ...SITE.slice(0, 4), '--to', 'oci:in-the-way/images');
    expect(failed.exitCode).not.toBe(0);
    await expect(stat(at('state', 'state.json'))).rejects.toThrow('ENOENT');
    // That it was tried is on record; nothing is remembered.
    expect(await readdir(at('state'))).toEqual(['audit.jsonl']);
  });

  test('a load that is complete is remembered, with the trust it was judged by', async () => {
    expect(await ok('load', 'one.tar', ...SITE)).toContain(
      '  rollback  the first release of demo/stable with a sequence at this site (sequence 1)',
    );
    expect(await lineOf()).toMatchObject({
      product: 'demo',
      channel: 'stable',
      highest: { sequence: 1, digest: digests.get(1) },
      trust: { document: { version: 1 } },
    });
    expect(await ok('verify', 'one.tar', ...SITE.slice(0, 4))).toContain('that this site loaded before (sequence 1)');
  });

  test('every key is replaced in two versions, each change shown before it is written', async () => {
    expect(await ok('trust', 'add-key', 'trust', 'release2.pub', '--role', 'release')).toContain(
      'version 1 → 2 for demo/stable\n+ key ',
    );
    expect(await ok('trust', 'add-key', 'trust', 'root2.pub', '--role', 'root')).toContain('signs this document\n');
    expect(await ok('trust', 'remove-key', 'trust', 'root1.pub')).toContain(': no longer\n');
    const early = await ok('trust', 'sign', 'trust', '--key', 'root2.key');
    expect(early).toContain('version 2, not complete yet');
    expect(early).toContain('0 of 1 signatures by the root keys of version 1');
    expect(await ok('trust', 'sign', 'trust', '--key', 'root1.key')).toContain('version 2, complete');
    expect(await ok('trust', 'revoke', 'trust', 'release1.pub')).toContain('is revoked permanently');
    expect(await ok('trust', 'set', 'trust', '--min-sequence', '2')).toContain('lowest accepted sequence: 0 → 2');
    expect(await ok('trust', 'sign', 'trust', '--key', 'root2.key')).toContain('version 3, complete');
    expect((await ok('trust', 'verify', 'trust')).split('\n')).toHaveLength(5);
    expect(await ok('trust', 'verify', 'trust', '--from', 'site.trust.json')).toContain('version 3 ');
  });

  test('build refuses what sites would refuse', async () => {
    const low = await airgap('build', '--key', 'release2.key', '--trust', 'trust', '--output', 'low.tar');
    expect(low).toMatchObject({ exitCode: 2, stdout: '' });
    expect(low.stderr).toContain('refuses all below 2');
    await ok(
      'trust',
      'init',
      'other',
      '--product',
      'other',
      '--root',
      'root1.pub',
      '--release',
      'release1.pub',
      '--expires',
      '2099-01-01',
    );
    await ok('trust', 'sign', 'other', '--key', 'root1.key');
    const revoked = ['build', '--key', 'release1.key', '--trust', 'trust', '--output', 'revoked.tar'] as const;
    const refused = await airgap(...revoked);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^error: key [0-9a-f]{64} does not count for .*: in version 3 .* it is revoked\n/);
    const stated = ['build', '--key', 'release2.key', '--provenance-key', 'release1.key', '--trust', 'trust'] as const;
    expect((await airgap(...stated, '--output', 'revoked.tar')).stderr).toMatch(
      /^error: key [0-9a-f]{64} cannot vouch for the provenance of .*: in version 3 .* it is revoked\n/,
    );
    const insisted = await airgap(...stated, '--output', 'revoked.tar', '--allow-untrusted-signer');
    expect(insisted.stderr).toContain('refuses all below 2');
    const other = await airgap('build', '--key', 'release1.key', '--trust', 'other', '--output', 'low.tar');
    expect(other.stderr).toContain('speaks for other/stable');
    expect(other.exitCode).toBe(2);
  });

  test('a site pinned at version 1 takes a release made under version 3, from a file and from a stream', async () => {
    digests.set(2, await build('two.tar', 2, 'release2', '--trust', 'trust'));
    const input = await readFile(at('two.tar'));
    const streamed = await cli.airgap(['verify', '-', '--trust', at('site.trust.json')], { input });
    expect(streamed).toMatchObject({ exitCode: 0 });
    expect(streamed.stdout).toContain('version 3 of demo/stable');
    const stdout = await ok('load', 'two.tar', ...SITE);
    expect(stdout).toContain('version 3 of demo/stable');
    expect(await lineOf()).toMatchObject({
      highest: { sequence: 2, digest: digests.get(2) },
      trust: { document: { version: 3 }, history: [{ version: 1 }, { version: 2 }, { version: 3 }] },
    });
  });

  test('from then on the old key is worth nothing there, with or without the chain', async () => {
    expect(errorOf(await airgap('load', 'one.tar', ...SITE, '--json')).code).toBe('REVOKED');
    await build('stolen.tar', 7, 'release1');
    expect(errorOf(await airgap('load', 'stolen.tar', ...SITE, '--json')).code).toBe('REVOKED');
    const keyed = await airgap('load', 'stolen.tar', '--key', 'release1.pub', ...SITE.slice(2), '--json');
    expect(errorOf(keyed).code).toBe('UNTRUSTED_SIGNER');
    expect((await lineOf())?.highest?.sequence).toBe(2);
  });

  test('the file that travels in the archive goes the same way', async () => {
    await ok('extract', 'two.tar', 'tool', 'install', ...SITE.slice(0, 4));
    const tool = at('tool', 'install', 'verify-and-load.mjs');
    const proved = await cli.node([tool, 'two.tar', ...SITE.slice(0, 4)], inRelease());
    expect(proved).toMatchObject({ exitCode: 0 });
    expect(proved.stdout).toContain('that this site loaded before (sequence 2)');
    const loaded = await cli.node([tool, 'two.tar', ...SITE], inRelease());
    expect(loaded.stdout).toContain('nothing had to move');
    const refused = await cli.node([tool, 'one.tar', ...SITE, '--json'], inRelease());
    expect(refused.exitCode).toBe(3);
    expect(errorOf(refused).code).toBe('REVOKED');
  });
});

describe('going back', () => {
  let [third, fourth] = ['', ''];
  beforeAll(async () => {
    third = await build('three.tar', 3, 'release2', '--trust', 'trust');
    fourth = await build('four.tar', 4, 'release2', '--trust', 'trust');
    await ok('load', 'four.tar', ...SITE);
  });

  test('is refused with the exact words for doing it on purpose', async () => {
    const refused = await airgap('load', 'three.tar', ...SITE);
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(refused.stderr).toContain(
      'error: 1.3.0 has sequence 3, and this site has already loaded 1.4.0 with sequence 4\n',
    );
    expect(refused.stderr).toContain(`run the same command with --allow-rollback-to ${third}, which is recorded`);
    expect(errorOf(await airgap('verify', 'three.tar', ...SITE.slice(0, 4), '--json')).code).toBe('ROLLBACK');
    expect(errorOf(await airgap('load', 'three.tar', ...SITE, '--plan', '--json')).code).toBe('ROLLBACK');
    const extraction = await airgap('extract', 'three.tar', 'never', ...SITE.slice(0, 4), '--json');
    expect(errorOf(extraction).code).toBe('ROLLBACK');
    await expect(stat(at('never'))).rejects.toThrow('ENOENT');
  });

  test('needs the whole digest of this very archive, and a state', async () => {
    const short = await airgap('load', 'three.tar', ...SITE, '--allow-rollback-to', third.slice(0, 40));
    expect(short).toMatchObject({ exitCode: 2, stdout: '' });
    expect(short.stderr).toContain('64 lower-case hexadecimal digits');
    const other = await airgap('load', 'three.tar', ...SITE, '--allow-rollback-to', fourth, '--json');
    expect(errorOf(other).code).toBe('ROLLBACK');
    const stateless = await airgap('verify', 'three.tar', '--trust', 'site.trust.json', '--allow-rollback-to', third);
    expect(stateless.exitCode).toBe(2);
    expect(stateless.stderr).toContain('needs --state');
    expect((await stateOf()).exceptions).toEqual([]);
  });

  test('on purpose is put on record and lowers no mark', async () => {
    const stdout = await ok('load', 'three.tar', ...SITE, '--allow-rollback-to', third);
    expect(stdout).toContain('  rollback  EXCEPTION for ROLLBACK, on record in the state');
    const { exceptions, lines } = await stateOf();
    expect(exceptions).toMatchObject([{ command: 'load', digest: third, version: '1.3.0', overrode: ['ROLLBACK'] }]);
    expect(lines[0]).toMatchObject({ highest: { sequence: 4, digest: fourth }, last: { sequence: 3, digest: third } });
    await ok('extract', 'three.tar', 'rolled-back', 'docs', ...SITE.slice(0, 4), '--allow-rollback-to', third);
    expect((await stateOf()).exceptions.map(({ command }) => command)).toEqual(['load', 'extract']);
    await ok('verify', 'three.tar', ...SITE.slice(0, 4), '--allow-rollback-to', third, '--operator', 'Ann');
    const entries = (await readFile(at('state', 'audit.jsonl'), 'utf8')).trim().split('\n');
    const used = entries.map((line) => JSON.parse(line) as AuditEntry).filter((entry) => 'exceptions' in entry);
    expect(used.map(({ event, operator }) => [event, operator.stated])).toEqual([
      ...['started', 'completed', 'started', 'completed'].map((event) => [event, undefined]),
      ['completed', 'Ann'],
    ]);
    for (const entry of used) expect(entry).toMatchObject({ archive: { digest: third }, exceptions: ['ROLLBACK'] });
    expect(used.map((entry) => 'action' in entry && entry.action)).toEqual([
      'load',
      'load',
      'extract',
      'extract',
      'verify',
    ]);
    expect(used[3]).toMatchObject({ target: 'rolled-back', files: [{ path: 'docs/install.md' }] });
    expect(await ok('audit', 'verify', 'state/audit.jsonl')).toMatch(/^holds: state\/audit\.jsonl, \d+ entries\n/);
    expect(errorOf(await airgap('load', 'three.tar', ...SITE, '--json')).code).toBe('ROLLBACK');
  });

  test('below the floor there is none', async () => {
    const digest = await build('below.tar', 1, 'release2');
    const refused = await airgap('load', 'below.tar', ...SITE, '--allow-rollback-to', digest);
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('2 is the lowest that is accepted');
    expect(refused.stderr).toContain('there is no exception');
  });

  test('a second release with the same number is a fork', async () => {
    await build('fork.tar', 4, 'release2');
    const refused = await airgap('load', 'fork.tar', ...SITE, '--json');
    expect(errorOf(refused)).toMatchObject({ code: 'FORK' });
  });

  test('a release without a number cannot follow one with', async () => {
    await build('plain.tar', undefined, 'release2');
    // The floor speaks first; a site without trust documents has the mark alone.
    expect(errorOf(await airgap('load', 'plain.tar', ...SITE, '--json')).code).toBe('ROLLBACK');
    const keyed = ['--key', 'release2.pub', '--state', 'keyed', '--to', 'oci:images'];
    await ok('load', 'four.tar', ...keyed);
    expect(errorOf(await airgap('load', 'plain.tar', ...keyed, '--json')).code).toBe('ROLLBACK');
    expect(errorOf(await airgap('load', 'three.tar', ...keyed, '--json')).code).toBe('ROLLBACK');
  });

  test('a clock that is behind what the site has seen is refused', async () => {
    await mkdir(at('later'));
    const state = await stateOf();
    const later = `${JSON.stringify({ ...state, lastSeen: '2098-01-01T00:00:00Z' }, null, 1)}\n`;
    await writeFile(at('later', 'state.json'), later);
    const refused = await airgap(
      'load',
      'four.tar',
      ...SITE.slice(0, 2),
      '--state',
      'later',
      '--to',
      'oci:images',
      '--json',
    );
    expect(errorOf(refused).code).toBe('CLOCK');
    expect(await readFile(at('later', 'state.json'), 'utf8')).toBe(later);
    await ok(
      'load',
      'four.tar',
      ...SITE.slice(0, 2),
      '--state',
      'later',
      '--to',
      'oci:images',
      '--allow-rollback-to',
      fourth,
    );
    expect((await stateOf('later')).lastSeen).not.toBe('2098-01-01T00:00:00Z');
  });

  test('a damaged memory is no memory: nothing is loaded', async () => {
    await mkdir(at('damaged'));
    await writeFile(at('damaged', 'state.json'), '{}');
    const refused = await airgap(
      'load',
      'four.tar',
      ...SITE.slice(0, 2),
      '--state',
      'damaged',
      '--to',
      'oci:fresh',
      '--json',
    );
    expect(errorOf(refused)).toMatchObject({ code: 'STORE_IO' });
    expect(refused.exitCode).toBe(1);
    await expect(stat(at('fresh'))).rejects.toThrow('ENOENT');
  });

  test('the first load can be held to a digest', async () => {
    const first = ['--trust', 'site.trust.json', '--state', 'first', '--to', 'oci:images'];
    const wrong = await airgap('load', 'three.tar', ...first, '--expect-digest', fourth, '--json');
    expect(errorOf(wrong).code).toBe('SUBJECT_MISMATCH');
    await ok('load', 'three.tar', ...first, '--expect-digest', third);
  });
});

describe('what does not fit together', () => {
  test.each([
    [['--key', 'release2.pub', '--trust', 'site.trust.json'], 'not both'],
    [['--trust', 'site.trust.json', '--threshold', '2'], 'not both'],
    [[], 'no key to verify with'],
    [['--trust', 'trust'], 'is a directory'],
    [['--trust', 'site.trust.json', '--expect-digest', 'sha256:ABC'], '64 lower-case'],
  ])('%j is exit code 2', async (args, message) => {
    const { stderr, stdout, exitCode } = await airgap('verify', 'two.tar', ...args);
    expect(stderr).toContain(message);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });

  test('a trust document that is missing is exit code 1, one that is none 2', async () => {
    expect(await airgap('verify', 'two.tar', '--trust', 'absent.json')).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await airgap('verify', 'two.tar', '--trust', 'release2.pub')).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('trust that expired is refused, and names the way out', async () => {
    await ok(
      'trust',
      'init',
      'old',
      '--product',
      'demo',
      '--root',
      'root1.pub',
      '--release',
      'release2.pub',
      '--expires',
      '2020-01-01',
    );
    await ok('trust', 'sign', 'old', '--key', 'root1.key');
    const refused = await airgap('verify', 'three.tar', '--trust', 'old/1.trust.json', '--json');
    // Version 2 and 3 in the archive are of another beginning.
    expect(errorOf(refused).code).toBe('FORK');
    await build('bare.tar', 3, 'release2');
    const expired = await airgap('verify', 'bare.tar', '--trust', 'old/1.trust.json', '--json');
    expect(errorOf(expired)).toMatchObject({ code: 'EXPIRED', hint: expect.stringContaining('--state DIR') as string });
    expect(await ok('trust', 'verify', 'old')).toContain('EXPIRED since 2020-01-01T00:00:00Z');
    await rm(at('old'), { recursive: true });
  });

  test('a load while another has the state is told so, and changes nothing', async () => {
    await using _site = await openSite(at('state'));
    const result = await airgap('load', 'four.tar', ...SITE.slice(0, 4), '--to', 'oci:unlocked', '--json');
    expect(errorOf(result).code).toBe('LOCKED');
    expect(result.exitCode).toBe(1);
    await expect(stat(at('unlocked'))).rejects.toThrow('ENOENT');
    expect(await ok('verify', 'four.tar', ...SITE.slice(0, 4))).toContain('(sequence 4)');
  });
});
