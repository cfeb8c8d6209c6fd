/** Pushing blobs over real HTTP: in one request, in two, in chunks, by mount; and every way that goes wrong. */
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hexOf, registeredDigestOf, sha256 } from '../../src/oci/digest.ts';
import { toRefusal } from '../../src/server/client-refusal.ts';
import { openStorage } from '../../src/server/directory/storage.ts';
import { startRegistry, type EmbeddedRegistry } from '../../src/server/embedded-registry.ts';
import { Exchange } from '../../src/server/request-exchange.ts';
import { Uploads } from '../../src/server/uploads.ts';
import { errorCodes, send, type RawAnswer } from '../helpers/raw-http.ts';
import { unknownDigest } from '../helpers/sample-image.ts';
import { noise } from '../helpers/sample-layer.ts';
import { useTempDir } from '../helpers/temp.ts';
import { mountTmpfs } from '../helpers/tmpfs.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const registry = useRegistry();
const content = noise('upload', 1000);
const digest = sha256(content);
const uploads = '/v2/team/app/blobs/uploads/';
const blobPath = `/v2/team/app/blobs/${digest}`;

async function start(path = uploads): Promise<string> {
  const answer = await send(registry.url, 'POST', path);
  expect(answer.status).toBe(202);
  return answer.headers.location ?? '';
}
const patch = (location: string, body: Buffer, range?: string): Promise<RawAnswer> =>
  send(registry.url, 'PATCH', location, { body, headers: range === undefined ? {} : { 'Content-Range': range } });
const put = (location: string, body?: Buffer): Promise<RawAnswer> =>
  send(registry.url, 'PUT', `${location}?digest=${digest}`, { body });
const pulled = async (path = blobPath): Promise<boolean> =>
  (await send(registry.url, 'GET', path)).body.equals(content);
const leftovers = (): Promise<string[]> => readdir(join(registry.directory, 'uploads'));

test('POST, then PUT with the whole blob', async () => {
  const answer = await put(await start(), content);
  expect(answer.status).toBe(201);
  expect(answer.headers).toMatchObject({ location: blobPath, 'docker-content-digest': digest });
  expect(await pulled()).toBe(true);
  expect(await leftovers()).toEqual([]);
});

test('POST with the digest and the whole blob', async () => {
  const answer = await send(registry.url, 'POST', `${uploads}?digest=${digest}`, { body: content });
  expect(answer.status).toBe(201);
  expect(answer.headers.location).toBe(blobPath);
  expect(await pulled()).toBe(true);
});

test('a single POST with the wrong digest leaves nothing', async () => {
  const answer = await send(registry.url, 'POST', `${uploads}?digest=${unknownDigest()}`, { body: content });
  expect(answer.status).toBe(400);
  expect(errorCodes(answer)).toEqual(['DIGEST_INVALID']);
  expect(await leftovers()).toEqual([]);
});

test('one streamed PATCH without a range, then an empty PUT, as skopeo and docker do', async () => {
  const location = await start();
  const pieces = [content.subarray(0, 10), content.subarray(10, 500), content.subarray(500)];
  const answer = await send(registry.url, 'PATCH', location, { body: pieces });
  expect(answer.status).toBe(202);
  expect(answer.headers.range).toBe('0-999');
  expect((await put(answer.headers.location ?? '')).status).toBe(201);
  expect(await pulled()).toBe(true);
});

test('chunks in order, with the state in between, the last one in the PUT', async () => {
  const location = await start();
  expect((await send(registry.url, 'GET', location)).headers.range).toBe('0-0');
  expect((await patch(location, content.subarray(0, 400), '0-399')).headers.range).toBe('0-399');
  const state = await send(registry.url, 'GET', location);
  expect(state.status).toBe(204);
  expect(state.headers).toMatchObject({ range: '0-399', location });
  expect((await patch(location, content.subarray(400, 800), '400-799')).status).toBe(202);
  const last = await send(registry.url, 'PUT', `${location}?digest=${digest}`, {
    body: content.subarray(800),
    headers: { 'Content-Range': '800-999' },
  });
  expect(last.status).toBe(201);
  expect(await pulled()).toBe(true);
});

