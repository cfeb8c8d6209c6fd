/** Tokens: the realms that are refused, and what is asked of those that are not. */
import { describe, expect, it } from 'vitest';
import type { RequestEvent } from '../../../../src/base/http/answer.ts';
import { HttpClient } from '../../../../src/base/http/client.ts';
import { forEachConcurrently } from '../../../../src/base/limit.ts';
import { readVerified } from '../../../../src/content/verified.ts';
import { exitCodeOf } from '../../../../src/errors.ts';
import { basicOf, checkCredentials, requestToken } from '../../../../src/stores/registry/auth/token.ts';
import { REGISTRY } from '../../../../src/stores/registry/registry-refusal.ts';
import {
  createRegistryHost,
  openRepository,
  type RegistryHostOptions,
} from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { madeBlob } from '../../../helpers/image.ts';
import { drain, startScriptedServer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

function open(host: string, options: RegistryHostOptions = {}): RegistryRepository & AsyncDisposable {
  const retry = { tries: 2, baseMs: 1, maxMs: 2 };
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry, ...options });
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

function startWithRealm(realm: string): Promise<ScriptedServer> {
  return startScriptedServer((_, response) => {
    const challenge = `Bearer realm="${realm}",service="s"`;
    response.writeHead(401, { 'www-authenticate': challenge, 'content-length': 0 }).end();
  });
}

describe('a realm', () => {
  it.each([
    ['file:///etc/passwd', 'file://: only http and https are followed'],
    ['javascript:alert(1)', 'only http and https are followed'],
    ['data:text/plain,token', 'only http and https are followed'],
    ['ftp://127.0.0.1/token', 'only http and https are followed'],
    ['ws://127.0.0.1/token', 'only http and https are followed'],
    ['mailto:a@b', 'only http and https are followed'],
    ['blob:http://127.0.0.1/x', 'only http and https are followed'],
    ['/token', 'the realm of its challenge, "/token", is not a URL'],
    ['//127.0.0.1/token', 'is not a URL'],
    ['', 'the realm of its challenge, "", is not a URL'],
    [' ', 'is not a URL'],
    ['http://', 'is not a URL'],
    ['http://[broken', 'is not a URL'],
    ['http://127.0.0.1:99999/', 'is not a URL'],
    ['Registry Realm', 'the realm of its challenge, "Registry Realm", is not a URL'],
    ['http://user:s3cret@127.0.0.1/token', 'a URL with credentials is refused'],
  ])('that is %s is refused, however many wait for it', async (realm, why) => {
    await using server = await startWithRealm(realm);
    await using repository = open(server.host);
    const failures: unknown[] = [];
    // As in a load: the first failure aborts the rest, which must not leave a rejection behind that is not heard.
    const blobs = Array.from({ length: 8 }, (_, nth) => madeBlob(`blob ${nth}`).descriptor);
    const outcome = await forEachConcurrently(blobs, 8, async (blob, signal) => {
      try {
        for await (const chunk of repository.fetch(blob, { signal })) expect(chunk).toBeUndefined();
      } catch (error) {
        failures.push(error);
        throw error;
      }
    }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ code: 'REGISTRY', message: expect.stringContaining(why) as string });
    expect((outcome as Error).message).not.toContain('s3cret');
    expect((outcome as { hint?: string }).hint).toMatch(/the registry,? or a proxy in front of it/);
    expect(exitCodeOf(outcome)).toBe(1);
    expect(failures).toHaveLength(8);
    // It is not tried again: the registry would say the same.
    expect(server.asked.length).toBeLessThanOrEqual(8);
  });
});

interface TokenScript {
  /** Answers token requests: method, and the fields of the query or the form. */
  readonly token: (method: string, fields: URLSearchParams, authorization: string | undefined) => TokenReply;
  /** Whether the registry takes the token. @defaultValue any */
  readonly takes?: (token: string) => boolean;
}

interface TokenReply {
  readonly status?: number;
  readonly body?: object | string;
}

