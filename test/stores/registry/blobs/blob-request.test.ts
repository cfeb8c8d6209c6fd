/** What a blob is asked for with, what each answer means, and blobs that lie at addresses of their own. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import { connect, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect, readVerified } from '../../../../src/content/verified.ts';
import { createRegistryHost, openRepository } from '../../../../src/stores/registry/registry-hosts.ts';
import type { RegistryRepository } from '../../../../src/stores/registry/repository.ts';
import { makeCertificates, type Certificates } from '../../../helpers/certificates.ts';
import { madeBlob } from '../../../helpers/image.ts';
import { startScriptedServer, type Answerer } from '../../../helpers/scripted-server.ts';
import { makeTempDir, type TempDir } from '../../../helpers/temp.ts';

const QUICK = { tries: 2, baseMs: 1, maxMs: 1 };
const blob = madeBlob(Buffer.from('0123456789'));
const { digest } = blob.descriptor;
const BLOBS = '/v2/a/b/blobs/';

function open(host: string, environment = {}, caFile?: string): RegistryRepository & AsyncDisposable {
  const credentials = { username: 'someone', password: 'secret' };
  const options = { environment, plainHttp: true, retry: QUICK, credentials, ...(caFile !== undefined && { caFile }) };
  const client = createRegistryHost(host, options);
  const repository = openRepository({ registry: host, repository: 'a/b' }, { host: client });
  return Object.assign(repository, { [Symbol.asyncDispose]: () => client.close() });
}

describe('a blob of the registry', () => {
  it('is asked for whole without a range, and from a byte on with one', async () => {
    await using server = await startScriptedServer((request, response) => {
      const { range } = request.headers;
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
      if (range !== undefined) response.setHeader('content-range', `bytes ${from}-9/10`);
      response.writeHead(range === undefined ? 200 : 206).end(blob.bytes.subarray(from));
    });
    await using repository = open(server.host);
    expect(await collect(repository.fetch(blob.descriptor))).toEqual(blob.bytes);
    expect(await collect(repository.fetch(blob.descriptor, { offset: 4 }))).toEqual(blob.bytes.subarray(4));
    const asked = server.asked.filter(({ url }) => url.startsWith(BLOBS));
    expect(asked.map(({ url, headers }) => [url, headers.range])).toEqual([
      [`${BLOBS}${digest}`, undefined],
      [`${BLOBS}${digest}`, 'bytes=4-'],
    ]);
  });

  it.each([
    [404, { code: 'NOT_FOUND' }],
    [416, { code: 'SIZE_MISMATCH', message: expect.stringContaining(`@${digest} is shorter than 10 bytes`) as string }],
    [403, { code: 'DENIED' }],
    [451, { message: expect.stringContaining('451') as string }],
    [204, { message: expect.stringContaining('204') as string }],
  ])('that is answered with %i is an error that says so, and its slot is free again', async (status, expected) => {
    await using server = await startScriptedServer((_, response) => void response.writeHead(status).end());
    await using repository = open(server.host);
    for (let count = 0; count < 2; count++) {
      await expect(readVerified(repository, blob.descriptor)).rejects.toMatchObject(expected);
      expect(repository.host.reads.free).toBe(repository.host.reads.count);
    }
  });
});

describe('a blob that the registry does not have, with addresses of its own', () => {
  let folder: TempDir & AsyncDisposable;
  let certificates: Certificates;
  beforeAll(async () => {
    folder = await makeTempDir();
    certificates = await makeCertificates(folder.path);
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  const absent: Answerer = (_, response) => void response.writeHead(404).end();

  /** What was asked of anyone without TLS. */
  const plain: string[] = [];

  /** A server `https://registry.test`, which is reached through a proxy on loopback alone; told the addresses in its name. */
  async function startElsewhere(
    answer: RequestListener,
  ): Promise<{ environment: object; origin: string } & Disposable> {
    const [key, cert] = await Promise.all([readFile(certificates.keyFile), readFile(certificates.certFile)]);
    const secure = createSecureServer({ key, cert }, answer);
    await once(secure.listen(0, '127.0.0.1'), 'listening');
    const { port } = secure.address() as AddressInfo;
    const proxy = createServer((request, response) => {
      plain.push(request.url ?? '');
      response.writeHead(502).end();
    });
    proxy.on('connect', (_, client) => {
      const server = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        server.pipe(client).pipe(server);
      });
      server.on('error', () => client.destroy());
      client.on('error', () => server.destroy());
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    return {
      environment: { HTTP_PROXY: url, HTTPS_PROXY: url },
      origin: 'https://registry.test',
      [Symbol.dispose]: () => {
        for (const server of [proxy, secure]) {
          server.closeAllConnections();
          server.close();
        }
      },
    };
  }

  it('is read from the first that has it: by https alone, without credentials, from a byte on', async () => {
    const asked: unknown[] = [];
    using elsewhere = await startElsewhere((request, response) => {
      const { url, headers } = request;
      asked.push([url, headers.authorization, headers.range]);
      if (url === '/whole') response.writeHead(200).end(blob.bytes);
      else if (url === '/part')
        response.writeHead(206, { 'content-range': 'bytes 3-9/10' }).end(blob.bytes.subarray(3));
      else response.writeHead(410).end();
    });
    await using server = await startScriptedServer(absent);
    await using repository = open(server.host, elsewhere.environment, certificates.caFile);
    const at = (path: string): string => `${elsewhere.origin}${path}`;
    const urls = [
      'not a URL',
      'http://registry.test/plain',
      'https://127.0.0.1/x',
      at('/gone'),
      at('/whole'),
      at('/x'),
    ];
    expect(await readVerified(repository, { ...blob.descriptor, urls })).toEqual(blob.bytes);
    expect(asked).toEqual([
      ['/gone', undefined, undefined],
      ['/whole', undefined, undefined],
    ]);
    asked.length = 0;
    const rest = repository.fetch({ ...blob.descriptor, urls: [at('/part')] }, { offset: 3 });
    expect(await collect(rest)).toEqual(blob.bytes.subarray(3));
    expect(asked).toEqual([['/part', undefined, 'bytes=3-']]);
    expect(plain).toEqual([]);
  });

  it('is the failure of the last address where none has it, and of no more than eight', async () => {
    const asked: unknown[] = [];
    using elsewhere = await startElsewhere((request, response) => {
      asked.push(request.url);
      response.writeHead(request.url === '/7' ? 403 : 404).end();
    });
    await using server = await startScriptedServer(absent);
    await using repository = open(server.host, elsewhere.environment, certificates.caFile);
    const urls = Array.from({ length: 10 }, (_, nth) => `${elsewhere.origin}/${nth}`);
    await expect(readVerified(repository, { ...blob.descriptor, urls })).rejects.toMatchObject({ code: 'DENIED' });
    expect([...new Set(asked)]).toEqual(['/0', '/1', '/2', '/3', '/4', '/5', '/6', '/7']);
  });
});
