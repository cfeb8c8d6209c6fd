/** Bytes of manifests that are kept: 4 MiB of them, the oldest going first. */
import { expect, test } from 'vitest';
import { sha256, type Digest } from '../../../../src/oci/digest.ts';
import { ManifestCache } from '../../../../src/stores/registry/manifests/manifest-cache.ts';

const MIB = 1024 * 1024;
const digestOf = (text: string): Digest => sha256(Buffer.from(text));
const [a, b, c, d] = [digestOf('a'), digestOf('b'), digestOf('c'), digestOf('d')];

test('bytes are kept by their digest, the first that were given for it', () => {
  const cache = new ManifestCache();
  const bytes = Buffer.from('a');
  cache.add(a, bytes);
  cache.add(a, Buffer.from('a'));
  expect(cache.get(a)).toBe(bytes);
  expect(cache.get(b)).toBeUndefined();
});

test('the oldest make room for the newest, no more of them than are in the way', () => {
  const cache = new ManifestCache();
  const held = (): boolean[] => [a, b, c, d].map((name) => cache.get(name) !== undefined);
  cache.add(a, Buffer.alloc(MIB));
  cache.add(b, Buffer.alloc(MIB));
  cache.add(a, Buffer.alloc(MIB)); // counted once
  cache.add(c, Buffer.alloc(2 * MIB));
  expect(held()).toEqual([true, true, true, false]);
  cache.add(d, Buffer.alloc(1));
  expect(held()).toEqual([false, true, true, true]);
  cache.add(a, Buffer.alloc(MIB));
  expect(held()).toEqual([true, false, true, true]);
});

test('one that is larger than all room is not kept, and one that fills it is', () => {
  const cache = new ManifestCache();
  cache.add(a, Buffer.alloc(1));
  cache.add(b, Buffer.alloc(4 * MIB + 1));
  expect([cache.get(a)?.length, cache.get(b)]).toEqual([1, undefined]);
  cache.add(c, Buffer.alloc(4 * MIB));
  expect([cache.get(a), cache.get(c)?.length]).toEqual([undefined, 4 * MIB]);
});
