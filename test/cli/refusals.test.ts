/** Everything that must end badly does, with the right exit code, and leaves nothing behind. */
import { once } from 'node:events';
import { copyFile, link, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VerifyReport } from '../../src/report/verify-report.ts';
import { writeKeyFiles } from '../helpers/key-files.ts';
import { useBuiltCli } from './built-cli.ts';
import { makeSampleRelease, PASSPHRASE, type SampleRelease } from './sample-release.ts';

const cli = useBuiltCli();
let release: SampleRelease;
beforeAll(async () => {
  release = await makeSampleRelease(cli, true);
  await writeKeyFiles(release.temp.join('other'));
});
afterAll(() => release[Symbol.asyncDispose]());

describe('an archive is not replaced by what is written about it', () => {
  test.each([
    ['verify', '--report', []],
    ['load', '--receipt', ['--to', 'oci:unused', '--state', 'unused']],
  ])('by %s %s', async (command, option, more) => {
    const before = await readFile(release.archive);
    const other = release.temp.join(`${command}.tar`);
    await link(release.archive, other);
    for (const name of [release.archive, other]) {
      const args = [command, release.archive, '--key', release.publicKey, option, name, ...more];
      const { stdout, stderr, exitCode } = await cli.airgap(args, { cwd: release.temp.path });
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr).toContain(`${option} ${name} would replace the archive`);
      expect(await readFile(name)).toEqual(before);
    }
    expect(await readdir(release.temp.path)).not.toContain('unused');
  });
});

describe('no file that a command reads is replaced by what it writes', () => {
  test.each([
    ['verify', '--report', '--key', 'release.pub', []],
    ['load', '--receipt', '--key', 'release.pub', ['--to', 'oci:unused', '--state', 'unused']],
    ['inspect', '--inventory', 'archive', 'release.tar', []],
  ])('%s %s', async (command, option, other, name, more) => {
    const own = release.temp.join(name);
    await copyFile(name.endsWith('.pub') ? release.publicKey : release.archive, own);
    const before = await readFile(own);
    const archive = name.endsWith('.tar') ? own : release.archive;
    const key = command === 'inspect' ? [] : ['--key', own];
    const { stderr, exitCode } = await cli.airgap([command, archive, ...key, option, own, ...more]);
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 2 });
    expect(stderr).toContain(`would replace ${other === 'archive' ? 'the archive' : `the file that ${other} names`}`);
    expect(await readFile(own)).toEqual(before);
  });
});

