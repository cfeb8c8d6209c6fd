/** Where a registry listens: what is found out, and what is known without asking. */
import { describe, expect, it } from 'vitest';
import { HttpClient } from '../../../src/base/http/client.ts';
import { findEndpoint } from '../../../src/stores/registry/endpoint.ts';
import { REGISTRY } from '../../../src/stores/registry/registry-refusal.ts';
import { startScriptedServer } from '../../helpers/scripted-server.ts';

async function find(registry: string, plainHttp?: boolean): Promise<string> {
  const client = new HttpClient({ peer: REGISTRY, environment: {} });
  try {
    return (await findEndpoint(client, registry, plainHttp)).href;
  } finally {
    await client.close();
  }
}

describe('the endpoint', () => {
  it.each([
    ['docker.io', undefined, 'https://registry-1.docker.io/'],
    ['r.example:5000', undefined, 'https://r.example:5000/'],
    ['r.example:5000', true, 'http://r.example:5000/'],
    ['127.0.0.1:1', false, 'https://127.0.0.1:1/'],
    ['127.0.0.1:1', true, 'http://127.0.0.1:1/'],
  ])('of %s with plainHttp %s is %s, without a question', async (registry, plainHttp, expected) => {
    expect(await find(registry, plainHttp)).toBe(expected);
  });

  it('of a loopback address that answers no TLS greeting is plain', async () => {
    await using plain = await startScriptedServer((_, response) => void response.end());
    expect(await find(plain.host)).toBe(`http://${plain.host}/`);
    expect(plain.asked).toEqual([]);
  });

  it('of what is no host is refused', async () => {
    await expect(find('not a host')).rejects.toMatchObject({
      code: 'INVALID_REFERENCE',
      message: '"not a host" is not a registry host',
    });
  });
});
