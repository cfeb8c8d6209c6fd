/** Content held in memory: for tests, and for what is too small to deserve a place of its own. */
import type { Bytes } from '../base/bytes.ts';
import type { CallOptions, FetchOptions, ReferrerSource, Target } from '../content/store.ts';
import { collect, verified } from '../content/verified.ts';
import { NotFoundError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { isManifestType } from '../oci/media-types.ts';

interface Stored {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A store that lives as long as the object. Holds whatever its digest verifies; does not look inside manifests on push. */
export class MemoryStore implements Target, ReferrerSource {
  readonly name: string;
  readonly #contents = new Map<Digest, Stored>();
  readonly #tags = new Map<string, Digest>();

  /** An empty store. `name` is for messages. */
  constructor(name = 'memory') {
    this.name = name;
  }

  async resolve(tagOrDigest: string, options?: CallOptions): Promise<Descriptor> {
    options?.signal?.throwIfAborted();
    const digest = this.#tags.get(tagOrDigest) ?? (tagOrDigest as Digest);
    const stored = this.#contents.get(digest);
    if (stored === undefined) throw this.#notFound(tagOrDigest);
    return describe(digest, stored);
  }

  async exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    return this.#contents.get(target.digest)?.bytes.length === target.size;
  }

  async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    options?.signal?.throwIfAborted();
    const stored = this.#contents.get(target.digest);
    if (stored === undefined) throw this.#notFound(target.digest);
    const requested = stored.bytes.subarray(options?.offset ?? 0);
    if (requested.length > 0) yield requested;
  }

  async push(expected: Descriptor, content: Bytes, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    const bytes = await collect(abortable(verified(content, expected, this.name), options?.signal));
    const held = this.#contents.get(expected.digest);
    // The same bytes may come again as a plain blob; what makes them a manifest is remembered.
    if (held !== undefined && isManifestType(held.mediaType)) return;
    this.#contents.set(expected.digest, { mediaType: expected.mediaType, bytes });
  }

  async tag(target: Descriptor, tag: string, options?: CallOptions): Promise<void> {
    if (!(await this.exists(target, options))) {
      throw new NotFoundError('MISSING_CONTENT', `${this.name}: cannot tag ${tag}, ${target.digest} is not here`);
    }
    this.#tags.set(tag, target.digest);
  }

  /** @throws IntegrityError `MALFORMED` when any held manifest is broken: the answer would not be complete. */
  async referrers(subject: Digest, options?: CallOptions): Promise<readonly Descriptor[]> {
    options?.signal?.throwIfAborted();
    const found: Descriptor[] = [];
    for (const [digest, stored] of this.#contents) {
      if (!isManifestType(stored.mediaType)) continue;
      const manifest = parseManifest(stored.bytes, stored.mediaType, `${this.name} ${digest}`);
      if (manifest.subject?.digest !== subject) continue;
      const artifactType = manifest.artifactType ?? ('config' in manifest ? manifest.config.mediaType : undefined);
      found.push({ ...describe(digest, stored), artifactType, annotations: manifest.annotations });
    }
    return found;
  }

  #notFound(what: string): NotFoundError {
    return new NotFoundError('NOT_FOUND', `${this.name}: ${what} is not here`);
  }
}

function describe(digest: Digest, stored: Stored): Descriptor {
  return { mediaType: stored.mediaType, digest, size: stored.bytes.length };
}

async function* abortable(content: Bytes, signal: AbortSignal | undefined): Bytes {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    yield chunk;
  }
}
