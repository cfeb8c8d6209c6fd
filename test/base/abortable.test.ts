/** Waiting that ends with one's own signal, and never leaves a rejection that is not heard. */
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { abortable } from '../../src/base/abortable.ts';

const reason = new Error('enough');

it('gives the outcome of the promise', async () => {
  const { signal } = new AbortController();
  expect(await abortable(Promise.resolve(1), signal)).toBe(1);
  expect(await abortable(Promise.resolve(1), undefined)).toBe(1);
  await expect(abortable(Promise.reject(reason), signal)).rejects.toBe(reason);
  await expect(abortable(Promise.reject(reason), undefined)).rejects.toBe(reason);
});

it('ends with the signal, before and while it waits, whatever becomes of the promise', async () => {
  const unheard: unknown[] = [];
  const onUnheard = (error: unknown): unknown => unheard.push(error);
  process.on('unhandledRejection', onUnheard);
  try {
    const work = Promise.withResolvers<never>();
    const stop = new AbortController();
    const waiting = abortable(work.promise, stop.signal);
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(abortable(Promise.reject(new Error('not waited for')), stop.signal)).rejects.toBe(reason);
    work.reject(new Error('too late'));
    // Two turns of the event loop: unheard rejections are told at the end of one.
    for (let turns = 0; turns < 2; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', onUnheard);
  }
});

it('leaves no listener behind', async () => {
  const { signal } = new AbortController();
  await abortable(Promise.resolve(), signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
