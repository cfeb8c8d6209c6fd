/** Hashing what is being written: the digests node gives, and a thread only while it is needed. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GrowingFile } from '../../../src/archive/hashing/growing-hash.ts';
import { wholeFile } from '../../../src/archive/source/file-slices.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';
import { rejectionOf } from '../failures.ts';

const MEBIBYTE = 1024 * 1024;
const temp = useTempDir();
const content = noise('growing', 9 * MEBIBYTE);
let fd: number;

beforeEach(() => {
  fd = openSync(temp.join('file'), 'w+');
});
afterEach(() => {
  closeSync(fd);
});

function threads(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort').length;
}

test('pieces written by turns, large and small, have the digests node gives', async () => {
  await using file = new GrowingFile(wholeFile(fd));
  const pieces = [0, 1, 300_000, MEBIBYTE, MEBIBYTE + 1, 5 * MEBIBYTE].map((length, index) => ({
    length,
    offset: index * 6 * MEBIBYTE,
    hash: file.hashFrom(index * 6 * MEBIBYTE),
  }));
  for (let done = 0; done < 5 * MEBIBYTE; done += 123_457) {
    for (const { length, offset, hash } of pieces) {
      const part = content.subarray(done, Math.min(done + 123_457, length));
      if (part.length === 0) continue;
      writeSync(fd, part, 0, part.length, offset + done);
      hash.advance(offset + done + part.length);
    }
  }
  expect(await Promise.all(pieces.map(({ hash }) => hash.digest()))).toEqual(
    pieces.map(({ length }) => sha256(content.subarray(0, length))),
  );
});

test('less than a part is hashed without a thread', async () => {
  const before = threads();
  await using file = new GrowingFile(wholeFile(fd));
  writeSync(fd, content, 0, MEBIBYTE - 1, 0);
  const hash = file.hashFrom(0);
  hash.advance(MEBIBYTE - 1);
  expect(await hash.digest()).toBe(sha256(content.subarray(0, MEBIBYTE - 1)));
  expect(threads()).toBe(before);
});

test('a part is hashed by a thread, and giving up less than one starts none', async () => {
  const before = threads();
  await using file = new GrowingFile(wholeFile(fd));
  writeSync(fd, content, 0, MEBIBYTE, 0);
  const small = file.hashFrom(0);
  small.advance(MEBIBYTE - 1);
  small.drop();
  expect(threads()).toBe(before);
  const hash = file.hashFrom(0);
  hash.advance(MEBIBYTE);
  expect(threads()).toBeGreaterThan(before);
  expect(await hash.digest()).toBe(sha256(content.subarray(0, MEBIBYTE)));
});

test('a hash that is given up does not disturb the others', async () => {
  await using file = new GrowingFile(wholeFile(fd));
  writeSync(fd, content, 0, 3 * MEBIBYTE, 0);
  const [dropped, kept] = [file.hashFrom(0), file.hashFrom(0)];
  for (const hash of [dropped, kept]) hash.advance(2 * MEBIBYTE);
  dropped.drop();
  dropped.drop();
  kept.advance(3 * MEBIBYTE);
  expect(await kept.digest()).toBe(sha256(content.subarray(0, 3 * MEBIBYTE)));
});

test.each([10, 3 * MEBIBYTE])(
  'a file that ends before the %i bytes it should have is a failure of the store',
  async (length) => {
    await using file = new GrowingFile(wholeFile(fd));
    const hash = file.hashFrom(0);
    hash.advance(length);
    expect(await rejectionOf(() => hash.digest())).toMatchObject({ name: 'StoreError', code: 'STORE_IO' });
  },
);

test('closing ends the thread and fails who waits', async () => {
  const before = threads();
  const file = new GrowingFile(wholeFile(fd));
  writeSync(fd, content, 0, content.length, 0);
  const hash = file.hashFrom(0);
  for (let end = MEBIBYTE; end <= content.length; end += MEBIBYTE) hash.advance(end);
  const waiting = rejectionOf(() => hash.digest());
  await file[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
  expect(await waiting).toMatchObject({ code: 'STORE_IO', message: expect.stringContaining('closed') as string });
  expect(await rejectionOf(() => hash.digest())).toMatchObject({ code: 'STORE_IO' });
  await expect.poll(threads).toBe(before);
});