/** A registry whose only blob is this one, with its token server. */
const blob = madeBlob('behind a token');
function startTokens(script: TokenScript): Promise<ScriptedServer> {
  return startScriptedServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://r');
    const { authorization } = request.headers;
    if (url.pathname === '/token') {
      const form = (await drain(request)).toString();
      const fields = request.method === 'POST' ? new URLSearchParams(form) : url.searchParams;
      const { status = 200, body = '' } = script.token(request.method ?? '', fields, authorization);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
      return;
    }
    const token = /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
    if (token === undefined || script.takes?.(token) === false) {
      const challenge = `Bearer realm="http://${request.headers.host}/token",service="s",scope="repository:a/b:pull"`;
      response.writeHead(401, { 'www-authenticate': challenge, 'content-length': 0 }).end();
    } else response.writeHead(200, { 'content-length': blob.bytes.length }).end(blob.bytes);
  });
}

const ACCOUNT = { username: 'robot', password: 'p&w=1 ü' };

describe('a token server that takes forms only', () => {
  it.each([404, 405, 501])('is sent one, after %i to GET, with nothing secret in what it refuses', async (status) => {
    const forms: Record<string, string>[] = [];
    await using server = await startTokens({
      token: (method, fields) => {
        if (method === 'GET') return { status };
        forms.push(Object.fromEntries(fields));
        return { body: { access_token: 'from-a-form' } };
      },
      takes: (token) => token === 'from-a-form',
    });
    await using repository = open(server.host, { credentials: ACCOUNT });
    expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(forms).toEqual([
      { grant_type: 'password', ...ACCOUNT, service: 's', client_id: 'hexabase-airgap', scope: 'repository:a/b:pull' },
    ]);
  });

  it('does not hear the password again in the error of a refusal', async () => {
    await using server = await startTokens({
      token: (method, fields) =>
        method === 'GET' ? { status: 405 } : { status: 401, body: { details: `no ${fields.get('password')}` } },
    });
    await using repository = open(server.host, { credentials: { username: 'robot', password: 'hunter2-long' } });
    const error = await readVerified(repository, blob.descriptor).catch((failure: unknown) => failure as Error);
    expect(error).toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toContain('hunter2-long');
  });

  it('is no more to be had anonymously', async () => {
    await using server = await startTokens({ token: () => ({ status: 405 }) });
    await using repository = open(server.host);
    await expect(readVerified(repository, blob.descriptor)).rejects.toMatchObject({ failure: { status: 405 } });
    expect(server.asked.map(({ method }) => method)).not.toContain('POST');
  });
});

