/**
 * The few verbs every place that holds content speaks. A registry repository, an archive, an OCI layout directory, a
 * Docker Engine and memory are all a {@link Source}; the writable ones are a {@link Target}. Powers that only some
 * have are separate interfaces, asked for with the `can…` guards.
 */
import type { Bytes } from '../base/bytes.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';

/** Options of every store verb. */
export interface CallOptions {
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@link Source.fetch}. */
export interface FetchOptions extends CallOptions {
  /** First byte requested; the rest up to the descriptor's size follows. @defaultValue 0 */
  readonly offset?: number | undefined;
}

/** Options of {@link Target.push}. */
export interface PushOptions extends CallOptions {
  /** Store it also where the target would say that it holds it: its word was found to be wrong. @defaultValue false */
  readonly evenIfHeld?: boolean | undefined;
}

/** A place content can be read from. */
export interface Source {
  /** What messages call this place: `registry.example/repo`, `archive x.tar`. */
  readonly name: string;
  /** Transfers worth starting at once, where this place itself holds back those it cannot bear yet. @defaultValue the caller's number */
  readonly transfersAtOnce?: number | undefined;
  /**
   * The descriptor behind a tag or a digest.
   * @throws NotFoundError `NOT_FOUND`
   */
  resolve(tagOrDigest: string, options?: CallOptions): Promise<Descriptor>;
  /** Whether the content is here. For a manifest: under exactly this digest. */
  exists(target: Descriptor, options?: CallOptions): Promise<boolean>;
  /**
   * The content, **not yet verified** (see verified.ts), resumed over broken connections where the store can.
   * @throws NotFoundError `NOT_FOUND`
   */
  fetch(target: Descriptor, options?: FetchOptions): Bytes;
}

/** A place content can be written to. */
export interface Target extends Source {
  /** Whether it takes a manifest only when it holds the blobs that the manifest names. @defaultValue false */
  readonly holdsWhole?: boolean | undefined;
  /**
   * Stores all of the content or nothing; storing what is there already is no error. The one that stores verifies: the target
   * (or the far side it speaks to) refuses content that does not match its digest.
   */
  push(expected: Descriptor, content: Bytes, options?: PushOptions): Promise<void>;
  /** Makes stored content visible under a tag. Tags come last, after everything they reach. */
  tag(target: Descriptor, tag: string, options?: CallOptions): Promise<void>;
}

/** A target that can take a blob from a sibling repository without moving bytes. */
export interface MountTarget extends Target {
  /** Equal for targets that can mount from each other. */
  readonly mountScope: string;
  /** Returns false when the far side declined; the caller then pushes. */
  mount(blob: Descriptor, from: MountTarget, options?: CallOptions): Promise<boolean>;
}

/** A target that keeps the verified prefix of an interrupted push. */
export interface ResumableTarget extends Target {
  /** Bytes of this content that are already held; the next push starts there. */
  heldBytes(expected: Descriptor): Promise<number>;
}

/** A source that lists what refers to a manifest: signatures, attestations, bills of materials. */
export interface ReferrerSource extends Source {
  /**
   * All of them, or an error: with `onDoubt` a source that refuses its list tells that there, and gives what it has elsewhere.
   * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
   */
  referrers(
    subject: Digest,
    options?: CallOptions & { readonly onDoubt?: ((error: Error) => void) | undefined },
  ): Promise<readonly Descriptor[]>;
}

/** A source that lists the tags it has. */
export interface TagListSource extends Source {
  /**
   * All tags.
   * @throws NotFoundError `NOT_FOUND` when there is no such repository.
   * @throws StoreError `UNSUPPORTED` when there are more than `maxPages` pages of them, or the far side lists none.
   */
  listTags(options?: CallOptions & { readonly maxPages?: number | undefined }): Promise<readonly string[]>;
}

/** A source that answers a tag with the manifest itself, in one request. */
export interface ManifestSource extends Source {
  /** @throws NotFoundError `NOT_FOUND` */
  fetchManifest(
    tagOrDigest: string,
    options?: CallOptions,
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer }>;
}

export function canFetchManifest(source: Source): source is ManifestSource {
  return 'fetchManifest' in source;
}

export function canMount(target: Source): target is MountTarget {
  return 'mount' in target && 'mountScope' in target;
}

/** A source that stands in front of another. */
export interface SourceView extends Source {
  readonly inner: Source;
}

/** The repository a source reads from, seen through any view, when siblings can mount from it. */
export function mountableSource(source: Source): MountTarget | undefined {
  if (canMount(source)) return source;
  return 'inner' in source ? mountableSource((source as SourceView).inner) : undefined;
}

/** Transfers that a source has use for at once, seen through any view. */
export function transfersAtOnce(source: Source): number | undefined {
  return 'inner' in source ? transfersAtOnce((source as SourceView).inner) : source.transfersAtOnce;
}

export function canResume(target: Target): target is ResumableTarget {
  return 'heldBytes' in target;
}

export function canListTags(source: Source): source is TagListSource {
  return 'listTags' in source;
}

export function canListReferrers(source: Source): source is ReferrerSource {
  return 'referrers' in source;
}
