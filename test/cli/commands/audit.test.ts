/** The audit log through the built commands: every load is on record, refused and killed ones too, and receipts hold. */
import { copyFile, cp, mkdir, readFile, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AuditEntry, type ArchiveEntry } from '../../../src/site/audit/entry-schema.ts';
import { VerifyReport } from '../../../src/report/verify-report.ts';
import type { ProcessOptions, ProcessResult } from '../../helpers/process.ts';
import { requireTool } from '../../helpers/require-tool.ts';
import { run } from '../../helpers/run.ts';
import { mountTmpfs } from '../../helpers/tmpfs.ts';
import { writeKeyFiles } from '../../helpers/key-files.ts';
import { useBuiltCli } from '../built-cli.ts';
import { IMAGES, makeSampleRelease, PASSPHRASE, type SampleRelease } from '../sample-release.ts';

const cli = useBuiltCli();
let release: SampleRelease;
let site: string;
let sites = 0;
beforeAll(async () => {
  release = await makeSampleRelease(cli, true);
  for (const name of ['site', 'other']) await writeKeyFiles(release.temp.join(name));
});
afterAll(() => release[Symbol.asyncDispose]());
beforeEach(async () => {
  site = release.temp.join(`site-${(sites += 1)}`);
  await mkdir(site);
});

const at = (...names: readonly string[]): string => [site, ...names].join('/');
const inSite = (options: ProcessOptions = {}): ProcessOptions => ({
  cwd: site,
  ...options,
  env: { ...PASSPHRASE, LOGNAME: 'ann', ...options.env },
});
const airgap = (args: readonly string[], options?: ProcessOptions): Promise<ProcessResult> =>
  cli.airgap(args, inSite(options));
const ok = (...args: readonly string[]): Promise<string> => cli.ok(args, inSite());
const loadArgs = (...extra: readonly string[]): readonly string[] => [
  ...['load', release.archive, '--key', release.publicKey, '--state', 'state', '--report', 'report'],
  ...(extra.includes('--to') ? [] : ['--to', 'oci:images']),
  ...extra,
];
async function entriesOf(path = at('state', 'audit.jsonl')): Promise<readonly ArchiveEntry[]> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  return lines.map((line) => AuditEntry.parse(JSON.parse(line)) as ArchiveEntry);
}
const errorOf = ({ stderr }: ProcessResult): { code: string; message: string; details: object } =>
  (JSON.parse(stderr.trim().split('\n').at(-1) ?? '') as { error: ReturnType<typeof errorOf> }).error;

