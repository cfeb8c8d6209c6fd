/** One repository of a registry as a place to read content from and write it to. */
import type { Bytes } from '../../base/bytes.ts';
import type {
  CallOptions,
  FetchOptions,
  MountTarget,
  PushOptions,
  ReferrerSource,
  TagListSource,
} from '../../content/store.ts';
import { collect, verified } from '../../content/verified.ts';
import { AuthError, NotFoundError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { isDigest, type Digest } from '../../oci/digest.ts';
import { isIndex, MAX_MANIFEST_BYTES, parseManifest } from '../../oci/manifest.ts';
import { isManifestType } from '../../oci/media-types.ts';
import { isTag } from '../../oci/reference.ts';
import type { Opened } from './blobs/blob-stream.ts';
import { fetchBlob } from './blobs/parallel-blob.ts';
import { openBlob, openForeign } from './blobs/blob-request.ts';
import { isRetryableStatus } from '../../base/http/network-failure.ts';
import type { RegistryHost } from './host.ts';
import type { Place } from '../../base/http/location.ts';
import { ManifestCache } from './manifests/manifest-cache.ts';
import {
  afterWrite,
  getBytes,
  getManifest,
  headManifest,
  putManifest,
  type ManifestContext,
} from './manifests/repository-manifests.ts';
import { linkByTag, listReferrers } from './manifests/referrers.ts';
import type { RepositoryScope } from './auth/scope.ts';
import { listTags } from './manifests/tags.ts';
import { refusal } from './registry-refusal.ts';
import { pushScopes, sessionPlace, uploadBlob } from './blobs/blob-upload.ts';

/** Blobs whose absence, and upload sessions whose place, are remembered between two calls. */
const MAX_REMEMBERED = 10_000;

/** Options of a repository. */
export interface RepositoryOptions {
  /**
   * `push` asks for the right to write from the first request on, which saves a token per repository; registries
   * refuse it to anonymous readers.
   * @defaultValue `pull`
   */
  readonly access?: 'pull' | 'push' | undefined;
}

/** A repository behind a {@link RegistryHost}. */
export class RegistryRepository implements MountTarget, ReferrerSource, TagListSource {
  readonly name: string;
  readonly mountScope: string;
  readonly transfersAtOnce: number;
  /** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests */
  readonly holdsWhole = true;
  readonly host: RegistryHost;
  readonly repository: string;
  readonly #scopes: readonly RepositoryScope[];
  readonly #manifests = new ManifestCache();
  /** Manifests that this client has stored. */
  readonly #stored = new Set<Digest>();
  readonly #absent = new Set<Digest>();
  readonly #sessions = new Map<Digest, Place>();

  constructor(host: RegistryHost, repository: string, options: RepositoryOptions = {}) {
    this.host = host;
    this.repository = repository;
    this.name = `${host.registry}/${repository}`;
    this.mountScope = host.registry;
    this.transfersAtOnce = host.concurrency;
    this.#scopes = options.access === 'push' ? pushScopes(repository) : [{ repository, actions: ['pull'] }];
  }

  /** By HEAD, which registries do not count as a pull; by GET where HEAD does not say enough. */
  async resolve(tagOrDigest: string, options: CallOptions = {}): Promise<Descriptor> {
    const context = this.#context(options);
    checkName(tagOrDigest);
    const found = await headManifest(context, tagOrDigest);
    const isAskedFor = found !== undefined && (!isDigest(tagOrDigest) || found.digest === tagOrDigest);
    return isAskedFor ? found : (await this.fetchManifest(tagOrDigest, options)).descriptor;
  }

  /**
   * The manifest behind a tag or digest with its descriptor, in one GET; the digest is computed from the bytes.
   * @throws NotFoundError `NOT_FOUND`; IntegrityError when the bytes are not what they are called.
   */
  async fetchManifest(
    tagOrDigest: string,
    options: CallOptions = {},
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer }> {
    checkName(tagOrDigest);
    const { descriptor, bytes } = await getManifest(this.#context(options), tagOrDigest);
    this.#manifests.add(descriptor.digest, bytes);
    return { descriptor, bytes };
  }

  async exists(target: Descriptor, options: CallOptions = {}): Promise<boolean> {
    if (isManifestType(target.mediaType)) return this.#hasManifest(target.digest, options);
    const isHere = await this.#hasBlob(target.digest, options);
    if (!isHere && this.#absent.size < MAX_REMEMBERED) this.#absent.add(target.digest);
    return isHere;
  }

  async *fetch(target: Descriptor, options: FetchOptions = {}): Bytes {
    const { offset = 0, signal } = options;
    signal?.throwIfAborted();
    if (isManifestType(target.mediaType)) {
      const bytes = await this.#manifestBytes(target.digest, options);
      if (bytes !== undefined) {
        yield bytes.subarray(offset);
        return;
      }
    }
    const where = { host: this.host, repository: this.repository, scopes: this.#scopes, signal };
    const { host } = this;
    const open = async (from: number, end: number): Promise<Opened> => {
      try {
        return await openBlob(where, target, from, end);
      } catch (error) {
        if (error instanceof NotFoundError && target.urls !== undefined) return openForeign(where, target, from, end);
        throw error;
      }
    };
    yield* fetchBlob(target, open, host.pieces, {
      where: this.name,
      offset,
      retry: host.retry,
      onMoved: (bytes) => host.reads.moved(bytes),
      onStall: () => host.congested(),
      signal,
    });
  }

  async push(expected: Descriptor, content: Bytes, options: PushOptions = {}): Promise<void> {
    if (isManifestType(expected.mediaType)) {
      const bytes = await collect(
        verified(atMost(content, MAX_MANIFEST_BYTES, `${this.name}@${expected.digest}`), expected, this.name),
      );
      return this.#pushManifest(expected, bytes, options);
    }
    const session = this.#sessions.get(expected.digest);
    this.#sessions.delete(expected.digest);
    const isKnownAbsent = this.#absent.delete(expected.digest) || session !== undefined || options.evenIfHeld === true;
    if (!isKnownAbsent && (await this.#hasBlob(expected.digest, options))) {
      await content[Symbol.asyncIterator]().return?.();
      return;
    }
    const { signal } = options;
    await uploadBlob({ host: this.host, repository: this.repository, signal }, expected, content, session);
  }

  async tag(target: Descriptor, tag: string, options: CallOptions = {}): Promise<void> {
    checkName(tag);
    const bytes = this.#manifests.get(target.digest) ?? (await this.#fetchStored(target.digest, options));
    await putManifest(this.#writing(options), tag, target, bytes);
  }

  async mount(blob: Descriptor, from: MountTarget, options: CallOptions = {}): Promise<boolean> {
    if (!(from instanceof RegistryRepository) || from.mountScope !== this.mountScope) return false;
    if (from.repository === this.repository) return false;
    const query = `mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(from.repository)}`;
    const scopes: readonly RepositoryScope[] = [
      ...pushScopes(this.repository),
      { repository: from.repository, actions: ['pull'] },
    ];
    const to = `/v2/${this.repository}/blobs/uploads/?${query}`;
    try {
      // A refusal of any kind only means that the caller uploads, which needs no right to read the other repository.
      return await this.host.call({ method: 'POST', kind: 'upload', to, scopes, ...options }, async (answer) => {
        await answer.discard();
        const place = answer.status === 202 ? sessionPlace(answer) : undefined;
        if (place !== undefined && this.#sessions.size < MAX_REMEMBERED) this.#sessions.set(blob.digest, place);
        if (answer.status === 201) this.#absent.delete(blob.digest);
        else
          this.host.decided(
            `${this.name} answered a mount from ${from.repository} with ${answer.status}: ${blob.digest} is uploaded`,
          );
        return answer.status === 201;
      });
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      this.host.decided(`${this.name}: a mount is refused (${error.message}), so ${blob.digest} is uploaded`);
      return false;
    }
  }

  async referrers(
    subject: Digest,
    options: CallOptions & { readonly onDoubt?: ((error: Error) => void) | undefined } = {},
  ): Promise<readonly Descriptor[]> {
    return listReferrers(this.#context(options), subject, options.onDoubt);
  }

  /** All tags, in the registry's order. */
  async listTags(options: CallOptions & { readonly maxPages?: number | undefined } = {}): Promise<readonly string[]> {
    return listTags(this.#context(options), options.maxPages);
  }

  async #pushManifest(expected: Descriptor, bytes: Buffer, options: CallOptions): Promise<void> {
    const manifest = parseManifest(bytes, expected.mediaType, `${this.name}@${expected.digest}`);
    const { linkedSubject } = await putManifest(this.#writing(options), expected.digest, expected, bytes);
    this.#manifests.add(expected.digest, bytes);
    if (this.#stored.size < MAX_REMEMBERED) this.#stored.add(expected.digest);
    if (manifest.subject === undefined || linkedSubject !== undefined) return;
    const configType = isIndex(manifest) ? undefined : manifest.config.mediaType;
    await linkByTag(this.#writing(options), manifest.subject.digest, {
      mediaType: expected.mediaType,
      digest: expected.digest,
      size: expected.size,
      artifactType: manifest.artifactType ?? configType,
      annotations: manifest.annotations,
    });
  }

  /** The bytes of a manifest that is about to be tagged, most likely one that was just stored. */
  async #fetchStored(digest: Digest, options: CallOptions): Promise<Buffer> {
    const read = async (): Promise<Buffer> => (await this.fetchManifest(digest, options)).bytes;
    return this.#stored.has(digest) ? afterWrite(this.#context(options), read) : read();
  }

  async #manifestBytes(digest: Digest, options: CallOptions): Promise<Buffer | undefined> {
    const cached = this.#manifests.get(digest);
    if (cached !== undefined) return cached;
    try {
      return (await getBytes(this.#context(options), digest)).bytes;
    } catch (error) {
      if (error instanceof NotFoundError) return undefined; // some registries keep such content among the blobs
      throw error;
    }
  }

  /** Only a HEAD that names our digest verifies anything: registries differ in what they look up. */
  async #hasManifest(digest: Digest, options: CallOptions): Promise<boolean> {
    const context = this.#context(options);
    try {
      const found = await headManifest(context, digest);
      return found === undefined
        ? (await getManifest(context, digest)).descriptor.digest === digest
        : found.digest === digest;
    } catch (error) {
      if (error instanceof NotFoundError || isUnknown(error)) return false;
      throw error;
    }
  }

  async #hasBlob(digest: Digest, { signal }: CallOptions): Promise<boolean> {
    const to = `/v2/${this.repository}/blobs/${digest}`;
    try {
      return await this.host.call(
        { method: 'HEAD', kind: 'blob', to, scopes: this.#scopes, signal },
        async (answer) => {
          await answer.discard();
          if (isRetryableStatus(answer.status)) throw await refusal(answer);
          return answer.status === 200;
        },
      );
    } catch (error) {
      if (isUnknown(error)) return false;
      throw error;
    }
  }

  #context({ signal }: CallOptions): ManifestContext {
    return { host: this.host, repository: this.repository, scopes: this.#scopes, signal };
  }

  #writing(options: CallOptions): ManifestContext {
    return { ...this.#context(options), scopes: pushScopes(this.repository) };
  }
}

/** Registries that hide repositories answer 401 or 403 where others say 404. */
function isUnknown(error: unknown): boolean {
  return error instanceof AuthError;
}

function checkName(tagOrDigest: string): void {
  if (isDigest(tagOrDigest) || isTag(tagOrDigest)) return;
  throw new UsageError(
    'INVALID_REFERENCE',
    `${JSON.stringify(tagOrDigest.slice(0, 140))} is neither a tag nor a digest`,
    {
      hint: 'a tag has at most 128 letters, digits and . _ -; a digest is sha256: and 64 hex digits',
    },
  );
}

async function* atMost(content: Bytes, maxBytes: number, what: string): Bytes {
  let length = 0;
  for await (const chunk of content) {
    length += chunk.length;
    if (length > maxBytes) throw new UsageError('USAGE', `the manifest ${what} has more than ${maxBytes} bytes`);
    yield chunk;
  }
}
