/** docs/vectors: the file is what its recipes make, and both readers say of each archive what it says they do. */
import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { verifyArchive, verifyStream } from '../../src/archive/verification/verified-archive.ts';
import { bytesOf } from '../../src/content/verified.ts';
import { exitCodeOf } from '../../src/errors.ts';
import { readArchive } from '../helpers/second-reader.ts';
import { useTempDir } from '../helpers/temp.ts';
import { decodeArchive, type VectorFile } from './encoding.ts';
import { makeVectors, serializeVectors } from './recipes.ts';

const temp = useTempDir();
const text = await readFile(new URL('../../docs/vectors/vectors.json', import.meta.url), 'utf8');
const { publicKey, vectors } = JSON.parse(text) as VectorFile;
const key = createPublicKey(publicKey);

test('are what their recipes make, byte for byte, and no two have one name', async () => {
  expect(serializeVectors(await makeVectors()) === text).toBe(true);
  expect(new Set(vectors.map(({ name }) => name)).size).toBe(vectors.length);
  expect(text.length).toBeLessThan(1_500_000);
});

describe.each(['accept', 'refuse'] as const)('%s', (expected) => {
  const own = vectors.filter(({ verdict }) => verdict === expected);

  test.each(own)('$rule: $name', async ({ archive }) => {
    const bytes = decodeArchive(archive);
    const path = temp.join('a.tar');
    await writeFile(path, bytes);
    const policy = { keys: [key], threshold: 1 };
    const product = await Promise.all([
      verifyArchive(path, policy).then(() => 0, exitCodeOf),
      verifyStream(bytesOf(bytes), 'stream', policy).then(() => 0, exitCodeOf),
    ]);
    expect(product).toEqual(expected === 'accept' ? [0, 0] : [3, 3]);
    expect(secondVerdict(bytes)).toBe(expected);
  });
});

function secondVerdict(bytes: Buffer): 'accept' | 'refuse' {
  try {
    readArchive(bytes, [key]);
    return 'accept';
  } catch {
    return 'refuse';
  }
}
