/** Hostile URLs, sent as they are: nothing outside the grammar gets through, and nothing outside the directory is touched. */
import fc from 'fast-check';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/server/client-refusal.ts';
import { isRepositoryName, parseRoute, type Route } from '../../src/server/route.ts';
import { errorCodes, send } from '../helpers/raw-http.ts';
import { unknownDigest } from '../helpers/sample-image.ts';
import { useRegistry } from '../helpers/use-registry.ts';

const digest = unknownDigest();

test.each<[string, Route]>([
  ['/v2', { kind: 'ping' }],
  ['/v2/', { kind: 'ping' }],
  ['/v2/_catalog', { kind: 'catalog' }],
  ['/v2/a/b.c/d__e/f--g/tags/list', { kind: 'tags', name: 'a/b.c/d__e/f--g' }],
  ['/v2/a/manifests/V1.0_x-y', { kind: 'manifest', name: 'a', reference: { tag: 'V1.0_x-y' } }],
  [`/v2/a/manifests/${digest}`, { kind: 'manifest', name: 'a', reference: { digest } }],
  [`/v2/a/blobs/${digest}`, { kind: 'blob', name: 'a', digest }],
  ['/v2/a/blobs/uploads/', { kind: 'uploads', name: 'a' }],
  ['/v2/a/blobs/uploads', { kind: 'uploads', name: 'a' }],
  ['/v2/a/blobs/uploads/some-id', { kind: 'upload', name: 'a', id: 'some-id' }],
  [`/v2/a/referrers/${digest}`, { kind: 'referrers', name: 'a', digest }],
  ['/v2/tags/list/tags/list', { kind: 'tags', name: 'tags/list' }],
  ['/v2/manifests/manifests/manifests', { kind: 'manifest', name: 'manifests', reference: { tag: 'manifests' } }],
])('%s', (path, route) => {
  expect(parseRoute(path)).toEqual(route);
});

test.each([
  ['/v2/a/blobs/x', { digest: 'x' }],
  [`/v2/a/blobs/${'x'.repeat(201)}`, { digest: 'x'.repeat(200) }],
  [`/v2/${'x'.repeat(256)}/tags/list`, { name: 'x'.repeat(255) }],
  [`/v2/a/manifests/${'x'.repeat(201)}`, { tag: 'x'.repeat(200) }],
  [`/v1/${'x'.repeat(200)}`, { path: `/v1/${'x'.repeat(196)}` }],
])('what is refused of %s is repeated up to a length', (path, detail) => {
  expect(() => parseRoute(path)).toThrow(expect.objectContaining({ detail }) as Error);
});

const HOSTILE_NAMES = [
  '..', '../..', 'a/../b', 'a/./b', '%2e%2e', '%2e%2e%2fetc', '..%2f..', 'a//b', '', '/', 'a/', '.hidden', '_blobs', 'a/_tags',
  'A', 'a_.b', 'a..b', 'a___b', '-a', 'a-', 'a\\b', 'a%00b', 'a%0ab', 'a b', 'ä', '%E4', '%', '%c0%ae%c0%ae', 'a:5000/b', 'c:',
  'x'.repeat(256), `${'x/'.repeat(200)}x`,
]; // prettier-ignore

describe('a hostile name', () => {
  const registry = useRegistry();

  test.each(HOSTILE_NAMES)('%j is refused everywhere', async (name) => {
    const outside = join(dirname(registry.directory), 'outside');
    await writeFile(outside, 'not yours');
    const before = await readdir(registry.directory, { recursive: true });
    const raw = encodeURI(name).replaceAll('%25', '%');
    for (const [method, rest] of [
      ['GET', 'tags/list'],
      ['GET', 'manifests/latest'],
      ['PUT', 'manifests/latest'],
      ['GET', `blobs/${digest}`],
      ['POST', 'blobs/uploads/'],
      ['GET', `referrers/${digest}`],
    ] as const) {
      const answer = await send(registry.url, method, `/v2/${raw}/${rest}`);
      expect(answer.status, `${method} ${raw}/${rest}`).toBeGreaterThanOrEqual(400);
      expect(answer.status, `${method} ${raw}/${rest}`).toBeLessThan(500);
      expect(['NAME_INVALID', 'UNSUPPORTED']).toContain(errorCodes(answer)[0]);
    }
    expect(await readdir(registry.directory, { recursive: true })).toEqual(before);
  });

  test.each(['..', '.', '..%2f..%2fx', 'a%2fb', '-a', '%00', 'a%20b', 'a'.repeat(129)])(
    'tag %s is no tag',
    async (tag) => {
      const answer = await send(registry.url, 'GET', `/v2/a/manifests/${tag}`);
      expect([400, 404]).toContain(answer.status);
    },
  );

  test.each([
    '/',
    '/v1/',
    '/v2/a',
    '/v3/a/tags/list',
    '/v2/../etc/passwd',
    '//v2/',
    '/v2/a/blobs',
    '/v2/a/manifests/x/y',
  ])('%s is no resource', async (path) => {
    const answer = await send(registry.url, 'GET', path);
    expect([400, 404]).toContain(answer.status);
    expect(errorCodes(answer)).toHaveLength(1);
  });
});

test('whatever the path, a name that comes out is a name', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '/',
    '%2f',
    '%2e',
    'a',
    '_',
    '-',
    'tags/list',
    'manifests/',
    'blobs/',
    'uploads/',
    digest,
    '\\',
  );
  const path = fc
    .array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 12 })
    .map((parts) => `/v2/${parts.join('')}`);
  fc.assert(
    fc.property(path, (text) => {
      try {
        const route = parseRoute(text);
        if ('name' in route) expect(isRepositoryName(route.name)).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test('a name of 255 characters works, nested as deep as it goes', async () => {
  expect(isRepositoryName('x'.repeat(255))).toBe(true);
  expect(isRepositoryName(`${'x/'.repeat(127)}x`)).toBe(true);
  expect(isRepositoryName('x'.repeat(256))).toBe(false);
});
