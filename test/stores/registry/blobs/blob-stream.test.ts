/** A blob from answers as they may come: what is believed, what is tried again, and how often. */
import { describe, expect, it } from 'vitest';
import { bytesOf, collect } from '../../../../src/content/verified.ts';
import { RegistryError } from '../../../../src/errors.ts';
import { streamBlob, type Opened } from '../../../../src/stores/registry/blobs/blob-stream.ts';
import { REGISTRY } from '../../../../src/stores/registry/registry-refusal.ts';
import { madeBlob } from '../../../helpers/image.ts';

const KIB = 1024;
const blob = madeBlob(Buffer.from(Array.from({ length: 200 * KIB }, (_, nth) => nth % 251)));
const { size } = blob.descriptor;
const asked = { peer: REGISTRY, method: 'GET', url: new URL('https://r.example/blob') };
const quick = { tries: 3, baseMs: 1, maxMs: 1 };

interface Script extends Partial<Pick<Opened, 'status' | 'headers'>> {
  /** First byte that comes, and the one behind the last. */
  readonly from?: number;
  readonly to?: number;
}

/** Reads the blob from answers in their order; the last one stands for all that follow. */
async function read(
  scripts: readonly Script[],
  offset = 0,
): Promise<{ offsets: number[]; bytes: Buffer; released: number; error: unknown }> {
  const offsets: number[] = [];
  const chunks: Buffer[] = [];
  let released = 0;
  let error: unknown;
  const open = async (from: number): Promise<Opened> => {
    const script = scripts[Math.min(offsets.length, scripts.length - 1)] ?? {};
    offsets.push(from);
    const { status = from === 0 ? 200 : 206, to = size } = script;
    const range = status === 206 ? { 'content-range': `bytes ${from}-${size - 1}/${size}` } : {};
    const bytes = blob.bytes.subarray(script.from ?? (status === 206 ? from : 0), to);
    const half = Math.ceil(bytes.length / 2);
    const chunked = bytesOf(bytes.subarray(0, half), bytes.subarray(half));
    return {
      asked,
      status,
      headers: { ...range, ...script.headers },
      chunks: chunked,
      release: async () => void released++,
    };
  };
  try {
    for await (const chunk of streamBlob(blob.descriptor, open, { where: 'r.example/a', offset, retry: quick }))
      chunks.push(Buffer.from(chunk));
  } catch (caught) {
    error = caught;
  }
  return { offsets, bytes: Buffer.concat(chunks), released, error };
}

describe('a blob', () => {
  it('comes from the byte that was asked for, whether the server skips or not', async () => {
    for (const script of [{}, { status: 200 }]) {
      const { offsets, bytes, released, error } = await read([script], 5 * KIB);
      expect(error).toBeUndefined();
      expect([offsets, released]).toEqual([[5 * KIB], 1]);
      expect(bytes.equals(blob.bytes.subarray(5 * KIB))).toBe(true);
    }
  });

  it.each([size, size + 1])('that was asked for from its end on (%i) is not asked for', async (offset) => {
    expect(await read([{}], offset)).toMatchObject({ offsets: [], error: undefined });
  });

  it('that is empty is asked for all the same', async () => {
    const empty = madeBlob('');
    const offsets: number[] = [];
    const open = async (from: number): Promise<Opened> => {
      offsets.push(from);
      return { asked, status: 200, headers: {}, chunks: bytesOf(), release: async () => undefined };
    };
    for await (const chunk of streamBlob(empty.descriptor, open, { where: 'r', offset: 0, retry: quick }))
      expect(chunk).toBeUndefined();
    expect(offsets).toEqual([0]);
  });
});

