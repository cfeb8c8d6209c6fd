/** What a user shows to the API server: a token, what a file holds now, or what a program gives. */
import { chmod, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { areCurrent, readUserCredentials } from '../../../../src/kubernetes/cluster/access/user-credentials.ts';
import type { ClusterAccess, ClusterUser } from '../../../../src/kubernetes/cluster/access/cluster-access.ts';
import { useTempDir } from '../../../helpers/temp.ts';

const temp = useTempDir();
const NOW = Date.parse('2026-01-01T00:00:00Z');
const PATH = process.env['PATH'];

function accessOf(user: Partial<ClusterUser>): ClusterAccess {
  const server = new URL('https://127.0.0.1:6443');
  const origin = { origin: server.origin, ca: 'PEM' };
  return { name: 'test', server, origin, user: { name: 'op', ...user }, namespace: 'default', settings: 'config' };
}

test('tokens, accounts and impersonation become headers', async () => {
  const at = { nowMs: NOW };
  const impersonates = { user: 'eve', group: 'ops' };
  expect(await readUserCredentials(accessOf({ token: 't', impersonates }), {}, at)).toEqual({
    headers: { authorization: 'Bearer t', 'impersonate-user': 'eve', 'impersonate-group': 'ops' },
  });
  const basic = { username: 'a', password: 'b' };
  expect((await readUserCredentials(accessOf({ basic }), {}, at)).headers).toEqual({ authorization: 'Basic YTpi' });
  expect((await readUserCredentials(accessOf({}), {}, at)).headers).toEqual({});
});

test('a token that lies in a file is read again after a minute', async () => {
  await writeFile(temp.join('token'), 'one\n');
  const credentials = await readUserCredentials(accessOf({ tokenFile: temp.join('token') }), {}, { nowMs: NOW });
  expect(credentials.headers).toEqual({ authorization: 'Bearer one' });
  expect(areCurrent(credentials, NOW + 59_000)).toBe(true);
  expect(areCurrent(credentials, NOW + 60_000)).toBe(false);
});

test('a program gives a token and says how long it holds; what it needs to know is handed to it', async () => {
  await plugin(
    `[ "$1 $FLAVOUR" = "token sweet" ] || exit 9
case "$KUBERNETES_EXEC_INFO" in *'"server":"https://127.0.0.1:6443/"'*) ;; *) exit 8 ;; esac
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"made","expirationTimestamp":"2026-01-01T01:00:00Z"}}'`,
  );
  const env = [{ name: 'FLAVOUR', value: 'sweet' }];
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: './plugin',
    args: ['token'],
    env,
    provideClusterInfo: true,
  };
  const access = accessOf({ exec, execDirectory: temp.path });
  const credentials = await readUserCredentials(access, { PATH }, { nowMs: NOW });
  expect(credentials.headers).toEqual({ authorization: 'Bearer made' });
  expect(areCurrent(credentials, Date.parse('2026-01-01T00:59:00Z'))).toBe(true);
  expect(areCurrent(credentials, Date.parse('2026-01-01T00:59:55Z'))).toBe(false);
});

test.each([
  ['echo no session >&2; exit 1', 'ended with 1: no session'],
  ['echo nonsense', 'gave no ExecCredential'],
  [`echo '{"kind":"ExecCredential","status":{}}'`, 'gave neither token nor certificate'],
])('a program that gives nothing is named with what it said (%#)', async (script, message) => {
  await plugin(script);
  const exec = { apiVersion: 'v1', command: './plugin', installHint: 'ask the platform team' };
  const asked = readUserCredentials(accessOf({ exec, execDirectory: temp.path }), { PATH }, { nowMs: NOW });
  await expect(asked).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: `./plugin of user op ${message}`,
    hint: 'ask the platform team',
  });
});

test('a program that is not installed is the caller to put right', async () => {
  const exec = { apiVersion: 'v1', command: 'airgap-test-no-such-plugin' };
  const asked = readUserCredentials(accessOf({ exec }), { PATH }, { nowMs: NOW });
  await expect(asked).rejects.toThrow('airgap-test-no-such-plugin, which logs user op in, is not installed');
});

async function plugin(script: string): Promise<void> {
  await writeFile(temp.join('plugin'), `#!/bin/sh\n${script}\n`);
  await chmod(temp.join('plugin'), 0o755);
}
