/** Logging in: docker-registry with htpasswd over TLS and with bearer tokens, and token servers as they really are. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import {
  createRegistryHost,
  openRepository,
  type RegistryHostOptions,
} from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import { allOf } from '../../helpers/all-of.ts';
import { makeCertificates, type Certificates } from '../../helpers/certificates.ts';
import { ACCOUNT, startDockerRegistry, type DockerRegistry } from '../../helpers/docker-registry.ts';
import { madeBlob, madeImage, pushAll } from '../../helpers/image.ts';
import { drain, startScriptedServer, type ScriptedServer } from '../../helpers/scripted-server.ts';
import { makeTempDir, type TempDir } from '../../helpers/temp.ts';
import { startTokenServer, type TokenServer } from '../../helpers/token-server.ts';

const QUICK = { tries: 3, baseMs: 1, maxMs: 5 };
const layer = madeBlob(randomBytes(2_000_000));
const image = madeImage([layer]);

function open(
  registry: string,
  options: RegistryHostOptions & { readonly repository?: string; readonly access?: 'push' } = {},
): RegistryRepository & AsyncDisposable {
  const host = createRegistryHost(registry, { environment: {}, retry: QUICK, ...options });
  const { repository = 'a/b', access } = options;
  return Object.assign(openRepository({ registry, repository }, { host, access }), {
    [Symbol.asyncDispose]: () => host.close(),
  });
}

describe('docker-registry with htpasswd over TLS', () => {
  let temp: TempDir & AsyncDisposable;
  let files: Certificates;
  let registry: DockerRegistry;
  beforeAll(async () => {
    temp = await makeTempDir();
    files = await makeCertificates(temp.path);
    const tls = { certFile: files.certFile, keyFile: files.keyFile, clientCaFile: files.caFile };
    registry = await startDockerRegistry({ htpasswd: true, tls });
  });
  afterAll(async () => {
    await registry.stop();
    await temp[Symbol.asyncDispose]();
  });

  /** A `certs.d` with the authority and the client's pair for this registry. */
  async function certsDirectory(name: string, withClient = true): Promise<string> {
    const directory = temp.join(name, registry.host);
    await mkdir(directory, { recursive: true });
    await copyFile(files.caFile, join(directory, 'ca.crt'));
    if (withClient) {
      await copyFile(files.clientCertFile, join(directory, 'client.cert'));
      await copyFile(files.clientKeyFile, join(directory, 'client.key'));
    }
    return temp.join(name);
  }

  it('gives and takes an image on both paths, with one refusal at the start', async () => {
    const events: RequestEvent[] = [];
    const certsDirectories = [await certsDirectory('certs.d')];
    await using repository = open(registry.host, {
      credentials: ACCOUNT,
      certsDirectories,
      onRequest: (event) => events.push(event),
    });
    await Promise.all(image.blobs.map((blob) => pushAll(repository, [blob])));
    await pushAll(repository, [image.manifest]);
    await repository.tag(image.manifest.descriptor, 'v1');
    expect(await repository.resolve('v1')).toEqual(image.manifest.descriptor);
    expect(await readVerified(repository, layer.descriptor)).toEqual(layer.bytes);
    expect(events.filter(({ status }) => status === 401)).toHaveLength(1);
  });

  it('refuses wrong credentials with the places to put right ones', async () => {
    const certsDirectories = [await certsDirectory('certs.d')];
    await using repository = open(registry.host, {
      credentials: { ...ACCOUNT, password: 'wrong!secret' },
      certsDirectories,
    });
    const error: unknown = await repository.resolve('v1').catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('refuses the user name and password') as unknown,
      hint: expect.stringMatching(/again: .*auth\.json.* is wrong or has expired/) as unknown,
    });
    expect(JSON.stringify([error, (error as Error).message, (error as Error).stack])).not.toContain('wrong!secret');
  });

  it('reads the credentials from the auth files, the most specific first', async () => {
    const authFile = temp.join('auth.json');
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
    const wrong = Buffer.from('bob:nothing').toString('base64');
    await writeFile(
      authFile,
      JSON.stringify({ auths: { [registry.host]: { auth: wrong }, [`${registry.host}/a`]: { auth } } }),
    );
    const certsDirectories = [await certsDirectory('certs.d')];
    await using right = open(registry.host, { environment: { REGISTRY_AUTH_FILE: authFile }, certsDirectories });
    expect(await right.exists(layer.descriptor)).toBe(true);
    await using other = open(registry.host, { authFile, certsDirectories, repository: 'z/b' });
    await expect(other.listTags()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await using none = open(registry.host, { certsDirectories });
    await expect(none.listTags()).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining(`no login for ${registry.host} is known`) as unknown,
    });
  });

  it('is not trusted without its authority, and says what to do', async () => {
    await using repository = open(registry.host, { credentials: ACCOUNT, certsDirectories: [] });
    const failure = { failure: { retryable: false }, hint: expect.stringContaining('certs.d') as unknown };
    await expect(repository.resolve('v1')).rejects.toMatchObject(failure);
    await expect(readVerified(repository, layer.descriptor)).rejects.toMatchObject(failure);
  });

  it('wants the client certificate', async () => {
    await using repository = open(registry.host, {
      credentials: ACCOUNT,
      certsDirectories: [await certsDirectory('no-client', false)],
    });
    await expect(repository.resolve('v1')).rejects.toMatchObject({ code: 'REGISTRY' });
  });
});

