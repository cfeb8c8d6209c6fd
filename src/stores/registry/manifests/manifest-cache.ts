/** Keeps the bytes of the manifests last seen, so that tagging them needs no second read. */
import type { Digest } from '../../../oci/digest.ts';

const MAX_CACHED_BYTES = 4 * 1024 * 1024;

/** Bytes by digest; the least recently added go first. */
export class ManifestCache {
  readonly #bytes = new Map<Digest, Buffer>();
  #total = 0;

  get(digest: Digest): Buffer | undefined {
    return this.#bytes.get(digest);
  }

  /** Keeps the bytes, which must be the digest's and never change. */
  add(digest: Digest, bytes: Buffer): void {
    if (bytes.length > MAX_CACHED_BYTES || this.#bytes.has(digest)) return;
    this.#bytes.set(digest, bytes);
    this.#total += bytes.length;
    for (const [oldest, held] of this.#bytes) {
      if (this.#total <= MAX_CACHED_BYTES) break;
      this.#bytes.delete(oldest);
      this.#total -= held.length;
    }
  }
}