test.each(['500-899', '0-399', '399-798'])(
  'a chunk out of order (%s) is refused and the upload goes on',
  async (range) => {
    const location = await start();
    await patch(location, content.subarray(0, 400), '0-399');
    const wrong = await patch(location, content.subarray(0, 400), range);
    expect(wrong.status).toBe(416);
    expect(wrong.headers).toMatchObject({ range: '0-399', location });
    await patch(location, content.subarray(400), '400-999');
    expect((await put(location)).status).toBe(201);
    expect(await pulled()).toBe(true);
  },
);

test('a chunk whose lengths disagree is refused', async () => {
  const location = await start();
  expect(errorCodes(await patch(location, content, '0-5'))).toEqual(['SIZE_INVALID']);
  expect(errorCodes(await patch(location, content, 'bytes'))).toEqual(['BLOB_UPLOAD_INVALID']);
  const streamed = await send(registry.url, 'PATCH', location, {
    body: [content],
    headers: { 'Content-Range': '0-5' },
  });
  expect(errorCodes(streamed)).toEqual(['SIZE_INVALID']);
  expect((await send(registry.url, 'GET', location)).status).toBe(404);
});

test('a digest mismatch removes the upload', async () => {
  const location = await start();
  const answer = await put(location, content.subarray(1));
  expect(answer.status).toBe(400);
  expect(errorCodes(answer)).toEqual(['DIGEST_INVALID']);
  expect(errorCodes(await put(location, content))).toEqual(['BLOB_UPLOAD_UNKNOWN']);
  expect((await send(registry.url, 'HEAD', blobPath)).status).toBe(404);
  expect(await leftovers()).toEqual([]);
});

test.each(['', '?digest=sha256:short', `?digest=sha512:${'0'.repeat(64)}`, `?digest=sha384:${'0'.repeat(96)}`])(
  'PUT with %j is refused',
  async (query) => {
    const location = await start();
    expect(errorCodes(await send(registry.url, 'PUT', location + query, { body: content }))).toEqual([
      'DIGEST_INVALID',
    ]);
    expect((await put(location, content)).status).toBe(201);
  },
);

describe('a blob named by sha512', () => {
  const longDigest = registeredDigestOf(content, 'sha512');
  const longPath = `/v2/team/app/blobs/${longDigest}`;

  test.each([
    ['nothing', ''],
    ['the algorithm', '?digest-algorithm=sha512'],
    ['the other algorithm', '?digest-algorithm=sha256'],
  ])('is taken after a start that announced %s, and served under that name alone', async (_, query) => {
    const location = await start(uploads + query);
    await patch(location, content.subarray(0, 400), '0-399');
    const answer = await send(registry.url, 'PUT', `${location}?digest=${longDigest}`, { body: content.subarray(400) });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({ location: longPath, 'docker-content-digest': longDigest });
    const pull = await send(registry.url, 'GET', longPath);
    expect(pull.body.equals(content)).toBe(true);
    expect(pull.headers).toMatchObject({ 'docker-content-digest': longDigest, etag: `"${longDigest}"` });
    expect((await send(registry.url, 'GET', blobPath)).status).toBe(404);
    expect(await leftovers()).toEqual([]);
  });

  test('is verified: other bytes are refused and leave nothing', async () => {
    const location = await start();
    const answer = await send(registry.url, 'PUT', `${location}?digest=${longDigest}`, { body: content.subarray(1) });
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await send(registry.url, 'GET', longPath)).status).toBe(404);
    expect(await leftovers()).toEqual([]);
  });

  test('is mounted', async () => {
    await send(registry.url, 'POST', `${uploads}?digest=${longDigest}`, { body: content });
    const mount = `/v2/team/second/blobs/uploads/?mount=${longDigest}&from=team/app`;
    expect((await send(registry.url, 'POST', mount)).status).toBe(201);
    expect(await pulled(`/v2/team/second/blobs/${longDigest}`)).toBe(true);
  });

  test('an algorithm that the registry does not know is refused before the upload', async () => {
    const answer = await send(registry.url, 'POST', `${uploads}?digest-algorithm=sha384`);
    expect([answer.status, ...errorCodes(answer)]).toEqual([400, 'DIGEST_INVALID']);
  });
});

