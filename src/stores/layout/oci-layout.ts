/** An OCI image layout directory: content under its digest in `blobs/`, tags in `index.json`. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acquireFileLock, type FileLock } from '../../base/files/file-lock.ts';
import { makeDirectory } from '../../base/files/make-directory.ts';
import { placeFile, syncDirectory } from '../../base/files/place-file.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions, Target } from '../../content/store.ts';
import { bytesOf, verified } from '../../content/verified.ts';
import { AirgapError, IntegrityError, NotFoundError, StoreError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { hexOf, isDigest, type Digest } from '../../oci/digest.ts';
import { jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { MAX_MANIFEST_BYTES, parseManifest } from '../../oci/manifest.ts';
import { HINTS, onDisk, readBounded, readChunks, resolveDirectory, statOf } from './layout-files.ts';
import {
  EMPTY_INDEX,
  entriesOf,
  findDigest,
  findTag,
  MAX_INDEX_BYTES,
  parseIndexFile,
  withTag,
  type IndexFile,
} from './index-file.ts';

/** @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file */
const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';
const MAX_LAYOUT_FILE_BYTES = 4096;
/** Where content is written before it is verified; on the same file system as its final place. */
const INGEST = '.ingest';
const LOCK = '.lock';
/** @see https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys */
const TAG = /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,511}$/;

/** How {@link openLayout} opens a directory. */
export interface LayoutOptions extends CallOptions {
  /** Makes a new layout where there is nothing yet. @defaultValue false */
  readonly create?: boolean | undefined;
  /**
   * Takes what stands under a digest for that content when its size is right. Otherwise it is read and hashed, once,
   * before it counts as being there. @defaultValue false
   */
  readonly trustsContent?: boolean | undefined;
}

/**
 * Opens a layout. Reading needs no right to write; the first write takes the directory's lock, which closing gives back.
 * @throws NotFoundError `NOT_FOUND` when there is no layout.
 * @throws IntegrityError `MALFORMED` when it is broken or leads out of its directory.
 * @throws StoreError `UNSUPPORTED` for another version of the format, `LOCKED` when creating while another process writes.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export async function openLayout(directory: string, options: LayoutOptions = {}): Promise<LayoutStore> {
  options.signal?.throwIfAborted();
  const what = `layout ${directory}`;
  if (options.create === true) await onDisk(what, () => makeDirectory(directory));
  const layout = new LayoutStore(await resolveDirectory(directory, what), what, options.trustsContent === true);
  try {
    if (options.create === true) await layout.initialize();
    await layout.check();
    return layout;
  } catch (error) {
    await layout.close();
    throw error;
  }
}

/** Made by {@link openLayout}. Hashes what it stores, so it verifies content itself. */
export class LayoutStore implements Target, AsyncDisposable {
  readonly name: string;
  /** Of the layout. */
  readonly directory: string;
  readonly #trustsContent: boolean;
  /** Whether what stands under a digest was found to be that content: damage since then is for the reader to find. */
  readonly #verified = new Map<Digest, Promise<boolean>>();
  #lock: Promise<FileLock> | undefined;
  /** The last change of index.json; the next one waits for it. */
  #tagging: Promise<unknown> = Promise.resolve();

  /** @internal Made by {@link openLayout} alone. */
  constructor(directory: string, name: string, trustsContent: boolean) {
    this.directory = directory;
    this.name = name;
    this.#trustsContent = trustsContent;
  }

