/** A registry's client: what runs at once, what is told of it, and what becomes of requests that are refused. */
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import { placeOf } from '../../../src/base/http/location.ts';
import { bytesOf, readVerified } from '../../../src/content/verified.ts';
import type { RegistryHost } from '../../../src/stores/registry/host.ts';
import {
  createRegistryHost,
  openRepository,
  type RegistryHostOptions,
} from '../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../src/stores/registry/repository.ts';
import { allOf } from '../../helpers/all-of.ts';
import { madeBlob } from '../../helpers/image.ts';
import { drain, startScriptedServer, type Answerer } from '../../helpers/scripted-server.ts';

const blob = madeBlob('content');
const scopes = [{ repository: 'a/b', actions: ['pull'] }] as const;

function open(
  registry: string,
  options: RegistryHostOptions = {},
): { host: RegistryHost; repository: RegistryRepository } & AsyncDisposable {
  const retry = { tries: 1, baseMs: 1, maxMs: 1 };
  const host = createRegistryHost(registry, { environment: {}, plainHttp: true, retry, ...options });
  const repository = openRepository({ registry, repository: 'a/b' }, { host });
  return { host, repository, [Symbol.asyncDispose]: () => host.close() };
}

function answerWith(response: ServerResponse, status: number, headers: Record<string, string> = {}, body = ''): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body);
}

