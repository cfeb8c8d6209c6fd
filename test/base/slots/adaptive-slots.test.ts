/** Slots that follow the link: simulated links on a clock of their own. */
import { describe, expect, it } from 'vitest';
import { AdaptiveSlots } from '../../../src/base/slots/adaptive-slots.ts';

const TICK_MS = 20;

/** A link on which `waiting` transfers want to go on all the time; `rateOf` is what so many of them move in a millisecond. */
async function simulate(
  bounds: { first: number; most: number },
  rateOf: (count: number, nowMs: number) => number,
  { ms = 10_000, waiting = 100 } = {},
): Promise<{ slots: AdaptiveSlots; counts: readonly number[]; run: (ms: number) => void; now: () => number }> {
  let now = 0;
  const slots = new AdaptiveSlots({ ...bounds, nowMs: () => now });
  const stop = new AbortController();
  for (let index = 0; index < waiting; index++) slots.acquire(stop.signal).catch(() => undefined);
  const counts: number[] = [];
  const run = (duration: number): void => {
    for (const end = now + duration; now < end; now += TICK_MS) {
      slots.moved(rateOf(Math.min(slots.count, waiting), now) * TICK_MS);
      counts.push(slots.count);
    }
  };
  run(ms);
  return { slots, counts, run, now: () => now };
}

describe('adaptive slots', () => {
  it('grow until the link is full, and do not stay far above that', async () => {
    const { counts } = await simulate({ first: 4, most: 64 }, (count) => 10 * Math.min(count, 17));
    const settled = counts.slice(counts.length / 4);
    expect(settled.filter((count) => count === 21).length).toBeGreaterThan(settled.length * 0.7);
    expect(new Set(settled)).toEqual(new Set([21, 32]));
  });

  it('stay as they are where more of them bring nothing', async () => {
    const { counts } = await simulate({ first: 8, most: 64 }, () => 80);
    expect(new Set(counts)).toEqual(new Set([8, 12]));
    expect(counts.filter((count) => count === 8).length).toBeGreaterThan(counts.length * 0.7);
  });

  it('never are more than the most, nor begin with more', async () => {
    const { slots, counts } = await simulate({ first: 8, most: 10 }, (count) => count);
    expect(slots.count).toBe(10);
    expect(Math.max(...counts)).toBe(10);
    expect(new AdaptiveSlots({ first: 8, most: 3 }).count).toBe(3);
  });

  it('do not grow while some of them are free: nothing is known then', async () => {
    const { counts } = await simulate({ first: 8, most: 64 }, (count) => count, { waiting: 8 });
    expect(new Set(counts)).toEqual(new Set([8]));
  });

  it('notice when a link becomes wider', async () => {
    const { slots } = await simulate({ first: 4, most: 32 }, (count, now) => Math.min(count, now < 4_000 ? 4 : 30));
    expect(slots.count).toBeGreaterThan(12);
  });

  it('are halved by a failure, once for those that fail together, down to one, and grow again later', async () => {
    const { slots, run } = await simulate({ first: 16, most: 16 }, (count) => count);
    slots.congested();
    slots.congested();
    expect(slots.count).toBe(8);
    run(4_000);
    expect(slots.count).toBe(8);
    run(4_000);
    expect(slots.count).toBe(16);
    for (let times = 0; times < 8; times++) {
      run(400);
      slots.congested();
    }
    expect(slots.count).toBe(1);
  });
});