test('an upload can be given up', async () => {
  const location = await start();
  await patch(location, content);
  expect((await send(registry.url, 'DELETE', location)).status).toBe(204);
  for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
    const answer = await send(registry.url, method, `${location}?digest=${digest}`);
    expect(answer.status).toBe(404);
    expect(errorCodes(answer)).toEqual(['BLOB_UPLOAD_UNKNOWN']);
  }
  expect(await leftovers()).toEqual([]);
});

test('an upload belongs to its repository', async () => {
  const location = await start();
  expect((await put(location.replace('team/app', 'team/other'), content)).status).toBe(404);
  expect((await put(location, content)).status).toBe(201);
});

test('a mount makes a blob of another repository ours, without bytes', async () => {
  await put(await start(), content);
  const mount = `/v2/team/second/blobs/uploads/?mount=${digest}&from=team/app`;
  const answer = await send(registry.url, 'POST', mount);
  expect(answer.status).toBe(201);
  expect(answer.headers.location).toBe(`/v2/team/second/blobs/${digest}`);
  expect(await pulled(`/v2/team/second/blobs/${digest}`)).toBe(true);
});

test.each([
  ['an unknown blob', `mount=${unknownDigest()}&from=team/app`],
  ['an unknown repository', `mount=${digest}&from=team/none`],
  ['a hostile repository', `mount=${digest}&from=../../team/app`],
  ['no repository', `mount=${digest}`],
  ['an unknown sha512 digest', `mount=sha512:${'0'.repeat(128)}&from=team/app`],
  ['another algorithm', `mount=sha384:${'0'.repeat(96)}&from=team/app`],
])('a mount of %s becomes an upload', async (_, query) => {
  await put(await start(), content);
  const location = await start(`/v2/team/second/blobs/uploads/?${query}`);
  expect((await put(location, content)).status).toBe(201);
});

test('a connection cut in the middle keeps what came, and the rest can follow', async () => {
  const location = await start();
  const { hostname, port } = new URL(registry.url);
  const cut = request({ hostname, port, method: 'PATCH', path: location, headers: { 'Content-Length': 1000 } });
  cut.on('error', () => undefined);
  cut.write(content.subarray(0, 300));
  const held = async (): Promise<string | undefined> => (await uploadSizes())[0];
  await expect.poll(held).toBe('300');
  cut.destroy();
  const state = await send(registry.url, 'GET', location);
  expect(state.headers.range).toBe('0-299');
  await patch(location, content.subarray(300), '300-999');
  expect((await put(location)).status).toBe(201);
  expect(await pulled()).toBe(true);
});

test('twenty concurrent pushes of one blob into four repositories', async () => {
  const large = noise('concurrent', 3_000_000);
  const largeDigest = sha256(large);
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const location = await start(`/v2/team/app${index % 4}/blobs/uploads/`);
      return send(registry.url, 'PUT', `${location}?digest=${largeDigest}`, { body: large });
    }),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(201));
  for (const index of [0, 1, 2, 3]) {
    const answer = await send(registry.url, 'GET', `/v2/team/app${index}/blobs/${largeDigest}`);
    expect(answer.body.equals(large)).toBe(true);
  }
  expect(await readdir(join(registry.directory, 'blobs', 'sha256'))).toEqual([hexOf(largeDigest)]);
  expect(await leftovers()).toEqual([]);
});

test('requests on one upload take turns', async () => {
  const location = await start();
  const answers = await Promise.all([
    patch(location, content.subarray(0, 400), '0-399'),
    patch(location, content.subarray(0, 400), '0-399'),
  ]);
  expect(answers.map((answer) => answer.status).sort()).toEqual([202, 416]);
});