describe('slots', () => {
  /** Answers each request after a moment, and tells how many were waiting for their answers at once. */
  function counting(answer: Answerer): { readonly most: () => number; readonly answer: Answerer } {
    let [waiting, most] = [0, 0];
    return {
      most: () => most,
      answer: async (request, response, nth) => {
        most = Math.max(most, ++waiting);
        await drain(request);
        await new Promise((resolve) => setTimeout(resolve, 3));
        waiting--;
        await answer(request, response, nth);
      },
    };
  }
  const many = <T>(count: number, call: () => Promise<T>): Promise<PromiseSettledResult<T>[]> =>
    Promise.allSettled(Array.from({ length: count }, call));

  it.each([
    [undefined, 8],
    [2, 2],
  ])('let so many reads run at once as concurrency (%s) says, and no more', async (concurrency, expected) => {
    const held: (() => void)[] = [];
    let isOpen = false;
    await using server = await startScriptedServer((request, response) => {
      const reply = (): void => answerWith(response, 200, {}, request.method === 'HEAD' ? '' : 'content');
      if (request.method === 'HEAD' || isOpen) reply();
      else held.push(reply);
    });
    await using opened = open(server.host, { concurrency });
    await opened.repository.exists(blob.descriptor);
    const reads = many(10, () => readVerified(opened.repository, blob.descriptor));
    await expect.poll(() => held.length).toBe(expected);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(held).toHaveLength(expected);
    // Readers do not stand in the way of requests that end by themselves.
    expect(await opened.repository.exists(blob.descriptor)).toBe(true);
    isOpen = true;
    for (const reply of held) reply();
    expect((await reads).map(({ status }) => status)).toEqual(Array(10).fill('fulfilled'));
  });

  it.each([200, 404, 416, 403, 500])(
    'come back once from requests and reads that are answered with %i',
    async (status) => {
      const script = counting((request, response) => {
        const body = request.method === 'GET' && status === 200 ? 'content' : '';
        response.writeHead(status, { 'content-length': request.method === 'HEAD' ? 7 : body.length }).end(body);
      });
      await using server = await startScriptedServer(script.answer);
      await using opened = open(server.host, { concurrency: 1 });
      for (let round = 0; round < 2; round++) {
        const read = await many(3, () => readVerified(opened.repository, blob.descriptor));
        const asked = await many(3, () => opened.repository.exists(blob.descriptor));
        const fulfilled = [...read, ...asked].filter((outcome) => outcome.status === 'fulfilled').length;
        expect(fulfilled).toBe(status === 200 ? 6 : status === 500 ? 0 : 3);
      }
      expect(script.most()).toBe(1);
    },
  );

  it.each([201, 404, 500])('come back once from uploads that are answered with %i', async (status) => {
    const script = counting((request, response) => {
      if (request.method === 'POST') answerWith(response, 202, { location: '/up' });
      else answerWith(response, request.method === 'HEAD' ? 404 : status);
    });
    await using server = await startScriptedServer(script.answer);
    await using opened = open(server.host, { concurrency: 1 });
    const push = (): Promise<void> => opened.repository.push(blob.descriptor, bytesOf(blob.bytes));
    for (let round = 0; round < 2; round++) {
      const outcomes = await many(3, push);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(
        Array(3).fill(status === 201 ? 'fulfilled' : 'rejected'),
      );
    }
  });

  it.each<[string, string, (repository: RegistryRepository) => Promise<unknown>]>([
    ['requests', 'HEAD', (repository) => repository.exists(blob.descriptor)],
    ['reads', 'GET', (repository) => readVerified(repository, blob.descriptor)],
    ['uploads', 'PUT', (repository) => repository.push(blob.descriptor, bytesOf(blob.bytes))],
  ])('of %s become more while more of them bring more', async (_, method, call) => {
    let [waiting, most] = [0, 0];
    const reply = (response: ServerResponse, asked: string | undefined): void => {
      if (asked === 'POST') answerWith(response, 202, { location: '/up' });
      else if (asked === 'PUT') answerWith(response, 201);
      else answerWith(response, asked === 'HEAD' ? 404 : 200, {}, asked === 'GET' ? 'content' : '');
    };
    await using server = await startScriptedServer(async (request, response) => {
      if (request.method === method) most = Math.max(most, ++waiting);
      await drain(request);
      if (request.method === method) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        waiting--;
      }
      reply(response, request.method);
    });
    await using opened = open(server.host);
    const worker = async (): Promise<void> => {
      for (let times = 0; times < 100 && most <= 8; times++) await call(opened.repository);
    };
    await Promise.all(Array.from({ length: 40 }, worker));
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThanOrEqual(24);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['throttles', (response) => answerWith(response, 429)],
    ['is overloaded', (response) => answerWith(response, 503)],
    ['breaks off', (response) => response.destroy()],
  ])('become fewer when a registry %s', async (_, fail) => {
    await using server = await startScriptedServer((request, response, nth) => {
      if (nth === 0) fail(response);
      else answerWith(response, 200, {}, request.method === 'GET' ? 'content' : '');
    });
    await using opened = open(server.host, { retry: { tries: 3, baseMs: 1, maxMs: 1 } });
    const { calls, reads, writes } = opened.host;
    expect([calls, reads, writes].map(({ count }) => count)).toEqual([8, 8, 8]);
    await readVerified(opened.repository, blob.descriptor);
    expect([calls, reads, writes].map(({ count }) => count)).toEqual([4, 4, 4]);
  });

  it('come back from a reader that leaves early, and from a connection that breaks', async () => {
    const large = madeBlob(Buffer.alloc(300_000, 'x'));
    await using server = await startScriptedServer((request, response, nth) => {
      response.writeHead(200, { 'content-length': large.bytes.length });
      if (request.method === 'GET' && nth < 2)
        response.write(large.bytes.subarray(0, 100_000), () => nth === 1 && response.destroy());
      else response.end(large.bytes);
    });
    await using opened = open(server.host, { concurrency: 1 });
    for await (const chunk of opened.repository.fetch(large.descriptor)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    await expect(readVerified(opened.repository, large.descriptor)).rejects.toMatchObject({ failure: { status: 0 } });
    expect(await readVerified(opened.repository, large.descriptor)).toEqual(large.bytes);
  });
});