describe('an answer that ends early', () => {
  it('is followed by one for the rest, each released', async () => {
    const { offsets, bytes, released } = await read([{ to: 10 * KIB }, { to: 20 * KIB }, {}]);
    expect([offsets, released]).toEqual([[0, 10 * KIB, 20 * KIB], 3]);
    expect(bytes.equals(blob.bytes)).toBe(true);
  });

  it('counts as a failure where fewer than 64 KiB came since the one before, and else begins to count anew', async () => {
    const least = await read([{ to: 64 * KIB }, { to: 128 * KIB }, { to: 192 * KIB }, { to: 193 * KIB }, {}]);
    expect(least.offsets).toEqual([0, 64 * KIB, 128 * KIB, 192 * KIB, 193 * KIB]);
    expect(least.error).toBeUndefined();
    const less = await read([{ to: 64 * KIB - 1 }, { to: 2 * 64 * KIB - 2 }, { to: 3 * 64 * KIB - 3 }, {}]);
    expect(less.offsets).toHaveLength(3);
    expect(less.error).toMatchObject({
      failure: { status: 0 },
      message: expect.stringContaining(`the connection ended after ${3 * 64 * KIB - 3} of ${size} bytes`) as string,
    });
  });

  it('of an encoded body is told by its encoding, and not tried again', async () => {
    const { offsets, error } = await read([{ to: 10, headers: { 'content-encoding': 'gzip' } }]);
    expect(error).toMatchObject({ message: expect.stringContaining('Content-Encoding gzip') as string });
    expect(offsets).toHaveLength(1);
  });
});

describe('an answer is refused', () => {
  it.each<[string, Script, number, string]>([
    ['of another length', { headers: { 'content-length': '5' } }, 0, 'the server has 5'],
    [
      'of another total',
      { headers: { 'content-range': `bytes 10-${size - 1}/${size + 1}` } },
      10,
      `the server has ${size + 1}`,
    ],
    [
      'from another byte',
      { headers: { 'content-range': `bytes 9-${size - 1}/${size}` } },
      10,
      `asked for bytes 10-${size - 1}, the answer holds 9-${size - 1}`,
    ],
    [
      'to another byte',
      { headers: { 'content-range': `bytes 10-${size - 2}/${size}` } },
      10,
      `the answer holds 10-${size - 2}`,
    ],
    ['without a readable range', { headers: { 'content-range': 'bytes */5' } }, 10, 'without a readable Content-Range'],
    ['without a range', { headers: { 'content-range': undefined } }, 10, 'without a readable Content-Range'],
  ])('%s', async (_, script, offset, message) => {
    const { offsets, bytes, error } = await read([script], offset);
    expect(error).toMatchObject({ message: expect.stringContaining(message) as string });
    expect([offsets.length, bytes.length]).toEqual([1, 0]);
  });

  it('of an unknown total is taken', async () => {
    const { error, bytes } = await read([{ headers: { 'content-range': ` bytes 10-${size - 1}/* ` } }], 10);
    expect(error).toBeUndefined();
    expect(bytes).toHaveLength(size - 10);
  });

  it('with more bytes than the blob has, none of which are passed on', async () => {
    const longer = { ...blob.descriptor, size: size - 1 };
    const open = async (): Promise<Opened> => ({
      asked,
      status: 200,
      headers: {},
      chunks: bytesOf(blob.bytes),
      release: async () => undefined,
    });
    const reading = collect(streamBlob(longer, open, { where: 'r.example/a', offset: 0, retry: quick }));
    await expect(reading).rejects.toMatchObject({ code: 'SIZE_MISMATCH', details: { size: size - 1 } });
  });
});

it('a failure to open is tried again where that may help, as often as the policy says', async () => {
  for (const [retryable, expected] of [
    [true, 3],
    [false, 1],
  ] as const) {
    let opened = 0;
    const failure = { method: 'GET', url: 'https://r.example/blob', status: 503, errors: [], retryable };
    const open = (): Promise<Opened> => (opened++, Promise.reject(new RegistryError('no', failure)));
    const reading = collect(streamBlob(blob.descriptor, open, { where: 'r', offset: 0, retry: quick }));
    await expect(reading).rejects.toThrow('no');
    expect(opened).toBe(expected);
  }
});

it('a signal ends it, whatever failed', async () => {
  const stop = new AbortController();
  const open = (): Promise<Opened> => {
    stop.abort(new Error('enough'));
    return Promise.reject(new Error('because of that'));
  };
  const reading = collect(
    streamBlob(blob.descriptor, open, { where: 'r', offset: 0, retry: quick, signal: stop.signal }),
  );
  await expect(reading).rejects.toThrow('enough');
});