  /** Everything `index.json` names, with its annotations. */
  async entries(options?: CallOptions): Promise<readonly Descriptor[]> {
    options?.signal?.throwIfAborted();
    return entriesOf(await this.#readIndex());
  }

  async resolve(tagOrDigest: string, options?: CallOptions): Promise<Descriptor> {
    options?.signal?.throwIfAborted();
    const index = await this.#readIndex();
    const found = isDigest(tagOrDigest)
      ? (findDigest(index, tagOrDigest) ?? (await this.#describeBlob(tagOrDigest)))
      : findTag(index, tagOrDigest, this.name);
    if (found === undefined) {
      throw new NotFoundError('NOT_FOUND', `${this.name}: ${tagOrDigest} is not here`, {
        hint: 'index.json lists what the layout holds',
      });
    }
    return { mediaType: found.mediaType, digest: found.digest, size: found.size };
  }

  async exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    options?.signal?.throwIfAborted();
    if ((await this.#sizeOf(target.digest)) !== target.size) return false;
    return this.#trustsContent || (await this.#isVerified(target));
  }

  async *fetch(target: Descriptor, options?: FetchOptions): Bytes {
    options?.signal?.throwIfAborted();
    yield* readChunks(this.#blobPath(target.digest), options?.offset ?? 0, this.name, options?.signal);
  }

  async push(expected: Descriptor, content: Bytes, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    await this.#startWriting();
    if (await this.exists(expected)) {
      await content[Symbol.asyncIterator]().return?.();
      return;
    }
    await this.#place(verified(content, expected, this.name), this.#blobPath(expected.digest), options?.signal);
    this.#verified.set(expected.digest, Promise.resolve(true));
  }

  async tag(target: Descriptor, tag: string, options?: CallOptions): Promise<void> {
    options?.signal?.throwIfAborted();
    if (!TAG.test(tag)) {
      throw new UsageError('INVALID_REFERENCE', `${this.name}: ${JSON.stringify(tag.slice(0, 100))} cannot be a tag`);
    }
    if (!(await this.exists(target))) {
      throw new NotFoundError('MISSING_CONTENT', `${this.name}: cannot tag ${tag}, ${target.digest} is not here`);
    }
    await this.#startWriting();
    const change = this.#tagging.then(async () => {
      options?.signal?.throwIfAborted();
      // The names of all blobs reach the medium before the tag that makes them visible.
      await onDisk(this.name, () => syncDirectory(join(this.directory, 'blobs/sha256')));
      await this.#writeIndex(withTag(await this.#readIndex(), target, tag));
    });
    this.#tagging = change.catch(() => undefined);
    await change;
  }

  /** Gives the lock back. The store can still be read, and written after taking the lock again. */
  async close(): Promise<void> {
    const held = this.#lock;
    this.#lock = undefined;
    if (held === undefined) return;
    const lock = await held;
    await onDisk(this.name, () => rm(join(this.directory, INGEST), { recursive: true, force: true }));
    await lock[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes the directory a layout unless it is one. @internal */
  async initialize(): Promise<void> {
    const names = await onDisk(this.name, () => readdir(this.directory));
    if (!names.includes('oci-layout') && names.some((name) => !name.startsWith(INGEST) && !name.startsWith(LOCK))) {
      throw new UsageError('USAGE', `${this.name}: the directory is not empty and holds no OCI layout`, {
        hint: 'name a new or empty directory',
      });
    }
    await this.#startWriting();
    if (!names.includes('index.json')) await this.#writeIndex(EMPTY_INDEX);
  }

  /** Refuses what is no layout of this version and directories that lead elsewhere. @internal */
  async check(): Promise<void> {
    const path = join(this.directory, 'oci-layout');
    const bytes = await readBounded(path, MAX_LAYOUT_FILE_BYTES, this.name);
    let version: unknown;
    try {
      const json = parseJson(bytes, { maxBytes: MAX_LAYOUT_FILE_BYTES });
      version = (json as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion;
    } catch (error) {
      throw new IntegrityError('MALFORMED', `${this.name}: oci-layout ${jsonFaultOf(error)}`);
    }
    if (version !== '1.0.0') {
      throw new StoreError('UNSUPPORTED', `${this.name}: image layout version ${JSON.stringify(version)} is unknown`, {
        hint: 'this program reads version 1.0.0',
      });
    }
    for (const name of ['blobs', 'blobs/sha256']) {
      const status = await statOf(join(this.directory, name), this.name);
      if (status !== undefined && !status.isDirectory()) {
        throw new IntegrityError('MALFORMED', `${this.name}: ${name} is not a directory`, {
          hint: 'a link could lead out of the layout; copy the content into it',
        });
      }
    }
    await this.#readIndex();
  }

  async #startWriting(): Promise<void> {
    const lock = (this.#lock ??= this.#takeLock());
    try {
      await lock;
    } catch (error) {
      if (this.#lock === lock) this.#lock = undefined;
      throw error;
    }
  }

  async #takeLock(): Promise<FileLock> {
    const lock = await acquireFileLock(join(this.directory, LOCK), this.name);
    try {
      // What a killed writer left behind has no owner now.
      const ingest = join(this.directory, INGEST);
      await onDisk(this.name, () => rm(ingest, { recursive: true, force: true }));
      await onDisk(this.name, () => mkdir(ingest));
      await this.#mark();
      await onDisk(this.name, () => makeDirectory(join(this.directory, 'blobs/sha256')));
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    return lock;
  }

  /** Before anything else is in it, a new layout says on disk that it is one; the next run would not know it otherwise. */
  async #mark(): Promise<void> {
    const path = join(this.directory, 'oci-layout');
    if ((await statOf(path, this.name)) !== undefined) return;
    await this.#place(bytesOf(Buffer.from(LAYOUT_FILE)), path);
    await onDisk(this.name, () => syncDirectory(this.directory));
  }

  /** Its directory is flushed later, once for many files. */
  async #place(content: Bytes, path: string, signal?: AbortSignal): Promise<void> {
    const aside = join(this.directory, INGEST, randomUUID());
    await placeFile(path, abortable(content, signal), { aside, syncsName: false, hints: HINTS });
  }

  async #readIndex(): Promise<IndexFile> {
    const bytes = await readBounded(join(this.directory, 'index.json'), MAX_INDEX_BYTES, this.name);
    return parseIndexFile(bytes, this.name);
  }

  async #writeIndex(index: IndexFile): Promise<void> {
    await this.#place(bytesOf(Buffer.from(JSON.stringify(index))), join(this.directory, 'index.json'));
    await onDisk(this.name, () => syncDirectory(this.directory));
  }

  /** A blob that index.json does not name: its bytes tell whether it is a manifest. */
  async #describeBlob(digest: Digest): Promise<Descriptor | undefined> {
    const size = await this.#sizeOf(digest);
    if (size === undefined) return undefined;
    const blob: Descriptor = { mediaType: 'application/octet-stream', digest, size };
    if (size > MAX_MANIFEST_BYTES) return blob;
    try {
      const bytes = await readBounded(this.#blobPath(digest), MAX_MANIFEST_BYTES, this.name);
      return { ...blob, mediaType: parseManifest(bytes, undefined, this.name).mediaType };
    } catch (error) {
      if (error instanceof AirgapError && (error.code === 'MALFORMED' || error.code === 'UNSUPPORTED')) return blob;
      throw error;
    }
  }

  /** Damaged content is as good as none: it is brought again. */
  async #isVerified(target: Descriptor): Promise<boolean> {
    let answer = this.#verified.get(target.digest);
    if (answer === undefined) {
      answer = this.#hash(target);
      this.#verified.set(target.digest, answer);
    }
    return answer;
  }

  async #hash(target: Descriptor): Promise<boolean> {
    try {
      for await (const _ of verified(this.fetch(target), target, this.name));
      return true;
    } catch (error) {
      if (error instanceof IntegrityError) return false;
      this.#verified.delete(target.digest);
      throw error;
    }
  }

  async #sizeOf(digest: Digest): Promise<number | undefined> {
    const status = await statOf(this.#blobPath(digest), this.name);
    return status?.isFile() === true ? status.size : undefined;
  }

  #blobPath(digest: Digest): string {
    return join(this.directory, 'blobs/sha256', hexOf(digest));
  }
}

async function* abortable(content: Bytes, signal: AbortSignal | undefined): Bytes {
  for await (const chunk of content) {
    signal?.throwIfAborted();
    yield chunk;
  }
}
