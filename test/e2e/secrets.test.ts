/** No secret is in anything the programs say or write, not even with --verbose and when everything fails. */
import { readFile, readdir, writeFile, mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:https';
import { beforeAll, afterAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../helpers/certificates.ts';
import { startScriptedServer, type ScriptedServer } from '../helpers/scripted-server.ts';
import { useBuiltRelease } from './support/fixture.ts';
import { airgap, runProgram } from './support/program.ts';

const PASSPHRASE = 'hunter2-passphrase-in-clear';
const PASSWORD = 'hunter2-password-in-clear';
const TOKEN = 'hunter2.token.in.clear';
const REFRESH = 'hunter2-refresh-in-clear';
const BASIC = Buffer.from(`robot:${PASSWORD}`).toString('base64');
const SECRETS = [PASSPHRASE, PASSWORD, TOKEN, REFRESH, BASIC, Buffer.from(PASSWORD).toString('base64'), 'hunter2'];
const fixture = useBuiltRelease();

/** How a registry turns us away, by the way that it is asked to. */
let mode: 'basic' | 'token' | 'token refused' | 'oauth' = 'basic';
let registry: ScriptedServer;
let config: string;

beforeAll(async () => {
  registry = await startScriptedServer((request, response) => {
    const realm = `http://${registry.host}/token`;
    if (request.url?.startsWith('/token') === true) {
      const isRefused = mode === 'token refused' || mode === 'oauth';
      response.writeHead(isRefused ? 401 : 200, { 'Content-Type': 'application/json' });
      const refusal = { errors: [{ code: 'UNAUTHORIZED', message: 'bad login' }] };
      return void response.end(JSON.stringify(isRefused ? refusal : { token: TOKEN }));
    }
    const challenge = mode === 'basic' ? 'Basic realm="x"' : `Bearer realm="${realm}?secret=hunter2",service="s"`;
    response.writeHead(401, { 'WWW-Authenticate': challenge, 'Content-Length': 0 }).end();
  });
  config = fixture.temp.join('docker-config');
  await mkdir(config, { recursive: true });
});
afterAll(() => registry[Symbol.asyncDispose]());

async function filesBelow(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile());
  return (await Promise.all(files.map((entry) => readFile(`${entry.parentPath}/${entry.name}`, 'latin1')))).join('\n');
}

function expectNoSecret(...texts: readonly string[]): void {
  for (const secret of SECRETS) for (const text of texts) expect(text).not.toContain(secret);
}

describe.each([[[]], [['--json']]])('with --verbose and %j', (extra) => {
  test.each(['basic', 'token', 'token refused', 'oauth'] as const)('a login that fails: %s', async (how) => {
    mode = how;
    const auth = how === 'oauth' ? { auth: Buffer.from('robot:').toString('base64'), identitytoken: REFRESH } : { auth: BASIC }; // prettier-ignore
    await writeFile(`${config}/config.json`, JSON.stringify({ auths: { [registry.host]: auth } }));
    registry.asked.length = 0;
    const report = fixture.folder();
    const env = { DOCKER_CONFIG: config };
    const args = ['--key', fixture.pub, '--to', `docker://${registry.host}`, '--report', report, '--verbose', ...extra];
    const one = await airgap(['load', fixture.archive, ...args], { env });
    const two = await runProgram('verify-and-load', [fixture.archive, ...args], { env });
    expect([one.exitCode, two.exitCode]).toEqual([4, 4]);
    expect(registry.asked.length).toBeGreaterThan(1);
    expectNoSecret(one.stdout, one.stderr, two.stdout, two.stderr, await filesBelow(report));
  });

  test('a passphrase that is wrong', async () => {
    const env = { AIRGAP_PASSPHRASE: PASSPHRASE };
    const output = `${fixture.folder()}.tar`;
    const args = ['build', fixture.release.spec, '--key', fixture.key, '--output', output, '--verbose', ...extra];
    const { exitCode, stdout, stderr } = await airgap(args, { env });
    expect(exitCode).toBe(4);
    expectNoSecret(stdout, stderr);
  });

  test('a login that is right: the reports do not name it', async () => {
    const { archive, pub, source } = fixture;
    await writeFile(`${config}/config.json`, JSON.stringify({ auths: { [source.host]: { auth: BASIC } } }));
    const report = fixture.folder();
    const to = ['--to', `docker://${source.host}/copied`, '--report', report, '--verbose', ...extra];
    const { exitCode, stdout, stderr } = await airgap(['load', archive, '--key', pub, ...to], { env: { DOCKER_CONFIG: config } }); // prettier-ignore
    expect(exitCode).toBe(0);
    expectNoSecret(stdout, stderr, await filesBelow(report));
  });
});

test('a certificate is checked, whatever the environment says', async () => {
  const files = await makeCertificates(fixture.temp.path);
  const [cert, key] = await Promise.all([readFile(files.certFile), readFile(files.keyFile)]);
  let asked = 0;
  const server = createServer({ cert, key }, (_, response) => void response.writeHead(401, { n: (asked += 1) }).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const to = `docker://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { exitCode, stderr } = await airgap(['load', fixture.archive, '--key', fixture.pub, '--to', to], { env });
  expect([exitCode, asked]).toEqual([1, 0]);
  expect(stderr).toContain('certificate');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
