/** The image policy of a lock that is built or mirrored as it is: proved again, from what will be carried. */
import { forEachConcurrently } from '../content/limit.ts';
import type { Source } from '../content/store.ts';
import { IntegrityError, UsageError } from '../errors.ts';
import type { ImageRule } from '../release/image-policy.ts';
import type { LockImageRule } from '../schema/image-policy.ts';
import type { ReleaseLock } from '../schema/lock.ts';
import {
  assertSigned,
  judgeImage,
  openImagePolicy,
  toLockRules,
  toSignedImages,
  type ImageVerdict,
  type OpenRule,
} from './image-policy.ts';

/** Images whose signatures are read at the same time; each host has its own limit besides. */
const CONCURRENCY = 8;

/** Where the contents of a lock come from. */
export interface LockPlace {
  /** How messages call the lock. */
  readonly path: string;
  /** What the paths of the lock are relative to. */
  readonly directory: string;
  readonly sourceOf: (reference: string) => Source;
}

/**
 * Proves that the images of a lock are signed as its policy demands, by evidence that the lock carries and keys that are
 * still those it pins, and that it says so itself.
 * @throws TrustError as `assertSigned`. @throws IntegrityError `DIGEST_MISMATCH` when a key is another than the lock pins.
 * @throws UsageError `INVALID_SPEC` when the lock says otherwise than what is proved.
 */
export async function proveLockedPolicy(lock: ReleaseLock, place: LockPlace, signal?: AbortSignal): Promise<void> {
  if (lock.imagePolicy === undefined && lock.signedImages === undefined) return;
  const rules = await openImagePolicy(toRules(lock.imagePolicy ?? [], place.path), place.directory);
  assertSameKeys(lock, rules);
  const verdicts: ImageVerdict[] = [];
  await forEachConcurrently(
    lock.images,
    CONCURRENCY,
    async (image, inner) => {
      const source = place.sourceOf(image.reference);
      verdicts.push(await judgeImage(rules, { ...image, part: lock }, source, new Map(), inner));
    },
    signal,
  );
  assertSigned(verdicts);
  if (JSON.stringify(toSignedImages(verdicts)) === JSON.stringify(lock.signedImages)) return;
  throw new UsageError('INVALID_SPEC', `${place.path} names other signatures than those that prove its images`, {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}

/**
 * Insists that a lock was made under the policy that its release.yaml states today.
 * @throws UsageError `INVALID_SPEC`
 */
export function assertPolicyOf(lock: ReleaseLock, policy: readonly ImageRule[] | undefined, path: string): void {
  const stated = policy?.map(({ match, signedBy, threshold }) => [match, signedBy.map(({ key }) => key), threshold]);
  const locked = lock.imagePolicy?.map(({ match, signedBy = [], threshold = 0 }) => [
    match,
    signedBy.map(({ key }) => key),
    threshold,
  ]);
  if (JSON.stringify(stated) === JSON.stringify(locked)) return;
  throw new UsageError('INVALID_SPEC', `the imagePolicy of ${path} is not the one that the lock was made under`, {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}

function toRules(rules: readonly LockImageRule[], path: string): readonly ImageRule[] {
  return rules.map(({ match, signedBy = [], threshold = 1 }) => ({
    match,
    signedBy: signedBy.map(({ key }) => ({ key, at: path })),
    threshold: signedBy.length === 0 ? 0 : threshold,
    at: path,
  }));
}

function assertSameKeys({ imagePolicy = [] }: ReleaseLock, rules: readonly OpenRule[]): void {
  const pinned = imagePolicy.flatMap(({ signedBy = [] }) => signedBy);
  const found = toLockRules(rules).flatMap(({ signedBy = [] }) => signedBy);
  const changed = pinned.find(({ keyId }, index) => found[index]?.keyId !== keyId);
  if (changed === undefined) return;
  throw new IntegrityError('DIGEST_MISMATCH', `${changed.key} has changed since the lock was written`, {
    hint: 'run `airgap resolve` to check every image by the new key',
    details: { file: changed.key, pinned: changed.keyId },
  });
}
