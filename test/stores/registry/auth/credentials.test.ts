/** Auth files and credential helpers of Docker and the containers tools. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Credentials } from '../../../../src/stores/registry/auth/account.ts';
import { createCredentialSource } from '../../../../src/stores/registry/auth/credentials.ts';
import { useTempDir } from '../../../helpers/temp.ts';

const temp = useTempDir();

function auth(username: string, password: string): { auth: string } {
  return { auth: Buffer.from(`${username}:${password}`).toString('base64') };
}

async function write(path: string, content: object | string): Promise<string> {
  const file = temp.join(path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

function find(
  registry: string,
  repository: string,
  environment: Record<string, string> = {},
): Promise<Credentials | undefined> {
  return createCredentialSource({ environment: { HOME: temp.path, ...environment } })(registry, repository);
}

describe('the search', () => {
  it('takes the files in their order', async () => {
    const places: [string, Record<string, string>][] = [
      ['.dockercfg', {}],
      ['.docker/config.json', {}],
      ['.config/containers/auth.json', {}],
      ['run/containers/auth.json', { XDG_RUNTIME_DIR: temp.join('run') }],
    ];
    let environment: Record<string, string> = {};
    for (const [path, more] of places) {
      await write(
        path,
        path === '.dockercfg' ? { 'r.example': auth(path, 'p') } : { auths: { 'r.example': auth(path, 'p') } },
      );
      environment = { ...environment, ...more };
      expect(await find('r.example', 'a', environment)).toEqual({ username: path, password: 'p' });
    }
    environment['DOCKER_AUTH_CONFIG'] = JSON.stringify({ auths: { 'r.example': auth('inline', 'p') } });
    expect(await find('r.example', 'a', environment)).toMatchObject({ username: 'inline' });
    environment['REGISTRY_AUTH_FILE'] = await write('told.json', { auths: { 'r.example': auth('told', 'p') } });
    expect(await find('r.example', 'a', environment)).toMatchObject({ username: 'told' });
    const authFile = await write('named.json', { auths: { 'r.example': auth('named', 'p') } });
    expect(await createCredentialSource({ environment, authFile })('r.example', 'a')).toMatchObject({
      username: 'named',
    });
  });

  it('goes on to the next file when one does not know the registry', async () => {
    await write('.config/containers/auth.json', { auths: { 'other.example': auth('x', 'y') } });
    const elsewhere = await write('docker/config.json', { auths: { 'r.example': auth('u', 'p') } });
    expect(await find('r.example', 'a', { DOCKER_CONFIG: dirname(elsewhere) })).toMatchObject({ username: 'u' });
    expect(await find('none.example', 'a')).toBeUndefined();
  });

  it('looks nowhere else when a file is named, not even for a registry that it does not know', async () => {
    // Whatever reads this one fails.
    await write('.docker/config.json', '{broken');
    const named = await write('named.json', { auths: { 'r.example': auth('named', 'p') } });
    for (const registry of ['r.example', 'other.example']) {
      const expected = registry === 'r.example' ? { username: 'named', password: 'p' } : undefined;
      expect(await find(registry, 'a', { REGISTRY_AUTH_FILE: named })).toEqual(expected);
      const environment = { HOME: temp.path };
      expect(await createCredentialSource({ environment, authFile: named })(registry, 'a')).toEqual(expected);
    }
  });

  it('prefers the most specific path', async () => {
    await write('.docker/config.json', {
      auths: {
        'r.example': auth('host', 'p'),
        'r.example/ns': auth('ns', 'p'),
        'r.example/ns/repo': auth('repo', 'p'),
      },
    });
    expect(await find('r.example', 'ns/repo')).toMatchObject({ username: 'repo' });
    expect(await find('r.example', 'ns/repository')).toMatchObject({ username: 'ns' });
    expect(await find('r.example', 'nsx/repo')).toMatchObject({ username: 'host' });
    expect(await find('r.example:5000', 'ns/repo')).toBeUndefined();
  });

  it.each(['https://r.example/v1/', 'http://r.example', 'r.example/v2/'])('understands the key %s', async (key) => {
    await write('.docker/config.json', { auths: { [key]: auth('u', 'p') } });
    expect(await find('r.example', 'a/b')).toMatchObject({ username: 'u' });
  });

  it('finds Docker Hub under its own key', async () => {
    await write('.docker/config.json', { auths: { 'https://index.docker.io/v1/': auth('hub', 'p') } });
    expect(await find('docker.io', 'library/nginx')).toMatchObject({ username: 'hub' });
  });
});

describe('an entry', () => {
  it.each([
    [auth('robot$x', 'a:b:c'), { username: 'robot$x', password: 'a:b:c' }],
    [auth('u', 'p\0\0'), { username: 'u', password: 'p' }],
    [
      { username: 'u', password: 'p' },
      { username: 'u', password: 'p' },
    ],
    [{ identitytoken: 'it' }, { identityToken: 'it' }],
    [
      { ...auth('00000000-0000-0000-0000-000000000000', ''), identitytoken: 'it' },
      { identityToken: 'it', password: '' },
    ],
    [{ registrytoken: 'rt' }, { registryToken: 'rt' }],
    [{}, undefined],
  ])('%j', async (entry, expected) => {
    await write('.docker/config.json', { auths: { 'r.example': entry } });
    const found = await find('r.example', 'a');
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
  });

  it.each([
    '{broken secret',
    '[]',
    '{"auths": {"r.example": {"auth": 5}}}',
    '{"auths": {"r.example": {"auth": "c2VjcmV0"}}}',
  ])('that is broken is an error that does not quote it: %s', async (text) => {
    const file = await write('.docker/config.json', text);
    const error: unknown = await find('r.example', 'a').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'USAGE' });
    expect((error as Error).message).toMatch(text.includes('c2Vj') ? /r\.example/ : new RegExp(file));
    expect((error as Error).message).not.toContain('secret');
  });

  it('of a file that was named must be readable', async () => {
    const source = createCredentialSource({ environment: {}, authFile: temp.join('missing.json') });
    await expect(source('r.example', 'a')).rejects.toMatchObject({
      code: 'USAGE',
      message: `there is no auth file ${temp.join('missing.json')}, and it was named`,
    });
    const environment = { REGISTRY_AUTH_FILE: temp.join('missing.json') };
    await expect(createCredentialSource({ environment })('r.example', 'a')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('$REGISTRY_AUTH_FILE names it') as string,
    });
  });
});

describe('a credential helper', () => {
  async function helper(name: string, script: string): Promise<Record<string, string>> {
    const path = await write(`bin/docker-credential-${name}`, `#!/bin/sh\nread server\n${script}\n`);
    await chmod(path, 0o755);
    return { PATH: `${dirname(path)}:/bin:/usr/bin` };
  }

  it('of the host goes first and gets the server on its input', async () => {
    await write('.docker/config.json', {
      auths: { 'r.example': auth('file', 'p') },
      credHelpers: { 'r.example': 'test' },
    });
    const environment = await helper('test', 'echo "{\\"Username\\":\\"h\\",\\"Secret\\":\\"for $server $1\\"}"');
    expect(await find('r.example', 'a', environment)).toEqual({ username: 'h', password: 'for r.example get' });
  });

  it('of the whole file is asked last, for Docker Hub by its own key', async () => {
    await write('.docker/config.json', { auths: { 'https://index.docker.io/v1/': {} }, credsStore: 'test' });
    const environment = await helper('test', 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$server\\"}"');
    expect(await find('docker.io', 'library/a', environment)).toEqual({ identityToken: 'https://index.docker.io/v1/' });
  });

  it('that knows nothing means anonymous', async () => {
    await write('.docker/config.json', { credsStore: 'test' });
    const environment = await helper('test', 'echo "credentials not found in native keychain"; exit 1');
    expect(await find('r.example', 'a', environment)).toBeUndefined();
  });

  it('that fails or is missing is an error', async () => {
    await write('.docker/config.json', {
      credsStore: 'test',
      credHelpers: { 'm.example': 'missing', 'e.example': '../evil' },
    });
    const environment = await helper('test', 'echo "locked secret" >&2; exit 2');
    await expect(find('r.example', 'a', environment)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await expect(find('m.example', 'a', environment)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(find('e.example', 'a', environment)).rejects.toMatchObject({ code: 'USAGE' });
  });
});