describe('a tampered archive', () => {
  let tampered: string;
  beforeEach(async () => {
    tampered = release.temp.join('tampered.tar');
    await copyFile(release.archive, tampered);
    const bytes = await readFile(tampered);
    // Within the last piece of content: its header stands 512 bytes before it.
    const at = bytes.lastIndexOf('blobs/sha256/') + 600;
    await using file = await open(tampered, 'r+');
    await file.write(Buffer.from([(bytes[at] ?? 0) ^ 1]), 0, 1, at);
  });

  test('is refused with the member and the offset, in words and in both reports', async () => {
    const path = release.temp.join('refused.json');
    const args = ['verify', tampered, '--key', release.publicKey, '--report', path];
    const { stdout, stderr, exitCode } = await cli.airgap(args);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
    expect(stderr).toMatch(/^error: images\/\S+ .*\(offset [0-9]+\)\n(.*\n)* {2}hint: the archive is damaged/m);
    const report = VerifyReport.parse(JSON.parse(await readFile(path, 'utf8')));
    expect(report).toMatchObject({
      verdict: 'refused',
      error: { member: expect.stringMatching(/^images\//) as string },
    });
    expect(report.trust.acceptedSigners).toHaveLength(1);
    expect(report.verified).toBeUndefined();

    const json = await cli.airgap([...args, '--json']);
    expect(VerifyReport.parse(JSON.parse(json.stdout)).error).toEqual(report.error);
    const { error } = JSON.parse(json.stderr) as { error: object };
    expect(error).toMatchObject({ code: report.error?.code, details: { offset: report.error?.offset } });
  });

  test('is refused from standard input too', async () => {
    const { stdout, exitCode } = await cli.airgap(['verify', '-', '--key', release.publicKey], {
      input: await readFile(tampered),
    });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
  });

  test('leaves no tag at the target', async () => {
    const args = ['load', tampered, '--key', release.publicKey, '--to', `docker://${release.target.host}`];
    const { stdout, exitCode } = await cli.airgap(args, { cwd: release.temp.path });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
    const { repositories } = (await (await fetch(`${release.target.url}/v2/_catalog`)).json()) as {
      repositories: string[];
    };
    for (const repository of repositories) {
      const answer = await fetch(`${release.target.url}/v2/${repository}/tags/list`);
      expect(answer.ok ? (((await answer.json()) as { tags: string[] | null }).tags ?? []) : []).toEqual([]);
    }
  });
});

describe('keys', () => {
  test.each([['verify'], ['load'], ['extract']])('%s needs one', async (command) => {
    const more = { verify: [], load: ['--to', 'oci:x'], extract: ['x'] }[command] ?? [];
    const { stderr, exitCode } = await cli.airgap([command, release.archive, ...more]);
    expect(stderr).toContain('hint: give the public key of its maker');
    expect(exitCode).toBe(2);
  });

  test('the wrong one is exit code 3, and names both', async () => {
    const { stdout, stderr, exitCode } = await cli.airgap([
      'verify',
      release.archive,
      '--key',
      release.temp.join('other.pub'),
    ]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
    expect(stderr).toContain('0 of 1 needed signatures are by trusted keys');
  });

  test('a threshold counts distinct keys', async () => {
    const both = ['--key', release.publicKey, '--key', release.temp.join('other.pub'), '--threshold', '2'];
    expect(await cli.airgap(['verify', release.archive, ...both])).toMatchObject({ exitCode: 3 });
  });

  test('an absent key file is exit code 1, a private key where a public one belongs 2', async () => {
    expect(await cli.airgap(['verify', release.archive, '--key', 'absent.pub'])).toMatchObject({ exitCode: 1 });
    expect(await cli.airgap(['verify', release.archive, '--key', release.key])).toMatchObject({ exitCode: 2 });
  });

  test('build without one says how to make one', async () => {
    const { stderr, exitCode } = await cli.airgap(['build'], { cwd: release.temp.path });
    expect(stderr).toContain('hint: give --key release.key; make a pair with: airgap keys generate');
    expect(exitCode).toBe(2);
  });

  test('a wrong passphrase is exit code 4, none at all 2', async () => {
    const args = ['build', '--key', release.key, '--output', 'x.tar'];
    const wrong = await cli.airgap(args, { cwd: release.temp.path, env: { AIRGAP_PASSPHRASE: 'wrong' } });
    expect(wrong).toMatchObject({ exitCode: 4, stdout: '' });
    const none = await cli.airgap(args, { cwd: release.temp.path, env: { AIRGAP_PASSPHRASE: undefined } });
    expect(none).toMatchObject({ exitCode: 2, stdout: '' });
    expect(none.stderr).toContain('AIRGAP_PASSPHRASE');
  });

  test('a pair is never overwritten, and shown by its id', async () => {
    const generate = ['keys', 'generate', '--output', release.temp.join('fresh')];
    await cli.ok(generate, { env: PASSPHRASE });
    const again = await cli.airgap(generate, { env: PASSPHRASE });
    expect(again).toMatchObject({ exitCode: 2, stdout: '' });
    const shown = await cli.ok(['keys', 'show', release.temp.join('fresh.pub'), '--json']);
    expect(JSON.parse(shown)).toMatchObject({
      schemaVersion: 1,
      algorithm: 'ecdsa-p256',
      keyId: expect.stringMatching(/^[a-f0-9]{64}$/) as string,
    });
  });
});

test('a moved tag is shown, and exit code 2 under --locked', async () => {
  await release.moveTag('db');
  const locked = await cli.airgap(['build', '--locked', '--key', release.key, '--output', 'y.tar'], {
    cwd: release.temp.path,
    env: PASSPHRASE,
  });
  expect(locked).toMatchObject({ exitCode: 2, stdout: '' });
  expect(locked.stderr).toMatch(/team\/db:1\.0: sha256:[a-f0-9]{64} → sha256:[a-f0-9]{64}/);
  const { stdout, stderr } = await cli.airgap(['resolve'], { cwd: release.temp.path });
  expect(stdout).toMatch(/team\/db:1\.0 +sha256:[a-f0-9]{12} +complete +moved/);
  expect(stderr).toMatch(/moved: \S+\/team\/db:1\.0 was sha256:[a-f0-9]{64} and is now sha256:[a-f0-9]{64}/);
});

test('a release.yaml with mistakes lists them with their places', async () => {
  const path = release.temp.join('wrong.yaml');
  await writeFile(
    path,
    `apiVersion: airgap.hexabase.ai/v1\nkind: Release\nname: x\nversion: '1.0.0'\nplatform: [linux/amd64]\n`,
  );
  const { stderr, exitCode } = await cli.airgap(['resolve', path]);
  expect(stderr).toMatch(/wrong\.yaml:5:1/);
  expect(exitCode).toBe(2);
});

test.each([
  [['load', 'ARCHIVE', '--to', 'ftp://x'], 'a target is one of'],
  [['load', '-', '--to', 'oci:x'], 'cannot be loaded from standard input'],
  [['load', 'ARCHIVE', '--to', 'dir:x', '--strip-registry'], '--strip-registry does not apply here'],
  [['load', 'ARCHIVE', '--to', 'oci:x', '--docker-host', 'unix:///x'], '--docker-host does not apply here'],
  [['load', 'ARCHIVE', '--to', 'dir:x', '--plain-http'], '--plain-http does not apply here'],
  [['load', 'ARCHIVE', '--to', 'dir:x', '--insecure'], '--insecure does not apply here'],
  [['load', 'ARCHIVE', '--to', 'dir:x', '--ca-file', 'x'], '--ca-file does not apply here'],
  [['verify', 'absent.tar'], 'cannot open absent.tar'],
])('%j is exit code 2', async (args, message) => {
  const words = args.map((word) => (word === 'ARCHIVE' ? release.archive : word));
  const { stdout, stderr, exitCode } = await cli.airgap([...words, '--key', release.publicKey]);
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  expect(stderr).toContain(message);
});

test.each([
  ['inspect', ['inspect', '-']],
  ['extract', ['extract', '-', 'files', '--key', 'KEY']],
])('%s says that it cannot read a stream', async (_command, args) => {
  const words = args.map((word) => (word === 'KEY' ? release.publicKey : word));
  const { stderr, exitCode } = await cli.airgap(words, { cwd: release.temp.path });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('an archive on standard input can only be verified');
  expect(stderr).not.toContain('check the path');
});

test('a file that is no public key asks for the one of the maker, not for a new pair', async () => {
  await writeFile(release.temp.join('README.txt'), 'Read me.\n');
  const { stderr, exitCode } = await cli.airgap(['verify', release.archive, '--key', release.temp.join('README.txt')]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('README.txt is not a PEM file');
  expect(stderr).toContain("give the public key of the release's maker");
});

describe('a registry that never answers', () => {
  const silent = createServer();
  let host: string;
  beforeAll(async () => {
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    host = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
    await writeFile(release.temp.join('silent.txt'), `${host}/team/app:1.0\n`);
  });
  afterAll(() => void silent.close());
  const args = (): string[] => [
    ...['mirror', release.temp.join('silent.txt'), '--plain-http-from', host],
    ...['--to', `docker://${release.target.host}`],
  ];

  test('Ctrl-C ends the wait with exit code 130', async () => {
    const asked = once(silent, 'connection');
    await using running = await cli.start(args());
    await asked;
    running.kill('SIGINT');
    const { stdout, stderr, exitCode } = await running.ended;
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 130 });
    expect(stderr).toContain('error: interrupted\n  hint: run the same command again');
  });

  test('--timeout ends the wait with exit code 1', async () => {
    const { stderr, exitCode } = await cli.airgap([...args(), '--timeout', '1']);
    expect(stderr).toContain('error: not done after 1 s');
    expect(exitCode).toBe(1);
  });
});

describe('registry', () => {
  test('prints its address, serves, and ends with exit code 0', async () => {
    await using running = await cli.start(['registry', release.temp.join('served'), '--listen', '127.0.0.1:0']);
    await running.waitUntil('the address', () => running.stdout.endsWith('\n'));
    expect(running.stdout).toMatch(/^127\.0\.0\.1:[0-9]+\n$/);
    expect((await fetch(`http://${running.stdout.trim()}/v2/`)).status).toBe(200);
    running.kill('SIGINT');
    expect((await running.ended).exitCode).toBe(0);
    await rm(release.temp.join('served'), { recursive: true });
  });

  test.each(['0.0.0.0:0', 'localhost', '127.0.0.1:99999'])('does not listen on %s', async (listen) => {
    const { stdout, exitCode } = await cli.airgap(['registry', release.temp.join('unserved'), '--listen', listen]);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});
