/** Whose fault it is that a copy fails: that of the content, which must not be used, or that of the place it goes to. */
import { AirgapError, HttpError, IntegrityError, RegistryError, StoreError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { CallOptions, Source, Target } from './store.ts';
import { verified } from './verified.ts';

/**
 * Asks a target something, or tells it something that carries no content.
 * @throws StoreError `TARGET_FAULT` where the target contradicts itself: nothing it says of its own content is about
 *   what is being copied.
 */
export async function atTarget<T>(target: Pick<Target, 'name'>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof IntegrityError ? targetFault(target, error) : error;
  }
}

/**
 * The error to give when a target did not take content: where the target says that the content is wrong, the content is
 * read once more, to learn which of the two is right.
 * @returns an IntegrityError only when the source gives something else than the digest says.
 */
export async function faultOf(
  error: unknown,
  descriptor: Descriptor,
  source: Source,
  target: Target,
  options: CallOptions,
): Promise<unknown> {
  // What misses other content may be doubted too, by registries that say no more than invalid.
  if (missesContent(error) || !(error instanceof IntegrityError || doubtsContent(error))) return error;
  try {
    for await (const _ of verified(source.fetch(descriptor, options), descriptor, source.name));
  } catch (fault) {
    return fault instanceof IntegrityError ? fault : error;
  }
  return targetFault(target, error);
}

/** Statuses of those who do not take manifests of this form, whatever they hold. */
const REFUSED_FORM = new Set([400, 405, 406, 415, 422, 501]);

/** Whether a target refused the form of a manifest, such as that of an artifact, and not what it names. */
export function refusesForm(error: unknown): error is Error {
  if (missesContent(error)) return false;
  if (error instanceof HttpError) return REFUSED_FORM.has(error.failure.status);
  return error instanceof StoreError && error.code === 'TARGET_FAULT' && refusesForm(error.cause);
}

/** The error for evidence that a target does not take. */
export function refusedEvidence(cause: Error, digest: Digest, target: Pick<Target, 'name'>): StoreError {
  return new StoreError('UNSUPPORTED', `${target.name} does not take the evidence ${digest}: ${cause.message}`, {
    hint: 'allow artifacts at the target, or go without this evidence by --skip-refused-evidence',
    details: { target: target.name, digest },
    cause,
  });
}

/** Whether a target refused a manifest since it does not have what that names. */
export function missesContent(error: unknown): boolean {
  return error instanceof RegistryError && error.failure.missesContent === true;
}

function doubtsContent(error: unknown): boolean {
  return error instanceof RegistryError && error.failure.doubtsContent === true;
}

/** The fault of a target. */
function targetFault(target: Pick<Target, 'name'>, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError('TARGET_FAULT', `the target is at fault, not what is brought to it: ${why}`, {
    hint: `check ${target.name}, and whatever stands in front of it`,
    details: { target: target.name, ...(cause instanceof AirgapError ? cause.details : {}) },
    cause,
  });
}
