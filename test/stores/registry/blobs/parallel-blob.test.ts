/** Blobs over several connections: on scripted servers, on a clock of their own. */
import { describe, expect, it } from 'vitest';
import { RegistryError } from '../../../../src/errors.ts';
import { sha256 } from '../../../../src/oci/digest.ts';
import type { Opened } from '../../../../src/stores/registry/blobs/blob-stream.ts';
import { createPieceSource, fetchBlob } from '../../../../src/stores/registry/blobs/parallel-blob.ts';

const MB = 1024 * 1024;
const content = Buffer.from(Array.from({ length: 20 * MB + 17 }, (_, index) => (index * 7 + (index >> 11)) & 0xff));
const blob = { mediaType: 'application/octet-stream', digest: sha256(content), size: content.length };
const asked = { peer: { noun: 'registry', name: 'a registry' }, method: 'GET', url: new URL('https://r.example/blob') };

interface Script {
  /** Bytes in a millisecond of one connection. */
  readonly speed?: number;
  readonly connections?: number;
  readonly refusesRanges?: boolean;
  /** Pieces of other blobs in memory. */
  readonly held?: number;
  /** Told of each request, by number from 0 on; its failure is the request's. */
  readonly onRequest?: (nth: number, from: number, end: number) => void;
}

interface Fetched {
  readonly bytes: Buffer;
  readonly ranges: readonly (readonly [number, number])[];
  readonly most: number;
  readonly inMemory: number;
  readonly stillOpen: number;
  readonly error: unknown;
}

async function fetchAll(script: Script, { offset = 0, stopAfter = Infinity } = {}): Promise<Fetched> {
  const { speed = 1_000, connections = 4, refusesRanges = false } = script;
  let [now, open, most, inMemory] = [0, 0, 0, 0];
  const ranges: (readonly [number, number])[] = [];
  const source = createPieceSource(
    () => connections - open,
    () => now,
  );
  source.held = script.held ?? 0;
  const openRange = async (from: number, end: number): Promise<Opened> => {
    script.onRequest?.(ranges.length, from, end);
    ranges.push([from, end]);
    most = Math.max(most, ++open);
    inMemory = Math.max(inMemory, source.held);
    const first = refusesRanges ? 0 : from;
    const isPart = !refusesRanges && (from > 0 || end < blob.size);
    const last = refusesRanges ? blob.size : end;
    return {
      asked: asked as unknown as Opened['asked'],
      status: isPart ? 206 : 200,
      headers: isPart ? { 'content-range': `bytes ${from}-${end - 1}/${blob.size}` } : {},
      chunks: (async function* () {
        for (let at = first; at < last; at += 256 * 1024) {
          const chunk = content.subarray(at, Math.min(at + 256 * 1024, last));
          now += chunk.length / speed / most;
          await Promise.resolve();
          yield chunk;
        }
      })(),
      release: async () => void open--,
    };
  };
  const retry = { tries: 2, baseMs: 1, maxMs: 1 };
  const parts: Buffer[] = [];
  let [length, error]: [number, unknown] = [0, undefined];
  try {
    for await (const chunk of fetchBlob(blob, openRange, source, { where: 'r.example/a', offset, retry })) {
      parts.push(Buffer.from(chunk));
      length += chunk.length;
      if (length >= stopAfter) break;
    }
  } catch (reason) {
    error = reason;
  }
  expect(source.held).toBe(script.held ?? 0);
  return { bytes: Buffer.concat(parts), ranges, most, inMemory, stillOpen: open, error };
}

describe('a blob that one connection brings slowly', () => {
  it('comes over all that are free, in pieces that follow one another, and whole', async () => {
    const { bytes, ranges, most, stillOpen } = await fetchAll({});
    expect(bytes.equals(content)).toBe(true);
    expect([most, stillOpen]).toEqual([4, 0]);
    expect(ranges[0]).toEqual([0, blob.size]);
    const pieces = ranges.slice(1).sort(([a], [b]) => a - b);
    expect(pieces.length).toBeGreaterThan(8);
    pieces.forEach(([from, end], index) => expect(end).toBe(pieces[index + 1]?.[0] ?? blob.size + 0 * from));
  });

  it('begins where it is asked to', async () => {
    const { bytes } = await fetchAll({}, { offset: 3 * MB + 5 });
    expect(bytes.equals(content.subarray(3 * MB + 5))).toBe(true);
  });

  it('never has more than eight pieces in memory', async () => {
    const { most, inMemory } = await fetchAll({ connections: 100 });
    expect([most, inMemory]).toEqual([8, 8]);
  });

  it('goes on over one connection where ranges are answered with everything, and asks for none again', async () => {
    const { bytes, ranges, stillOpen, error } = await fetchAll({ refusesRanges: true, connections: 3 });
    expect([error, stillOpen]).toEqual([undefined, 0]);
    expect(bytes.equals(content)).toBe(true);
    // One that was slow, as many as were tried at once, and the one that brings the rest.
    expect(ranges.length).toBeLessThanOrEqual(5);
  });

  it('asks again for a piece that fails, and fails with what the piece fails with', async () => {
    let failures = 0;
    const failure = new RegistryError('broken', { method: 'GET', url: 'x', status: 503, errors: [], retryable: true });
    const once = await fetchAll({
      onRequest: (nth) => {
        if (nth === 3 && failures++ === 0) throw failure;
      },
    });
    expect(once.bytes.equals(content)).toBe(true);
    const always = await fetchAll({
      onRequest: (_nth, from) => {
        if (from > 8 * MB) throw failure;
      },
    });
    expect(always.error).toBe(failure);
    expect(always.stillOpen).toBe(0);
    expect(always.bytes.equals(content.subarray(0, always.bytes.length))).toBe(true);
  });

  it('leaves nothing open when its reader has enough', async () => {
    const { stillOpen, bytes } = await fetchAll({}, { stopAfter: 10 * MB });
    expect(stillOpen).toBe(0);
    expect(bytes.length).toBeLessThan(13 * MB);
  });
});

describe('a blob comes over one connection', () => {
  it.each<[string, Script]>([
    ['that is fast enough', { speed: 100_000 }],
    ['while no other is free', { connections: 1 }],
    ['while others have all memory that pieces may take', { held: 8 }],
  ])('%s', async (_, script) => {
    const { ranges, bytes } = await fetchAll(script);
    expect(ranges).toEqual([[0, blob.size]]);
    expect(bytes.equals(content)).toBe(true);
  });
});
