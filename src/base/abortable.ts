/** Waits for work that others may wait for too, no longer than one's own signal allows. */

/**
 * The outcome of the promise, unless the signal comes first.
 * @throws the signal's reason when aborted; what the promise is rejected with.
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  // Heard also when it is not waited for: a rejection that is not heard ends the process.
  promise.catch(() => undefined);
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
