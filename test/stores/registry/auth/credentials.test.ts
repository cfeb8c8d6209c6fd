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

  it.each(['r.example/ns', 'r.example.other', 'https://other.example/r.example'])(
    'does not take the key %s for the whole host',
    async (key) => {
      await write('.docker/config.json', { auths: { [key]: auth('u', 'p') } });
      expect(await find('r.example', 'a/b')).toBeUndefined();
    },
  );

  it.each([
    ['REGISTRY_AUTH_FILE', 'DOCKER_AUTH_CONFIG', 'XDG_RUNTIME_DIR'],
    ['DOCKER_AUTH_CONFIG', 'XDG_RUNTIME_DIR'],
  ])('does not count a variable that is empty', async (...names) => {
    await write('.docker/config.json', { auths: { 'r.example': auth('u', 'p') } });
    const environment = Object.fromEntries(names.map((name) => [name, '']));
    expect(await find('r.example', 'a', environment)).toMatchObject({ username: 'u' });
  });

  it('takes the place of ~/.config from its variable', async () => {
    await write('moved/containers/auth.json', { auths: { 'r.example': auth('moved', 'p') } });
    await write('.docker/config.json', { auths: { 'r.example': auth('docker', 'p') } });
    const environment = { XDG_CONFIG_HOME: temp.join('moved') };
    expect(await find('r.example', 'a', environment)).toMatchObject({ username: 'moved' });
  });

  it('takes an empty file, and /dev/null, for one that knows nothing', async () => {
    await write('.config/containers/auth.json', ' \n');
    await write('.docker/config.json', { auths: { 'r.example': auth('u', 'p') } });
    expect(await find('r.example', 'a')).toMatchObject({ username: 'u' });
    expect(await find('r.example', 'a', { REGISTRY_AUTH_FILE: '/dev/null' })).toBeUndefined();
  });

  it.each(['index.docker.io', 'registry-1.docker.io', 'https://index.docker.io/v1/', 'docker.io'])(
    'finds Docker Hub under %s, for the store and for its helper',
    async (key) => {
      await write('.docker/config.json', { auths: { [key]: auth('hub', 'p') }, credHelpers: { [key]: '../none' } });
      // The helper, which has no proper name, is asked first: so it was found.
      await expect(find('docker.io', 'library/nginx')).rejects.toThrow('is not the name of a credential helper');
      await write('.docker/config.json', { auths: { [key]: auth('hub', 'p') } });
      expect(await find('docker.io', 'library/nginx')).toMatchObject({ username: 'hub' });
    },
  );

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
    [null, undefined],
    [
      { auth: '', username: 'u', password: 'p' },
      { username: 'u', password: 'p' },
    ],
    [
      { registrytoken: '', ...auth('u', 'p') },
      { username: 'u', password: 'p' },
    ],
    [{ username: 'u' }, undefined],
    [{ password: 'p' }, undefined],
    [auth('u', ''), { username: 'u', password: '' }],
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
    '{"auths": {"r.example": {"auth": "OnNlY3JldA=="}}}',
  ])('that is broken is an error that does not quote it: %s', async (text) => {
    const file = await write('.docker/config.json', text);
    const error: unknown = await find('r.example', 'a').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'USAGE' });
    expect((error as Error).message).toMatch(/c2Vj|OnNl/.test(text) ? /r\.example/ : new RegExp(file));
    expect((error as Error).message).not.toContain('secret');
  });

  it.each(['5', 'null', '"text"', '[]', '{"auths": 5}'])(
    'of an old .dockercfg that is %s is an error',
    async (text) => {
      const file = await write('.dockercfg', text);
      await expect(find('r.example', 'a')).rejects.toThrow(`${file} is not a registry auth file`);
    },
  );

  it('of a .dockercfg in the new form is read as such', async () => {
    await write('.dockercfg', { auths: { 'r.example': auth('u', 'p') } });
    expect(await find('r.example', 'a')).toMatchObject({ username: 'u' });
  });

  it('may be in a variable of up to 4 MiB', async () => {
    const text = JSON.stringify({ auths: { 'r.example': auth('u', 'p') } });
    const inline = (length: number): Promise<Credentials | undefined> =>
      find('r.example', 'a', { DOCKER_AUTH_CONFIG: text.padEnd(length) });
    expect(await inline(4 * 1024 * 1024)).toMatchObject({ username: 'u' });
    await expect(inline(4 * 1024 * 1024 + 1)).rejects.toThrow('$DOCKER_AUTH_CONFIG is not a registry auth file');
  });

  it('of what is no file cannot be read', async () => {
    await mkdir(temp.join('.docker/config.json'), { recursive: true });
    await expect(find('r.example', 'a')).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(/^cannot read the auth file .*\.docker\/config\.json/) as string,
    });
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

  it('is found where the host is written as a URL', async () => {
    await write('.docker/config.json', { credHelpers: { 'https://r.example/v2/': 'test' } });
    const environment = await helper('test', 'echo "{\\"Username\\":\\"h\\",\\"Secret\\":\\"for $server\\"}"');
    expect(await find('r.example', 'a', environment)).toEqual({ username: 'h', password: 'for r.example' });
    expect(await find('r.example:5000', 'a', environment)).toBeUndefined();
  });

  it('that has nothing gives way to the entry of the file, and that to the store', async () => {
    const auths = { 'r.example': auth('file', 'p') };
    await write('.docker/config.json', { auths, credHelpers: { 'r.example': 'test' } });
    const environment = await helper('test', 'echo "no credentials server URL"; exit 1');
    expect(await find('r.example', 'a', environment)).toMatchObject({ username: 'file' });
    // An entry that only says that the store knows the host is none.
    await write('.docker/config.json', { auths: { 'r.example': {} }, credHelpers: {}, credsStore: 'store' });
    const { PATH } = await helper('store', 'echo "{\\"Username\\":\\"s\\",\\"Secret\\":\\"p\\"}"');
    expect(await find('r.example', 'a', { PATH: PATH ?? '' })).toMatchObject({ username: 's' });
  });

  it.each([
    ['{"Username":"u","Secret":""}', undefined],
    ['{"Username":"","Secret":"s"}', undefined],
    ['{"Username":"u"}', undefined],
    ['{"Secret":"s"}', undefined],
    ['no JSON', 'UNAUTHENTICATED'],
    ['null', 'UNAUTHENTICATED'],
    ['5', 'UNAUTHENTICATED'],
  ])('that answers %s has no credentials, or is broken', async (answer, code) => {
    await write('.docker/config.json', { credsStore: 'test' });
    const found = find('r.example', 'a', await helper('test', `echo '${answer}'`));
    if (code === undefined) expect(await found).toBeUndefined();
    else await expect(found).rejects.toMatchObject({ code, message: expect.stringContaining('JSON') as string });
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
    await expect(find('r.example', 'a', environment)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.not.stringContaining('secret') as string,
    });
    await expect(find('m.example', 'a', environment)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(find('e.example', 'a', environment)).rejects.toMatchObject({ code: 'USAGE' });
  });
});
