/** Streams that prove themselves: no clean end without the right bytes. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Bytes } from '../../src/base/bytes.ts';
import { bytesOf, collect, exactly, readVerified, verified } from '../../src/content/verified.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256 } from '../../src/oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../../src/oci/manifest.ts';
import { MemoryStore } from '../../src/stores/memory.ts';

const bytes = Buffer.from('the content of a small blob');
const expected: Descriptor = { mediaType: 'x/y', digest: sha256(bytes), size: bytes.length };

test('right content in any chunks passes unchanged', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), async (chunks) => {
      const whole = Buffer.concat(chunks);
      const descriptor = { mediaType: 'x/y', digest: sha256(whole), size: whole.length };
      expect((await collect(verified(bytesOf(...chunks), descriptor, 'here'))).equals(whole)).toBe(true);
    }),
  );
});

test('any other content of the same length is refused at its end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (position, change) => {
      const wrong = Buffer.from(bytes);
      wrong[position] = (wrong[position] ?? 0) ^ change;
      await expect(collect(verified(bytesOf(wrong), expected, 'here'))).rejects.toMatchObject({
        name: 'IntegrityError',
        code: 'DIGEST_MISMATCH',
        details: { digest: expected.digest, actual: sha256(wrong) },
      });
    }),
  );
});

describe('the wrong size', () => {
  test.each([
    ['nothing', bytesOf()],
    ['a byte less', bytesOf(bytes.subarray(1))],
    ['a byte more', bytesOf(bytes, Buffer.from('x'))],
    ['twice', bytesOf(bytes, bytes)],
  ])('%s', async (_, content) => {
    await expect(collect(verified(content, expected, 'here'))).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
  });

  test('is refused as soon as too much comes, and the source is let go of', async () => {
    let closed = false;
    const endless = async function* (): Bytes {
      try {
        for (;;) yield bytes;
      } finally {
        closed = true;
      }
    };
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const chunk of exactly(endless(), expected, 'here')) seen.push(chunk.length);
      })(),
    ).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    expect(seen).toEqual([bytes.length]);
    expect(closed).toBe(true);
  });
});

describe('a resumed transfer', () => {
  const cut = 10;
  const prefix = () => createHash('sha256').update(bytes.subarray(0, cut));

  test('is proved together with what came before', async () => {
    const rest = verified(bytesOf(bytes.subarray(cut)), expected, 'here', prefix(), cut);
    expect((await collect(rest)).equals(bytes.subarray(cut))).toBe(true);
    expect(
      await collect(verified(bytesOf(), expected, 'here', createHash('sha256').update(bytes), bytes.length)),
    ).toHaveLength(0);
  });

  test('that starts over, or came with another prefix, is refused', async () => {
    await expect(collect(verified(bytesOf(bytes), expected, 'here', prefix(), cut))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    const other = createHash('sha256').update('0123456789');
    await expect(collect(verified(bytesOf(bytes.subarray(cut)), expected, 'here', other, cut))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    await expect(collect(verified(bytesOf(), expected, 'here', undefined, bytes.length + 1))).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
  });
});

test('a failure of the source passes as it is', async () => {
  const broken = async function* (): Bytes {
    yield bytes.subarray(0, 3);
    throw new Error('the link broke');
  };
  await expect(collect(verified(broken(), expected, 'here'))).rejects.toThrow('the link broke');
});

test('a manifest that says it is too large is not even asked for', async () => {
  const store = new MemoryStore();
  await store.push(expected, bytesOf(bytes));
  expect((await readVerified(store, expected)).equals(bytes)).toBe(true);
  const huge = { ...expected, digest: sha256('not here'), size: MAX_MANIFEST_BYTES + 1 };
  await expect(readVerified(store, huge)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
});

test('collecting copies chunks that are only borrowed', async () => {
  const buffer = Buffer.alloc(1);
  const borrowed = async function* (): Bytes {
    for (const letter of 'abc') {
      buffer.write(letter);
      yield buffer;
    }
  };
  expect((await collect(borrowed())).toString()).toBe('abc');
});
