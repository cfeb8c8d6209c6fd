/**
 * The copy engine, and the only mover of content: build, load and mirror are the same call with other ends. It knows
 * no backend. Blobs travel first and all at once; manifests follow children first; tags come last.
 */
import { IntegrityError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { forEachConcurrently } from '../base/limit.ts';
import {
  substituteOf,
  type ManifestTransfer,
  type PendingCopy,
  type PendingTag,
  type PendingTransfer,
  type Substitution,
} from './plan.ts';
import { isRetryable, retrying, type RetryPolicy } from '../base/retry.ts';
import type { Bytes } from '../base/bytes.ts';
import { atTarget, faultOf, missesContent, refusedEvidence, refusesForm } from './faults.ts';
import {
  canMount,
  canResume,
  mountableSource,
  transfersAtOnce,
  type MountTarget,
  type Source,
  type Target,
} from './store.ts';

/** Transfers that run at the same time where neither the caller nor a store says more. */
export const DEFAULT_CONCURRENCY = 4;

/** What happens to one piece of content, for progress displays and reports. */
export type CopyEvent =
  | { readonly type: 'started' | 'copied' | 'mounted'; readonly descriptor: Descriptor; readonly target: string }
  | { readonly type: 'progress'; readonly descriptor: Descriptor; readonly target: string; readonly bytes: number }
  | { readonly type: 'resumed'; readonly descriptor: Descriptor; readonly target: string; readonly bytes: number }
  | {
      readonly type: 'retrying';
      readonly descriptor: Descriptor;
      readonly target: string;
      readonly error: unknown;
      readonly delayMs: number;
    }
  | { readonly type: 'tagged'; readonly descriptor: Descriptor; readonly target: string; readonly tag: string }
  | {
      readonly type: 'substituted';
      readonly descriptor: Descriptor;
      readonly target: string;
      readonly original: Digest;
    };

/** Options of {@link copy}. */
export interface CopyOptions {
  /** Transfers at the same time at most. @defaultValue as many as the stores have use for, {@link DEFAULT_CONCURRENCY} at least */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: CopyEvent) => void) | undefined;
  readonly retry?: RetryPolicy | undefined;
  /** Leave out evidence that a target refuses to take in its form, and what depends on it. @defaultValue false */
  readonly skipRefusedEvidence?: boolean | undefined;
  /** Awaited after all blobs are stored and before the first manifest is: the moment to insist on proof. */
  readonly beforePublish?: (() => Promise<void>) | undefined;
}

/** What a copy did. */
export interface CopyResult {
  /** Bytes that went over the wire to a target. */
  readonly copiedBytes: number;
  /** Pieces of content that moved. */
  readonly copied: number;
  /** Blobs that a registry took from a sibling repository, without a transfer. */
  readonly mounted: number;
  /** Tags that were set. */
  readonly tagged: number;
  /** Targets that have a substitute now, from this run or an earlier one. */
  readonly substituted: readonly Substitution[];
  /** Evidence that targets did not take; none but under `skipRefusedEvidence`. */
  readonly refused: readonly RefusedEvidence[];
}

/** Evidence that a target did not take. */
export interface RefusedEvidence {
  readonly target: Target;
  readonly digest: Digest;
  /** What the target said. */
  readonly why: string;
}

/**
 * Brings what is missing to where it is missing. Idempotent, safe to run again after any interruption.
 * @throws whatever a store throws, after the retries; nothing is tagged unless everything arrived. An IntegrityError is
 *   about the source, a StoreError `TARGET_FAULT` about a target that contradicts itself.
 */
export async function copy(pending: PendingCopy, options: CopyOptions = {}): Promise<CopyResult> {
  const run = new CopyRun(options, pending);
  const concurrency = options.concurrency ?? transfersWorthwhile(pending);
  await forEachConcurrently(pending.blobs, concurrency, (blob, signal) => run.bring(blob, signal), options.signal);
  await options.beforePublish?.();
  const levels = Map.groupBy(pending.manifests, (manifest) => manifest.transfer.level);
  for (const level of [...levels.keys()].sort((a, b) => a - b)) {
    await forEachConcurrently(
      levels.get(level) ?? [],
      concurrency,
      (manifest, signal) => run.publish(manifest, signal),
      options.signal,
    );
  }
  await forEachConcurrently(pending.tags, concurrency, (tag, signal) => run.tag(tag, signal), options.signal);
  return run.result();
}

/** A place behind a link has use for many transfers; how many it bears is its own business. */
function transfersWorthwhile({ blobs, manifests, tags }: PendingCopy): number {
  const transfers = [...blobs, ...manifests].map(({ transfer }) => transfer);
  const places = new Set([
    ...transfers.flatMap(({ source, targets }) => [source, ...targets]),
    ...tags.map(({ assignment }) => assignment.target),
  ]);
  return Math.max(DEFAULT_CONCURRENCY, ...[...places].map((place) => transfersAtOnce(place) ?? 0));
}

class CopyRun {
  readonly #options: CopyOptions;
  readonly #pending: ReadonlyMap<Digest, PendingTransfer>;
  readonly #substituted: Substitution[];
  readonly #refused: RefusedEvidence[] = [];
  #copiedBytes = 0;
  #copied = 0;
  #mounted = 0;
  #tagged = 0;

  constructor(options: CopyOptions, { blobs, manifests, substituted }: PendingCopy) {
    this.#options = options;
    this.#pending = new Map([...blobs, ...manifests].map((entry) => [entry.transfer.descriptor.digest, entry]));
    this.#substituted = [...substituted];
  }

  result(): CopyResult {
    return {
      copiedBytes: this.#copiedBytes,
      copied: this.#copied,
      mounted: this.#mounted,
      tagged: this.#tagged,
      substituted: this.#substituted,
      refused: this.#refused,
    };
  }

