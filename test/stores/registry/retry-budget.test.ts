/** How often a request is sent that keeps failing: as often as the policy says, however many layers would try again. */
import { expect, test } from 'vitest';
import { copy } from '../../../src/content/copy.ts';
import { discoverImage, mergeGraphs } from '../../../src/content/graph-walk.ts';
import { assess } from '../../../src/content/assess.ts';
import { planCopy } from '../../../src/content/plan.ts';
import type { Source, Target } from '../../../src/content/store.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { MemoryStore } from '../../../src/stores/memory.ts';
import { createRegistryHost, openRepository } from '../../../src/stores/registry/registry-hosts.ts';
import { contentOf, makeImage } from '../../helpers/sample-image.ts';
import { makeLayer } from '../../helpers/sample-layer.ts';
import { drain, startScriptedServer, type Answerer } from '../../helpers/scripted-server.ts';

const retry = { tries: 3, baseMs: 1, maxMs: 2 };
const image = makeImage({ layers: [makeLayer({ a: 'a' })] });

async function filled(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const { descriptor, bytes } of contentOf(image).values()) await store.push(descriptor, bytesOf(bytes));
  return store;
}

/** What was asked for of a copy between a store in memory and a registry that fails as it is told to. */
async function failedRequests(fails: (method: string, url: string) => boolean, from: 'memory' | 'registry') {
  const content = contentOf(image);
  const answer: Answerer = async (request, response) => {
    await drain(request);
    const { method = '', url = '' } = request;
    if (fails(method, url)) return void response.writeHead(503).end();
    if (url.startsWith('/token')) return void response.end('{"token":"t"}');
    if (request.headers.authorization === undefined)
      return void response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${server.host}/token"` }).end();
    if (method === 'POST') return void response.writeHead(202, { location: `${url}session` }).end();
    if (method === 'PUT') return void response.writeHead(201).end();
    const piece = [...content.values()].find(({ descriptor }) => url.endsWith(descriptor.digest));
    if (piece === undefined || from === 'memory') return void response.writeHead(404).end();
    response.setHeader('content-type', piece.descriptor.mediaType);
    response.end(piece.bytes);
  };
  await using server = await startScriptedServer(answer);
  await using host = createRegistryHost(server.host, { environment: {}, retry });
  const repository = openRepository({ registry: server.host, repository: 'r' }, { host });
  const memory = await filled();
  const graph = mergeGraphs([], [await discoverImage(memory, image.descriptor, { platforms: 'all', reference: 'r' })]);
  const [source, target]: [Source, Target] = from === 'memory' ? [memory, repository] : [repository, new MemoryStore()];
  const routes = [{ digest: image.descriptor.digest, source, target, tag: '1' }];
  const copying = assess(planCopy(graph, routes), { concurrency: 1 }).then((pending) =>
    copy(pending, { retry, concurrency: 1 }),
  );
  await expect(copying).rejects.toMatchObject({ code: 'REGISTRY' });
  const failed = server.asked.filter(({ method, url }) => fails(method, url));
  return failed.length / new Set(failed.map(({ method, url }) => `${method} ${url.split('?')[0]}`)).size;
}

test.each<[string, 'memory' | 'registry', (method: string, url: string) => boolean]>([
  ['the start of an upload', 'memory', (method) => method === 'POST'],
  ['the bytes of an upload', 'memory', (method, url) => method === 'PUT' && url.includes('/blobs/')],
  ['a manifest that is pushed', 'memory', (method, url) => method === 'PUT' && url.includes('/manifests/')],
  ['a blob that is fetched', 'registry', (method, url) => method === 'GET' && url.includes('/blobs/')],
  ['a manifest that is fetched', 'registry', (method, url) => method === 'GET' && url.includes('/manifests/')],
  ['a token', 'memory', (_, url) => url.startsWith('/token')],
])('%s is asked for three times under a policy of three tries', async (_, from, fails) => {
  expect(await failedRequests(fails, from)).toBe(3);
});
