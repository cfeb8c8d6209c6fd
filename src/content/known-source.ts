/** A source in front of another that answers from bytes already in memory, so that nothing is asked for twice. */
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import type { Bytes } from '../base/bytes.ts';
import type { CallOptions, FetchOptions, Source, SourceView } from './store.ts';
import { bytesOf } from './verified.ts';

/** Reads known content from memory and everything else from the inner source. */
export class KnownSource implements SourceView {
  readonly name: string;
  readonly inner: Source;
  readonly #known: ReadonlyMap<Digest, Uint8Array>;

  constructor(inner: Source, known: ReadonlyMap<Digest, Uint8Array>) {
    this.name = inner.name;
    this.inner = inner;
    this.#known = known;
  }

  resolve(tagOrDigest: string, options?: CallOptions): Promise<Descriptor> {
    return this.inner.resolve(tagOrDigest, options);
  }

  async exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    return this.#known.has(target.digest) || this.inner.exists(target, options);
  }

  fetch(target: Descriptor, options?: FetchOptions): Bytes {
    const bytes = this.#known.get(target.digest);
    return bytes === undefined ? this.inner.fetch(target, options) : bytesOf(bytes.subarray(options?.offset ?? 0));
  }
}
