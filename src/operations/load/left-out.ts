/** What a delta leaves out and no base at hand serves: it has to be at the target already, and that is asked before anything moves. */
import { nameBases } from '../../archive/partial/base-names.ts';
import { missingLayers } from '../../archive/partial/lacking.ts';
import type { TrustedArchive } from '../../archive/verification/trusted-archive.ts';
import type { Bytes } from '../../base/bytes.ts';
import { forEachConcurrently } from '../../base/limit.ts';
import { atTarget } from '../../content/faults.ts';
import type { PendingCopy, PendingTransfer } from '../../content/plan.ts';
import type { CallOptions, FetchOptions, SourceView, Target } from '../../content/store.ts';
import { verified } from '../../content/verified.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';

/**
 * Lets a target serve what a delta leaves out: what one of its repositories lacks is mounted or copied from another one
 * of the same load.
 * @throws NotFoundError `MISSING_CONTENT` naming every layer that is nowhere, with the release that has it.
 */
export function serveLeftOut(archive: TrustedArchive, pending: PendingCopy, target: string): PendingCopy {
  const lacking = new Map(archive.lacking.map((layer) => [layer.digest, layer]));
  if (lacking.size === 0) return pending;
  const missing = pending.blobs.filter(
    ({ transfer, missing: without, present }) =>
      lacking.has(transfer.descriptor.digest) && without.length > 0 && present.length === 0,
  );
  assertFound(archive, missing.map(({ transfer }) => transfer.descriptor.digest), target); // prettier-ignore
  const blobs = pending.blobs.map((entry): PendingTransfer => {
    const [holder] = lacking.has(entry.transfer.descriptor.digest) ? entry.present : [];
    return holder === undefined ? entry : { ...entry, transfer: { ...entry.transfer, source: heldBy(holder) } };
  });
  return { ...pending, blobs };
}

/** @throws NotFoundError `MISSING_CONTENT` when tarballs are to be handed over whole, and a base is not at hand */
export function assertWhole(archive: TrustedArchive, target: string): void {
  assertFound(archive, archive.lacking.map(({ digest }) => digest), target); // prettier-ignore
}

function assertFound({ lacking }: TrustedArchive, missing: readonly Digest[], target: string): void {
  if (missing.length === 0) return;
  const layers = lacking.filter(({ digest }) => missing.includes(digest));
  const bases = nameBases(layers.map(({ base }) => base));
  const hint = `nothing was changed; load ${bases} there first, give the archive of it with --base, or load the full archive`;
  throw missingLayers(layers, `${target} lacks`, hint);
}

/**
 * Reads again what a target says to hold of a delta's layers, and hashes it.
 * @throws StoreError `TARGET_FAULT` naming the first that is not what it is called.
 */
export async function verifyHeld(
  archive: TrustedArchive,
  { blobs }: PendingCopy,
  options: CallOptions & { readonly concurrency: number },
): Promise<number> {
  const lacking = new Set(archive.lacking.map(({ digest }) => digest));
  const held = blobs.flatMap(({ transfer: { descriptor }, present }) =>
    lacking.has(descriptor.digest) ? present.map((target) => ({ descriptor, target })) : [],
  );
  await forEachConcurrently(
    held,
    options.concurrency,
    async ({ descriptor, target }, signal) => {
      for await (const _ of fromTarget(target, descriptor, { signal }));
    },
    options.signal,
  );
  return held.length;
}

/** A repository of the target as a source for the others. What is wrong with its content is its own fault, not the delta's. */
function heldBy(inner: Target): SourceView {
  return {
    inner,
    name: inner.name,
    resolve: (reference, options) => inner.resolve(reference, options),
    exists: (descriptor, options) => inner.exists(descriptor, options),
    fetch: (descriptor, options) => fromTarget(inner, descriptor, options),
  };
}

/** @throws StoreError `TARGET_FAULT` when it is not what it is called */
async function* fromTarget(target: Target, descriptor: Descriptor, options: FetchOptions = {}): Bytes {
  const content = target.fetch(descriptor, options);
  // Of the rest of something the start was verified by whoever took it.
  const chunks = (options.offset ?? 0) > 0 ? content : verified(content, descriptor, target.name);
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await atTarget(target, () => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}
