/** Cuts one stream of borrowed chunks into consecutive streams of given lengths. */
import type { Bytes } from '../../../base/bytes.ts';

/** The parts of one stream, taken one after the other. */
export class ConsecutiveParts {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(content: Bytes) {
    this.#iterator = content[Symbol.asyncIterator]();
  }

  /** The next `length` bytes. Must be read to its end before the next part is taken. */
  async *take(length: number): Bytes {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0) {
        const next = await this.#iterator.next();
        if (next.done === true) return;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      if (part.length > 0) yield part;
    }
  }

  /** Lets go of what was not read. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
