/** Authorization: what is asked once, what is never asked twice, and what becomes of those who wait. */
import { describe, expect, it } from 'vitest';
import { HttpClient } from '../../../../src/base/http/client.ts';
import { readVerified } from '../../../../src/content/verified.ts';
import { UsageError } from '../../../../src/errors.ts';
import { Authorizer } from '../../../../src/stores/registry/auth/authorizer.ts';
import type { CredentialSource } from '../../../../src/stores/registry/auth/credentials.ts';
import { REGISTRY } from '../../../../src/stores/registry/registry-refusal.ts';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry-hosts.ts';
import { madeBlob } from '../../../helpers/image.ts';
import { startScriptedServer } from '../../../helpers/scripted-server.ts';

const own = [{ repository: 'a/b', actions: ['pull'] }] as const;
const retry = { tries: 3, baseMs: 1, maxMs: 2 };

async function withAuthorizer<T>(
  credentials: CredentialSource,
  use: (authorizer: Authorizer) => Promise<T>,
): Promise<T> {
  const client = new HttpClient({ peer: REGISTRY, environment: {} });
  try {
    return await use(new Authorizer({ client, registry: 'r.example', credentials, retry }));
  } finally {
    await client.close();
  }
}

describe('a login by Basic', () => {
  it('that is refused is not sent again for the same request: accounts get locked', async () => {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"', 'content-length': 0 }).end();
    });
    const credentials = { username: 'u', password: 'wrong' };
    const host = createRegistryHost(server.host, { environment: {}, plainHttp: true, retry, credentials });
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
    await expect(readVerified(repository, madeBlob('x').descriptor)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Basic dTp3cm9uZw==']);
    await expect(repository.listTags()).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(server.asked).toHaveLength(3);
    await host.close();
  });

  it('is not sent where Bearer is offered too', async () => {
    const seen: (string | undefined)[] = [];
    await using server = await startScriptedServer((request, response) => {
      seen.push(request.headers.authorization);
      if (request.url?.startsWith('/token') === true) response.end('{"token":"t"}');
      else if (request.headers.authorization === 'Bearer t') response.writeHead(200, { 'content-length': 1 }).end('x');
      else {
        const challenge = `Basic realm="r", Bearer realm="http://${request.headers.host}/token",service="s"`;
        response.writeHead(401, { 'www-authenticate': challenge, 'content-length': 0 }).end();
      }
    });
    const host = createRegistryHost(server.host, { environment: {}, plainHttp: true, retry });
    const repository = openRepository({ registry: server.host, repository: 'a/b' }, { host });
    const blob = madeBlob('x');
    expect(await readVerified(repository, blob.descriptor)).toEqual(blob.bytes);
    expect(seen).toEqual([undefined, undefined, 'Bearer t']);
    await host.close();
  });
});

describe('credentials', () => {
  it('are looked up once for a repository, and again after a look-up that failed', async () => {
    let lookups = 0;
    const source: CredentialSource = () => {
      lookups++;
      return lookups === 1
        ? Promise.reject(new UsageError('USAGE', 'the helper is not installed'))
        : Promise.resolve({ username: 'u', password: 'p' });
    };
    await withAuthorizer(source, async (authorizer) => {
      await expect(authorizer.hasCredentials(own)).rejects.toThrow('the helper is not installed');
      expect(await authorizer.hasCredentials(own)).toBe(true);
      expect(await authorizer.hasCredentials(own)).toBe(true);
      expect(lookups).toBe(2);
      await authorizer.hasCredentials([{ repository: 'other', actions: ['pull'] }]);
      expect(lookups).toBe(3);
    });
  });

  it('are not waited for by those who stop, and reach the others', async () => {
    const found = Promise.withResolvers<{ username: string; password: string } | undefined>();
    await withAuthorizer(
      () => found.promise,
      async (authorizer) => {
        const stop = new AbortController();
        const impatient = authorizer.hasCredentials(own, stop.signal);
        const patient = authorizer.hasCredentials(own);
        stop.abort(new Error('enough'));
        await expect(impatient).rejects.toThrow('enough');
        found.resolve({ username: 'u', password: 'p' });
        expect(await patient).toBe(true);
      },
    );
  });
});

describe('a token', () => {
  it('is asked for once by all who need it, and reaches them though the first of them stops', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let requests = 0;
    await using server = await startScriptedServer(async (_, response) => {
      requests++;
      asked.resolve();
      await answer.promise;
      response.end('{"token":"shared","expires_in":300}');
    });
    const endpoint = new URL(`http://${server.host}/`);
    const challenge = `Bearer realm="http://${server.host}/token",service="s"`;
    await withAuthorizer(
      () => Promise.resolve(undefined),
      async (authorizer) => {
        const stop = new AbortController();
        const refused = { authorization: undefined, fresh: false };
        const first = authorizer.challenged(endpoint, challenge, own, refused, stop.signal);
        const second = authorizer.challenged(endpoint, challenge, own, refused);
        await asked.promise;
        stop.abort(new Error('enough'));
        await expect(first).rejects.toThrow('enough');
        answer.resolve();
        expect(await second).toBe('Bearer shared');
        expect(await authorizer.authorization(endpoint, own)).toBe('Bearer shared');
        expect(requests).toBe(1);
        authorizer.forget(own);
        await authorizer.authorization(endpoint, own);
        expect(requests).toBe(2);
      },
    );
  });
});

