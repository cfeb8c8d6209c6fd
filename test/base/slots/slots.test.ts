/** Slots: never more at once than there are, in the order of asking, and none lost. */
import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/base/slots/slots.ts';

/** Whether the promise is settled once everything that can go on has gone on. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  await new Promise((resolve) => setImmediate(resolve));
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])) !== pending;
}

describe('slots', () => {
  it('are handed out up to their number, then in the order of asking', async () => {
    const slots = new Slots(2);
    const one = await slots.acquire();
    await slots.acquire();
    const third = slots.acquire();
    const fourth = slots.acquire();
    expect(await isSettled(third)).toBe(false);
    one();
    const release = await third;
    expect(await isSettled(fourth)).toBe(false);
    release();
    await fourth;
  });

  it('come back once, however often they are released', async () => {
    const slots = new Slots(1);
    const release = await slots.acquire();
    release();
    release();
    await slots.acquire();
    expect(await isSettled(slots.acquire())).toBe(false);
  });

  it('are not lost to those who stop waiting', async () => {
    const slots = new Slots(1);
    const held = await slots.acquire();
    const stop = new AbortController();
    const reason = new Error('enough');
    const impatient = slots.acquire(stop.signal);
    const patient = slots.acquire();
    stop.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    await expect(slots.acquire(stop.signal)).rejects.toBe(reason);
    held();
    const release = await patient;
    release();
    await slots.acquire();
  });

  it('stay with who has got one, though the signal comes later', async () => {
    const slots = new Slots(1);
    const stop = new AbortController();
    const held = await slots.acquire();
    const waiting = slots.acquire(stop.signal);
    held();
    const release = await waiting;
    stop.abort(new Error('too late'));
    expect(await isSettled(slots.acquire())).toBe(false);
    release();
  });

  it('may become more, which those who wait get at once, or fewer, as they come back', async () => {
    const slots = new Slots(1);
    const releases = [await slots.acquire()];
    const waiting = [slots.acquire(), slots.acquire()];
    expect([slots.free, slots.isScarce]).toEqual([0, true]);
    slots.resize(3);
    releases.push(...(await Promise.all(waiting)));
    expect([slots.free, slots.isScarce]).toEqual([0, false]);
    slots.resize(1);
    releases[0]?.();
    releases[1]?.();
    expect(slots.free).toBe(0);
    releases[2]?.();
    expect(slots.free).toBe(1);
  });
});
