/** Lets signals and timers in where work would hold the thread for long: a signal can only be heard between two turns. */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds for which work may hold the thread. */
const MAX_HOLD_MS = 20;

/**
 * What long work awaits at every step: it gives up the thread once the work has held it for some milliseconds.
 * @throws the signal's reason once it is aborted
 */
export function takeTurns(signal: AbortSignal | undefined): () => Promise<void> {
  let since = performance.now();
  return async () => {
    signal?.throwIfAborted();
    if (performance.now() - since < MAX_HOLD_MS) return;
    await setImmediate();
    since = performance.now();
    signal?.throwIfAborted();
  };
}
