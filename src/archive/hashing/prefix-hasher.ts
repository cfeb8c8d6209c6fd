/** Digests of ranges of a file that is being written, which follow its final prefix. */
import type { Digest } from '../../oci/digest.ts';
import type { GrowingFile, GrowingHash } from './growing-hash.ts';
import type { ByteRange } from './hash-thread.ts';

/** Hashes ranges in the order of the file. */
export class PrefixHasher {
  readonly #file: GrowingFile;
  readonly #ranges: readonly ByteRange[];
  #hashes: readonly GrowingHash[];
  #prefix = 0;

  constructor(file: GrowingFile, ranges: readonly ByteRange[]) {
    this.#file = file;
    this.#ranges = ranges;
    this.#hashes = ranges.map(({ offset }) => file.hashFrom(offset));
  }

  /** Everything before `prefix`, an offset, is written. When it shrinks, what was written is about to change: all is hashed anew. */
  advance(prefix: number): void {
    if (prefix < this.#prefix) {
      for (const hash of this.#hashes) hash.drop();
      this.#hashes = this.#ranges.map(({ offset }) => this.#file.hashFrom(offset));
    }
    this.#prefix = prefix;
    this.#hashes.forEach((hash, index) => {
      const { offset, length } = this.#ranges[index] as ByteRange;
      if (prefix > offset) hash.advance(Math.min(prefix, offset + length));
    });
  }

  /**
   * The digests of the ranges, once {@link advance} has passed the last of them.
   * @throws StoreError `STORE_IO` when the file cannot be read or ends early.
   */
  digests(): Promise<readonly Digest[]> {
    return Promise.all(this.#hashes.map((hash) => hash.digest()));
  }
}