describe('a load', () => {
  test('is on record before it begins and after it ends: who, what, from whom, and every image as it landed', async () => {
    const to = `docker://${release.target.host}/site`;
    const stdout = await ok(...loadArgs('--to', to, '--operator', 'Ann Example'));
    const [started, completed, ...more] = await entriesOf();
    expect(more).toEqual([]);
    const common = {
      action: 'load',
      operator: { stated: 'Ann Example', user: 'ann', uid: process.getuid?.() },
      archive: { path: release.archive, digest: expect.stringMatching(/^sha256:/) as string },
      target: to,
      release: { product: 'demo', channel: 'stable', version: '1.0.0' },
      signers: [{ kind: 'key', algorithm: 'ecdsa-p256' }],
      rollback: 'unnumbered',
    };
    expect(started).toMatchObject({ ...common, sequence: 1, event: 'started' });
    expect(started?.images?.map(({ result }) => result)).toEqual(IMAGES.map(() => 'missing'));
    expect(completed).toMatchObject({ ...common, sequence: 2, event: 'completed', start: 1, exitCode: 0 });
    expect(completed?.images).toHaveLength(IMAGES.length);
    for (const { place, digest, result } of completed?.images ?? []) {
      const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(place) ?? [];
      const accept = 'application/vnd.oci.image.index.v1+json';
      const answer = await fetch(`${release.target.url}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
      expect([place, result, digest]).toEqual([place, 'loaded', answer.headers.get('docker-content-digest')]);
    }
    expect(stdout).toMatch(/\non record as entry 2 of state\/audit\.jsonl \(sha256:[a-f0-9]{64}\)\n$/);
    const report = JSON.parse(await readFile(at('report', 'load-report.json'), 'utf8')) as { audit: object };
    const head = /\((sha256:[a-f0-9]{64})\)\n$/.exec(stdout)?.[1];
    expect(report.audit).toEqual({ log: 'state/audit.jsonl', sequence: 2, hash: head });
    expect(await ok('audit', 'verify', 'state/audit.jsonl', '--expect-head', head ?? '')).toContain(
      'expected    entry 2',
    );
  });

  test('of tarballs names the files, and in each the images of its platform', async () => {
    await ok(...loadArgs('--to', 'dir:node', '--platform', 'linux/arm64'));
    const [, completed] = await entriesOf();
    const name = 'node/demo-1.0.0-linux-arm64.tar';
    expect(completed).toMatchObject({ target: 'dir:node', files: [{ path: 'images/linux-arm64.tar', place: name }] });
    expect(completed?.images?.map(({ place, result }) => [place, result])).toEqual(IMAGES.map(() => [name, 'loaded']));
    const index = JSON.parse(await ok('inspect', release.archive, '--json')) as { images: { digest: string }[] };
    for (const { digest } of completed?.images ?? [])
      expect(index.images.map((image) => image.digest)).not.toContain(digest);
  });

  test('again is on record again, and a plan is not', async () => {
    await ok(...loadArgs());
    await ok(...loadArgs());
    await ok(...loadArgs('--plan'));
    const entries = await entriesOf();
    expect(entries.map(({ event }) => event)).toEqual(['started', 'completed', 'started', 'completed']);
    expect(entries[3]?.images?.map(({ result }) => result)).toEqual(IMAGES.map(() => 'present'));
  });

  test('without a state goes on record where --audit-log says, and nowhere else', async () => {
    await ok(...loadArgs('--audit-log', 'log.jsonl').filter((word) => !['--state', 'state'].includes(word)));
    expect(await entriesOf(at('log.jsonl'))).toHaveLength(2);
    await ok('load', release.archive, '--key', release.publicKey, '--to', 'oci:other');
    expect((await readdir(site)).sort()).toEqual(['demo-1.0.0-load', 'images', 'log.jsonl', 'other', 'report']);
  });

  test('with names that try to take over a terminal is on record in plain characters', async () => {
    const path = at('\x1b[2J\u202ea.tar');
    await copyFile(release.archive, path);
    await ok(...loadArgs('--operator', 'Zoë \x1b[31m').with(1, path));
    expect(await readFile(at('state', 'audit.jsonl'), 'latin1')).toMatch(/^[\x20-\x7e\n]+$/);
    expect((await entriesOf())[1]).toMatchObject({ archive: { path }, operator: { stated: 'Zoë \x1b[31m' } });
  });

  test('that is not on record is by nobody: --operator says so', async () => {
    const args = ['load', release.archive, '--key', release.publicKey, '--to', 'oci:images', '--operator', 'Ann'];
    const result = await airgap(args);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(result.stderr).toContain('--operator is for the audit log');
    expect(await readdir(site)).toEqual([]);
  });

  test('by nobody is not by an operator', async () => {
    for (const name of ['', ' ', 'x'.repeat(129)]) {
      expect(await airgap(loadArgs('--operator', name))).toMatchObject({ exitCode: 2, stdout: '' });
    }
  });
});

describe('what ends badly is on record', () => {
  test('refused before anything is believed, in few words whatever the archive says', async () => {
    const other = release.temp.join('other.pub');
    const junk = at('junk.tar');
    await writeFile(junk, 'x'.repeat(100_000));
    expect(await airgap(loadArgs('--key', other, '--threshold', '2'))).toMatchObject({ exitCode: 3 });
    expect(await airgap(loadArgs().with(1, junk))).toMatchObject({ exitCode: 3 });
    const [untrusted, unread, ...more] = await entriesOf();
    expect(more).toEqual([]);
    expect(untrusted).toMatchObject({ event: 'refused', exitCode: 3, code: 'UNTRUSTED_SIGNER', archive: { digest: expect.any(String) as string } }); // prettier-ignore
    expect(unread).toMatchObject({ event: 'refused', exitCode: 3, code: 'MALFORMED', archive: { path: junk } });
    for (const entry of [untrusted, unread]) expect([entry?.release, entry?.images, entry?.start]).toEqual([undefined, undefined, undefined]); // prettier-ignore
    expect((await stat(at('state', 'audit.jsonl'))).size).toBeLessThan(2_500);
  });

  test('refused after it began, for a wrong byte of the payload', async () => {
    const bytes = await readFile(release.archive);
    const position = bytes.lastIndexOf('blobs/sha256/') + 600;
    bytes[position] = (bytes[position] ?? 0) ^ 1;
    await writeFile(at('tampered.tar'), bytes);
    expect(await airgap(loadArgs().with(1, at('tampered.tar')))).toMatchObject({ exitCode: 3 });
    expect((await entriesOf()).map(({ event, start, code }) => [event, start, code])).toEqual([
      ['started', undefined, undefined],
      ['refused', 1, 'DIGEST_MISMATCH'],
    ]);
    expect(JSON.parse(await ok('audit', 'verify', 'state/audit.jsonl', '--json'))).toMatchObject({
      entries: 2,
      unfinished: { count: 0 },
    });
  });

  test('failed, since the registry is not there', async () => {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const to = `docker://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await new Promise((resolve) => server.close(resolve));
    expect(await airgap(loadArgs('--to', to))).toMatchObject({ exitCode: 1 });
    expect((await entriesOf()).map(({ event, code, exitCode }) => [event, code, exitCode])).toEqual([
      ['failed', 'REGISTRY', 1],
    ]);
  });

  test('mistakes in the call are not: nothing was tried', async () => {
    for (const args of [loadArgs().with(1, 'absent.tar'), loadArgs('--to', 'ftp://x'), loadArgs('--to', 'dir:x', '--strip-registry')]) {
      expect(await airgap(args)).toMatchObject({ exitCode: 2 });
    }
    await expect(stat(at('state', 'audit.jsonl'))).rejects.toThrow('ENOENT');
  }); // prettier-ignore

  describe('half-way', () => {
    /** A registry that has nothing and never takes anything in. */
    let server: Server;
    let to: string;
    beforeAll(async () => {
      server = createServer((request, response) => {
        if (request.url === '/v2/') response.end('{}');
        else if (request.method === 'GET' || request.method === 'HEAD') response.writeHead(404).end();
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      to = `docker://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });
    const log = (): Promise<string> => readFile(at('state', 'audit.jsonl'), 'utf8').catch(() => '');
    const begun = async (): Promise<boolean> => (await log()).includes('"started"');

    test('interrupted', async () => {
      await using running = await cli.start(loadArgs('--to', to), inSite());
      await running.waitUntil('it began', begun);
      running.kill('SIGINT');
      expect((await running.ended).exitCode).toBe(130);
      expect((await entriesOf())[1]).toMatchObject({ event: 'failed', start: 1, exitCode: 130, code: 'INTERRUPTED' });
    });

    test('out of time', async () => {
      expect(await airgap(loadArgs('--to', to, '--timeout', '1'))).toMatchObject({ exitCode: 1 });
      // On a busy machine the time may be over before it began.
      expect((await entriesOf()).at(-1)).toMatchObject({ event: 'failed', exitCode: 1, code: 'STORE_IO' });
    });

    test('killed: the beginning is on record, and that it has no end is said', async () => {
      await using running = await cli.start(loadArgs('--to', to), inSite());
      await running.waitUntil('it began', begun);
      running.kill('SIGKILL');
      await running.ended;
      await ok(...loadArgs());
      expect((await entriesOf()).map(({ event }) => event)).toEqual(['started', 'started', 'completed']);
      expect(await ok('audit', 'verify', 'state/audit.jsonl')).toContain('  unfinished  1, killed or unable');
    });
  });
});

describe('a load that cannot be put on record', () => {
  test('does not begin, when the disk is full', async () => {
    // A name can be had there, and no room behind it.
    await using disk = await mountTmpfs({ maxBytes: 16 * 1024 });
    await writeFile(`${disk.path}/full`, Buffer.alloc(16 * 1024));
    const result = await airgap(loadArgs('--audit-log', `${disk.path}/audit.jsonl`, '--json'));
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(errorOf(result)).toMatchObject({ code: 'NO_SPACE' });
    expect(errorOf(result).message).toMatch(/^nothing was done: the audit log .* cannot be written: .*no space left/);
    expect(await readdir(at('images', 'blobs', 'sha256')).catch(() => [])).toEqual([]);
    await expect(stat(at('state', 'state.json'))).rejects.toThrow('ENOENT');
  });

  test('does not begin, when the log was changed by something else', async () => {
    await ok(...loadArgs());
    await writeFile(at('state', 'audit.jsonl'), '{"all":"fine"}\n');
    const result = await airgap(loadArgs('--to', 'oci:fresh', '--json'));
    expect(errorOf(result)).toMatchObject({ code: 'STORE_IO' });
    expect(result.exitCode).toBe(1);
    expect(await readdir(at('fresh', 'blobs', 'sha256')).catch(() => [])).toEqual([]);
  });

  test('is refused for the reason it is refused for, and says that this is not on record', async () => {
    await mkdir(at('elsewhere'));
    await symlink(at('elsewhere', 'log'), at('audit.jsonl'));
    const result = await airgap(loadArgs('--key', release.temp.join('other.pub'), '--threshold', '2', '--audit-log', 'audit.jsonl', '--json')); // prettier-ignore
    expect(errorOf(result)).toMatchObject({ code: 'UNTRUSTED_SIGNER' });
    expect(errorOf(result).message).toMatch(/^not recorded \(the audit log audit\.jsonl cannot be written: it is a link \(ELOOP\)\): 1 of 2/); // prettier-ignore
    expect(result.exitCode).toBe(3);
    expect(await readdir(at('elsewhere'))).toEqual([]);
  });

  const strace = requireTool('strace');
  test.each([['the report', '--report'], ['the receipt', '--receipt']])('does nothing where %s could not be written', async (_, option) => {
    await using full = await mountTmpfs({ maxBytes: 1_000_000, maxInodes: 1 });
    const [, ...args] = loadArgs().filter((word, index, all) => word !== '--report' && all[index - 1] !== '--report');
    const refused = await airgap(['load', ...args, option, `${full.path}/there`, '--json']);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(errorOf(refused)).toMatchObject({ code: 'NO_SPACE', message: expect.stringContaining(full.path) as string });
    expect(await readdir(at('images', 'blobs', 'sha256')).catch(() => [])).toEqual([]);
    expect(await readFile(at('state', 'state.json'), 'utf8').catch(() => '')).toBe('');
    await ok(...loadArgs());
  }); // prettier-ignore

  test.skipIf(strace === undefined)('at its end is done and remembered, says so, and is completed by the same command', async () => {
    const script = `${cli.directory}/airgap.mjs`;
    const log = at('state', 'audit.jsonl');
    const inject = ['-f', '-qq', '-o', at('trace'), '-P', log, '-e', 'inject=write,pwrite64:error=ENOSPC:when=2'];
    const env = { ...inSite().env, NO_COLOR: '1', UV_THREADPOOL_SIZE: '1' };
    const args = [...inject, process.execPath, script, ...loadArgs().map((word) => (word === 'state' ? at('state') : word))];
    const result = await run(strace ?? '', args, { cwd: site, env });
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/error: everything was done, but its end could not be recorded; run the same command again: the audit log /); // prettier-ignore
    expect((await entriesOf()).map(({ event }) => event)).toEqual(['started']);
    expect((JSON.parse(await readFile(at('state', 'state.json'), 'utf8')) as { lines: object[] }).lines).toHaveLength(1);
    expect(await ok(...loadArgs())).toContain('nothing had to move');
    expect((await entriesOf()).map(({ event }) => event)).toEqual(['started', 'started', 'completed']);
  }); // prettier-ignore

  test('after a crash says what the crash had left', async () => {
    await ok(...loadArgs());
    const log = at('state', 'audit.jsonl');
    await truncate(log, (await stat(log)).size - 100);
    const refused = await airgap(['audit', 'verify', log, '--json']);
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(errorOf(refused)).toMatchObject({ code: 'MALFORMED', details: { line: 2, fault: 'torn' } });
    const { stderr, exitCode } = await airgap(loadArgs());
    expect(stderr).toMatch(
      /the last line of state\/audit\.jsonl was torn by a crash: \d+ bytes, now on record there\n/,
    );
    expect(exitCode).toBe(0);
    expect(await ok('audit', 'verify', log)).toContain('  torn        1 time by a crash, each on record');
  });
});

describe('a receipt', () => {
  const signed = ['--receipt', 'receipt.json', '--receipt-key'] as const;
  const siteKey = (): string => release.temp.join('site.key');
  const sitePub = (): string => release.temp.join('site.pub');

  test('signed by the site proves the load, beside the log and without it', async () => {
    const stdout = await ok(...loadArgs(...signed, siteKey()));
    expect(stdout).toMatch(/\nreceipt receipt\.json, signed by [a-f0-9]{64}\n$/);
    await ok(...loadArgs());
    const args = ['state/audit.jsonl', '--receipt', 'receipt.json', '--key', sitePub()];
    expect(await ok('audit', 'verify', ...args)).toMatch(/\n {2}receipt {5}receipt\.json is entry 2; signed by [a-f0-9]{64}\n$/); // prettier-ignore
    await cp(at('receipt.json'), release.temp.join('carried-out.json'));
    const outside = await ok('audit', 'receipt', release.temp.join('carried-out.json'), '--key', sitePub());
    expect(outside).toMatch(/^demo 1\.0\.0 \(stable\), loaded 2[^]*\n {2}target {4}oci:images\n[^]*\n {2}image {2}/);
    const [, completed] = await entriesOf();
    const document = JSON.parse(await ok('audit', 'receipt', 'receipt.json', '--key', sitePub(), '--json')) as object;
    expect(document).toMatchObject({ kind: 'receipt', sequence: 2, entry: completed, unchecked: [] });
  });

  test('not signed says so everywhere', async () => {
    expect(await ok(...loadArgs('--receipt', 'receipt.json'))).toContain('\nreceipt receipt.json, NOT SIGNED\n');
    expect(await ok('audit', 'receipt', 'receipt.json')).toContain('NOT SIGNED: anyone could have written it');
    expect(await ok('audit', 'receipt', 'receipt.json', '--archive', release.archive)).toContain(
      `matches   ${release.archive}`,
    );
    const bytes = await readFile(release.archive);
    bytes[512] = bytes[512] === 0x30 ? 0x31 : 0x30; // the first digit of the signed list
    await writeFile(at('other.tar'), bytes);
    const other = await airgap(['audit', 'receipt', 'receipt.json', '--archive', 'other.tar', '--json']);
    expect(other).toMatchObject({ exitCode: 3, stdout: '' });
    expect(errorOf(other)).toMatchObject({ code: 'SUBJECT_MISMATCH', message: expect.stringMatching(/^receipt\.json is about the archive sha256:\w+, and other\.tar is sha256:/) as string }); // prettier-ignore
    await writeFile(at('damaged.json'), '{}');
    const damaged = await airgap(['audit', 'receipt', 'damaged.json']);
    expect(damaged).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('get it again from the site') as string,
    });
    const log = ['audit', 'verify', 'state/audit.jsonl', '--receipt', 'receipt.json'];
    expect(await ok(...log)).toContain('is entry 2; NOT SIGNED');
    expect(errorOf(await airgap([...log, '--key', sitePub(), '--json']))).toMatchObject({ code: 'UNSIGNED' });
  });

  test('by another key, or of another log, or for a line that was cut off, is refused', async () => {
    await ok(...loadArgs(...signed, siteKey()));
    const receipt = ['--receipt', 'receipt.json', '--key'];
    const other = await airgap(['audit', 'receipt', 'receipt.json', '--key', release.temp.join('other.pub'), '--json']);
    expect([other.exitCode, errorOf(other).code]).toEqual([3, 'UNTRUSTED_SIGNER']);
    expect(await ok('audit', 'receipt', 'receipt.json')).toContain('UNCHECKED: names');
    const whole = await readFile(at('state', 'audit.jsonl'));
    await truncate(at('state', 'audit.jsonl'), whole.indexOf('\n') + 1);
    const cut = await airgap(['audit', 'verify', 'state/audit.jsonl', ...receipt, sitePub(), '--json']);
    expect([cut.exitCode, errorOf(cut).code]).toEqual([3, 'DIGEST_MISMATCH']);
    expect(errorOf(cut).message).toBe('receipt.json is for entry 2, which is not in the log, which ends with entry 1');
    await rm(at('state', 'audit.jsonl'));
    await ok(...loadArgs());
    const anew = await airgap(['audit', 'verify', 'state/audit.jsonl', ...receipt, sitePub(), '--json']);
    expect(errorOf(anew).message).toBe('receipt.json is for entry 2, which is not the entry that the log has with this number'); // prettier-ignore
  });

  test.each([
    ['without a log', ['--receipt', 'r.json'], '--receipt needs an audit log'],
    ['with a key and no place', ['--state', 'state', '--receipt-key', 'KEY'], '--receipt-key needs --receipt'],
    ['of a plan', ['--state', 'state', '--receipt', 'r.json', '--plan'], 'does not apply here'],
    ['into no directory', ['--state', 'state', '--receipt', 'none/r.json'], 'is not a directory'],
    ['in the place of a directory', ['--state', 'state', '--receipt', '.'], 'is a directory'],
    ['with a public key', ['--state', 'state', '--receipt', 'r.json', '--receipt-key', 'PUB'], 'give the .key file'],
  ])('%s is not begun', async (_, extra, message) => {
    const words = extra.map((word) => ({ KEY: siteKey(), PUB: sitePub() })[word] ?? word);
    const result = await airgap(['load', release.archive, '--key', release.publicKey, '--to', 'oci:images', ...words]);
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await readdir(site)).toEqual([]);
  });

  test('for which the passphrase is wrong is not begun', async () => {
    const result = await airgap(loadArgs(...signed, siteKey()), { env: { AIRGAP_PASSPHRASE: 'wrong' } });
    expect(result).toMatchObject({ exitCode: 4, stdout: '' });
    expect(await readdir(site)).toEqual([]);
    await writeFile(at('passphrase'), 'correct horse\n');
    await airgap(loadArgs(...signed, siteKey(), '--passphrase-file', 'passphrase'), { env: { AIRGAP_PASSPHRASE: 'wrong' } });
    expect(await readdir(site)).toContain('receipt.json');
  }); // prettier-ignore

  test('that cannot be written says what was done, and is written by the same command', async () => {
    // A name can be had there, and no room behind it.
    await using disk = await mountTmpfs({ maxBytes: 16 * 1024 });
    await writeFile(`${disk.path}/full`, Buffer.alloc(16 * 1024));
    const result = await airgap(loadArgs('--receipt', `${disk.path}/receipt.json`, '--json'));
    expect(errorOf(result)).toMatchObject({ code: 'NO_SPACE' });
    expect(errorOf(result).message).toMatch(
      /^everything was done and recorded, but the receipt could not be written; run the same/,
    );
    expect((await entriesOf()).map(({ event }) => event)).toEqual(['started', 'completed']);
    await ok(...loadArgs('--receipt', 'receipt.json'));
    expect((JSON.parse(await ok('audit', 'receipt', 'receipt.json', '--json')) as { sequence: number }).sequence).toBe(
      4,
    );
  });
});

describe('a log that was changed', () => {
  test('is exit code 3, with the line and the reason, from both programs', async () => {
    await ok(...loadArgs());
    const log = at('state', 'audit.jsonl');
    const text = await readFile(log, 'utf8');
    await writeFile(log, text.replace('"user":"ann"', '"user":"bob"'));
    const tool = `${cli.directory}/verify-and-load.mjs`;
    for (const { exitCode, stdout, stderr } of [
      await airgap(['audit', 'verify', log]),
      await cli.node([tool, log, '--audit'], inSite()),
    ]) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
      expect(stderr).toMatch(
        /^error: \S+audit\.jsonl: line 1 was altered or inserted: entry 2 was written after sha256:/,
      );
      expect(stderr).toContain('  hint: keep the file unchanged');
    }
    await writeFile(log, text);
    const { stdout } = await cli.node([tool, log, '--audit'], inSite());
    const head = /head +(sha256:[a-f0-9]{64})/.exec(stdout)?.[1] ?? '';
    expect(await cli.node([tool, log, '--audit', '--expect-head', head], inSite())).toMatchObject({ exitCode: 0 });
    await truncate(log, text.indexOf('\n') + 1);
    const cut = await cli.node([tool, log, '--audit', '--expect-head', head], inSite());
    expect(cut.stderr).toContain('has no line with the hash');
    expect(cut.exitCode).toBe(3);
  });

  test.each([
    [['x.tar', '--audit', '--to', 'oci:x'], 'give only one of'],
    [['x.tar', '--key', 'x.pub', '--expect-head', `sha256:${'0'.repeat(64)}`], '--expect-head needs --audit'],
    [['x.tar', '--key', 'x.pub', '--receipt', 'r.json'], 'a receipt needs --to'],
  ])('verify-and-load %j is exit code 2', async (args, message) => {
    const result = await cli.node([`${cli.directory}/verify-and-load.mjs`, ...args], inSite());
    expect(result.stderr).toContain(message);
    expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  });

  test('needs a receipt for a key to be held to', async () => {
    expect(await airgap(['audit', 'verify', 'x', '--key', release.publicKey])).toMatchObject({ exitCode: 2 });
    expect(await airgap(['audit', 'verify', 'absent.jsonl'])).toMatchObject({ exitCode: 1 });
    expect(await airgap(['audit', 'receipt', 'absent.json'])).toMatchObject({ exitCode: 1 });
  });
});

test('a verification or an extraction goes on record where a log is named', async () => {
  const proved = await ok('verify', release.archive, '--key', release.publicKey, '--audit-log', 'log.jsonl', '--json');
  expect(VerifyReport.parse(JSON.parse(proved)).audit).toMatchObject({ log: 'log.jsonl', sequence: 1 });
  await ok('extract', release.archive, 'files', 'docs', '--key', release.publicKey, '--audit-log', 'log.jsonl');
  const entries = await entriesOf(at('log.jsonl'));
  expect(entries.map(({ action, event }) => [action, event])).toEqual([
    ['verify', 'completed'],
    ['extract', 'started'],
    ['extract', 'completed'],
  ]);
  expect(entries[2]).toMatchObject({
    target: 'files',
    files: [{ path: 'docs/install.md', place: 'files/docs/install.md' }],
  });
  expect(await airgap(['verify', release.archive, '--key', release.temp.join('other.pub'), '--audit-log', 'log.jsonl'])).toMatchObject({ exitCode: 3 }); // prettier-ignore
  expect((await entriesOf(at('log.jsonl')))[3]).toMatchObject({ action: 'verify', event: 'refused' });
});
