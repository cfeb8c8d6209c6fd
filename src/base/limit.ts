/** Bounds how many tasks run at once. Slots are for I/O only: never wait for another task while holding one. */

/**
 * Runs `work` over all items, at most `concurrency` at a time; the first failure stops new work and is
 * thrown after running work ended.
 * @throws RangeError when `concurrency` is below 1: nothing would run, without a word.
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  outer?: AbortSignal,
): Promise<void> {
  if (!(concurrency >= 1)) throw new RangeError(`cannot run ${concurrency} tasks at a time`);
  const failure = new AbortController();
  const signal = outer === undefined ? failure.signal : AbortSignal.any([outer, failure.signal]);
  let next = 0;
  let first: { error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined && !signal.aborted; item = items[next++]) {
      try {
        await work(item, signal);
      } catch (error) {
        first ??= { error };
        failure.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  outer?.throwIfAborted();
  if (first !== undefined) throw first.error;
}
