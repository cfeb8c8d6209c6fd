/** The running registry: where it listens, what it refuses to change, what it tells, and how it ends. */
import { once } from 'node:events';
import { readdir, symlink } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ExitCode, exitCodeOf, UsageError } from '../../src/errors.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { startRegistry, type RequestRecord } from '../../src/server/embedded-registry.ts';
import { errorCodes, send } from '../helpers/raw-http.ts';
import { pushSample } from '../helpers/push-sample.ts';
import { makeArtifact, makeImage, unknownDigest } from '../helpers/sample-image.ts';
import { noise } from '../helpers/sample-layer.ts';
import { useTempDir } from '../helpers/temp.ts';

const temp = useTempDir();

describe('listening', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1', 'registry.example', '127.0.0.1.example', ''])(
    'beyond loopback (%j) must be allowed',
    async (host) => {
      const starting = startRegistry({ directory: temp.path, host });
      await expect(starting).rejects.toThrow(UsageError);
      await expect(starting.catch(exitCodeOf)).resolves.toBe(ExitCode.usage);
    },
  );

  test('beyond loopback works when allowed', async () => {
    await using registry = await startRegistry({ directory: temp.path, host: '0.0.0.0', allowNonLoopback: true });
    const port = registry.host.split(':')[1];
    expect((await send(`http://127.0.0.1:${port}`, 'GET', '/v2/')).status).toBe(200);
  });

  test.each(['127.0.0.1', '127.0.0.2', 'localhost'])('on loopback (%s) gives its address', async (host) => {
    await using registry = await startRegistry({ directory: temp.path, host });
    expect(registry.url).toBe(`http://${registry.host}`);
    expect(registry.host).toMatch(new RegExp(`^${host}:\\d+$`));
    const answer = await send(registry.url, 'GET', '/v2/');
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'docker-distribution-api-version': 'registry/2.0',
      'content-type': 'application/json',
    });
    expect(answer.body.toString()).toBe('{}');
  });

  test('on a taken port says so', async () => {
    await using registry = await startRegistry({ directory: temp.path });
    const port = Number(registry.host.split(':')[1]);
    await expect(startRegistry({ directory: temp.path, port })).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+/);
  });
});

describe('read-only', () => {
  test('serves everything and refuses every writing method', async () => {
    const image = makeImage();
    {
      await using writable = await startRegistry({ directory: temp.path });
      await pushSample(writable.url, 'app', image, ['1.0']);
      await pushSample(writable.url, 'app', makeArtifact('application/x', 'x', { subject: image }));
    }
    const before = await readdir(temp.path, { recursive: true });
    await using registry = await startRegistry({ directory: temp.path, readOnly: true });
    for (const path of [
      'manifests/1.0',
      'tags/list',
      `referrers/${image.descriptor.digest}`,
      `blobs/${image.descriptor.digest}`,
    ]) {
      expect((await send(registry.url, 'GET', `/v2/app/${path}`)).status).toBe(200);
    }
    for (const [method, path] of [
      ['PUT', 'manifests/1.0'],
      ['DELETE', 'manifests/1.0'],
      ['DELETE', `blobs/${unknownDigest()}`],
      ['POST', 'blobs/uploads/'],
      ['PATCH', 'blobs/uploads/x'],
      ['PUT', 'blobs/uploads/x'],
      ['DELETE', 'blobs/uploads/x'],
    ] as const) {
      const answer = await send(registry.url, method, `/v2/app/${path}`, { body: 'x' });
      expect([answer.status, answer.headers.allow, ...errorCodes(answer)]).toEqual([405, 'GET, HEAD', 'UNSUPPORTED']);
    }
    expect(await readdir(temp.path, { recursive: true })).toEqual(before);
  });
});

