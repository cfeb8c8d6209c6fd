/** The proxy's faults, met by a real HTTP client. */
import { once } from 'node:events';
import { createServer, get, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChaosProxy, type ChaosProxy } from './chaos-proxy.ts';

const BODY = Buffer.alloc(200_000, 'a');
let server: Server;
let port: number;
let uploaded = 0;

beforeAll(async () => {
  server = createServer((message, response) => {
    uploaded = 0;
    message.on('data', (chunk: Buffer) => (uploaded += chunk.length));
    message.on('end', () => response.end(BODY));
    // A cut upload is what some tests are about.
    message.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

interface Download {
  readonly body: Buffer;
  readonly error: string | undefined;
}

function download(proxy: ChaosProxy): Promise<Download> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const finish = (error?: NodeJS.ErrnoException): void => {
      resolve({ body: Buffer.concat(chunks), error: error?.code });
    };
    get({ port: proxy.port, host: '127.0.0.1', agent: false }, (response: IncomingMessage) => {
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', finish);
      response.on('end', () => {
        finish();
      });
    }).on('error', finish);
  });
}

describe('the proxy', () => {
  test('passes everything on without faults', async () => {
    await using proxy = await startChaosProxy(port);
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
    expect(proxy.counts).toMatchObject({ connections: 1, cuts: 0 });
    expect(proxy.counts.downloaded).toBeGreaterThan(BODY.length);
  });

  test('cuts after exactly so many bytes, so many times, then is sound', async () => {
    await using proxy = await startChaosProxy(port, { cutDownloadAfterBytes: 50_000, cuts: 2 });
    for (const attempt of [1, 2]) {
      const cut = await download(proxy);
      expect(cut.error).toBe('ECONNRESET');
      expect(cut.body.length).toBeLessThan(50_000);
      expect(proxy.counts).toMatchObject({ cuts: attempt, downloaded: attempt * 50_000 });
    }
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
  });

  test('ends a body too early without a reset', async () => {
    await using proxy = await startChaosProxy(port, { cutDownloadAfterBytes: 50_000, cutWith: 'end' });
    const cut = await download(proxy);
    expect(cut.error).toBe('ECONNRESET');
    expect(cut.body.length).toBeGreaterThan(49_000);
    expect(cut.body.length).toBeLessThan(50_000);
  });

  test('cuts an upload', async () => {
    await using proxy = await startChaosProxy(port, { cutUploadAfterBytes: 30_000 });
    const upload = request({ port: proxy.port, host: '127.0.0.1', method: 'PUT', agent: false });
    upload.end(BODY);
    const [error] = (await once(upload, 'error')) as [NodeJS.ErrnoException];
    expect(['ECONNRESET', 'EPIPE']).toContain(error.code);
    expect(proxy.counts.uploaded).toBe(30_000);
    expect(uploaded).toBeLessThan(30_000);
  });

  test('changes one bit of one byte', async () => {
    await using proxy = await startChaosProxy(port, { flipDownloadByteAt: 100_000 });
    const { body } = await download(proxy);
    expect([...body].filter((byte) => byte !== BODY[0])).toEqual(['`'.charCodeAt(0)]);
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
  });

  test('is slow', async () => {
    await using proxy = await startChaosProxy(port, { bytesPerSecond: 400_000 });
    const started = performance.now();
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(450);
  });

  test('is late', async () => {
    await using proxy = await startChaosProxy(port, { latencyMs: 60 });
    const started = performance.now();
    await download(proxy);
    expect(performance.now() - started).toBeGreaterThan(110);
  });

  test('refuses, and takes new orders while it runs', async () => {
    await using proxy = await startChaosProxy(port, { refuse: true });
    expect((await download(proxy)).error).toMatch(/ECONNRESET|EPIPE/);
    proxy.setFaults({});
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
    expect(proxy.counts.connections).toBe(1);
  });

  test('holds back everything after so many bytes, until it is told to go on', async () => {
    await using proxy = await startChaosProxy(port, { bytesPerSecond: 400_000, holdDownloadAfterBytes: 50_000 });
    let isOver = false;
    const held = download(proxy).finally(() => (isOver = true));
    await expect.poll(() => proxy.counts.downloaded).toBeGreaterThanOrEqual(50_000);
    const { downloaded } = proxy.counts;
    expect(downloaded).toBeLessThan(50_000 + 400_000 / 20);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect([isOver, proxy.counts.downloaded]).toEqual([false, downloaded]);
    proxy.setFaults({});
    expect((await held).body.equals(BODY)).toBe(true);
  });

  test('leads to another server, and to none', async () => {
    await using proxy = await startChaosProxy(1);
    proxy.setTarget(undefined);
    expect((await download(proxy)).error).toMatch(/ECONNRESET|EPIPE/);
    proxy.setTarget(port);
    expect((await download(proxy)).body.equals(BODY)).toBe(true);
  });

  test('cuts what is open on demand', async () => {
    await using proxy = await startChaosProxy(port, { bytesPerSecond: 20_000 });
    const slow = download(proxy);
    while (proxy.counts.downloaded === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    proxy.cutAll();
    expect((await slow).error).toBe('ECONNRESET');
  });
});