it('every exchange is told once its answer is done with, whatever it was', async () => {
  const events: RequestEvent[] = [];
  let isLoggedIn = false;
  await using server = await startScriptedServer(async (request, response, nth) => {
    await drain(request);
    const { method = '', url = '', headers } = request;
    if (url.startsWith('/token')) {
      if (method === 'GET') answerWith(response, 405, {}, 'forms only');
      else answerWith(response, 200, {}, '{"token":"t"}');
    } else if (headers.authorization === undefined && !isLoggedIn) {
      isLoggedIn = true;
      answerWith(response, 401, { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` }, 'who are you?');
    } else if (nth === 0 && method !== 'POST' && url !== '/there') answerWith(response, 429, {}, 'slowly');
    else if (method === 'HEAD' || url.includes('/tags/')) answerWith(response, 404, {}, 'nothing');
    else if (url.includes('mount')) answerWith(response, 202, { location: '/moved' }, 'a session');
    else if (method === 'POST') answerWith(response, 202, { location: '/up' }, 'a session');
    else if (url.startsWith('/up')) answerWith(response, 201, {}, 'stored');
    else if (url.includes('/blobs/')) answerWith(response, 307, { location: '/there' }, 'elsewhere');
    else answerWith(response, 200, {}, 'content');
  });
  await using opened = open(server.host, {
    credentials: { username: 'u', password: 'p' },
    retry: { tries: 2, baseMs: 1, maxMs: 2 },
    onRequest: (event) => events.push(event),
  });
  const { repository, host } = opened;
  const other = madeBlob('other');
  expect(await repository.exists(blob.descriptor)).toBe(false);
  await expect(repository.listTags()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(repository.resolve('v1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await repository.push(blob.descriptor, bytesOf(blob.bytes));
  const from = openRepository({ registry: server.host, repository: 'c/d' }, { host });
  expect(await repository.mount(other.descriptor, from)).toBe(false);
  expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
  const told = events.map(({ method, status }) => `${method} ${status}`);
  expect(told).toHaveLength(server.asked.length);
  expect(told).toContain('HEAD 429');
  expect(told).toContain('GET 405');
  expect(told).toContain('GET 307');
});

describe('a request that is refused', () => {
  const token = (response: ServerResponse): void => answerWith(response, 200, {}, '{"token":"t"}');

  it('although credentials gave a token is the account’s lack of a right', async () => {
    await using server = await startScriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) return token(response);
      answerWith(response, 401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` });
    });
    await using known = open(server.host, { credentials: { username: 'u', password: 'p' } });
    await expect(known.repository.listTags()).rejects.toMatchObject({
      code: 'DENIED',
      hint: `the account known for ${server.host} may not do this; ask for the right or log in with another one`,
    });
    // Without any, there is only to log in.
    await using anonymous = open(server.host);
    await expect(anonymous.repository.listTags()).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringMatching(/^no login for \S+ is known: /) as string,
    });
  });

  it('with 403 names the account, the project and its quota', async () => {
    await using server = await startScriptedServer((_, response) => answerWith(response, 403));
    await using opened = open(server.host);
    await expect(opened.repository.listTags()).rejects.toMatchObject({
      code: 'DENIED',
      hint: 'the account may not do this, or the project does not exist or is over its quota',
    });
  });

  it('is sent three times at most: without a token, with one, and with the scope that was said to be missing', async () => {
    const tokens: (readonly string[])[] = [];
    await using server = await startScriptedServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://r');
      if (url.pathname === '/token') {
        tokens.push(url.searchParams.getAll('scope'));
        return answerWith(response, 200, {}, `{"token":"t${tokens.length}"}`);
      }
      const scope = `repository:more${tokens.length}:pull`;
      const challenge = `Bearer realm="http://${request.headers.host}/token",scope="${scope}"`;
      answerWith(response, 401, { 'www-authenticate': challenge });
    });
    await using opened = open(server.host);
    await expect(opened.repository.listTags()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.asked.filter(({ url }) => url.includes('/tags/'))).toHaveLength(3);
    // What was asked for before is not given up.
    expect(tokens).toEqual([
      ['repository:more0:pull', 'repository:a/b:pull'],
      ['repository:more1:pull', 'repository:more0:pull', 'repository:a/b:pull'],
    ]);
  });

  it('with a registry token, which there is no better one for, is not sent again', async () => {
    await using server = await startScriptedServer((request, response) => {
      answerWith(response, 401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` });
    });
    await using opened = open(server.host, { credentials: { registryToken: 'rt' } });
    await expect(opened.repository.listTags()).rejects.toMatchObject({ code: 'DENIED' });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer rt']);
  });
});

describe('a redirect to another registry', () => {
  it('of a request that writes gets no token there', async () => {
    await using other = await startScriptedServer(async (request, response) => {
      await drain(request);
      answerWith(response, 401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` });
    }, '127.0.0.2');
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      answerWith(response, 307, { location: `http://${other.host}/x` });
    });
    await using opened = open(server.host, { credentials: { username: 'u', password: 'p' } });
    const to = '/v2/a/b/manifests/v1';
    const put = { method: 'PUT', kind: 'manifest', to, scopes, body: Buffer.from('x') } as const;
    await expect(opened.host.send(put)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(other.asked.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
      ['PUT', '/x', undefined],
    ]);
  });

  it.each([
    [
      'HEAD',
      'Bearer realm="REALM",service="s",scope="repository:x:pull"',
      '/token?service=s&scope=repository%3Ax%3Apull',
    ],
    ['GET', 'Basic realm="r", Bearer realm="REALM"', '/token'],
    ['GET', 'Bearer service="s"', undefined],
    ['GET', 'Basic realm="REALM"', undefined],
  ] as const)('of %s that answers %s', async (method, challenge, asked) => {
    await using other = await startScriptedServer((request, response) => {
      if (request.url?.startsWith('/token') === true) token(response);
      else if (request.headers.authorization === 'Bearer t') answerWith(response, 200);
      else {
        const realm = `http://${request.headers.host}/token`;
        answerWith(response, 401, { 'www-authenticate': challenge.replace('REALM', realm) });
      }
    }, '127.0.0.2');
    const token = (response: ServerResponse): void => answerWith(response, 200, {}, '{"token":"t"}');
    await using server = await startScriptedServer((_, response) => {
      answerWith(response, 307, { location: `http://${other.host}/x` });
    });
    const events: RequestEvent[] = [];
    await using opened = open(server.host, {
      credentials: { username: 'u', password: 'p' },
      onRequest: (event) => events.push(event),
    });
    const sent = opened.host.send({ method, kind: 'manifest', to: '/v2/a/b/manifests/v1', scopes });
    if (asked === undefined) await expect(sent).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    else expect((await sent).status).toBe(200);
    expect(other.asked.map(({ url }) => url)).toEqual(asked === undefined ? ['/x'] : ['/x', asked, '/x']);
    expect(allOf(other.asked, ({ headers }) => headers.authorization?.startsWith('Basic') !== true)).toBe(true);
    // The refusal was read to its end, or let go of: its connection is free.
    expect(events.map(({ status }) => status)).toContain(401);
  });
});