describe('a challenge', () => {
  const endpoint = new URL('http://127.0.0.1:1/');
  const none = { authorization: undefined, fresh: false };
  const known: CredentialSource = () => Promise.resolve({ username: 'u', password: 'p' });

  it.each([
    ['Bearer service="s", Basic realm="r"', 'Basic dTpw'],
    ['Negotiate, Basic', 'Basic dTpw'],
    ['Bearer service="s"', undefined],
    ['Negotiate', undefined],
    [undefined, undefined],
  ])('%s is answered with %s', async (header, expected) => {
    await withAuthorizer(known, async (authorizer) => {
      expect(await authorizer.challenged(endpoint, header, own, none)).toBe(expected);
      // What was learned from it holds for the next request.
      expect(await authorizer.authorization(endpoint, own)).toBe(expected);
    });
  });

  it('by Basic without a login has no answer', async () => {
    await withAuthorizer(
      () => Promise.resolve(undefined),
      async (authorizer) => expect(await authorizer.challenged(endpoint, 'Basic', own, none)).toBeUndefined(),
    );
  });
});

describe('a token that was refused', () => {
  it('is not given to anybody else, though no other is to be had', async () => {
    let requests = 0;
    await using server = await startScriptedServer((_, response) => {
      requests++;
      if (requests === 2) response.writeHead(400, { 'content-length': 0 }).end();
      else response.end(`{"token":"t${requests}","expires_in":300}`);
    });
    const endpoint = new URL(`http://${server.host}/`);
    const challenge = `Bearer realm="http://${server.host}/token"`;
    await withAuthorizer(
      () => Promise.resolve(undefined),
      async (authorizer) => {
        const first = { authorization: undefined, fresh: false };
        expect(await authorizer.challenged(endpoint, challenge, own, first)).toBe('Bearer t1');
        const kept = { authorization: 'Bearer t1', fresh: false };
        await expect(authorizer.challenged(endpoint, challenge, own, kept)).rejects.toThrow('(400)');
        expect(await authorizer.authorization(endpoint, own)).toBe('Bearer t3');
      },
    );
  });

  it('right after it was made is replaced only where more was demanded than it was asked for', async () => {
    const scopes: (string | null)[] = [];
    await using server = await startScriptedServer((request, response) => {
      scopes.push(new URL(request.url ?? '', 'http://r').searchParams.getAll('scope').join(' '));
      response.end(`{"token":"t${scopes.length}","expires_in":300}`);
    });
    const endpoint = new URL(`http://${server.host}/`);
    const challenge = (scope: string): string => `Bearer realm="http://${server.host}/token",scope="${scope}"`;
    await withAuthorizer(
      () => Promise.resolve(undefined),
      async (authorizer) => {
        const ask = (scope: string, authorization?: string, fresh = true): Promise<string | undefined> =>
          authorizer.challenged(endpoint, challenge(scope), own, { authorization, fresh });
        expect(await ask('repository:a/b:pull')).toBe('Bearer t1');
        expect(await ask('repository:a/b:pull', 'Bearer t1')).toBeUndefined();
        expect(await ask('repository:a/b:pull,push', 'Bearer t1')).toBe('Bearer t2');
        // An old one is replaced whatever it was asked for; one of somebody else's making is not ours to judge.
        expect(await ask('repository:a/b:pull', 'Bearer t2', false)).toBe('Bearer t3');
        expect(await ask('repository:a/b:pull', 'Bearer other')).toBe('Bearer t4');
        expect(scopes).toEqual([
          'repository:a/b:pull',
          'repository:a/b:pull,push',
          'repository:a/b:pull,push',
          'repository:a/b:pull,push',
        ]);
      },
    );
  });
});

describe('the first request', () => {
  it('goes alone until the registry has shown how it wants to be asked, and a failure of it stops no other', async () => {
    await withAuthorizer(
      () => Promise.resolve(undefined),
      async (authorizer) => {
        const done = await authorizer.lead();
        expect(done).toBeTypeOf('function');
        const second = authorizer.lead();
        done?.(); // it failed: nothing is known
        const next = await second;
        expect(next).toBeTypeOf('function');
        const third = authorizer.lead();
        authorizer.admitted();
        next?.();
        expect(await third).toBeUndefined();
        expect(await authorizer.lead()).toBeUndefined();
      },
    );
  });
});
