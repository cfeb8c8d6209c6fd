/** `login` and `logout` at real registries, and with the tools that share their files. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AIRGAP } from '../../../../src/cli/airgap.ts';
import { VERIFY_AND_LOAD } from '../../../../src/cli/verify-and-load-program.ts';
import { makeCertificates, type Certificates } from '../../../helpers/certificates.ts';
import { ACCOUNT, startDockerRegistry, type DockerRegistry } from '../../../helpers/docker-registry.ts';
import { runInside, type InsideOptions } from '../../../helpers/in-process.ts';
import type { ProcessResult } from '../../../helpers/process.ts';
import { requireTool } from '../../../helpers/require-tool.ts';
import { run } from '../../../helpers/run.ts';
import { startScriptedServer } from '../../../helpers/scripted-server.ts';
import { makeTempDir, useTempDir, type TempDir } from '../../../helpers/temp.ts';
import { startTokenServer, type TokenServer } from '../../../helpers/token-server.ts';

const temp = useTempDir();
const { username, password } = ACCOUNT;
const ENTRY = { auth: Buffer.from(`${username}:${password}`).toString('base64') };
let shared: TempDir & AsyncDisposable;
let certificates: Certificates;
let tokens: TokenServer;
/** Over TLS, with a file of passwords; over plain HTTP, with a token server. */
let [guarded, tokened]: DockerRegistry[] = [];

beforeAll(async () => {
  shared = await makeTempDir();
  certificates = await makeCertificates(shared.path);
  tokens = await startTokenServer();
  const { certFile, keyFile } = certificates;
  [guarded, tokened] = await Promise.all([
    startDockerRegistry({ tls: { certFile, keyFile }, htpasswd: true }),
    startDockerRegistry({ token: tokens.auth }),
  ]);
});
afterAll(async () => {
  for (const each of [guarded, tokened, tokens, shared]) await each?.[Symbol.asyncDispose]();
});

let environment: Record<string, string>;
let file: string;

beforeEach(async () => {
  environment = { HOME: temp.path, XDG_RUNTIME_DIR: '', REGISTRY_AUTH_FILE: '', DOCKER_AUTH_CONFIG: '', NO_COLOR: '1' };
  file = temp.join('.docker/config.json');
  await writeFile(temp.join('password'), `${password}\n`);
});

function airgap(args: readonly string[], options: InsideOptions = {}): Promise<ProcessResult> {
  return runInside(AIRGAP, args, { ...options, env: { ...environment, DOCKER_CONFIG: temp.join('.docker') } });
}

function login(host: string, ...more: readonly string[]): Promise<ProcessResult> {
  return airgap(['login', host, '--username', username, '--password-file', temp.join('password'), ...more]);
}

async function auths(): Promise<unknown> {
  return (JSON.parse(await readFile(file, 'utf8')) as { auths: unknown }).auths;
}

