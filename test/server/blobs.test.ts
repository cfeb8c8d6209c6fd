/** Pulling blobs over real HTTP: whole, by range, conditionally; the conformance suite's checks. */
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { hexOf } from '../../src/oci/digest.ts';
import { errorCodes, send, type RawAnswer } from '../helpers/raw-http.ts';
import { pushBlob, pushSample } from '../helpers/push-sample.ts';
import { makeImage, unknownDigest } from '../helpers/sample-image.ts';
import { makeBlob, noise } from '../helpers/sample-layer.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const registry = useRegistry();
const content = noise('blob', 3000);
const blob = makeBlob('application/octet-stream', content);
const path = `/v2/team/app/blobs/${blob.descriptor.digest}`;
const get = (headers: Record<string, string> = {}): Promise<RawAnswer> => send(registry.url, 'GET', path, { headers });

beforeEach(async () => {
  await pushBlob(`${registry.url}/v2/team/app`, blob);
});

test('GET gives exactly the blob', async () => {
  const answer = await get();
  expect(answer.status).toBe(200);
  expect(answer.body.equals(content)).toBe(true);
  expect(answer.headers).toMatchObject({
    'content-length': '3000',
    'content-type': 'application/octet-stream',
    'docker-content-digest': blob.descriptor.digest,
    'accept-ranges': 'bytes',
    etag: `"${blob.descriptor.digest}"`,
    'docker-distribution-api-version': 'registry/2.0',
  });
});