describe('docker-registry over TLS without login', () => {
  it('gives a slow reader the right bytes, many at once', async () => {
    await using temp = await makeTempDir();
    const files = await makeCertificates(temp.path);
    await using registry = await startDockerRegistry({ tls: { certFile: files.certFile, keyFile: files.keyFile } });
    await using repository = open(registry.host, { caFile: files.caFile });
    const large = madeBlob(randomBytes(6_000_000));
    await pushAll(repository, [large, layer]);
    const read = async ({ descriptor, bytes }: typeof large, everyMs: number): Promise<void> => {
      let at = 0;
      for await (const chunk of repository.fetch(descriptor)) {
        await new Promise((resolve) => setTimeout(resolve, everyMs));
        expect(bytes.subarray(at, at + chunk.length).equals(chunk)).toBe(true);
        at += chunk.length;
      }
      expect(at).toBe(bytes.length);
    };
    await Promise.all([read(large, 0), read(large, 5), read(large, 12), read(layer, 20), read(layer, 1)]);
  });
});

describe('docker-registry with bearer tokens', () => {
  let tokens: TokenServer;
  let registry: DockerRegistry;
  beforeAll(async () => {
    tokens = await startTokenServer();
    registry = await startDockerRegistry({ token: tokens.auth });
    await using writer = open(registry.host, { credentials: ACCOUNT, access: 'push' });
    await pushAll(writer, [...image.blobs, image.manifest]);
    await writer.tag(image.manifest.descriptor, 'v1');
  });
  afterAll(async () => {
    await registry.stop();
    await tokens[Symbol.asyncDispose]();
  });

  it('is read anonymously with one token for everything', async () => {
    tokens.asked.length = 0;
    await using repository = open(registry.host);
    const found = await Promise.all(Array.from({ length: 6 }, () => repository.resolve('v1')));
    expect(found[5]).toEqual(image.manifest.descriptor);
    expect(await readVerified(repository, layer.descriptor)).toEqual(layer.bytes);
    expect(tokens.asked).toEqual([{ method: 'GET', scopes: ['repository:a/b:pull'], user: '' }]);
  });

  it('is written with one token for reading and writing', async () => {
    tokens.asked.length = 0;
    await using repository = open(registry.host, { credentials: ACCOUNT, access: 'push', repository: 'new/one' });
    expect(await repository.exists(layer.descriptor)).toBe(false);
    await pushAll(repository, [...image.blobs, image.manifest]);
    await repository.tag(image.manifest.descriptor, 'v1');
    expect(tokens.asked).toEqual([{ method: 'GET', scopes: ['repository:new/one:pull,push'], user: 'alice' }]);
  });

  it('asks for both repositories to mount', async () => {
    tokens.asked.length = 0;
    await using repository = open(registry.host, { credentials: ACCOUNT, access: 'push', repository: 'new/two' });
    const from = openRepository({ registry: registry.host, repository: 'a/b' }, { host: repository.host });
    expect(await repository.mount(layer.descriptor, from)).toBe(true);
    expect(tokens.asked.at(-1)?.scopes.toSorted()).toEqual(['repository:a/b:pull', 'repository:new/two:pull,push']);
    expect(await repository.exists(layer.descriptor)).toBe(true);
  });

  it('tells a wrong login from none', async () => {
    await using wrong = open(registry.host, { credentials: { ...ACCOUNT, password: 'no' } });
    await expect(wrong.resolve('v1')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      hint: expect.stringMatching(/^log in to .* again: .* is wrong or has expired$/) as string,
    });
    await using none = open(registry.host, { repository: 'new/three' });
    await expect(none.push(layer.descriptor, bytesOf(layer.bytes))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      hint: expect.stringMatching(/^log in to \S+ \(airgap login/) as string,
    });
  });

  it('refuses to be written anonymously', async () => {
    await using repository = open(registry.host, { repository: 'new/three' });
    await expect(repository.push(layer.descriptor, bytesOf(layer.bytes))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  it('does not turn anonymous when the credentials are wrong', async () => {
    await using repository = open(registry.host, { credentials: { ...ACCOUNT, password: 'no' } });
    await expect(repository.resolve('v1')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('refuses the credentials') as unknown,
    });
  });

  it('takes an identity token by OAuth2', async () => {
    tokens.asked.length = 0;
    await using repository = open(registry.host, { credentials: { identityToken: tokens.refreshToken } });
    expect(await repository.resolve('v1')).toEqual(image.manifest.descriptor);
    expect(tokens.asked).toEqual([{ method: 'POST', scopes: ['repository:a/b:pull'], user: 'alice' }]);
    await using wrong = open(registry.host, { credentials: { identityToken: 'no' } });
    await expect(wrong.resolve('v1')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('tokens that end', () => {
  it('are renewed when they are about to end', async () => {
    // The first is short-lived, the second is not.
    await using server = await startBearer({ lifeS: (nth) => (nth === 1 ? 0.01 : 600) });
    await using repository = open(server.host, { plainHttp: true });
    await repository.exists(layer.descriptor);
    expect(server.tokens).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await repository.exists(layer.descriptor);
    expect(server.tokens).toHaveLength(2);
    await repository.exists(layer.descriptor);
    expect(server.tokens).toHaveLength(2);
    // Only the very first request, which knew of no token: nobody waited to be refused.
    expect(server.refused()).toBe(1);
  });

  it('are replaced when the registry refuses one in the middle of a pull', async () => {
    await using server = await startBearer({});
    await using repository = open(server.host, { plainHttp: true });
    expect(await readVerified(repository, layer.descriptor)).toEqual(layer.bytes);
    server.invalidate();
    expect(await readVerified(repository, layer.descriptor)).toEqual(layer.bytes);
    expect(server.tokens).toHaveLength(2);
  });

  it('are replaced for the next push when one ends in the middle of an upload', async () => {
    await using server = await startBearer({ endsBeforePut: true });
    await using repository = open(server.host, { plainHttp: true, access: 'push' });
    const push = (): Promise<void> => repository.push(layer.descriptor, bytesOf(layer.bytes));
    await expect(push()).rejects.toMatchObject({ code: 'REGISTRY', failure: { status: 401, retryable: true } });
    await push();
    expect(server.tokens).toHaveLength(2);
  });
});

describe('challenges of the field', () => {
  it('get the scope of the request, not the example in the challenge', async () => {
    await using server = await startBearer({ scope: 'repository:user/image:pull' });
    await using repository = open(server.host, { plainHttp: true });
    expect(await repository.exists(layer.descriptor)).toBe(true);
    expect(server.tokens).toEqual([['repository:a/b:pull']]);
  });

  it('get the scope that was demanded, first, beside our own', async () => {
    await using server = await startBearer({ scope: 'repository:proxy/a/b:pull' });
    await using repository = open(server.host, { plainHttp: true });
    expect(await repository.exists(layer.descriptor)).toBe(true);
    expect(server.tokens).toEqual([['repository:proxy/a/b:pull', 'repository:a/b:pull']]);
  });

  it('are answered once more when the scope was not enough, and then no more', async () => {
    await using server = await startBearer({ never: true });
    await using repository = open(server.host, { plainHttp: true });
    await expect(repository.resolve('v1')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.tokens.length).toBeLessThanOrEqual(2);
  });

  it('never make a mount fail: the pair may be refused', async () => {
    await using tokens = await startTokenServer({ refusesPairs: true });
    await using registry = await startDockerRegistry({ token: tokens.auth });
    await using repository = open(registry.host, { credentials: ACCOUNT, access: 'push' });
    const from = openRepository(
      { registry: registry.host, repository: 'c/d' },
      { host: repository.host, access: 'push' },
    );
    await pushAll(from, [layer]);
    expect(await repository.mount(layer.descriptor, from)).toBe(false);
    await pushAll(repository, [layer]);
    expect(await repository.exists(layer.descriptor)).toBe(true);
  });

  it('of a scheme nobody speaks are an error that says so', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
    });
    await using repository = open(server.host, { plainHttp: true, credentials: ACCOUNT });
    await expect(repository.resolve('v1')).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('UNAUTHORIZED') as unknown,
    });
    expect(allOf(server.asked, ({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('of a registry that a redirect leads to get an anonymous token, never ours', async () => {
    await using other = await startBearer({});
    await using registry = await startScriptedServer((request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm=r' }).end();
      } else response.writeHead(307, { location: `http://${other.host}${request.url}` }).end();
    });
    await using repository = open(registry.host, { plainHttp: true, credentials: ACCOUNT });
    expect(await readVerified(repository, layer.descriptor)).toEqual(layer.bytes);
    expect(other.asked.some(({ headers }) => headers.authorization?.startsWith('Basic ') === true)).toBe(false);
  });
});

interface BearerOptions {
  /** Seconds that the nth token is said to live. */
  readonly lifeS?: (nth: number) => number;
  readonly scope?: string;
  /** Refuses every token. */
  readonly never?: boolean;
  /** Refuses the token of the first PUT. */
  readonly endsBeforePut?: boolean;
}

/** A registry of one blob, `layer`, and its token server in one. */
async function startBearer(
  options: BearerOptions,
): Promise<ScriptedServer & { readonly tokens: (readonly string[])[]; invalidate(): void; refused(): number }> {
  const tokens: (readonly string[])[] = [];
  let valid = '';
  let refused = 0;
  let puts = 0;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, headers, url = '' } = request;
    if (url.startsWith('/token')) {
      tokens.push(new URL(url, 'http://x').searchParams.getAll('scope'));
      valid = `token-${tokens.length}`;
      response.end(JSON.stringify({ token: valid, expires_in: options.lifeS?.(tokens.length) ?? 300 }));
      return;
    }
    if (method === 'PUT' && options.endsBeforePut === true && puts++ === 0) valid = 'ended';
    if (options.never === true || headers.authorization !== `Bearer ${valid}` || valid === '') {
      refused++;
      const scope = options.scope ?? 'repository:a/b:pull';
      const realm = `http://${headers.host}/token`;
      const challenge = `Bearer realm="${realm}",service="s",scope="${scope}",error="insufficient_scope"`;
      response.writeHead(401, { 'www-authenticate': challenge, 'content-length': 0 }).end();
    } else if (method === 'POST') response.writeHead(202, { location: '/up', 'content-length': 0 }).end();
    else if (method === 'PUT') {
      await drain(request);
      response.writeHead(201, { 'content-length': 0 }).end();
    } else if (options.endsBeforePut === true) response.writeHead(404).end();
    else
      response
        .writeHead(200, { 'content-length': layer.bytes.length })
        .end(method === 'HEAD' ? undefined : layer.bytes);
  };
  const server = await startScriptedServer(serve);
  return { ...server, tokens, invalidate: () => void (valid = 'ended'), refused: () => refused };
}
