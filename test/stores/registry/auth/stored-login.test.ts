/** Logins are kept in the file that is read first, beside all that it holds, and forgotten without a trace of others. */
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCredentialSource } from '../../../../src/stores/registry/auth/credentials.ts';
import {
  eraseLogin,
  findLogins,
  storeLogin,
  type LoginPlace,
} from '../../../../src/stores/registry/auth/stored-login.ts';
import { useTempDir } from '../../../helpers/temp.ts';

const temp = useTempDir();
const HOST = 'r.example:5000';
const LOGIN = { username: 'robot$x', password: 'ü:s3cret' };
const ENTRY = { auth: Buffer.from('robot$x:ü:s3cret').toString('base64') };
const OLD = { auth: Buffer.from('old:old').toString('base64') };

type Variables = Readonly<Record<string, string>>;

function environmentOf(variables: Variables): Variables {
  return { HOME: temp.path, ...variables };
}

function store(registry = HOST, variables: Variables = {}): Promise<LoginPlace> {
  return storeLogin(registry, LOGIN, { environment: environmentOf(variables) });
}

function erase(registry = HOST, variables: Variables = {}): Promise<LoginPlace | undefined> {
  return eraseLogin(registry, { environment: environmentOf(variables) });
}

async function write(path: string, content: object | string): Promise<string> {
  const file = temp.join(path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

async function read(path: string): Promise<unknown> {
  return JSON.parse(await readFile(temp.join(path), 'utf8'));
}

/** A helper that keeps what it is given in a file of its own. */
async function helper(name: string): Promise<Variables> {
  const kept = temp.join(`kept-${name}`);
  const script = `#!/bin/sh
case "$1" in
  store) cat > '${kept}' ;;
  get) [ -s '${kept}' ] || { echo 'credentials not found in native keychain'; exit 1; }; cat '${kept}' ;;
  erase) read -r server; grep -q "$server" '${kept}' && rm '${kept}' ;;
esac
`;
  const path = await write(`bin/docker-credential-${name}`, script);
  await chmod(path, 0o755);
  return { PATH: `${dirname(path)}:/bin:/usr/bin` };
}

describe('a login', () => {
  it('is kept in a new file of Docker for its owner alone, and found there', async () => {
    expect(await store()).toEqual({ path: temp.join('.docker/config.json'), helper: undefined });
    expect(await read('.docker/config.json')).toEqual({ auths: { [HOST]: ENTRY } });
    expect((await stat(temp.join('.docker/config.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(temp.join('.docker'))).mode & 0o777).toBe(0o700);
    expect(await readdir(temp.join('.docker'))).toEqual(['config.json']);
    expect(await createCredentialSource({ environment: environmentOf({}) })(HOST, 'a/b')).toEqual(LOGIN);
  });

  it('leaves all else in the file as it is, and takes the place of older ones of the host in every spelling', async () => {
    const others = { 'q.example': { ...OLD, email: 'x@y' }, [`${HOST}/team`]: OLD };
    const rest = { HttpHeaders: { A: 'b' }, detachKeys: 'ctrl-e', proxies: { default: { httpProxy: 'x' } } };
    const path = await write('.docker/config.json', {
      ...rest,
      auths: { ...others, [`https://${HOST}/v1/`]: OLD, [HOST]: { identitytoken: 'it' } },
    });
    await chmod(path, 0o644);
    await store();
    expect(await read('.docker/config.json')).toEqual({ ...rest, auths: { ...others, [HOST]: ENTRY } });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(findLogins(HOST, environmentOf({}))).toEqual({ places: [path], narrower: [`${HOST}/team`] });
  });

  it('goes where an older one would go before it', async () => {
    const run = { XDG_RUNTIME_DIR: temp.join('run') };
    await write('run/containers/auth.json', { auths: { [HOST]: OLD } });
    expect(await store(HOST, run)).toMatchObject({ path: temp.join('run/containers/auth.json') });
    expect(await createCredentialSource({ environment: environmentOf(run) })(HOST, 'a')).toEqual(LOGIN);
    // One of another host is no reason.
    expect(await store('q.example', run)).toMatchObject({ path: temp.join('.docker/config.json') });
  });

  it('goes where REGISTRY_AUTH_FILE says, there or not', async () => {
    const told = { REGISTRY_AUTH_FILE: temp.join('new/auth.json') };
    await store(HOST, told);
    expect(await read('new/auth.json')).toEqual({ auths: { [HOST]: ENTRY } });
    await expect(stat(temp.join('.docker'))).rejects.toThrow('ENOENT');
    await expect(store(HOST, { REGISTRY_AUTH_FILE: '/dev/null' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('of Docker Hub has the key that Docker knows', async () => {
    await write('.docker/config.json', { auths: { 'index.docker.io': OLD, 'docker.io': OLD } });
    await store('docker.io');
    expect(await read('.docker/config.json')).toEqual({ auths: { 'https://index.docker.io/v1/': ENTRY } });
    expect(await createCredentialSource({ environment: environmentOf({}) })('docker.io', 'library/a')).toEqual(LOGIN);
    await erase('docker.io');
    expect(await read('.docker/config.json')).toEqual({ auths: {} });
  });

  it('is refused where the variable with a login of its own would go before it', async () => {
    const inline = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [HOST]: OLD } }) };
    await expect(store(HOST, inline)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('$DOCKER_AUTH_CONFIG') as string,
    });
    expect(await store('q.example', inline)).toMatchObject({ helper: undefined });
  });

  it.each(['{broken', '[]', '{"auths": 5}'])('does not replace a file that is broken: %s', async (text) => {
    const path = await write('.docker/config.json', text);
    await expect(store()).rejects.toThrow(`${path} is not a registry auth file`);
    expect(await readFile(path, 'utf8')).toBe(text);
    expect(await readdir(dirname(path))).toEqual(['config.json']);
  });

  it('is written to what a link leads to', async () => {
    await write('dotfiles/config.json', { detachKeys: 'ctrl-e' });
    await mkdir(temp.join('.docker'));
    await symlink('../dotfiles/config.json', temp.join('.docker/config.json'));
    await store();
    expect(await readlink(temp.join('.docker/config.json'))).toBe('../dotfiles/config.json');
    expect(await read('dotfiles/config.json')).toEqual({ detachKeys: 'ctrl-e', auths: { [HOST]: ENTRY } });
  });

  it('is not lost when many are kept at once: each is there, or was refused', async () => {
    const hosts = Array.from({ length: 6 }, (_, index) => `r${index}.example`);
    const done = await Promise.allSettled(hosts.map((host) => store(host)));
    const kept = hosts.filter((_, index) => done[index]?.status === 'fulfilled');
    const { auths } = (await read('.docker/config.json')) as { auths: object };
    expect(Object.keys(auths).sort()).toEqual(kept);
    expect(kept.length).toBeGreaterThan(0);
    for (const each of done) if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'LOCKED' });
  });
});

describe('a logout', () => {
  it('removes the login of the host and nothing else', async () => {
    const others = { 'q.example': OLD, [`${HOST}/team`]: OLD };
    const path = await write('.docker/config.json', { auths: { ...others, [`https://${HOST}`]: OLD }, a: 1 });
    expect(await erase()).toEqual({ path, helper: undefined });
    expect(await read('.docker/config.json')).toEqual({ auths: others, a: 1 });
    expect(await erase()).toBeUndefined();
  });

  it('without any file makes none', async () => {
    expect(await erase()).toBeUndefined();
    expect(await readdir(temp.path)).toEqual([]);
  });
});

describe('a credential helper', () => {
  it('of the file keeps the password, and the file only that it does', async () => {
    await write('.docker/config.json', { auths: { [HOST]: OLD }, credsStore: 'test' });
    const PATH = await helper('test');
    expect(await store(HOST, PATH)).toMatchObject({ helper: 'test' });
    expect(await read('kept-test')).toEqual({ ServerURL: HOST, Username: LOGIN.username, Secret: LOGIN.password });
    expect(await read('.docker/config.json')).toEqual({ auths: { [HOST]: {} }, credsStore: 'test' });
    expect(await createCredentialSource({ environment: environmentOf(PATH) })(HOST, 'a')).toEqual(LOGIN);
    expect(await erase(HOST, PATH)).toMatchObject({ helper: 'test' });
    expect(await readdir(temp.path)).not.toContain('kept-test');
    expect(await read('.docker/config.json')).toEqual({ auths: {}, credsStore: 'test' });
    expect(await erase(HOST, PATH)).toBeUndefined();
  });

  it('of the host goes before that of the file', async () => {
    const file = { auths: {}, credHelpers: { [HOST]: 'host' }, credsStore: 'missing' };
    await write('.docker/config.json', file);
    const PATH = await helper('host');
    expect(await store(HOST, PATH)).toMatchObject({ helper: 'host' });
    expect(await read('.docker/config.json')).toEqual(file);
    expect(await createCredentialSource({ environment: environmentOf(PATH) })(HOST, 'a')).toEqual(LOGIN);
    expect(await erase(HOST, PATH)).toMatchObject({ helper: 'host' });
  });

  it('that fails or is missing leaves the file as it was, and no password in a message', async () => {
    const file = { auths: { [HOST]: OLD }, credHelpers: { 'm.example': 'missing' }, credsStore: 'test' };
    const path = await write('.docker/config.json', file);
    const program = await write('bin/docker-credential-test', '#!/bin/sh\ncat\nexit 3\n');
    await chmod(program, 0o755);
    const PATH = { PATH: `${dirname(program)}:/bin:/usr/bin` };
    const failure: unknown = await store(HOST, PATH).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: `docker-credential-test could not keep the credentials for ${HOST}`,
    });
    expect(JSON.stringify([failure, (failure as Error).message])).not.toContain('s3cret');
    await expect(store('m.example', PATH)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'the credential helper docker-credential-missing of m.example is not installed',
    });
    expect(await read('.docker/config.json')).toEqual(file);
    expect(await readdir(dirname(path))).toEqual(['config.json']);
  });
});
