/** So many at a time, the first failure first, and nothing left running. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { forEachConcurrently } from '../../src/base/limit.ts';

const items = Array.from({ length: 20 }, (_, index) => index);

test.each([1, 2, 7, 100])('%i at a time, each item once', async (concurrency) => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  await forEachConcurrently(items, concurrency, async (item) => {
    most = Math.max(most, ++running);
    await sleep(1);
    seen.push(item);
    running--;
  });
  expect(most).toBe(Math.min(concurrency, items.length));
  expect(seen.sort((a, b) => a - b)).toEqual(items);
});

test('nothing to do is done at once', async () => {
  await expect(forEachConcurrently([], 3, () => Promise.reject(new Error('called')))).resolves.toBeUndefined();
});

test.each([0, -1, Number.NaN])('%d at a time would do nothing and is refused', async (concurrency) => {
  await expect(forEachConcurrently(items, concurrency, async () => undefined)).rejects.toThrow(RangeError);
});

describe('a failure', () => {
  test('stops new work, tells running work, and is thrown when that has ended', async () => {
    const started: number[] = [];
    let ended = 0;
    const failing = forEachConcurrently(items, 3, async (item, signal) => {
      started.push(item);
      if (item === 1) throw new Error('first');
      await sleep(1_000, undefined, { signal }).catch(() => undefined);
      expect(signal.aborted).toBe(true);
      ended++;
      throw new Error('second');
    });
    await expect(failing).rejects.toThrow('first');
    expect(started).toEqual([0, 1, 2]);
    expect(ended).toBe(2);
  });

  test('of undefined is a failure too', async () => {
    const nothing = undefined as unknown as Error;
    await expect(forEachConcurrently([1], 1, () => Promise.reject(nothing))).rejects.toBeUndefined();
  });
});

describe('an abort', () => {
  test('stops new work and is what is thrown', async () => {
    const controller = new AbortController();
    const started: number[] = [];
    const aborted = forEachConcurrently(items, 2, async (item, signal) => {
      started.push(item);
      if (item === 3) controller.abort();
      signal.throwIfAborted();
    }, controller.signal); // prettier-ignore
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(started.length).toBeLessThan(6);
  });

  test('beforehand starts nothing', async () => {
    const signal = AbortSignal.abort();
    await expect(
      forEachConcurrently(items, 2, () => Promise.reject(new Error('called')), signal),
    ).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});
