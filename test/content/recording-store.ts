/** Memory stores that write down what is asked of them and fail, mount and resume as a test wants. */
import type { Bytes } from '../../src/base/bytes.ts';
import type { CallOptions, FetchOptions, MountTarget, ResumableTarget } from '../../src/content/store.ts';
import { bytesOf, collect } from '../../src/content/verified.ts';
import { RegistryError } from '../../src/errors.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import type { Digest } from '../../src/oci/digest.ts';
import { isManifestType } from '../../src/oci/media-types.ts';
import { MemoryStore } from '../../src/stores/memory.ts';

/** One thing that was asked of a store, in order over all stores that share a log. */
export interface Entry {
  readonly store: string;
  readonly verb: 'fetch' | 'push' | 'tag' | 'mount' | 'exists' | 'resolve';
  readonly kind: 'blob' | 'manifest';
  readonly digest: Digest;
  readonly offset?: number | undefined;
}

/** Called before each verb is carried out; what it throws is the verb's failure. */
export type Interference = (entry: Entry) => void | Promise<void>;

export class RecordingStore extends MemoryStore {
  readonly log: Entry[];
  readonly #interfere: Interference;

  constructor(name: string, log: Entry[] = [], interfere: Interference = () => undefined) {
    super(name);
    this.log = log;
    this.#interfere = interfere;
  }

  override async exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    await this.note('exists', target);
    return super.exists(target, options);
  }

  override async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    await this.note('fetch', target, options?.offset);
    yield* super.fetch(target, options);
  }

  override async push(expected: Descriptor, content: Bytes, options?: CallOptions): Promise<void> {
    await this.note('push', expected);
    await super.push(expected, content, options);
  }

  override async tag(target: Descriptor, tag: string, options?: CallOptions): Promise<void> {
    await this.note('tag', target);
    await super.tag(target, tag, options);
  }

  protected async note(verb: Entry['verb'], { digest, mediaType }: Descriptor, offset?: number): Promise<void> {
    const kind = isManifestType(mediaType) ? 'manifest' : 'blob';
    const entry: Entry = { store: this.name, verb, kind, digest, ...(offset === undefined ? {} : { offset }) };
    this.log.push(entry);
    await this.#interfere(entry);
  }
}

/** Takes blobs from its siblings, unless told to decline. */
export class MountingStore extends RecordingStore implements MountTarget {
  readonly mountScope: string = 'registry.example';
  declines = false;

  async mount(blob: Descriptor, from: MountTarget): Promise<boolean> {
    await this.note('mount', blob);
    if (this.declines) return false;
    await MemoryStore.prototype.push.call(this, blob, MemoryStore.prototype.fetch.call(from, blob));
    return true;
  }
}

/** Keeps what came of an interrupted push. */
export class ResumingStore extends RecordingStore implements ResumableTarget {
  readonly #held = new Map<Digest, Buffer>();

  async heldBytes({ digest }: Descriptor): Promise<number> {
    return this.#held.get(digest)?.length ?? 0;
  }

  override async push(expected: Descriptor, content: Bytes): Promise<void> {
    await this.note('push', expected);
    let held = this.#held.get(expected.digest) ?? Buffer.alloc(0);
    try {
      for await (const chunk of content) held = Buffer.concat([held, chunk]);
    } finally {
      this.#held.set(expected.digest, held);
    }
    await MemoryStore.prototype.push.call(this, expected, bytesOf(held));
  }
}

/** What a registry answers. */
export function registryError(
  status: number,
  code?: string,
  retryable = status >= 500,
  missesContent = false,
): RegistryError {
  const errors = code === undefined ? [] : [{ code, message: 'no' }];
  return new RegistryError(`answered ${status}`, {
    method: 'PUT',
    url: 'https://r.example/',
    status,
    errors,
    retryable,
    ...(missesContent ? { missesContent } : {}),
  });
}

/** The bytes a store holds under a digest. */
export function contentOf(store: MemoryStore, descriptor: Descriptor): Promise<Buffer> {
  return collect(MemoryStore.prototype.fetch.call(store, descriptor));
}
