/** Opens archive files: the seal first, which is all that is read of an archive that is not believed, then the inventory. */
import { basename } from 'node:path';
import type { Bytes } from '../../base/bytes.ts';
import { takeTurns } from '../../base/turns.ts';
import type { CallOptions, FetchOptions, Source } from '../../content/store.ts';
import { verified } from '../../content/verified.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ArchiveLayout, ContentSegment } from '../layout/archive-layout.ts';
import { laidOutBytes } from '../partial/laid-out-bytes.ts';
import { omittedBy, type PartialBase } from '../partial/partial-document.ts';
import { readDetachedSignatures } from './detached.ts';
import { readExactly, readFront, readSome, truncated, type ByteSource } from '../source/byte-source.ts';
import { openSource, openWritableSource } from '../source/open-source.ts';
import { openSeal, type ArchiveHead } from './archive-head.ts';
import { readSeal, type ArchiveSeal } from './seal.ts';

const BUFFER_BYTES = 256 * 1024;
const ANY_TYPE = 'application/octet-stream';

/** An open archive of which nothing but the seal was read, and nothing is believed. */
export class SealedArchive implements Disposable {
  readonly path: string;
  readonly seal: ArchiveSeal;
  readonly #source: ByteSource;
  #isTaken = false;

  constructor(source: ByteSource, seal: ArchiveSeal) {
    this.path = source.path;
    this.seal = seal;
    this.#source = source;
  }

  /**
   * Interprets the inventory. The reader takes the open file over.
   * @param digest what `release.json` has to be, where the seal was accepted
   * @throws the signal's reason when it is aborted
   * @throws IntegrityError `MALFORMED` when it is another or not canonical, `SIZE_MISMATCH` when the file is cut or has
   *   bytes too many.
   */
  async open(digest?: Digest, { signal }: CallOptions = {}): Promise<ArchiveReader> {
    const { offset, size } = this.seal.inventoryPlace;
    const source = this.#source;
    if (offset + size > source.size) throw truncated(this.path, source.size);
    const turn = takeTurns(signal);
    const head = openSeal(this.seal, await readFront(source, offset, size, turn), digest);
    // To interpret it may have held the thread for long.
    await turn();
    source.assertWhole(head);
    this.#isTaken = true;
    return new ArchiveReader(source, head);
  }

  /** An error of deciding about the seal, with the parts that hold it. */
  explain(error: unknown): Promise<unknown> {
    return this.#source.explain(error, [{ offset: 0, length: this.seal.inventoryPlace.offset }]);
  }

  /** Closes the file, unless a reader has taken it over. */
  [Symbol.dispose](): void {
    if (!this.#isTaken) this.#source[Symbol.dispose]();
  }
}

/** Where the reader of a delta finds what that leaves out: see `partial/base-archives.ts`. */
export interface Bases extends Disposable {
  find(digest: Digest): { readonly archive: ArchiveReader; readonly segment: ContentSegment } | undefined;
  fetch(target: Descriptor, options?: FetchOptions): Bytes | undefined;
}

/** An open archive; also a {@link Source} of everything its inventory names, but for what a delta leaves out. */
export class ArchiveReader implements Source, Disposable {
  readonly name: string;
  readonly path: string;
  readonly source: ByteSource;
  readonly head: ArchiveHead;
  /** What a delta leaves out, with the release that has it; nothing of a full archive. */
  readonly omitted: ReadonlyMap<Digest, PartialBase>;
  readonly #places: ReadonlyMap<Digest, ContentSegment>;
  #bases: Bases | undefined;

  constructor(source: ByteSource, head: ArchiveHead) {
    this.name = `archive ${basename(source.path)}`;
    this.path = source.path;
    this.source = source;
    this.head = head;
    this.omitted = head.partial === undefined ? new Map() : omittedBy(head.partial);
    const contents = head.layout.segments.filter((segment) => segment.kind === 'content');
    this.#places = new Map(contents.map((segment) => [segment.digest, segment]));
  }

  async resolve(reference: string, { signal }: CallOptions = {}): Promise<Descriptor> {
    signal?.throwIfAborted();
    const { images, manifests } = this.head.inventory;
    const digest = images.find((image) => image.reference === reference)?.digest ?? reference;
    const manifest = manifests.find((entry) => entry.digest === digest);
    if (manifest === undefined) throw this.#notFound(reference);
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size };
  }

  async exists(target: Descriptor, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    const place = this.#places.get(target.digest) ?? this.#bases?.find(target.digest)?.segment;
    return target.size === 0 || place?.length === target.size;
  }

  async *fetch(target: Descriptor, { offset = 0, signal }: FetchOptions = {}): Bytes {
    if (target.size === 0) return;
    const place = this.#places.get(target.digest);
    if (place === undefined) {
      const content = this.omitted.has(target.digest) ? this.#bases?.fetch(target, { offset, signal }) : undefined;
      if (content === undefined) throw this.#notFound(target.digest);
      yield* content;
      return;
    }
    yield* this.stream(place.offset + offset, place.length - offset, signal);
  }

  /** Where the file itself has it. */
  placeOf(digest: Digest): ContentSegment | undefined {
    return this.#places.get(digest);
  }

