/** Ranges of a file that is being written, hashed behind its final prefix. */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { GrowingFile } from '../../../src/archive/hashing/growing-hash.ts';
import { PrefixHasher } from '../../../src/archive/hashing/prefix-hasher.ts';
import { wholeFile } from '../../../src/archive/source/file-slices.ts';
import { sha256 } from '../../../src/oci/digest.ts';
import { noise } from '../../helpers/sample-layer.ts';
import { useTempDir } from '../../helpers/temp.ts';

const MEBIBYTE = 1024 * 1024;
const temp = useTempDir();
const content = noise('prefix', 6 * MEBIBYTE);
const ranges = [
  { offset: 1_000, length: 300_000 },
  { offset: 400_000, length: 0 },
  { offset: 400_000, length: 2 * MEBIBYTE + 1 },
  { offset: 3 * MEBIBYTE, length: 3 * MEBIBYTE },
];
const digests = ranges.map(({ offset, length }) => sha256(content.subarray(offset, offset + length)));
let fd: number;

beforeEach(() => {
  fd = openSync(temp.join('file'), 'w+');
});
afterEach(() => {
  closeSync(fd);
});

/** Writes `bytes` from `from` on in small pieces, telling the hasher of each. */
async function write(hasher: PrefixHasher, bytes: Buffer, from: number, to: number): Promise<void> {
  for (let done = from; done < to; done += 123_457) {
    const end = Math.min(done + 123_457, to);
    writeSync(fd, bytes, done, end - done, done);
    hasher.advance(end);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The thread takes one part after the other: what it was given before this is hashed. */
async function untilHashed(file: GrowingFile): Promise<void> {
  const marker = file.hashFrom(0);
  marker.advance(MEBIBYTE);
  await marker.digest();
}

test('follow the prefix as it grows', async () => {
  await using file = new GrowingFile(wholeFile(fd));
  const hasher = new PrefixHasher(file, ranges);
  await write(hasher, content, 0, content.length);
  expect(await hasher.digests()).toEqual(digests);
});

test('are hashed anew when the prefix shrinks, since bytes behind it change', async () => {
  await using file = new GrowingFile(wholeFile(fd));
  const hasher = new PrefixHasher(file, ranges);
  const wrong = Buffer.from(content);
  wrong.writeUInt8(wrong.readUInt8(1_000_000) ^ 1, 1_000_000);
  await write(hasher, wrong, 0, 5 * MEBIBYTE);
  await untilHashed(file);
  hasher.advance(500_000);
  await write(hasher, content, 500_000, content.length);
  expect(await hasher.digests()).toEqual(digests);
});

test('are not read ahead of the prefix', async () => {
  ftruncateSync(fd, content.length);
  await using file = new GrowingFile(wholeFile(fd));
  const hasher = new PrefixHasher(file, ranges);
  hasher.advance(400_000 + MEBIBYTE + 1);
  await untilHashed(file);
  writeSync(fd, content, 0, content.length, 0);
  hasher.advance(content.length);
  const third = Buffer.from(content.subarray(400_000, 400_000 + 2 * MEBIBYTE + 1)).fill(0, 0, MEBIBYTE + 1);
  expect(await hasher.digests()).toEqual([digests[0], digests[1], sha256(third), digests[3]]);
});

test('none give none', async () => {
  await using file = new GrowingFile(wholeFile(fd));
  expect(await new PrefixHasher(file, []).digests()).toEqual([]);
});