it('a place at another host gets no credentials, and says nothing of how the registry wants to be asked', async () => {
  await using other = await startScriptedServer((_, response) => answerWith(response, 200), '127.0.0.2');
  await using server = await startScriptedServer((request, response) => {
    if (request.headers.authorization === undefined)
      answerWith(response, 401, { 'www-authenticate': 'Basic realm="r"' });
    else answerWith(response, 200, {}, '{"tags":["v1"]}');
  });
  await using opened = open(server.host, { credentials: { username: 'u', password: 'p' } });
  expect(await opened.repository.listTags()).toEqual(['v1']);
  const to = placeOf(new URL(`http://${other.host}/x`));
  expect((await opened.host.send({ method: 'GET', kind: 'blob', to, scopes })).status).toBe(200);
  expect(other.asked[0]?.headers.authorization).toBeUndefined();
});

it('a registry on loopback that was not there is looked for again', async () => {
  let host = '';
  {
    await using server = await startScriptedServer((_, response) => answerWith(response, 200));
    host = server.host;
  }
  await using opened = open(host, { plainHttp: undefined });
  await expect(opened.repository.listTags()).rejects.toMatchObject({ failure: { status: 0, retryable: true } });
  await using server = await startScriptedServer(
    (_, response) => answerWith(response, 200, {}, '{"tags":["v1"]}'),
    '127.0.0.1',
    Number(host.split(':')[1]),
  );
  expect(await opened.repository.listTags()).toEqual(['v1']);
  expect(server.asked).toHaveLength(1);
});