describe('login', () => {
  test('checks the password with the authority of the site, keeps it, and logout forgets it', async () => {
    const host = guarded?.host ?? '';
    const { exitCode, stdout, stderr } = await login(host, '--ca-file', certificates.caFile);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 0,
      stdout: `logged in: alice at ${host}\n  kept in  ${file}\n`,
      stderr: '',
    });
    expect(await auths()).toEqual({ [host]: ENTRY });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const out = await airgap(['logout', `docker://${host}`, '--json']);
    expect(JSON.parse(out.stdout)).toMatchObject({ registry: host, removed: true, authFile: file, left: [] });
    expect(await auths()).toEqual({});
    expect((await airgap(['logout', host])).stdout).toBe(`not logged in: no login for ${host} is kept\n`);
  });

  test('gets a token with the password, from standard input', async () => {
    const host = tokened?.host ?? '';
    const args = ['login', host, '--username', username, '--password-stdin', '--json'];
    const { exitCode, stdout } = await airgap(args, { input: `${password}\n` });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ registry: host, username, checked: true, authFile: file });
    expect(stdout).not.toContain('s3cret');
    expect(tokens.asked.at(-1)).toMatchObject({ user: username, scopes: [] });
    expect(await auths()).toEqual({ [host]: ENTRY });
  });

  test.each(['guarded', 'tokened'])('with a wrong password is exit code 4, and nothing is kept: %s', async (which) => {
    const host = (which === 'guarded' ? guarded : tokened)?.host ?? '';
    await writeFile(temp.join('password'), 'wr0ng');
    const more = which === 'guarded' ? ['--ca-file', certificates.caFile] : [];
    for (const flags of [[], ['--json'], ['--verbose']]) {
      const { exitCode, stdout, stderr } = await login(host, ...more, ...flags);
      expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
      expect(stderr).toContain(host);
      expect(stderr).toContain('check the user name and the password');
      expect(stderr).not.toContain('wr0ng');
    }
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  test('at a registry that asks for none says that the password was not checked', async () => {
    await using server = await startScriptedServer((_request, response) => void response.writeHead(200).end('{}'));
    const { exitCode, stderr } = await login(server.host);
    expect(exitCode).toBe(0);
    expect(stderr).toBe(`${server.host} answers without a login, so that the password could not be checked\n`);
  });

  test('at what is no registry keeps nothing', async () => {
    await using server = await startScriptedServer((_request, response) => void response.writeHead(404).end());
    const { exitCode, stderr } = await login(server.host);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('answered 404');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });

  test('says which login of some repositories goes before it', async () => {
    const host = tokened?.host ?? '';
    await mkdir(temp.join('.docker'));
    await writeFile(file, JSON.stringify({ auths: { [`${host}/team`]: ENTRY } }));
    expect((await login(host)).stderr).toBe(`${host}/team has a login of its own, which goes before this one\n`);
    const { stderr } = await airgap(['logout', host]);
    expect(stderr).toBe(`another login is left: ${host}/team\n`);
    expect(await auths()).toEqual({ [`${host}/team`]: ENTRY });
  });

  test.each([
    [['h.example:5000'], 'no user name for h.example:5000'],
    [['h.example:5000', '--username', 'a:b', '--password-file', 'FILE'], 'without a colon'],
    [['h.example:5000', '--username', 'a'], 'there is no terminal to ask for the password of a at h.example:5000 on'],
    [['h.example:5000', '--username', 'a', '--password-file', 'FILE', '--password-stdin'], 'give only one of'],
    [['https://h.example', '--username', 'a'], 'not a registry host: https://h.example'],
    [['h.example/team', '--username', 'a'], 'not a registry host: h.example/team'],
    [['registry', '--username', 'a'], 'a host has a dot, a port, or is localhost'],
    [['u:s3cret@h.example', '--username', 'a'], 'not a registry host: ***@h.example'],
  ])('%j is exit code 2, before anything is asked', async (words, expected) => {
    const args = words.map((word) => (word === 'FILE' ? temp.join('password') : word));
    const { exitCode, stderr } = await airgap(['login', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(expected);
    expect(stderr).not.toContain('s3cret');
  });

  test.each([
    ['', 'is empty'],
    ['\n', 'is empty'],
    ['a\0b', 'holds a NUL character'],
    [Buffer.from([0xff, 0xfe]), 'is not UTF-8 text'],
    ['x'.repeat(65 * 1024 + 3), 'longer than'],
  ])('refuses a password file that is none: %#', async (content, expected) => {
    await writeFile(temp.join('password'), content);
    const { exitCode, stderr } = await login('127.0.0.1:1');
    expect(exitCode).toBe(2);
    expect(stderr).toContain(temp.join('password'));
    expect(stderr).toContain(expected);
  });
});

describe('the one file of the secure side', () => {
  const single = (args: readonly string[]): Promise<ProcessResult> =>
    runInside(VERIFY_AND_LOAD, args, { env: { ...environment, DOCKER_CONFIG: temp.join('.docker') } });

  test('logs in and out as well', async () => {
    const host = tokened?.host ?? '';
    const account = ['--username', username, '--password-file', temp.join('password')];
    expect((await single([host, '--login', ...account])).stdout).toContain(`logged in: alice at ${host}`);
    expect(await auths()).toEqual({ [host]: ENTRY });
    expect((await single([host, '--logout'])).stdout).toContain(`logged out: ${host}`);
    expect(await auths()).toEqual({});
    expect((await single([host, ...account])).stderr).toContain('need --login');
    expect((await single([host, '--login', '--logout'])).stderr).toContain('give only one of');
  });
});

describe('other tools', () => {
  test('skopeo uses what login wrote, and login takes the place of what skopeo wrote', async (context) => {
    const skopeo = requireTool('skopeo') ?? context.skip();
    const host = tokened?.host ?? '';
    await login(host);
    const env = { ...environment, REGISTRY_AUTH_FILE: file };
    const get = await run(skopeo, ['login', '--get-login', host], { env });
    expect(get.stdout.trim()).toBe(username);
    // Only the account may list tags of what it may write to; 404 comes after the login.
    const asked = tokens.asked.length;
    await run(skopeo, ['list-tags', '--tls-verify=false', `docker://${host}/team/app`], { env });
    expect(tokens.asked.slice(asked).map(({ user }) => user)).toContain(username);
    await airgap(['logout', host]);
    expect((await run(skopeo, ['login', '--get-login', host], { env })).exitCode).not.toBe(0);

    const words = ['login', '--tls-verify=false', '--username', username, '--password', password, host];
    expect((await run(skopeo, words, { env })).exitCode).toBe(0);
    expect(await auths()).toEqual({ [host]: ENTRY });
    expect((await airgap(['logout', host])).stdout).toContain(`logged out: ${host}`);
    expect(await auths()).toEqual({});
  });

  test('crane uses what login wrote, and its login is forgotten', async (context) => {
    const crane = requireTool('crane') ?? context.skip();
    const host = tokened?.host ?? '';
    await login(host);
    const env = { ...environment, DOCKER_CONFIG: temp.join('.docker') };
    const asked = tokens.asked.length;
    await run(crane, ['ls', '--insecure', `${host}/team/app`], { env });
    expect(tokens.asked.slice(asked).map(({ user }) => user)).toContain(username);
    await airgap(['logout', host]);
    const done = await run(crane, ['auth', 'login', '--insecure', '-u', username, '-p', password, host], { env });
    expect(done.exitCode).toBe(0);
    expect((await airgap(['logout', host])).stdout).toContain(`logged out: ${host}`);
    expect(await auths()).toEqual({});
  });
});
