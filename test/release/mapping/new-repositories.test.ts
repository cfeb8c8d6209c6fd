/** A registry that makes no repositories by itself: all that are missing are named, by a plan and by a run that failed. */
import { describe, expect, test } from 'vitest';
import { mergeGraphs, discoverImage } from '../../../src/content/graph-walk.ts';
import { assess } from '../../../src/content/assess.ts';
import { planCopy, type PendingCopy } from '../../../src/content/plan.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { RegistryError } from '../../../src/errors.ts';
import { mirrorImages } from '../../../src/operations/mirror.ts';
import { findNewRepositories, nameNewRepositories } from '../../../src/release/mapping/new-repositories.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { contentOf, makeImage } from '../../helpers/sample-image.ts';
import { drain, startScriptedServer } from '../../helpers/scripted-server.ts';

const KNOWN = 'team/known';
const UNKNOWN = ['team/one', 'team/two'];

/** As ECR answers: what is not there is not found, and is not made either. */
async function withPending<T>(use: (pending: PendingCopy, host: string, writes: string[]) => Promise<T>): Promise<T> {
  const writes: string[] = [];
  await using server = await startScriptedServer(async (request, response) => {
    await drain(request);
    const { method = '', url = '' } = request;
    if (method !== 'GET' && method !== 'HEAD') writes.push(`${method} ${url}`);
    const isKnown = url.startsWith(`/v2/${KNOWN}/`);
    const body = JSON.stringify(
      isKnown ? { tags: [] } : { errors: [{ code: 'NAME_UNKNOWN', message: 'no such repository' }] },
    );
    const isList = isKnown && url.includes('/tags/list');
    response.writeHead(isList ? 200 : 404, { 'content-type': 'application/json' }).end(method === 'HEAD' ? '' : body);
  });
  const host = createRegistryHost(server.host, {
    environment: {},
    plainHttp: true,
    retry: { tries: 1, baseMs: 1, maxMs: 1 },
  });
  try {
    const image = makeImage();
    const source = new MemoryStore('source');
    for (const { descriptor, bytes } of contentOf(image).values()) await source.push(descriptor, bytesOf(bytes));
    const graph = mergeGraphs(
      [],
      [await discoverImage(source, image.descriptor, { platforms: 'all', reference: 'r' })],
    );
    const routes = [KNOWN, ...UNKNOWN].map((repository) => ({
      digest: image.descriptor.digest,
      source,
      target: openRepository({ registry: server.host, repository }, { host }),
      tag: '1',
    }));
    return await use(await assess(planCopy(graph, routes), { concurrency: 4 }), server.host, writes);
  } finally {
    await host.close();
  }
}

describe('repositories that a registry does not make', () => {
  test('are found without writing anything', async () => {
    await withPending(async (pending, host, writes) => {
      expect(await findNewRepositories(pending)).toEqual(UNKNOWN.map((name) => `${host}/${name}`));
      expect(writes).toEqual([]);
    });
  });

  test('are all named by a run that one of them stopped', async () => {
    await withPending(async (pending, host) => {
      await expect(mirrorImages({ images: [], moves: [], bytes: 0, pending })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        items: UNKNOWN.map((name) => `${host}/${name}`),
        hint: expect.stringContaining('create them') as string,
      });
    });
  });

  test('are not looked for after any other failure', async () => {
    await withPending(async (pending) => {
      for (const error of [
        new RegistryError('x', { method: 'PUT', url: 'u', status: 500, errors: [], retryable: true }),
        new TypeError('a bug'),
      ])
        expect(await nameNewRepositories(error, pending, {})).toBe(error);
    });
  });
});
