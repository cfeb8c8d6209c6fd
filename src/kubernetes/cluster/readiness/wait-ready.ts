/**
 * Waits until objects have become what they were told to be. Each is asked for again and again: a question survives the
 * restart of an API server, and what happened in between, which a watch would miss.
 */
import { wait } from '../../../base/wait.ts';
import { ClusterError } from '../../../errors.ts';
import type { ClusterClient } from '../cluster-client.ts';
import { formatKey, type ClusterObject, type ObjectKey } from '../cluster-object.ts';
import { explain } from './explanation.ts';
import { statusOf } from './object-status.ts';
import type { ObjectStatus } from './status-words.ts';

const FIRST_PAUSE_MS = 200;
const MAX_PAUSE_MS = 2_000;

/** An object that is not ready, and what is missing. */
export interface Waiting {
  readonly key: ObjectKey;
  readonly status: ObjectStatus;
}

/** How long and with whom {@link waitReady} waits. */
export interface WaitOptions {
  /** Milliseconds for all of them together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told whenever what is missing has changed. */
  readonly onWaiting?: ((waiting: readonly Waiting[]) => void) | undefined;
  /** Milliseconds of the epoch. @defaultValue the clock of this machine */
  readonly nowMs?: (() => number) | undefined;
}

/**
 * Waits until all objects are current.
 * @throws ClusterError `NOT_READY` when one has failed, or the time is over: each with why, as the cluster says it.
 */
export async function waitReady(
  client: ClusterClient,
  keys: readonly ObjectKey[],
  options: WaitOptions,
): Promise<void> {
  const { timeoutMs, signal, onWaiting, nowMs = Date.now } = options;
  const endMs = nowMs() + timeoutMs;
  let waiting: readonly Waiting[] = keys.map((key) => ({ key, status: { state: 'inProgress', message: '' } }));
  let told = '';
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
    const found = new Map<string, ClusterObject>();
    const looked = [];
    for (const { key } of waiting) {
      const object = await client.get(key);
      if (object !== undefined) found.set(formatKey(key), object);
      looked.push({ key, status: object === undefined ? ABSENT : statusOf(object) });
    }
    waiting = looked.filter(({ status }) => status.state !== 'current');
    if (waiting.length === 0) return;
    const text = JSON.stringify(waiting);
    if (text !== told) onWaiting?.(waiting);
    told = text;
    const lost = waiting.filter(({ status }) => status.state === 'failed');
    if (lost.length > 0) throw await notReady(client, lost, found, 'failed');
    if (nowMs() >= endMs)
      throw await notReady(client, waiting, found, `not ready after ${Math.round(timeoutMs / 1000)} s`);
    await wait(Math.min(pauseMs, Math.max(1, endMs - nowMs())), signal);
  }
}

const ABSENT: ObjectStatus = { state: 'inProgress', message: 'it is not there' };

async function notReady(
  client: ClusterClient,
  waiting: readonly Waiting[],
  found: ReadonlyMap<string, ClusterObject>,
  how: string,
): Promise<ClusterError> {
  const items: string[] = [];
  for (const { key, status } of waiting) {
    items.push(`${formatKey(key)}: ${status.message}`);
    const object = found.get(formatKey(key));
    if (object !== undefined) items.push(...(await explain(client, object)).map((line) => `  ${line}`));
  }
  const what = waiting.length === 1 ? formatKey((waiting[0] as Waiting).key) : `${waiting.length} objects`;
  return new ClusterError('NOT_READY', `${what} ${how}`, {
    items,
    hint: 'correct what the cluster names, and run the same command again: it goes on there',
    details: { objects: waiting.length },
  });
}

/** Waits until an object that is being deleted is gone. @throws ClusterError `NOT_READY` when the time is over */
export async function waitGone(client: ClusterClient, key: ObjectKey, options: WaitOptions): Promise<void> {
  const { timeoutMs, signal, nowMs = Date.now } = options;
  const endMs = nowMs() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, MAX_PAUSE_MS)) {
    const object = await client.get(key);
    if (object === undefined || typeof object.metadata['deletionTimestamp'] !== 'string') return;
    if (nowMs() >= endMs) {
      const finalizers = object.metadata['finalizers'];
      const held = Array.isArray(finalizers) && finalizers.length > 0 ? `; it is held by ${finalizers.join(', ')}` : '';
      throw new ClusterError('NOT_READY', `${formatKey(key)} is still being deleted${held}`, {
        hint: 'what has the finalizer must let it go; then run the same command again',
      });
    }
    await wait(pauseMs, signal);
  }
}