test('HEAD gives the length and no body, whatever range is asked for', async () => {
  for (const headers of [{}, { Range: 'bytes=0-1' }]) {
    const answer = await send(registry.url, 'HEAD', path, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBe('3000');
    expect(answer.body).toHaveLength(0);
  }
});

test.each([
  ['bytes=500-1499', 500, 1499],
  ['bytes=500-', 500, 2999],
  ['bytes=-500', 2500, 2999],
  ['bytes=2000-5000', 2000, 2999],
])('range %s', async (range, first, last) => {
  const answer = await get({ Range: range });
  expect(answer.status).toBe(206);
  expect(answer.headers['content-range']).toBe(`bytes ${first}-${last}/3000`);
  expect(answer.headers['content-length']).toBe(`${last - first + 1}`);
  expect(answer.body.equals(content.subarray(first, last + 1))).toBe(true);
});

test.each(['bytes=500-0', 'bytes=3000-4000'])('range %s is refused with the length', async (range) => {
  const answer = await get({ Range: range });
  expect(answer.status).toBe(416);
  expect(answer.headers['content-range']).toBe('bytes */3000');
  expect(errorCodes(answer)).toEqual(['RANGE_INVALID']);
});

test('If-Range with another entity asks for everything', async () => {
  expect((await get({ Range: 'bytes=0-1', 'If-Range': '"other"' })).status).toBe(200);
  expect((await get({ Range: 'bytes=0-1', 'If-Range': `"${blob.descriptor.digest}"` })).status).toBe(206);
  // A weak tag cannot vouch for single bytes.
  expect((await get({ Range: 'bytes=0-1', 'If-Range': `W/"${blob.descriptor.digest}"` })).status).toBe(200);
});

test('If-None-Match with the digest gives 304 without a body', async () => {
  const answer = await get({ 'If-None-Match': `"x", "${blob.descriptor.digest}"` });
  expect(answer.status).toBe(304);
  expect(answer.body).toHaveLength(0);
  expect((await get({ 'If-None-Match': '"x"' })).status).toBe(200);
  for (const fresh of [`W/"${blob.descriptor.digest}"`, `W/"x",W/"${blob.descriptor.digest}"`, '*']) {
    expect([fresh, (await get({ 'If-None-Match': fresh })).status]).toEqual([fresh, 304]);
  }
  for (const stale of [blob.descriptor.digest, `w/"${blob.descriptor.digest}"`, `"${blob.descriptor.digest}x"`]) {
    expect([stale, (await get({ 'If-None-Match': stale })).status]).toEqual([stale, 200]);
  }
});

test('a blob of several read sizes arrives whole, and many of its ranges at once', async () => {
  const large = makeBlob('application/octet-stream', noise('large', 2_500_001));
  await pushBlob(`${registry.url}/v2/team/app`, large);
  const largePath = `/v2/team/app/blobs/${large.descriptor.digest}`;
  expect((await send(registry.url, 'GET', largePath)).body.equals(large.bytes)).toBe(true);
  const starts = Array.from({ length: 20 }, (_, index) => index * 125_000);
  const parts = await Promise.all(
    starts.map((start) =>
      send(registry.url, 'GET', largePath, {
        headers: { Range: `bytes=${start}-${start === 2_375_000 ? '' : start + 124_999}` },
      }),
    ),
  );
  expect(Buffer.concat(parts.map((part) => part.body)).equals(large.bytes)).toBe(true);
});

test('the empty blob is a blob', async () => {
  const empty = makeBlob('application/octet-stream', Buffer.alloc(0));
  await pushBlob(`${registry.url}/v2/team/app`, empty);
  const answer = await send(registry.url, 'GET', `/v2/team/app/blobs/${empty.descriptor.digest}`);
  expect(answer.status).toBe(200);
  expect(answer.headers['content-length']).toBe('0');
});

test('a repository serves only what was pushed to it', async () => {
  await pushSample(registry.url, 'team/other', makeImage());
  const answer = await send(registry.url, 'GET', path.replace('team/app', 'team/other'));
  expect(answer.status).toBe(404);
  expect(errorCodes(answer)).toEqual(['BLOB_UNKNOWN']);
  expect(errorCodes(await send(registry.url, 'GET', path.replace('team/app', 'team/none')))).toEqual(['NAME_UNKNOWN']);
});

test('unknown blobs and bad digests', async () => {
  expect(errorCodes(await send(registry.url, 'GET', `/v2/team/app/blobs/${unknownDigest()}`))).toEqual([
    'BLOB_UNKNOWN',
  ]);
  expect(errorCodes(await send(registry.url, 'GET', `/v2/team/app/blobs/sha512:${'a'.repeat(128)}`))).toEqual([
    'BLOB_UNKNOWN',
  ]);
  for (const digest of [
    'sha256:baddigeststring',
    `sha512:${'a'.repeat(64)}`,
    `sha384:${'a'.repeat(96)}`,
    blob.descriptor.digest.toUpperCase(),
  ]) {
    const answer = await send(registry.url, 'GET', `/v2/team/app/blobs/${digest}`);
    expect(answer.status).toBe(400);
    expect(errorCodes(answer)).toEqual(['DIGEST_INVALID']);
  }
});

test('manifests can be read as blobs', async () => {
  const image = makeImage();
  await pushSample(registry.url, 'team/app', image);
  const answer = await send(registry.url, 'GET', `/v2/team/app/blobs/${image.descriptor.digest}`);
  expect(answer.body.equals(image.bytes)).toBe(true);
});

test('blobs are never deleted', async () => {
  const answer = await send(registry.url, 'DELETE', path);
  expect(answer.status).toBe(405);
  expect(answer.headers.allow).toBe('GET, HEAD');
  expect(errorCodes(answer)).toEqual(['UNSUPPORTED']);
  expect((await get()).status).toBe(200);
});

test('the percent-encoded form of a digest is the same digest', async () => {
  expect((await send(registry.url, 'GET', path.replace('sha256:', 'sha256%3A'))).status).toBe(200);
});

test('a reader that goes away in the middle leaves the registry well', async () => {
  const large = makeBlob('application/octet-stream', noise('gone', 32 * 1024 * 1024));
  await pushBlob(`${registry.url}/v2/team/app`, large);
  const largePath = `/v2/team/app/blobs/${large.descriptor.digest}`;
  const abort = new AbortController();
  const response = await fetch(registry.url + largePath, { signal: abort.signal });
  await response.body?.getReader().read();
  abort.abort();
  await expect.poll(() => registry.requests.at(-1)?.path).toBe(largePath);
  expect(registry.requests.at(-1)?.bytesOut).toBeLessThan(large.bytes.length);
  expect((await send(registry.url, 'GET', largePath)).body.equals(large.bytes)).toBe(true);
});

test('a file cut on disk serves what its length says', async () => {
  await truncate(join(registry.directory, 'blobs', 'sha256', hexOf(blob.descriptor.digest)), 100);
  expect((await get()).headers['content-length']).toBe('100');
  // Pushing it again heals it.
  const started = await send(registry.url, 'POST', '/v2/team/app/blobs/uploads/');
  await send(registry.url, 'PUT', `${started.headers.location}?digest=${blob.descriptor.digest}`, { body: content });
  expect((await get()).body.equals(content)).toBe(true);
});
