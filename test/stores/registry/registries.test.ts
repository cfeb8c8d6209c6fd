/** Registries of one command: one client for a host, one repository for a name, options by host. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { Registries } from '../../../src/stores/registry/registries.ts';
import type { RegistryHostOptions } from '../../../src/stores/registry/registry-hosts.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

test('a repository and its host are opened once', async () => {
  const asked: string[] = [];
  await using registries = new Registries('pull', (registry): RegistryHostOptions => {
    asked.push(registry);
    return { environment: {} };
  });
  const one = registries.repository({ registry: 'r.example', repository: 'a' });
  expect(registries.repository({ registry: 'r.example', repository: 'a' })).toBe(one);
  const two = registries.repository({ registry: 'r.example', repository: 'b' });
  expect(two).not.toBe(one);
  expect(two.host).toBe(one.host);
  expect(registries.repository({ registry: 's.example', repository: 'a' }).host).not.toBe(one.host);
  expect(asked).toEqual(['r.example', 's.example']);
});

test.each(['pull', 'push'] as const)(
  'access %s is what tokens are asked for, and all clients end with them',
  async (access) => {
    const scopes: (string | null)[] = [];
    const sockets = new Set<Socket>();
    await using server = await startScriptedServer((request, response) => {
      sockets.add(request.socket);
      const url = new URL(request.url ?? '', 'http://r');
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.get('scope'));
        response.end('{"token":"t"}');
      } else if (request.headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${request.headers.host}/token"` }).end();
      } else response.end('{"tags":null}');
    });
    const registries = new Registries(access, { environment: {}, plainHttp: true });
    const repository = registries.repository({ registry: server.host, repository: 'a' });
    expect(await repository.listTags()).toEqual([]);
    expect(scopes).toEqual([`repository:a:${access === 'push' ? 'pull,push' : 'pull'}`]);
    await registries[Symbol.asyncDispose]();
    expect(sockets.size).toBeGreaterThan(0);
    await expect.poll(() => [...sockets].every((socket) => socket.destroyed)).toBe(true);
  },
);