  /** Brings a blob to every target that lacks it: a mount from a sibling that holds it, else bytes. */
  async bring({ transfer, missing, present }: PendingTransfer, signal: AbortSignal): Promise<void> {
    const source = mountableSource(transfer.source);
    const holders = [...present.filter(canMount), ...(source === undefined ? [] : [source])];
    for (const target of missing) {
      if (!(await this.#mount(transfer.descriptor, target, holders, signal))) {
        await this.#push(transfer.descriptor, transfer.source, target, signal);
      }
      if (canMount(target)) holders.push(target);
    }
  }

  async publish({ transfer, missing }: PendingTransfer<ManifestTransfer>, signal: AbortSignal): Promise<void> {
    const { descriptor, source, substitute } = transfer;
    for (const target of missing) {
      const without = [...transfer.names, transfer.subject].find((digest) => this.#isRefused(target, digest));
      if (without !== undefined) {
        this.#refused.push({ target, digest: descriptor.digest, why: `it depends on ${without}` });
        continue;
      }
      try {
        await this.#push(descriptor, source, target, signal);
      } catch (error) {
        if (transfer.isEvidence === true && refusesForm(error)) {
          if (this.#options.skipRefusedEvidence !== true) throw refusedEvidence(error, descriptor.digest, target);
          this.#refused.push({ target, digest: descriptor.digest, why: error.message });
          continue;
        }
        if (!missesContent(error)) throw error;
        if (substitute === undefined) await this.#pushWithContent(transfer, target, signal);
        else {
          await this.#push(substitute.descriptor, substitute.source, target, signal);
          this.#substituted.push({ target, original: descriptor.digest, descriptor: substitute.descriptor });
          const original = descriptor.digest;
          this.#options.onEvent?.({
            type: 'substituted',
            descriptor: substitute.descriptor,
            target: target.name,
            original,
          });
        }
      }
    }
  }

  /**
   * A target misses what it said to hold: it gets that after all. And a target may take a moment until it sees what it was
   * given: the manifest is tried again.
   */
  async #pushWithContent(transfer: ManifestTransfer, target: Target, signal: AbortSignal): Promise<void> {
    for (const digest of transfer.names) {
      const named = this.#pending.get(digest);
      if (named?.present.includes(target) !== true) continue;
      await this.#push(named.transfer.descriptor, named.transfer.source, target, signal, true);
    }
    await retrying(() => this.#push(transfer.descriptor, transfer.source, target, signal), {
      policy: this.#options.retry,
      signal,
      isRetryable: missesContent,
    });
  }

  async tag({ assignment: { descriptor, target, tag } }: PendingTag, signal: AbortSignal): Promise<void> {
    if (this.#isRefused(target, descriptor.digest)) return;
    const named = substituteOf(this.#substituted, target, descriptor.digest) ?? descriptor;
    await atTarget(target, () => this.#retrying(named, target, signal, () => target.tag(named, tag, { signal })));
    this.#tagged++;
    this.#options.onEvent?.({ type: 'tagged', descriptor: named, target: target.name, tag });
  }

  #isRefused(target: Target, digest: Digest | undefined): boolean {
    return this.#refused.some((refused) => refused.target === target && refused.digest === digest);
  }

  async #mount(
    blob: Descriptor,
    target: Target,
    holders: readonly MountTarget[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!canMount(target)) return false;
    const holder = holders.find((candidate) => candidate.mountScope === target.mountScope);
    if (holder === undefined) return false;
    const mount = (): Promise<boolean> => target.mount(blob, holder, { signal });
    if (!(await atTarget(target, () => this.#retrying(blob, target, signal, mount)))) return false;
    this.#mounted++;
    this.#options.onEvent?.({ type: 'mounted', descriptor: blob, target: target.name });
    return true;
  }

  async #push(
    descriptor: Descriptor,
    source: Source,
    target: Target,
    signal: AbortSignal,
    evenIfHeld = false,
  ): Promise<void> {
    const { onEvent } = this.#options;
    onEvent?.({ type: 'started', descriptor, target: target.name });
    try {
      await this.#retrying(descriptor, target, signal, async () => {
        const offset = canResume(target) ? await target.heldBytes(descriptor) : 0;
        if (offset > 0) onEvent?.({ type: 'resumed', descriptor, target: target.name, bytes: offset });
        const content = this.#counted(source.fetch(descriptor, { offset, signal }), descriptor, target);
        await target.push(descriptor, content, { signal, ...(evenIfHeld ? { evenIfHeld } : {}) });
      });
    } catch (error) {
      throw await faultOf(error, descriptor, source, target, { signal });
    }
    this.#copied++;
    onEvent?.({ type: 'copied', descriptor, target: target.name });
  }

  async *#counted(content: Bytes, descriptor: Descriptor, target: Target): Bytes {
    const { onEvent } = this.#options;
    for await (const chunk of content) {
      yield chunk;
      this.#copiedBytes += chunk.length;
      onEvent?.({ type: 'progress', descriptor, target: target.name, bytes: chunk.length });
    }
  }

  #retrying<T>(descriptor: Descriptor, target: Target, signal: AbortSignal, unit: () => Promise<T>): Promise<T> {
    return retrying(unit, {
      policy: this.#options.retry,
      signal,
      isRetryable: (error) => isRetryable(error) || isCorrupted(error),
      onRetry: (error, delayMs) =>
        this.#options.onEvent?.({ type: 'retrying', descriptor, target: target.name, error, delayMs }),
    });
  }
}

/** Content that arrived damaged may arrive whole the next time. */
function isCorrupted(error: unknown): boolean {
  return error instanceof IntegrityError && (error.code === 'DIGEST_MISMATCH' || error.code === 'SIZE_MISMATCH');
}