describe('a refresh token', () => {
  it('that was replaced is used in its new form from then on', async () => {
    const used: string[] = [];
    let issued = 0;
    await using server = await startTokens({
      token: (_, fields) => {
        used.push(fields.get('refresh_token') ?? '');
        issued++;
        return { body: { access_token: `t${issued}`, refresh_token: `refresh-${issued}`, expires_in: 60 } };
      },
      // Each token is good for one request.
      takes: (token) => token === `t${issued}` && !spent.has(token) && spent.add(token) !== undefined,
    });
    const spent = new Set<string>();
    await using repository = open(server.host, { credentials: { identityToken: 'refresh-0' } });
    for (let nth = 0; nth < 3; nth++) expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(used).toEqual(['refresh-0', 'refresh-1', 'refresh-2']);
  });

  it('that was replaced once stays so, though later answers name none', async () => {
    const used: string[] = [];
    const spent = new Set<string>();
    await using server = await startTokens({
      token: (_, fields) => {
        const nth = used.push(fields.get('refresh_token') ?? '');
        return { body: { access_token: `t${nth}`, ...(nth === 1 ? { refresh_token: 'refresh-1' } : {}) } };
      },
      takes: (token) => token === `t${used.length}` && !spent.has(token) && spent.add(token) !== undefined,
    });
    await using repository = open(server.host, { credentials: { identityToken: 'refresh-0' } });
    for (let nth = 0; nth < 3; nth++) expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(used).toEqual(['refresh-0', 'refresh-1', 'refresh-1']);
  });

  it.each([401, 404, 405])('answered with %i gives way to the password, if there is one', async (status) => {
    const asked: string[] = [];
    await using server = await startTokens({
      token: (method, _, authorization) => {
        asked.push(`${method} ${authorization?.split(' ')[0] ?? 'anonymous'}`);
        return method === 'POST' ? { status } : { body: { token: 'plain' } };
      },
      takes: (token) => token === 'plain',
    });
    const told: number[] = [];
    const onRequest = (event: RequestEvent): unknown => told.push(event.status);
    await using repository = open(server.host, { credentials: { ...ACCOUNT, identityToken: 'refresh' }, onRequest });
    expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(asked).toEqual(['POST anonymous', 'GET Basic']);
    expect(told.toSorted()).toEqual([200, 200, 401, status].toSorted());
  });

  it('that is refused for good is an error, without any anonymous try', async () => {
    const asked: string[] = [];
    await using server = await startTokens({
      token: (method) => {
        asked.push(method);
        return { status: 401 };
      },
    });
    await using repository = open(server.host, { credentials: { identityToken: 'refresh' } });
    await expect(readVerified(repository, blob.descriptor)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(new Set(asked)).toEqual(new Set(['POST']));
  });
});

describe('a token server that refuses', () => {
  it.each([
    [400, undefined, 'UNAUTHENTICATED', 'refuses anonymous access (400)'],
    [401, undefined, 'UNAUTHENTICATED', 'refuses anonymous access (401)'],
    [400, ACCOUNT, 'UNAUTHENTICATED', 'refuses the credentials (400)'],
    [403, ACCOUNT, 'DENIED', 'answered 403'],
    [402, ACCOUNT, 'REGISTRY', 'answered 402'],
  ])('with %i to %j is told as such', async (status, credentials, code, message) => {
    await using server = await startTokens({ token: () => ({ status }) });
    await using repository = open(server.host, { credentials });
    await expect(readVerified(repository, blob.descriptor)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('a refresh token with anything else than 401, 404 and 405 is not asked for the password', async () => {
    const asked: string[] = [];
    await using server = await startTokens({ token: (method) => ({ status: asked.push(method) && 400 }) });
    await using repository = open(server.host, { credentials: { ...ACCOUNT, identityToken: 'refresh' } });
    await expect(readVerified(repository, blob.descriptor)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(asked).toEqual(['POST']);
  });

  it('is asked again where that may help, and not for a form in between', async () => {
    const asked: string[] = [];
    await using server = await startTokens({
      token: (method) => (asked.push(method) === 1 ? { status: 503 } : { body: { token: 't' } }),
    });
    await using repository = open(server.host, { credentials: ACCOUNT });
    expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(asked).toEqual(['GET', 'GET']);
  });
});

describe('a request for a token', () => {
  it.each([
    [undefined, [], '/token'],
    ['s', ['repository:a:pull', 'x'], '/token?service=s&scope=repository%3Aa%3Apull&scope=x'],
  ])(
    'says of service %s and scopes %j what there is to say, and of the account only its own',
    async (service, scopes, url) => {
      await using server = await startTokens({ token: () => ({ body: { token: 't' } }) });
      const client = new HttpClient({ peer: REGISTRY, environment: {} });
      const registry = new URL(`http://${server.host}/`);
      const ask = { registry, realm: `http://${server.host}/token`, service, scopes };
      const retry = { tries: 1, baseMs: 1, maxMs: 1 };
      try {
        await requestToken(client, { ...ask, credentials: undefined }, retry);
        await requestToken(client, { ...ask, credentials: { username: 'u', password: 'p' } }, retry);
      } finally {
        await client.close();
      }
      const account = `${url}${url.includes('?') ? '&' : '?'}account=u&client_id=hexabase-airgap`;
      expect(server.asked.map(({ url: asked, headers }) => [asked, headers.authorization])).toEqual([
        [url, undefined],
        [account, 'Basic dTpw'],
      ]);
    },
  );

  it('by a form leaves out what there is not', async () => {
    const forms: Record<string, string>[] = [];
    await using server = await startTokens({
      token: (_, fields) => (forms.push(Object.fromEntries(fields)), { body: { token: 't' } }),
    });
    const client = new HttpClient({ peer: REGISTRY, environment: {} });
    const registry = new URL(`http://${server.host}/`);
    const realm = `http://${server.host}/token`;
    const credentials = { identityToken: 'refresh' };
    try {
      const ask = { registry, realm, service: undefined, scopes: [], credentials };
      await requestToken(client, ask, { tries: 1, baseMs: 1, maxMs: 1 });
    } finally {
      await client.close();
    }
    expect(forms).toEqual([{ grant_type: 'refresh_token', refresh_token: 'refresh', client_id: 'hexabase-airgap' }]);
  });

  it('takes its form to no other place', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(307, { location: '/elsewhere', 'content-length': 0 }).end();
    });
    const client = new HttpClient({ peer: REGISTRY, environment: {} });
    const registry = new URL(`http://${server.host}/`);
    const realm = `http://${server.host}/token`;
    const ask = { registry, realm, service: 's', scopes: [], credentials: { identityToken: 'refresh' } };
    try {
      await expect(requestToken(client, ask, { tries: 1, baseMs: 1, maxMs: 1 })).rejects.toThrow('answered 307');
    } finally {
      await client.close();
    }
    expect(server.asked.map(({ url }) => url)).toEqual(['/token']);
  });
});

describe('credentials', () => {
  it.each([
    [{ username: 'u', password: 'p' }, 'Basic dTpw'],
    [{ username: 'u', password: '' }, 'Basic dTo='],
    [{ username: 'ü', password: 'p' }, 'Basic w7w6cA=='],
    [{ username: '', password: 'p' }, undefined],
    [{ username: 'u' }, undefined],
    [{ identityToken: 'i' }, undefined],
    [undefined, undefined],
  ])('%j are %s in a header', (credentials, header) => {
    expect(basicOf(credentials)).toBe(header);
  });

  it.each([
    [{ username: 'u', password: 'p' }, true],
    [{ username: 'u', password: '' }, true],
    [{ identityToken: 'i' }, true],
    [{ registryToken: 'r' }, true],
    [{ username: 'u:v', password: 'p' }, false],
    [{ username: '', password: 'p' }, false],
    [{ username: 'u' }, false],
    [{ password: 'p' }, false],
    [{}, false],
  ])('%j are complete: %s', (credentials, isComplete) => {
    if (isComplete) expect(checkCredentials(credentials)).toBe(credentials);
    else expect(() => checkCredentials(credentials)).toThrow(/need a user name \(without a colon\) and a password/);
  });
});

describe('the life of a token', () => {
  const NOW = 1_800_000_000_000;
  async function renewAt(body: object | string): Promise<number> {
    await using server = await startTokens({ token: () => ({ body }) });
    const client = new HttpClient({ peer: REGISTRY, environment: {} });
    try {
      const registry = new URL(`http://${server.host}/`);
      const realm = `http://${server.host}/token`;
      const request = { registry, realm, service: 's', scopes: [], credentials: undefined };
      return (await requestToken(client, request, { tries: 1, baseMs: 1, maxMs: 1 }, () => NOW)).renewAtMs - NOW;
    } finally {
      await client.close();
    }
  }

  it.each([
    ['an hour', { expires_in: 3600 }, 3_585_000],
    ['not said, which means a minute', {}, 48_000],
    ['short, of which a fifth is kept back', { expires_in: 10 }, 8_000],
    ['a minute, of which a fifth is less than fifteen seconds', { expires_in: 60 }, 48_000],
    ['seventy-five seconds and more, of which fifteen are kept back', { expires_in: 100 }, 85_000],
    ['zero, which cannot be meant', { expires_in: 0 }, 48_000],
    ['negative, which cannot be meant', { expires_in: -5 }, 48_000],
    ['no number', { expires_in: 'soon' }, 48_000],
    ['beyond a day, which is cut', { expires_in: 1e9 }, 86_385_000],
  ])('is %s', async (_, fields, expected) => {
    expect(await renewAt({ token: 't', ...fields })).toBe(expected);
  });

  it.each([
    ['no token', {}],
    ['an empty one', { token: '' }],
    ['one with a line break', { token: 'a\r\nx: y' }],
    ['a number', { token: 5 }],
  ])('does not begin with %s', async (_, body) => {
    await expect(renewAt(body)).rejects.toThrow('the token server answered without a token');
  });

  it('begins with either name of it', async () => {
    expect(await renewAt({ access_token: 't', expires_in: 100 })).toBe(85_000);
  });

  it.each(['not JSON', '5', 'null', '"text"'])('does not begin with an answer that is %s', async (text) => {
    await expect(renewAt(text)).rejects.toThrow('the token server answered without a token');
  });

  it('begins with an answer of up to 1 MiB', async () => {
    const text = '{"token":"t"}';
    expect(await renewAt(text.padEnd(1024 * 1024))).toBe(48_000);
    await expect(renewAt(text.padEnd(1024 * 1024 + 1))).rejects.toThrow('the answer is over 1048576 bytes');
  });
});
