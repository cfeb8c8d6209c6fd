/** The image policy of a lock that is built or mirrored as it is: verified again, from what will be carried. */
import { forEachConcurrently } from '../../base/limit.ts';
import type { Source } from '../../content/store.ts';
import { IntegrityError, UsageError } from '../../errors.ts';
import type { ImageRule, SignerSpec } from './spec-policy.ts';
import type { LockImageRule } from './image-policy-schema.ts';
import type { ReleaseLock } from '../lock/lock-schema.ts';
import { openImageEvaluator, type ImageEvaluator } from './image-evaluation.ts';
import { toSignerSpec } from './image-signers.ts';

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
 * Verifies that the images of a lock are signed as its policy demands, by evidence that the lock carries and keys that are
 * still those it pins, and that it says so itself.
 * @throws TrustError as `assertSigned`. @throws IntegrityError `DIGEST_MISMATCH` when a key is another than the lock pins.
 * @throws UsageError `INVALID_SPEC` when the lock says otherwise than what is verified.
 */
export async function assertLockedPolicy(lock: ReleaseLock, place: LockPlace, signal?: AbortSignal): Promise<void> {
  if (lock.imagePolicy === undefined && lock.signedImages === undefined) return;
  const evaluator = await openImageEvaluator(toRules(lock.imagePolicy ?? [], place.path), place.directory);
  assertSameFiles(lock, evaluator);
  await forEachConcurrently(
    lock.images,
    CONCURRENCY,
    (image, inner) => evaluator.evaluate({ ...image, part: lock }, place.sourceOf(image.reference), new Map(), inner),
    signal,
  );
  const { signedImages } = evaluator.finish();
  if (JSON.stringify(signedImages) === JSON.stringify(lock.signedImages)) return;
  throw new UsageError('INVALID_SPEC', `${place.path} lists signatures other than those its images bear`, {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}

/**
 * Insists that a lock was made under the policy that its release.yaml states today.
 * @throws UsageError `INVALID_SPEC`
 */
export function assertPolicyOf(lock: ReleaseLock, policy: readonly ImageRule[] | undefined, path: string): void {
  const stated = policy?.map(({ match, signedBy, threshold }) => [match, signedBy.map(withoutPlace), threshold]);
  const locked = lock.imagePolicy?.map(({ match, signedBy = [], threshold = 0 }) => [
    match,
    signedBy.map((signer) => withoutPlace(toSignerSpec(signer, ''))),
    threshold,
  ]);
  if (JSON.stringify(stated) === JSON.stringify(locked)) return;
  throw new UsageError('INVALID_SPEC', `the imagePolicy of ${path} is not the one that the lock was made with`, {
    hint: 'run `airgap resolve` and commit the new lock',
  });
}

function toRules(rules: readonly LockImageRule[], path: string): readonly ImageRule[] {
  return rules.map(({ match, signedBy = [], threshold = 1 }) => ({
    match,
    signedBy: signedBy.map((signer) => toSignerSpec(signer, path)),
    threshold: signedBy.length === 0 ? 0 : threshold,
    at: path,
  }));
}

function withoutPlace({ at: _, ...signer }: SignerSpec): object {
  return signer;
}

/** By content: the same file may be spelled otherwise where that changes no key. */
function assertSameFiles({ imagePolicy = [] }: ReleaseLock, evaluator: ImageEvaluator): void {
  const pinned = imagePolicy.flatMap(({ signedBy = [] }) => signedBy);
  const found = evaluator.imagePolicy.flatMap(({ signedBy = [] }) => signedBy);
  const changed = pinned.find((signer, index) => JSON.stringify(signer) !== JSON.stringify(found[index]));
  if (changed === undefined) return;
  const file = 'key' in changed ? changed.key : changed.trustedRoot;
  throw new IntegrityError('DIGEST_MISMATCH', `${file} has changed since the lock was written`, {
    hint: 'run `airgap resolve` to check every image by what it is now',
    details: { file },
  });
}
