/** Tokens: the realms that are refused, and what is asked of those that are not. */
import { describe, expect, it } from 'vitest';
import { forEachConcurrently } from '../../../../src/base/limit.ts';
import { exitCodeOf } from '../../../../src/errors.ts';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { madeBlob } from '../../../helpers/image.ts';
import { startScriptedServer, type ScriptedServer } from '../../../helpers/scripted-server.ts';

function open(host: string): RegistryRepository & AsyncDisposable {
  const retry = { tries: 2, baseMs: 1, maxMs: 2 };
  const client = createRegistryHost(host, { environment: {}, plainHttp: true, retry });
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
    ['http://169.254.169.254/latest/meta-data', 'it is an address of this machine or its network'],
    ['http://metadata.google.internal/token', 'it is an address of this machine or its network'],
    ['http://[fe80::1]/token', 'it is an address of this machine or its network'],
    ['http://0.0.0.0/token', 'it is an address of this machine or its network'],
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
