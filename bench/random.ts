/** Deterministic randomness: the same seed gives the same numbers and bytes on every machine. */
import { createCipheriv, createHash, type Cipheriv } from 'node:crypto';

const ZEROS = Buffer.alloc(64 * 1024);

/** A seeded source of numbers and of bytes that no compressor shortens. */
export class Random {
  readonly #cipher: Cipheriv;

  constructor(seed: string) {
    const key = createHash('sha256').update(seed).digest();
    this.#cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  }

  bytes(length: number): Buffer {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; left -= ZEROS.length) {
      parts.push(this.#cipher.update(ZEROS.subarray(0, Math.min(left, ZEROS.length))));
    }
    return Buffer.concat(parts);
  }

  /** At least `from`, below `to`. */
  integer(from: number, to: number): number {
    return from + (this.bytes(6).readUIntBE(0, 6) % (to - from));
  }
}
