/** Files of this machine (or of memory) as a {@link Source}: each is known by the digest it had when it was pinned. */
import { readChunks } from '../base/files/open-file.ts';
import { bytesOf } from '../content/verified.ts';
import type { Bytes } from '../base/bytes.ts';
import type { FetchOptions, Source } from '../content/store.ts';
import { NotFoundError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';

/** Where the content of one digest is: a path, or the bytes themselves. */
export type FileContent = { readonly path: string } | { readonly bytes: Uint8Array };

/** A fixed set of files. */
export class FileSource implements Source {
  readonly name: string;
  readonly #contents: ReadonlyMap<Digest, FileContent>;

  constructor(name: string, contents: ReadonlyMap<Digest, FileContent>) {
    this.name = name;
    this.#contents = contents;
  }

  async resolve(name: string): Promise<Descriptor> {
    throw new NotFoundError('NOT_FOUND', `${this.name} has no tags, so no ${name}`);
  }

  async exists(target: Descriptor): Promise<boolean> {
    return this.#contents.has(target.digest);
  }

  async *fetch(target: Descriptor, { offset = 0, signal }: FetchOptions = {}): Bytes {
    const content = this.#contents.get(target.digest);
    if (content === undefined) throw new NotFoundError('NOT_FOUND', `${this.name} does not hold ${target.digest}`);
    if ('bytes' in content) yield* bytesOf(content.bytes.subarray(offset));
    else yield* readChunks(content.path, { what: 'a file of a release', offset, signal });
  }
}
