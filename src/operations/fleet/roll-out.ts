/**
 * Does one thing on every cluster of a fleet, in waves: primaries, then secondaries, then edges, within a wave so many at
 * a time. What fails on one cluster ends nothing on another of its wave; what a primary lacks, none may follow.
 */
import { isSilence } from '../../base/http/network-failure.ts';
import { forEachConcurrently } from '../../base/limit.ts';
import { wait } from '../../base/wait.ts';
import { isAbort } from '../../errors.ts';
import type { Cluster } from '../../fleet/fleet.ts';
import { wavesOf } from '../../fleet/waves.ts';

/** How it ended on one cluster. */
export type ClusterOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** `offline`: its API server or its registry does not answer; a later run catches up. */
  | { readonly kind: 'failed' | 'offline'; readonly error: unknown }
  /** Another cluster, which has to come first, was not done. */
  | { readonly kind: 'not begun'; readonly since: string };

/** What is told while a roll-out is under way. */
export type RollOutEvent =
  | { readonly type: 'begun' | 'done'; readonly cluster: string }
  | { readonly type: 'failed' | 'offline'; readonly cluster: string; readonly error: unknown }
  | { readonly type: 'waiting'; readonly clusters: readonly string[] };

/** Options of {@link rollOut}. */
export interface RollOutOptions {
  /** Clusters of one wave that are worked on at the same time. */
  readonly atOnce: number;
  /** Milliseconds that clusters which are offline are waited for, when all others are done. @defaultValue 0 */
  readonly waitMs?: number | undefined;
  /** Milliseconds between two attempts at them. @defaultValue 15 seconds */
  readonly pollMs?: number | undefined;
  /** Milliseconds of the epoch. */
  readonly nowMs: () => number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: RollOutEvent) => void) | undefined;
}

const POLL_MS = 15_000;

/**
 * Works through the clusters. `work` does it for one, and can be done again.
 * @returns the outcome of each, by its name
 * @throws the signal's reason, when aborted
 */
export async function rollOut<T>(
  clusters: readonly Cluster[],
  work: (cluster: Cluster) => Promise<T>,
  options: RollOutOptions,
): Promise<ReadonlyMap<string, ClusterOutcome<T>>> {
  const { atOnce, waitMs = 0, pollMs = POLL_MS, nowMs, signal, onEvent } = options;
  const outcomes = new Map<string, ClusterOutcome<T>>();
  const attempt = async (cluster: Cluster): Promise<void> => {
    const { name } = cluster;
    onEvent?.({ type: 'begun', cluster: name });
    try {
      outcomes.set(name, { kind: 'done', value: await work(cluster) });
      onEvent?.({ type: 'done', cluster: name });
    } catch (error) {
      signal?.throwIfAborted();
      if (isAbort(error)) throw error;
      const kind = isSilence(error) ? 'offline' : 'failed';
      outcomes.set(name, { kind, error });
      onEvent?.({ type: kind, cluster: name, error });
    }
  };
  const isDone = ({ name }: Cluster): boolean => outcomes.get(name)?.kind === 'done';
  const runWaves = async (): Promise<void> => {
    for (const wave of wavesOf(clusters)) {
      const since = clusters.find((each) => each.role === 'primary' && outcomes.has(each.name) && !isDone(each));
      if (since === undefined || since.role === wave[0]?.role) {
        const open = wave.filter((each) => !['done', 'failed'].includes(outcomes.get(each.name)?.kind ?? ''));
        await forEachConcurrently(open, atOnce, attempt, signal);
      } else {
        for (const { name } of wave) outcomes.set(name, { kind: 'not begun', since: since.name });
      }
    }
  };
  await runWaves();
  const until = nowMs() + waitMs;
  for (;;) {
    const silent = [...outcomes].flatMap(([name, { kind }]) => (kind === 'offline' ? [name] : []));
    const leftMs = until - nowMs();
    if (silent.length === 0 || leftMs <= 0) return outcomes;
    onEvent?.({ type: 'waiting', clusters: silent });
    await wait(Math.min(pollMs, leftMs), signal);
    await runWaves();
  }
}
