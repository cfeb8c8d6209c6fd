/** A registry may send us to its own domain and to the hosts that the user names, and nowhere else. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY } from '../../../src/base/retry.ts';
import { placeOf, resolveLocation } from '../../../src/base/http/location.ts';
import { confineTo } from '../../../src/stores/registry/reach.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { REGISTRY } from '../../../src/stores/registry/registry-refusal.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

describe.each<[string, readonly string[], readonly string[]]>([
  ['registry.corp.example:5000', ['registry.corp.example', 'gitlab.corp.example', 'corp.example'], ['corp.example.evil.test', 'xcorp.example', 'example']],
  ['ghcr.io', ['ghcr.io', 'pkg.ghcr.io'], ['evil.io', 'io', 'xghcr.io']],
  ['registry', ['registry', 'REGISTRY.'], ['other', 'registry2']],
  ['127.0.0.1:5000', ['127.0.0.1'], ['127.0.0.2', 'a.127.0.0.1.example']],
  ['[::1]:5000', ['[::1]'], ['[::2]']],
])('%s', (registry, inside, outside) => {
  test.each(inside)('may send us to %s', (host) => {
    expect(confineTo(registry, []).allows(host)).toBe(true);
  });
  test.each(outside)('may not send us to %s, unless that is named', (host) => {
    expect(confineTo(registry, []).allows(host)).toBe(false);
    expect(confineTo(registry, [`${host}:8443`]).allows(host)).toBe(true);
  });
}); // prettier-ignore

test('a redirect out of reach is refused with the option that allows it', () => {
  const answer = {
    asked: { peer: { ...REGISTRY, reach: confineTo('registry.corp.example', []) } },
    place: placeOf(new URL('https://registry.corp.example/v2/')),
  };
  expect(() => resolveLocation(answer, 'https://storage.elsewhere.example/x', 'a redirect')).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('storage.elsewhere.example: that host is not allowed') as string,
      hint: expect.stringContaining('--allow-host') as string,
    }),
  );
});

test('an upload that is sent to another host does not leave, and does where that host is allowed', async () => {
  await using storage = await startScriptedServer((request, response) => {
    request.resume().once('end', () => response.writeHead(201).end());
  }, '127.0.0.2');
  await using registry = await startScriptedServer((request, response) => {
    if (request.method === 'POST') response.writeHead(202, { location: `http://${storage.host}/upload` }).end();
    else response.writeHead(404).end();
  });
  const bytes = Buffer.from('layer');
  const layer = { mediaType: 'application/octet-stream', digest: sha256(bytes), size: bytes.length };
  async function push(allowHosts: readonly string[]): Promise<void> {
    const host = createRegistryHost(registry.host, { allowHosts, retry: { ...DEFAULT_RETRY, tries: 1 } });
    try {
      const repository = openRepository(parseReference(`${registry.host}/app:1`), { host, access: 'push' });
      await repository.push(layer, (async function* () { yield bytes; })()); // prettier-ignore
    } finally {
      await host.close();
    }
  }
  await expect(push([])).rejects.toThrow('127.0.0.2');
  expect(storage.asked).toEqual([]);
  await push(['127.0.0.2']);
  expect(storage.asked.length).toBeGreaterThan(0);
});
