/** Ranges hashed on threads: the same digests as node's own, and threads that end when they should. */
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashRanges } from '../../../src/archive/hashing/hash-ranges.ts';
import type { ByteRange } from '../../../src/archive/hashing/hash-thread.ts';
import { wholeFile } from '../../../src/archive/source/file-slices.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { rejectionOf } from '../failures.ts';

const MEBIBYTE = 1024 * 1024;
/** A hole that nobody can hash before a test has timed out. */
const HUGE_BYTES = 1024 ** 4;
const temp = useTempDir();
const content = noise('hashing', 40 * MEBIBYTE);
let fd: number;

beforeEach(() => {
  fd = openSync(temp.join('file'), 'w+');
});
afterEach(() => {
  closeSync(fd);
});

function fill(bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

function digestsOf(ranges: readonly ByteRange[]): readonly string[] {
  return ranges.map(({ offset, length }) => sha256(content.subarray(offset, offset + length)));
}

function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort').length;
}

describe('ranges', () => {
  const sizes = [1, 0, 511, 512, 262_143, 262_144, 262_145, MEBIBYTE, 7 * MEBIBYTE, 20 * MEBIBYTE];

  test('large ones have the digests node gives, in the order asked for', async () => {
    fill(content);
    const ranges = sizes.map((length, index) => ({ offset: index * 4_001, length }));
    const seen: number[] = [];
    expect(await hashRanges(wholeFile(fd), ranges, { onProgress: (bytes) => seen.push(bytes) })).toEqual(
      digestsOf(ranges),
    );
    expect(seen.at(-1)).toBe(sizes.reduce((sum, size) => sum + size));
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test('many small ones too, without threads and with them', async () => {
    fill(content);
    const few = Array.from({ length: 500 }, (_, index) => ({ offset: index * 1_000, length: index * 3 }));
    expect(await hashRanges(wholeFile(fd), few)).toEqual(digestsOf(few));
    const many = Array.from({ length: 1_600 }, (_, index) => ({ offset: index * 20_000, length: 20_000 }));
    expect(await hashRanges(wholeFile(fd), many)).toEqual(digestsOf(many));
  });

  test('those of a whole in several files have the digests of the whole, across the borders too', async () => {
    const borders = [0, 3, 256 * 1024 + 1, 20 * MEBIBYTE, content.length];
    using files = new DisposableStack();
    const slices = borders.slice(1).map((end, index) => {
      const offset = borders[index] ?? 0;
      writeFileSync(temp.join(`${index}`), content.subarray(offset, end));
      return { fd: files.adopt(openSync(temp.join(`${index}`), 'r'), closeSync), offset, length: end - offset };
    });
    const few = [{ offset: 0, length: 10 }, { offset: 256 * 1024 - 5, length: 20 }, { offset: 3, length: 0 }]; // prettier-ignore
    expect(await hashRanges(slices, few)).toEqual(digestsOf(few));
    const large = [{ offset: 1, length: 30 * MEBIBYTE }, { offset: 20 * MEBIBYTE, length: 20 * MEBIBYTE }]; // prettier-ignore
    expect(await hashRanges(slices, large)).toEqual(digestsOf(large));
    const past = [{ offset: content.length - 5, length: 100 }];
    expect(await hashRanges(slices, past)).toEqual(digestsOf(past));
  });

  test('one is hashed without a thread, however large', async () => {
    fill(content);
    const before = threads();
    const one = { offset: 0, length: 40 * MEBIBYTE };
    const alone = hashRanges(wholeFile(fd), [one]);
    const beside = threads();
    expect(await alone).toEqual(digestsOf([one]));
    expect(beside).toBe(before);
  });

  test('none give none', async () => {
    expect(await hashRanges(wholeFile(fd), [])).toEqual([]);
  });

  test('a file that is too short gives the digest of what there is', async () => {
    fill(content.subarray(0, 100));
    const [digest] = await hashRanges(wholeFile(fd), [{ offset: 50, length: 100 }]);
    expect(digest).toBe(sha256(content.subarray(50, 100)));
    const far = await hashRanges(wholeFile(fd), [{ offset: 90, length: 30 * MEBIBYTE }, { offset: 10 ** 9, length: 30 * MEBIBYTE }]); // prettier-ignore
    expect(far).toEqual([sha256(content.subarray(90, 100)), sha256('')]);
  });

  test('an abort stops within a moment and leaves no thread', async () => {
    ftruncateSync(fd, HUGE_BYTES);
    const before = threads();
    const controller = new AbortController();
    const hashing = rejectionOf(() =>
      hashRanges(wholeFile(fd), [{ offset: 0, length: HUGE_BYTES }], { signal: controller.signal }),
    );
    setTimeout(() => controller.abort(), 150);
    expect(await hashing).toMatchObject({ name: 'AbortError' });
    await expect.poll(threads).toBe(before);
  });

  test('a signal aborted beforehand reads nothing', async () => {
    expect(
      await rejectionOf(() => hashRanges(wholeFile(-1), [{ offset: 0, length: 1 }], { signal: AbortSignal.abort() })),
    ).toMatchObject({
      name: 'AbortError',
    });
  });

  test('a file that cannot be read is a failure of the store, with threads and without', async () => {
    await using folder = await open(temp.path, 'r');
    const failure = { name: 'StoreError', code: 'STORE_IO' };
    for (const length of [10, 30 * MEBIBYTE]) {
      const ranges = [{ offset: 0, length }, { offset: length, length }]; // prettier-ignore
      expect(await rejectionOf(() => hashRanges(wholeFile(folder.fd), ranges))).toMatchObject(failure);
    }
  });

  test('one thread that fails stops the others', async () => {
    ftruncateSync(fd, HUGE_BYTES);
    const endless = { offset: 0, length: HUGE_BYTES };
    const unreadable = { offset: 2 ** 53, length: HUGE_BYTES };
    // Ranges are taken in this order, the first by the main thread. One core has no other, which would be too late then.
    for (const ranges of [[unreadable, endless], ...(availableParallelism() > 1 ? [[endless, unreadable]] : [])]) {
      expect(await rejectionOf(() => hashRanges(wholeFile(fd), ranges))).toMatchObject({ code: 'STORE_IO' });
    }
  });
});
