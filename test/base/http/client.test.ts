/** The client: what goes where after a redirect, what is asked twice, and what of an answer can be read. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readBody, readExplanation, readJson, type Answer, type HttpRequest } from '../../../src/base/http/answer.ts';
import { HttpClient, type HttpClientOptions } from '../../../src/base/http/client.ts';
import { placeOf, type Place } from '../../../src/base/http/location.ts';
import type { RequestEvent } from '../../../src/base/http/answer.ts';
import type { Peer } from '../../../src/base/http/network-failure.ts';
import { HttpError } from '../../../src/errors.ts';
import { bytesOf } from '../../../src/content/verified.ts';
import { allOf } from '../../helpers/all-of.ts';
import { drain, startRawServer, startScriptedServer } from '../../helpers/scripted-server.ts';

const PEER: Peer = {
  name: 'the bucket',
  specification: 'the specification of buckets',
  failure: (message, failure, options) => new HttpError('STORE_IO', message, failure, options),
};

const bytes = randomBytes(300_000);

function open(options: Partial<HttpClientOptions> = {}): HttpClient & AsyncDisposable {
  const client = new HttpClient({ peer: PEER, environment: {}, ...options });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

function at(host: string, path: string): Place {
  return placeOf(new URL(`http://${host}${path}`));
}

async function get(client: HttpClient, host: string, path: string, more: Partial<HttpRequest> = {}): Promise<Answer> {
  return client.request({ method: 'GET', kind: 'test', place: at(host, path), ...more });
}

function redirect(response: ServerResponse, status: number, location: string): void {
  response.writeHead(status, { location, 'content-length': 0 }).end();
}

// The same rule on both paths.
describe.each([
  ['the fast path', true],
  ['the general path', false],
])('a redirect on %s', (_, isBulk) => {
  const secret = { authorization: 'Bearer s3cret-token', 'x-amz-security-token': 's3cret-session' };

  it('keeps credentials at their origin, and does not bring them back to it', async () => {
    await using other = await startScriptedServer((request, response) => {
      if (request.url === '/back') redirect(response, 307, `http://${home.host}/end`);
      else response.writeHead(200, { 'content-length': 2 }).end('ok');
    });
    await using home = await startScriptedServer((request, response) => {
      if (request.url === '/start') redirect(response, 302, '/next');
      else if (request.url === '/next') redirect(response, 307, `http://${other.host}/back`);
      else response.writeHead(200, { 'content-length': 2 }).end('ok');
    });
    await using client = open();
    const headers = { range: 'bytes=0-1' };
    const answer = await get(client, home.host, '/start', { credentials: secret, headers, isBulk });
    expect((await readBody(answer, 10)).toString()).toBe('ok');
    expect(answer.place.url.href).toBe(`http://${home.host}/end`);
    const seen = [...home.asked.slice(0, 2), ...other.asked, ...home.asked.slice(2)];
    expect(seen.map(({ url, headers: { authorization } }) => [url, authorization])).toEqual([
      ['/start', secret.authorization],
      ['/next', secret.authorization],
      ['/back', undefined],
      ['/end', undefined],
    ]);
    expect(seen.map((asked) => asked.headers['x-amz-security-token'] !== undefined)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(allOf(seen, (asked) => asked.headers.range === 'bytes=0-1')).toBe(true);
  });

  it('is followed five times and no more', async () => {
    await using server = await startScriptedServer((request, response) => {
      redirect(response, 302, `/${Number(request.url?.slice(1)) + 1}`);
    });
    await using client = open();
    await expect(get(client, server.host, '/0', { isBulk })).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('redirects too often') as string,
      hint: expect.stringContaining('the bucket, or a proxy in front of it, does not follow the specification of buckets') as string,
    }); // prettier-ignore
    expect(server.asked.map(({ url }) => url)).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });

  it.each(['file:///etc/passwd', 'http://user:pw@127.0.0.1:1/', 'javascript:alert(1)', 'ftp://127.0.0.1/x'])(
    'to %s is refused',
    async (location) => {
      await using server = await startScriptedServer((_request, response) => redirect(response, 302, location));
      await using client = open();
      await expect(get(client, server.host, '/', { isBulk })).rejects.toMatchObject({ failure: { retryable: false } });
      expect(server.asked).toHaveLength(1);
    },
  );

  it('is returned as it is where it is asked for', async () => {
    await using server = await startScriptedServer((_request, response) => redirect(response, 302, '/elsewhere'));
    await using client = open();
    const answer = await get(client, server.host, '/', { isBulk, redirect: 'manual' });
    expect(answer).toMatchObject({ status: 302, headers: { location: '/elsewhere' } });
    await answer.discard();
  });
});

describe('a body', () => {
  it('is sent again to where 307 and 308 point, and nowhere else', async () => {
    for (const status of [301, 302, 303, 307, 308]) {
      const bodies: string[] = [];
      await using server = await startScriptedServer(async (request, response) => {
        bodies.push(`${request.method} ${request.url} ${(await drain(request)).toString()}`);
        if (request.url === '/a') redirect(response, status, '/b');
        else response.writeHead(201, { 'content-length': 0 }).end();
      });
      await using client = open();
      const body = Buffer.from('content');
      const answer = await client.request({ method: 'PUT', kind: 'test', place: at(server.host, '/a'), body });
      await answer.discard();
      const follows = status >= 307;
      expect(answer.status).toBe(follows ? 201 : status);
      expect(bodies).toEqual(follows ? ['PUT /a content', 'PUT /b content'] : ['PUT /a content']);
    }
  });

  it('that is a stream is sent once: its redirect is returned', async () => {
    await using server = await startScriptedServer(async (request, response) => {
      await drain(request);
      redirect(response, 307, '/b');
    });
    await using client = open();
    const body = { length: bytes.length, chunks: bytesOf(bytes) };
    const answer = await client.request({ method: 'PUT', kind: 'test', place: at(server.host, '/a'), body });
    await answer.discard();
    expect(answer.status).toBe(307);
    expect(server.asked).toHaveLength(1);
  });
});

describe('ten large answers', () => {
  async function requestsFor(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
    await using server = await startScriptedServer(answer);
    await using client = open();
    for (let nth = 0; nth < 10; nth++) {
      const got = await get(client, server.host, `/${nth}`, { isBulk: true });
      expect((await readBody(got, 1_000_000)).equals(bytes)).toBe(true);
    }
    return server.asked.length;
  }

  it('cost ten requests, with a length or without', async () => {
    expect(await requestsFor((_, response) => response.writeHead(200, { 'content-length': bytes.length }).end(bytes))).toBe(10); // prettier-ignore
    expect(await requestsFor((_, response) => response.writeHead(200).end(bytes))).toBe(10);
  });

  it('cost one more from an origin that answers in HTTP/1.0: it is remembered', async () => {
    const paths: string[] = [];
    await using server = await startRawServer((socket) => {
      socket.on('data', (data: Buffer) => {
        paths.push(data.toString().split(' ')[1] ?? '');
        socket.end(Buffer.concat([Buffer.from(`HTTP/1.0 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`), bytes]));
      });
    });
    const events: RequestEvent[] = [];
    await using client = open({ onRequest: (event) => events.push(event) });
    for (let nth = 0; nth < 10; nth++) {
      const got = await get(client, server.host, `/${nth}`, { isBulk: true });
      expect((await readBody(got, 1_000_000)).equals(bytes)).toBe(true);
    }
    expect(paths).toEqual(['/0', ...Array.from({ length: 10 }, (_, nth) => `/${nth}`)]);
    expect(events.map(({ status }) => status)).toEqual([0, ...Array.from({ length: 10 }, () => 200)]);
    expect(events.at(-1)?.url).toBe(`http://${server.host}/9`);
    expect(Math.min(...events.map(({ durationMs }) => durationMs))).toBeGreaterThan(0);
  });

  it('share one connection when they are chunked', async () => {
    const sockets = new Set<unknown>();
    await requestsFor((request, response) => {
      sockets.add(request.socket);
      response.writeHead(200).end(bytes);
    });
    expect(sockets.size).toBe(1);
  });
});

it('uploads generally to an origin whose answer did not fit, from the second time on', async () => {
  let connections = 0;
  await using server = await startRawServer((socket) => {
    connections++;
    let length = 0;
    socket.on('data', (data: Buffer) => {
      length += data.length;
      if (length > bytes.length) socket.end('HTTP/1.0 201 Created\r\ncontent-length: 0\r\n\r\n');
    });
  });
  await using client = open();
  const upload = (): Promise<Answer> =>
    client.request({
      method: 'PUT',
      kind: 'test',
      place: at(server.host, '/'),
      body: { length: bytes.length, chunks: bytesOf(bytes) },
    });
  await expect(upload()).rejects.toMatchObject({ failure: { status: 0, retryable: true } });
  const answer = await upload();
  await answer.discard();
  expect(answer.status).toBe(201);
  expect(connections).toBe(2);
});

it('shows validators and ranges, and sends what makes a request conditional', async () => {
  await using server = await startScriptedServer((request, response) => {
    expect(request.headers['if-match']).toBe('"v1"');
    const body = bytes.subarray(10, 20);
    const range = `bytes 10-19/${bytes.length}`;
    response.writeHead(206, { etag: '"v1"', 'content-range': range, 'content-length': body.length }).end(body);
  });
  await using client = open();
  for (const isBulk of [true, false]) {
    const answer = await get(client, server.host, '/', {
      headers: { range: 'bytes=10-19', 'if-match': '"v1"' },
      isBulk,
    });
    expect(answer.headers).toMatchObject({ etag: '"v1"', 'content-range': `bytes 10-19/${bytes.length}` });
    expect((await readBody(answer, 100)).equals(bytes.subarray(10, 20))).toBe(true);
  }
});

describe('an answer that names an encoding', () => {
  async function answered(body: Buffer, read: (answer: Answer) => Promise<Buffer>, isBulk = false): Promise<Buffer> {
    await using server = await startScriptedServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': body.length }).end(body);
    });
    await using client = open();
    return await read(await get(client, server.host, '/', { isBulk }));
  }

  it('is passed on as it came', async () => {
    for (const isBulk of [true, false]) {
      expect((await answered(bytes, (answer) => readBody(answer, 1_000_000), isBulk)).equals(bytes)).toBe(true);
    }
  });

  it('is JSON where it reads as JSON, and else an error that names the encoding', async () => {
    const json = Buffer.from(' {"a":1}');
    expect(await answered(json, (answer) => readJson(answer, 100))).toEqual(json);
    await expect(answered(Buffer.of(0x1f, 0x8b), (answer) => readJson(answer, 100))).rejects.toMatchObject({
      message: expect.stringContaining('Content-Encoding gzip') as string,
    });
  });
});

it('explains a status with at most 64 KiB, and with nothing when that breaks off', async () => {
  await using server = await startScriptedServer((request, response) => {
    response.writeHead(500, { 'content-length': 1_000_000 });
    response.write(Buffer.alloc(request.url === '/cut' ? 100 : 200_000, 'x'));
    if (request.url === '/cut') setTimeout(() => response.destroy(), 20);
  });
  await using client = open();
  const long = await readExplanation(await get(client, server.host, '/'));
  expect(long.length).toBeGreaterThanOrEqual(64 * 1024);
  expect(long.length).toBeLessThan(512 * 1024);
  expect(await readExplanation(await get(client, server.host, '/cut'))).toHaveLength(0);
});

it('lends the same memory again and again on the fast path', async () => {
  const large = randomBytes(6_000_000);
  await using server = await startScriptedServer((_, response) => {
    response.writeHead(200, { 'content-length': large.length }).end(large);
  });
  await using client = open();
  const answer = await get(client, server.host, '/', { isBulk: true });
  const memory = new Set<unknown>();
  const hash = createHash('sha256');
  for await (const chunk of answer.body) {
    memory.add(chunk.buffer);
    hash.update(chunk);
  }
  expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
  expect(memory.size).toBeLessThanOrEqual(3);
});

it.each([true, false])(
  'tells of each exchange what went over the wire, of one that failed too: bulk %s',
  async (isBulk) => {
    const events: RequestEvent[] = [];
    await using client = open({ onRequest: (event) => events.push(event) });
    {
      await using server = await startScriptedServer((_, response) => void response.end('four'));
      const answer = await get(client, server.host, '/a?secret=s3cret', { isBulk });
      expect((await readBody(answer, 100)).toString()).toBe('four');
      await using broken = await startScriptedServer((request) => void request.socket.destroy());
      await expect(get(client, broken.host, '/b', { isBulk })).rejects.toThrow();
    }
    const told = events.map(({ method, status, bytesIn, bytesOut, url }) => [method, status, bytesIn, bytesOut, url.includes('s3cret')]); // prettier-ignore
    expect(told[0]).toEqual(['GET', 200, 4, 0, false]);
    expect(told.at(-1)).toEqual(['GET', 0, 0, 0, false]);
  },
);
