/** Streams that verify themselves: the consumer never sees a clean end unless size and digest match. */
import { createHash, type Hash } from 'node:crypto';
import { IntegrityError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestOf, type Digest } from '../oci/digest.ts';
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import type { Bytes } from '../base/bytes.ts';
import type { CallOptions, Source } from './store.ts';

/**
 * Passes content on while hashing it. `prefix` is a running hash over bytes that came before (a resumed transfer) and
 * `offset` their number.
 * @throws IntegrityError `SIZE_MISMATCH` as soon as too many bytes come or the end comes early, `DIGEST_MISMATCH` at the end.
 */
export async function* verified(content: Bytes, expected: Descriptor, where: string, prefix?: Hash, offset = 0): Bytes {
  const hash = prefix ?? createHash('sha256');
  for await (const chunk of exactly(content, expected, where, offset)) {
    hash.update(chunk);
    yield chunk;
  }
  checkDigest(digestOf(hash), expected, where);
}

/** What {@link verified} does at the end, for those who hash by other means. @throws IntegrityError `DIGEST_MISMATCH` */
export function checkDigest(actual: Digest, expected: Descriptor, where: string): void {
  if (actual === expected.digest) return;
  throw new IntegrityError('DIGEST_MISMATCH', `${where}: content of ${expected.digest} has digest ${actual}`, {
    hint: 'the source or the network corrupts content; nothing of it was kept',
    details: { digest: expected.digest, actual },
  });
}

/** Passes content on and insists on its declared size, without hashing. */
export async function* exactly(content: Bytes, expected: Descriptor, where: string, offset = 0): Bytes {
  let received = offset;
  for await (const chunk of content) {
    received += chunk.length;
    if (received > expected.size) throw wrongSize(expected, where, `more than ${expected.size}`);
    yield chunk;
  }
  if (received !== expected.size) throw wrongSize(expected, where, `${received} of ${expected.size}`);
}

/** Reads a manifest or another small piece of content into memory and verifies it. */
export async function readVerified(source: Source, target: Descriptor, options?: CallOptions): Promise<Buffer> {
  if (target.size > MAX_MANIFEST_BYTES) throw wrongSize(target, source.name, `more than ${MAX_MANIFEST_BYTES}`);
  return collect(verified(source.fetch(target, options), target, source.name));
}

/** Copies a stream of borrowed chunks into one buffer. */
export async function collect(content: Bytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A stream of the bytes of one buffer. */
export async function* bytesOf(...chunks: readonly Uint8Array[]): Bytes {
  yield* chunks;
}

function wrongSize(expected: Descriptor, where: string, received: string): IntegrityError {
  return new IntegrityError('SIZE_MISMATCH', `${where}: ${expected.digest} gave ${received} bytes`, {
    details: { digest: expected.digest, size: expected.size },
  });
}