test('a full disk is 507, keeps nothing, and passes', async () => {
  await using disk = await mountTmpfs({ maxBytes: 2 * 1024 * 1024 });
  const errors: unknown[] = [];
  await using small = await startRegistry({ directory: disk.path, onError: (error) => errors.push(error) });
  const large = noise('full', 4_000_000);
  const path = (body: Buffer): string => `${uploads}?digest=${sha256(body)}`;
  const answer = await send(small.url, 'POST', path(large), { body: large });
  expect([answer.status, ...errorCodes(answer)]).toEqual([507, 'UNKNOWN']);
  expect(errors).toHaveLength(1);
  expect(await readdir(join(disk.path, 'uploads'))).toEqual([]);
  const location = (await send(small.url, 'POST', uploads)).headers.location ?? '';
  expect((await send(small.url, 'PATCH', location, { body: large })).status).toBe(507);
  expect((await send(small.url, 'GET', location)).status).toBe(404);
  expect((await send(small.url, 'POST', path(content), { body: content })).status).toBe(201);
});

test('so many sessions may be open and no more, those excepted that have been idle for long', async () => {
  let nowMs = 0;
  const uploads = new Uploads(await openStorage(registry.directory, false), () => nowMs, 2);
  const server = createServer((incoming, response) => {
    const exchange = new Exchange(incoming, response);
    uploads.start('team/app', exchange).catch((error: unknown) => exchange.refuse(toRefusal(error)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const open = async (): Promise<unknown> => {
    const answer = await send(url, 'POST', '/v2/team/app/blobs/uploads/');
    return answer.status === 202 ? 202 : [answer.status, ...errorCodes(answer)];
  };
  expect([await open(), await open(), await open()]).toEqual([202, 202, [429, 'TOOMANYREQUESTS']]);
  nowMs = 60 * 60 * 1000 + 1;
  expect([await open(), await open(), await open()]).toEqual([202, 202, [429, 'TOOMANYREQUESTS']]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function uploadSizes(): Promise<string[]> {
  const directory = join(registry.directory, 'uploads');
  const stats = await Promise.all((await readdir(directory)).map((name) => stat(join(directory, name))));
  return stats.map((entry) => `${entry.size}`);
}

describe('a session that nothing was sent to', () => {
  const HOUR_MS = 60 * 60 * 1000;
  const temp = useTempDir();
  let nowMs: number;
  let idle: EmbeddedRegistry;
  beforeEach(async () => {
    nowMs = 1_000;
    idle = await startRegistry({ directory: temp.join('registry'), nowMs: () => nowMs });
  });
  afterEach(() => idle.close());

  const begin = async (): Promise<string> => (await send(idle.url, 'POST', uploads)).headers.location ?? '';
  const statusOf = async (location: string): Promise<number> => (await send(idle.url, 'GET', location)).status;

  test('for more than an hour is given up when another begins, with what it held', async () => {
    const location = await begin();
    expect((await send(idle.url, 'PATCH', location, { body: content })).status).toBe(202);
    nowMs += HOUR_MS + 1;
    const next = await begin();
    expect([await statusOf(location), await statusOf(next)]).toEqual([404, 204]);
    expect(await readdir(temp.join('registry', 'uploads'))).toHaveLength(0);
  });

  test('for an hour goes on, and each request begins the hour anew', async () => {
    const location = await begin();
    for (let hours = 0; hours < 3; hours++) {
      nowMs += HOUR_MS;
      await begin();
      expect(await statusOf(location)).toBe(204);
    }
    expect((await send(idle.url, 'PUT', `${location}?digest=${digest}`, { body: content })).status).toBe(201);
  });

  test('is left alone while a request is under way, however long that takes', async () => {
    const location = await begin();
    const { hostname, port } = new URL(idle.url);
    const slow = request({ hostname, port, method: 'PATCH', path: location });
    const answered = new Promise<number | undefined>((resolve, reject) => {
      slow.on('response', (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    slow.write(content.subarray(0, 400));
    await expect
      .poll(async () =>
        Promise.all(
          (await readdir(temp.join('registry', 'uploads'))).map(
            async (name) => (await stat(temp.join('registry', 'uploads', name))).size,
          ),
        ),
      )
      .toEqual([400]);
    nowMs += 5 * HOUR_MS;
    await begin();
    slow.end(content.subarray(400));
    expect(await answered).toBe(202);
    expect((await send(idle.url, 'PUT', `${location}?digest=${digest}`)).status).toBe(201);
  });
});