  /** Where a base has what the file leaves out. */
  baseOf(digest: Digest): ReturnType<Bases['find']> {
    return this.omitted.has(digest) ? this.#bases?.find(digest) : undefined;
  }

  /** Takes over archives that have what this one leaves out; they are closed with it. */
  attach(bases: Bases): void {
    this.#bases?.[Symbol.dispose]();
    this.#bases = bases;
  }

  /** A member of the full archive as a stream of borrowed chunks. @throws NotFoundError for what is left out and in no base */
  async *member(path: string, signal?: AbortSignal): Bytes {
    const { layout, fullLayout } = this.head;
    const found = fullLayout.members.find((member) => member.path === path);
    if (found === undefined) throw new RangeError(`${this.name} has no ${path}`);
    if (layout === fullLayout) yield* this.stream(found.offset, found.size, signal);
    else yield* this.full(found, signal);
  }

  /**
   * A stretch of the full archive that begins and ends outside of content, as a stream of borrowed chunks; each piece of
   * content is held against its digest.
   */
  full(range: { readonly offset: number; readonly size: number }, signal?: AbortSignal): Bytes {
    return this.laidOut(this.head.fullLayout, range, signal);
  }

  /** The same of another layout of this release. */
  laidOut(
    layout: ArchiveLayout,
    range: { readonly offset: number; readonly size: number },
    signal?: AbortSignal,
  ): Bytes {
    const { slots, checksums } = this.head;
    const opened = layout.segments.filter(({ kind }) => kind === 'slot');
    return laidOutBytes(layout, range, {
      fetch: ({ digest, length }) => {
        const descriptor = { mediaType: ANY_TYPE, digest, size: length };
        return verified(this.fetch(descriptor, { signal }), descriptor, (this.baseOf(digest)?.archive ?? this).path);
      },
      open: (segment) => (segment.kind === 'slot' ? slots[opened.indexOf(segment)]?.bytes : undefined) ?? checksums,
    });
  }

  /** A stretch of the file as a stream of borrowed chunks. */
  async *stream(offset: number, length: number, signal?: AbortSignal): Bytes {
    const buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, Math.max(length, 1)));
    for (let done = 0; done < length;) {
      signal?.throwIfAborted();
      const read = readSome(this.source, buffer, Math.min(buffer.length, length - done), offset + done);
      yield buffer.subarray(0, read);
      done += read;
    }
  }

  /** These bytes of the file, whatever they are. */
  read(offset: number, length: number): Buffer {
    return readExactly(this.source, offset, length);
  }

  /** Closes the archive; once more does nothing. */
  [Symbol.dispose](): void {
    this.#bases?.[Symbol.dispose]();
    this.#bases = undefined;
    this.source[Symbol.dispose]();
  }

  #notFound(what: string): NotFoundError {
    return new NotFoundError('NOT_FOUND', `${this.name} does not hold ${what}`);
  }
}

/** Options of {@link openArchive}. */
export interface OpenArchiveOptions extends CallOptions {
  /** Open it for writing too, so that a slot can be filled. @defaultValue false */
  readonly writable?: boolean | undefined;
  /** Directories that hold parts of the archive, beside the one that it is in; these are looked at first. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Opens an archive, a file or the parts of one, read-only unless told otherwise, with the signatures that lie beside it, and reads its seal.
 * @throws UsageError `USAGE` when there is no such file, or it cannot or should not be written.
 * @throws IntegrityError `MALFORMED` when its front is not canonical, `SIZE_MISMATCH` when it ends there.
 */
export async function openSealedArchive(
  path: string,
  { writable = false, parts = [], signal }: OpenArchiveOptions = {},
): Promise<SealedArchive> {
  if (path === '-') throw noStream();
  const source = await (writable ? openWritableSource(path) : openSource(path, parts, signal));
  let front = 0;
  try {
    const turn = takeTurns(signal);
    const seal = await readSeal(async (offset, length) => {
      if (offset + length > source.size) throw truncated(source.path, source.size);
      front = offset + length;
      return await readFront(source, offset, length, turn);
    });
    const detached = await readDetachedSignatures(source.path);
    signal?.throwIfAborted();
    return new SealedArchive(source, { ...seal, detached });
  } catch (error) {
    const explained = await source.explain(error, [{ offset: 0, length: front }]);
    source[Symbol.dispose]();
    throw explained;
  }
}

/**
 * Opens an archive file and interprets its inventory, by any maker: for looking and for signing. Nothing is believed.
 * @throws UsageError, IntegrityError as {@link openSealedArchive} and {@link SealedArchive.open} do.
 */
export async function openArchive(path: string, options: OpenArchiveOptions = {}): Promise<ArchiveReader> {
  using sealed = await openSealedArchive(path, options);
  return await sealed.open(undefined, options);
}

/** Reading an archive in any order needs a file; only verifying does without one. */
function noStream(): UsageError {
  return new UsageError('USAGE', 'an archive on standard input can only be verified', {
    hint: 'give the file, read-only media are fine; or run `airgap verify -`. A file called - is ./-',
  });
}