test('onRequest tells method, path, status and body bytes of every request', async () => {
  const records: RequestRecord[] = [];
  const content = noise('counted', 700_000);
  const digest = sha256(content);
  {
    await using registry = await startRegistry({ directory: temp.path, onRequest: (record) => records.push(record) });
    await send(registry.url, 'POST', `/v2/app/blobs/uploads/?digest=${digest}`, { body: content });
    await send(registry.url, 'GET', `/v2/app/blobs/${digest}`);
    await send(registry.url, 'HEAD', `/v2/app/blobs/${digest}`);
    await send(registry.url, 'GET', `/v2/app/blobs/${digest}`, { headers: { Range: 'bytes=10-19' } });
    await send(registry.url, 'TRACE', '/v2/');
  }
  const path = `/v2/app/blobs/${digest}`;
  expect(records.slice(0, 4)).toEqual([
    { method: 'POST', path: '/v2/app/blobs/uploads/', status: 201, bytesIn: content.length, bytesOut: 0 },
    { method: 'GET', path, status: 200, bytesIn: 0, bytesOut: content.length },
    { method: 'HEAD', path, status: 200, bytesIn: 0, bytesOut: 0 },
    { method: 'GET', path, status: 206, bytesIn: 0, bytesOut: 10 },
  ]);
  expect(records[4]).toMatchObject({ method: 'TRACE', status: 405 });
});

test('a failure of the registry itself is told and gives no path away', async () => {
  const errors: unknown[] = [];
  await using registry = await startRegistry({ directory: temp.path, onError: (error) => errors.push(error) });
  await pushSample(registry.url, 'app', makeImage(), ['1.0']);
  await symlink('broken', temp.join('repositories', 'app', '_tags', 'broken'));
  const answer = await send(registry.url, 'GET', '/v2/app/manifests/broken');
  expect([answer.status, ...errorCodes(answer)]).toEqual([500, 'UNKNOWN']);
  expect(answer.body.toString()).not.toContain(temp.path);
  expect(errors).toMatchObject([{ code: 'ELOOP', message: expect.stringContaining(temp.path) as string }]);
});

describe('close', () => {
  test('ends idle keep-alive connections at once, and may be called twice', async () => {
    const tookMs: number[] = [];
    // A busy machine may delay one of them; the grace for requests under way, two seconds, would delay each.
    for (let round = 0; round < 5; round++) {
      const registry = await startRegistry({ directory: temp.path });
      const agent = new Agent({ keepAlive: true });
      await send(registry.url, 'GET', '/v2/', { agent });
      const started = performance.now();
      await Promise.all([registry.close(), registry.close()]);
      await registry.close();
      tookMs.push(performance.now() - started);
      agent.destroy();
      await expect(send(registry.url, 'GET', '/v2/')).rejects.toThrow(/ECONNREFUSED/);
    }
    expect(Math.min(...tookMs)).toBeLessThan(1500);
  });

  test('lets a request under way end', async () => {
    const registry = await startRegistry({ directory: temp.path });
    const content = noise('closing', 500_000);
    const { hostname, port } = new URL(registry.url);
    const path = `/v2/app/blobs/uploads/?digest=${sha256(content)}`;
    const upload = request({ hostname, port, method: 'POST', path, headers: { 'Content-Length': content.length } });
    upload.write(content.subarray(0, 1000));
    await expect.poll(() => readdir(temp.join('uploads'))).toHaveLength(1);
    const closing = registry.close();
    upload.end(content.subarray(1000));
    const [response] = (await once(upload, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(201);
    await closing;
  });

  test('cuts a request that never ends, and lets go of the directory', async () => {
    const registry = await startRegistry({ directory: temp.path });
    const { hostname, port } = new URL(registry.url);
    const path = `/v2/app/blobs/uploads/?digest=${unknownDigest()}`;
    const upload = request({ hostname, port, method: 'POST', path, headers: { 'Content-Length': 1000 } });
    const failed = once(upload, 'error');
    upload.write('only this');
    await expect.poll(() => readdir(temp.join('uploads'))).toHaveLength(1);
    await registry.close();
    await failed;
    expect(await readdir(temp.join('uploads'))).toEqual([]);
  });
});

test('a silent connection is cut', async () => {
  await using registry = await startRegistry({ directory: temp.path, idleTimeoutMs: 100 });
  const { hostname, port } = new URL(registry.url);
  const socket = connect(Number(port), hostname);
  socket.resume();
  socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  await once(socket, 'close');
  expect(socket.bytesRead).toBe(0);
});

test('headers without end are refused', async () => {
  await using registry = await startRegistry({ directory: temp.path });
  const answer = await send(registry.url, 'GET', '/v2/', { headers: { 'X-Large': 'x'.repeat(40_000) } });
  expect(answer.status).toBe(431);
});
