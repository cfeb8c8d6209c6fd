/** One stream in consecutive parts, whatever the chunks it comes in. */
import { expect, test } from 'vitest';
import type { Bytes } from '../../../../src/base/bytes.ts';
import { bytesOf, collect } from '../../../../src/content/verified.ts';
import { ConsecutiveParts } from '../../../../src/stores/registry/blobs/consecutive-parts.ts';

async function text(part: Bytes): Promise<string> {
  return (await collect(part)).toString();
}

test('parts follow one another across chunks, empty ones too, and end with the stream', async () => {
  const chunks = ['ab', '', 'cdefg', 'h'].map((chunk) => Buffer.from(chunk));
  const parts = new ConsecutiveParts(bytesOf(...chunks));
  expect(await text(parts.take(1))).toBe('a');
  expect(await text(parts.take(0))).toBe('');
  expect(await text(parts.take(3))).toBe('bcd');
  expect(await text(parts.take(3))).toBe('efg');
  expect(await text(parts.take(9))).toBe('h');
  expect(await text(parts.take(1))).toBe('');
});

test('no chunk of a part is empty or a copy, and no chunk is asked for before it is needed', async () => {
  let given = 0;
  const [first, second] = [Buffer.from('abcd'), Buffer.from('ef')];
  async function* content(): Bytes {
    for (const chunk of [first, Buffer.alloc(0), second]) {
      given++;
      yield chunk;
    }
  }
  const parts = new ConsecutiveParts(content());
  for await (const chunk of parts.take(4)) expect(chunk.buffer).toBe(first.buffer);
  expect(given).toBe(1);
  const sizes: number[] = [];
  for await (const chunk of parts.take(2)) sizes.push(chunk.length);
  expect(sizes).toEqual([2]);
});

test('what is not read is let go of', async () => {
  let isOver = false;
  async function* content(): Bytes {
    try {
      yield Buffer.from('a');
      yield Buffer.from('b');
    } finally {
      isOver = true;
    }
  }
  const parts = new ConsecutiveParts(content());
  expect(await collect(parts.take(1))).toEqual(Buffer.from('a'));
  await parts.close();
  expect(isOver).toBe(true);
});
