/** Reading and writing manifests where a registry says little, says something else, or takes its time. */
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../src/content/verified.ts';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { madeBlob, madeImage, type Made } from '../../../helpers/image.ts';
import { drain, startScriptedServer, type Answerer } from '../../../helpers/scripted-server.ts';

const image = madeImage([madeBlob('layer')]).manifest;
const other = madeImage([madeBlob('other')]).manifest;
const { digest, mediaType } = image.descriptor;

function open(host: string): RegistryRepository & AsyncDisposable {
  const retry = { tries: 3, baseMs: 1, maxMs: 2 };
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

type Fields = Readonly<Record<string, string | undefined>>;
const SAYS_ALL: Fields = {
  'docker-content-digest': digest,
  'content-type': mediaType,
  'content-length': `${image.bytes.length}`,
};

/** Sends a manifest with these headers; a header that is undefined is left out. */
function send(response: Parameters<Answerer>[1], made: Made, headers: Fields, withBody: boolean): void {
  for (const [name, value] of Object.entries({ 'content-type': made.descriptor.mediaType, ...headers })) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.writeHead(200).end(withBody ? made.bytes : undefined);
}

describe('a HEAD', () => {
  it.each<[string, Fields, readonly string[]]>([
    ['everything', {}, ['HEAD']],
    ['everything, with parameters and in capitals', { 'content-type': `${mediaType.toUpperCase()} ; charset=x` }, ['HEAD']],
    ['no digest', { 'docker-content-digest': undefined }, ['HEAD', 'GET']],
    ['a digest of another algorithm', { 'docker-content-digest': `sha512:${'0'.repeat(128)}` }, ['HEAD', 'GET']],
    ['no type', { 'content-type': undefined }, ['HEAD', 'GET']],
    ['a type that is none of a manifest', { 'content-type': 'application/json' }, ['HEAD', 'GET']],
    ['no length', { 'content-length': undefined, 'transfer-encoding': 'chunked' }, ['HEAD', 'GET']],
  ])('that says %s is enough, or a GET is asked', async (_, headers, asked) => {
    await using server = await startScriptedServer((request, response) => {
      const isHead = request.method === 'HEAD';
      send(response, image, isHead ? { ...SAYS_ALL, ...headers } : {}, !isHead);
    });
    await using repository = open(server.host);
    expect(await repository.resolve('v1')).toEqual(image.descriptor);
    expect(server.asked.map(({ method }) => method)).toEqual(asked);
  });

  it('that names another digest than the one asked for is not believed', async () => {
    await using server = await startScriptedServer((request, response) => {
      const isHead = request.method === 'HEAD';
      send(response, image, isHead ? { ...SAYS_ALL, 'docker-content-digest': other.descriptor.digest } : {}, !isHead);
    });
    await using repository = open(server.host);
    expect(await repository.resolve(digest)).toEqual(image.descriptor);
    expect(await repository.exists(image.descriptor)).toBe(false);
  });

  it('that is answered with 404 is enough, with 503 is asked again', async () => {
    await using server = await startScriptedServer((request, response, nth) => {
      response.writeHead(request.url?.endsWith('/v1') === true && nth === 0 ? 503 : 404).end();
    });
    await using repository = open(server.host);
    await expect(repository.resolve('v1')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: `${server.host}/a/b:v1 does not exist`,
    });
    await expect(repository.resolve(digest)).rejects.toThrow(`${server.host}/a/b@${digest} does not exist`);
    expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'HEAD']);
  });
});

describe('a GET', () => {
  it('of what is not there repeats the registry’s own code', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"},{"code":"X"}]}');
    });
    await using repository = open(server.host);
    await expect(repository.fetchManifest('v1')).rejects.toThrow(/:v1 does not exist \(MANIFEST_UNKNOWN, X\)$/);
  });

  it.each([204, 304, 410])('that is answered with %i is an error', async (status) => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(status).end());
    await using repository = open(server.host);
    await expect(repository.fetchManifest('v1')).rejects.toMatchObject({ failure: { status } });
  });

  it.each([
    ['nothing', undefined, 'DIGEST_MISMATCH'],
    ['something else', other, 'DIGEST_MISMATCH'],
    ['the same', image, undefined],
  ])('of a tag that is announced with a wrong digest, where under its own there is %s', async (_, own, code) => {
    await using server = await startScriptedServer((request, response) => {
      const isTag = request.url?.endsWith('/v1') === true;
      const found = isTag ? image : own;
      if (found === undefined) response.writeHead(404).end();
      else send(response, found, { 'docker-content-digest': other.descriptor.digest }, true);
    });
    await using repository = open(server.host);
    const fetched = repository.fetchManifest('v1');
    if (code === undefined) expect((await fetched).descriptor).toEqual(image.descriptor);
    else await expect(fetched).rejects.toMatchObject({ code, details: { digest: other.descriptor.digest, actual: digest } });
    expect(server.asked.map(({ url }) => url)).toEqual(['v1', digest].map((name) => `/v2/a/b/manifests/${name}`));
  });

  it('asks for every kind of manifest there is', async () => {
    await using server = await startScriptedServer((_, response) => send(response, image, {}, true));
    await using repository = open(server.host);
    await repository.fetchManifest('v1');
    for (const type of ['image.index.v1', 'manifest.list.v2', 'image.manifest.v1', 'distribution.manifest.v2', 'manifest.v1'])
      expect(server.asked[0]?.headers.accept).toContain(type);
  });
});

describe('a PUT', () => {
  const put = (status: number, headers: Fields, kept?: (nth: number) => Made | undefined): Answerer => {
    return async (request, response, nth) => {
      await drain(request);
      if (request.method === 'PUT') {
        for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
        return void response.writeHead(status).end();
      }
      const found = kept?.(nth);
      if (found === undefined) response.writeHead(404).end();
      else send(response, found, { 'content-length': `${found.bytes.length}`, 'docker-content-digest': found.descriptor.digest }, request.method === 'GET');
    };
  };
  const push = async (answer: Answerer): Promise<readonly string[]> => {
    await using server = await startScriptedServer(answer);
    await using repository = open(server.host);
    await repository.push(image.descriptor, bytesOf(image.bytes));
    return server.asked.map(({ method }) => method);
  };

  it.each([200, 201, 202, 204])('that is answered with %i has stored it', async (status) => {
    expect(await push(put(status, { 'docker-content-digest': digest }))).toEqual(['PUT']);
  });

  it.each([203, 205, 304, 400])('that is answered with %i has not', async (status) => {
    await expect(push(put(status, { 'docker-content-digest': digest }))).rejects.toMatchObject({ failure: { status } });
  });

  it.each([undefined, `sha512:${'0'.repeat(128)}`])('whose answer says %s of the digest is looked after, for a while', async (said) => {
    const late = (nth: number): Made | undefined => (nth === 0 ? undefined : image);
    expect(await push(put(201, { 'docker-content-digest': said }, late))).toEqual(['PUT', 'HEAD', 'HEAD']);
    await expect(push(put(201, { 'docker-content-digest': said }, () => other))).rejects.toThrow(
      `took ${digest} but serves ${other.descriptor.digest}`,
    );
    await expect(push(put(201, { 'docker-content-digest': said }))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
