/** Waits that end at once when the work is aborted. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after the delay. @throws the signal's reason, at once, when aborted. */
export async function wait(delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
