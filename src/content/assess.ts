/** What targets hold of a plan already: asked before anything moves, with as few questions as the answers allow. */
import { forEachConcurrently } from '../base/limit.ts';
import { AirgapError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { atTarget } from './faults.ts';
import {
  substituteOf,
  type CopyPlan,
  type ManifestTransfer,
  type PendingCopy,
  type PendingTag,
  type PendingTransfer,
  type Substitute,
  type Substitution,
  type TagAssignment,
  type Transfer,
} from './plan.ts';
import { canListReferrers, type CallOptions, type Target } from './store.ts';

/** Options of {@link assess}. */
export interface AssessOptions extends CallOptions {
  /** Questions at the same time. */
  readonly concurrency: number;
  /** Ask for every piece, also where a target vouches for it. @defaultValue false */
  readonly thorough?: boolean | undefined;
}

/**
 * Asks every target what it holds. Changes nothing. A tag that names the right manifest says that it is there; and where a
 * target takes a manifest only with its blobs, the manifest says so of them. An index says nothing of its children: some
 * registries take one without.
 */
export async function assess(plan: CopyPlan, options: AssessOptions): Promise<PendingCopy> {
  const previous = await currentDigests(plan.tags, options);
  const told = new Told(options.thorough === true);
  for (const [index, { target, descriptor }] of plan.tags.entries()) {
    if (previous[index] === descriptor.digest) told.add(target, [descriptor.digest]);
  }
  const asked = await assessAll(plan.manifests, told, options);
  const manifestDigests = new Set(plan.manifests.map(({ descriptor }) => descriptor.digest));
  for (const { transfer, present } of asked) {
    const blobs = transfer.names.filter((digest) => !manifestDigests.has(digest));
    for (const target of present) told.add(target, blobs);
  }
  const blobs = await assessAll(plan.blobs, told, options);
  const substituted = await findSubstitutes(asked, options.signal);
  const tags = plan.tags.flatMap((assignment, index): readonly PendingTag[] => {
    const held = substituteOf(substituted, assignment.target, assignment.descriptor.digest);
    const isRight = previous[index] === (held ?? assignment.descriptor).digest;
    return isRight ? [] : [{ assignment, previous: previous[index] }];
  });
  return { blobs, manifests: asked.map((pending) => withSubstitutes(pending, substituted)), tags, substituted };
}

/** What targets hold by what they said of other things. */
class Told {
  readonly #isMistrusted: boolean;
  readonly #held = new Map<Target, Set<Digest>>();

  constructor(isMistrusted: boolean) {
    this.#isMistrusted = isMistrusted;
  }

  add(target: Target, digests: readonly Digest[]): void {
    if (this.#isMistrusted || target.holdsWhole !== true) return;
    const held = this.#held.get(target) ?? new Set();
    for (const digest of digests) held.add(digest);
    this.#held.set(target, held);
  }

  has(target: Target, digest: Digest): boolean {
    return this.#held.get(target)?.has(digest) === true;
  }
}

async function currentDigests(
  tags: readonly TagAssignment[],
  { concurrency, signal }: AssessOptions,
): Promise<readonly (Digest | undefined)[]> {
  const digests: (Digest | undefined)[] = [];
  const ask = async ([index, tag]: [number, TagAssignment], stop: AbortSignal): Promise<void> => {
    digests[index] = await currentDigest(tag, stop);
  };
  await forEachConcurrently([...tags.entries()], concurrency, ask, signal);
  return digests;
}

async function assessAll<T extends Transfer>(
  transfers: readonly T[],
  told: Told,
  options: AssessOptions,
): Promise<PendingTransfer<T>[]> {
  const questions = transfers.flatMap((transfer) => transfer.targets.map((target) => ({ transfer, target })));
  const holders = new Map<T, Set<Target>>(transfers.map((transfer) => [transfer, new Set()]));
  const lists = new ReferrerLists();
  await forEachConcurrently(
    questions,
    options.concurrency,
    async ({ transfer, target }, signal) => {
      const isTold = told.has(target, transfer.descriptor.digest);
      const ask = (): Promise<boolean> => isHeld(transfer, target, { isTold, lists, signal });
      if (await atTarget(target, ask)) holders.get(transfer)?.add(target);
    },
    options.signal,
  );
  return transfers.map((transfer) => ({
    transfer,
    missing: transfer.targets.filter((target) => holders.get(transfer)?.has(target) !== true),
    present: transfer.targets.filter((target) => holders.get(transfer)?.has(target) === true),
  }));
}

interface Question {
  readonly isTold: boolean;
  readonly lists: ReferrerLists;
  readonly signal: AbortSignal;
}

/** An interrupted run may have left a referrer behind that nothing leads to yet. */
async function isHeld(transfer: Transfer, target: Target, { isTold, lists, signal }: Question): Promise<boolean> {
  if (!isTold && !(await target.exists(transfer.descriptor, { signal }))) return false;
  const subject = 'subject' in transfer ? (transfer as ManifestTransfer).subject : undefined;
  return subject === undefined || lists.names(target, subject, transfer.descriptor.digest, signal);
}

/** What targets list as referring to a manifest, each asked once for all that does. */
class ReferrerLists {
  readonly #lists = new Map<Target, Map<Digest, Promise<readonly Descriptor[]>>>();

  /** Whether the target leads from the subject to the referrer; true where a target lists nothing at all. */
  async names(target: Target, subject: Digest, referrer: Digest, signal: AbortSignal): Promise<boolean> {
    if (!canListReferrers(target)) return true;
    const lists = this.#lists.get(target) ?? new Map<Digest, Promise<readonly Descriptor[]>>();
    this.#lists.set(target, lists);
    // A target that does not say is given it once more, which does no harm.
    const list = lists.get(subject) ?? target.referrers(subject, { signal, onDoubt: () => undefined });
    lists.set(subject, list);
    return (await list).some(({ digest }) => digest === referrer);
  }
}

/** A target that refused an index once is not asked to take it again while it holds the substitute. */
async function findSubstitutes(
  manifests: readonly PendingTransfer<ManifestTransfer>[],
  signal: AbortSignal | undefined,
): Promise<readonly Substitution[]> {
  const found: Substitution[] = [];
  for (const { transfer, missing } of manifests) {
    for (const target of transfer.substitute === undefined ? [] : missing) {
      const { descriptor } = transfer.substitute as Substitute;
      if (await atTarget(target, () => target.exists(descriptor, { signal }))) {
        found.push({ target, original: transfer.descriptor.digest, descriptor });
      }
    }
  }
  return found;
}

function withSubstitutes(
  pending: PendingTransfer<ManifestTransfer>,
  substituted: readonly Substitution[],
): PendingTransfer<ManifestTransfer> {
  const { digest } = pending.transfer.descriptor;
  const lacks = (target: Target): boolean => substituteOf(substituted, target, digest) === undefined;
  return {
    transfer: pending.transfer,
    missing: pending.missing.filter(lacks),
    present: [...pending.present, ...pending.missing.filter((target) => !lacks(target))],
  };
}

async function currentDigest({ target, tag }: TagAssignment, signal: AbortSignal): Promise<Digest | undefined> {
  try {
    return (await atTarget(target, () => target.resolve(tag, { signal }))).digest;
  } catch (error) {
    if (error instanceof AirgapError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
