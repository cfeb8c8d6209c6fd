/** Retrying: how often, how long, and when not. */
import { describe, expect, it } from 'vitest';
import { isRetryable, parseRetryAfter, retryDelayMs, retrying } from '../../src/base/retry.ts';
import { wait } from '../../src/base/wait.ts';
import { RegistryError } from '../../src/errors.ts';

const QUICK = { tries: 3, baseMs: 1, maxMs: 4 };

function failure(retryable: boolean, retryAfterMs?: number): RegistryError {
  return new RegistryError('x', { method: 'GET', url: 'u', status: 503, errors: [], retryable, retryAfterMs });
}

describe('retrying', () => {
  it('tries until it succeeds', async () => {
    const tried: number[] = [];
    const result = await retrying(
      async (attempt) => {
        tried.push(attempt);
        if (attempt < 3) throw failure(true);
        return 'done';
      },
      { policy: QUICK },
    );
    expect([result, tried]).toEqual(['done', [1, 2, 3]]);
  });

  it('throws the last failure when the tries are used up, and others at once', async () => {
    let tries = 0;
    const unit = (error: Error) => async (): Promise<never> => {
      tries++;
      throw error;
    };
    const last = failure(true);
    await expect(retrying(unit(last), { policy: QUICK })).rejects.toBe(last);
    expect(tries).toBe(3);
    await expect(retrying(unit(failure(false)), { policy: QUICK })).rejects.toThrow('x');
    await expect(retrying(unit(new TypeError('bug')), { policy: QUICK })).rejects.toThrow('bug');
    expect(tries).toBe(5);
    expect(isRetryable(last)).toBe(true);
  });

  it('stops waiting when aborted', async () => {
    const controller = new AbortController();
    const policy = { tries: 5, baseMs: 60_000, maxMs: 60_000 };
    const running = retrying(() => Promise.reject(failure(true)), {
      policy,
      signal: controller.signal,
      onRetry: () => setTimeout(() => controller.abort(), 5),
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    await expect(wait(60_000, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('delays', () => {
  it('grow, with jitter, up to a ceiling, and obey the server', () => {
    const policy = { tries: 5, baseMs: 100, maxMs: 500 };
    for (const [attempt, ceiling] of [
      [1, 100],
      [2, 200],
      [3, 400],
      [4, 500],
      [9, 500],
    ] as const) {
      for (let round = 0; round < 50; round++) {
        const delayMs = retryDelayMs(attempt, policy);
        expect(delayMs).toBeGreaterThanOrEqual(ceiling / 2);
        expect(delayMs).toBeLessThanOrEqual(ceiling);
      }
    }
    expect(retryDelayMs(1, policy, failure(true, 7000))).toBe(7000);
    expect(retryDelayMs(1, policy, failure(true, 9_000_000))).toBe(60_000);
  });

  it.each([
    ['3', 3000],
    [' 0 ', 0],
    ['999999', 60_000],
    ['Wed, 21 Oct 2015 07:28:10 GMT', 10_000],
    ['Wed, 21 Oct 2015 07:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('Retry-After: %s', (value, expected) => {
    expect(parseRetryAfter(value, Date.parse('Wed, 21 Oct 2015 07:28:00 GMT'))).toBe(expected);
  });
});
