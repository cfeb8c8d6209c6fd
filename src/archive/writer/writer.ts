/**
 * Writes an archive in place: every blob goes from its source straight to its final offset in `<archive>.partial`,
 * hashed as it comes. The final name appears only when everything is verified and on disk.
 */
import { basename } from 'node:path';
import { acquireFileLock, type FileLock } from '../../base/files/file-lock.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions, ResumableTarget } from '../../content/store.ts';
import { checkDigest, collect, exactly, verified } from '../../content/verified.ts';
import { IntegrityError, NotFoundError, StoreError, UsageError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { requireSpace } from '../../base/files/disk.ts';
import { GrowingFile } from '../hashing/growing-hash.ts';
import { checkInventory, serializeInventory } from '../inventory/inventory.ts';
import { CHECKPOINT_BYTES, readJournal } from './journal.ts';
import { journalPath, openPartialFile, type PartialFile } from './partial-file.ts';
import { assertNamesFree, divideIntoFiles, takeUp } from './written-files.ts';
import { placementsOf, reclaim, type Placement } from './placements.ts';
import { isImageTarPath } from '../layout/image-tar.ts';
import {
  layoutArchive,
  listsTarballs,
  renderChecksums,
  type ArchiveLayout,
  type ContentSegment,
  type Member,
} from '../layout/archive-layout.ts';
import { layoutDelta } from '../partial/delta-layout.ts';
import { omittedBy, serializePartial, type PartialDocument } from '../partial/partial-document.ts';
import { hashTarballs, type HashTarballsOptions } from '../partial/tarball-digests.ts';
import { PrefixHasher } from '../hashing/prefix-hasher.ts';

/** Turns the bytes of `checksums.txt` into the padded content of every slot, in the inventory's order. */
export type FillSlots = (checksums: Buffer) => Promise<readonly Buffer[]>;

/** Options of {@link openArchiveWriter}. */
export interface WriterOptions {
  /** Replace an existing archive of this name when the new one is complete. @defaultValue false */
  readonly overwrite?: boolean | undefined;
  /** Write a delta that leaves this out. @defaultValue the full archive */
  readonly partial?: PartialDocument | undefined;
  /** Write parts of so many bytes, and a list of them. @defaultValue one file */
  readonly partSize?: number | undefined;
  /** Bytes of one piece after which the journal says how far it got. @defaultValue 32 MiB */
  readonly checkpointBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a writer finishes a delta: what it leaves out is hashed with the tarballs that `checksums.txt` lists. */
export type FinishOptions = HashTarballsOptions;

/**
 * Starts or resumes writing the archive of an inventory at `path`. Content that an interrupted run left behind is
 * hashed again before it counts.
 * @throws StoreError `LOCKED` while another build writes here, `NO_SPACE` with the numbers before anything is written,
 *   `STORE_IO`.
 * @throws UsageError `USAGE` when the archive exists and `overwrite` is not given, `INVALID_SPEC` when the inventory
 *   breaks a rule that readers insist on.
 */
export async function openArchiveWriter(
  path: string,
  inventory: Inventory,
  options: WriterOptions = {},
): Promise<ArchiveWriter> {
  const { partial, partSize } = options;
  const fullLayout = layoutChecked(inventory);
  const layout = partial === undefined ? fullLayout : layoutDelta(inventory, partial, fullLayout);
  const files = divideIntoFiles(path, layout.size, partSize);
  const id = sha256(
    Buffer.concat([
      ...(partial === undefined ? [] : [serializePartial(partial)]),
      ...(partSize === undefined ? [] : [Buffer.from(`parts of ${partSize}\n`)]),
      serializeInventory(inventory),
    ]),
  );
  // Parts have their names one after the other: whoever was ended in between has a journal that says so.
  const isNew = async (): Promise<void> => {
    const isOwn = files.length > 1 && (await readJournal(journalPath(path)))?.inventory === id;
    if (!isOwn) await assertNamesFree(path, files, options.overwrite === true);
  };
  await isNew();
  await requireSpace(path, layout.size, files.map(({ aside }) => aside)); // prettier-ignore
  await using stack = new AsyncDisposableStack();
  const lock = stack.use(await acquireFileLock(`${path}.lock`, path));
  // Another build may have ended while this one waited for its turn.
  await isNew();
  const claims = await readJournal(journalPath(path));
  const resumable = claims?.inventory === id && (await takeUp(files));
  const file = openPartialFile(path, files, id, resumable);
  const release = { inventory, layout, fullLayout, partial };
  const writer = stack.use(new ArchiveWriter(path, release, file, lock, options.checkpointBytes));
  writer.start();
  if (resumable) await writer.reclaim(claims.held, options.signal);
  stack.move();
  return writer;
}

/** What is written, and where it stands. */
interface WrittenRelease {
  readonly inventory: Inventory;
  /** Of the file. */
  readonly layout: ArchiveLayout;
  readonly fullLayout: ArchiveLayout;
  readonly partial: PartialDocument | undefined;
}

/** An archive that is being written; see {@link openArchiveWriter}. Disposing without {@link finish} keeps what can be resumed. */
export class ArchiveWriter implements ResumableTarget, AsyncDisposable {
  readonly name: string;
  readonly layout: ArchiveLayout;
  /** Of the full archive: the same, unless a delta is written. */
  readonly fullLayout: ArchiveLayout;
  readonly #inventory: Inventory;
  /** Of a delta. */
  readonly #partial: PartialDocument | undefined;
  readonly #omitted: ReadonlyMap<Digest, unknown>;
  readonly #file: PartialFile;
  readonly #lock: FileLock;
  readonly #placements: ReadonlyMap<Digest, Placement>;
  readonly #segments: readonly ContentSegment[];
  /** A thread each: with two cores they take turns, with more the tarballs do not hold up the content. */
  readonly #content: GrowingFile;
  readonly #tarballs: GrowingFile;
  readonly #follower: PrefixHasher;
  readonly #checkpointBytes: number;
  #firstOpen = 0;
  #isOpen = true;

  constructor(
    path: string,
    { inventory, layout, fullLayout, partial }: WrittenRelease,
    file: PartialFile,
    lock: FileLock,
    checkpointBytes: number = CHECKPOINT_BYTES,
  ) {
    this.name = `archive ${basename(path)}`;
    this.layout = layout;
    this.fullLayout = fullLayout;
    this.#inventory = inventory;
    this.#partial = partial;
    this.#omitted = partial === undefined ? new Map() : omittedBy(partial);
    this.#file = file;
    this.#lock = lock;
    this.#checkpointBytes = checkpointBytes;
    this.#segments = layout.segments.filter((segment) => segment.kind === 'content');
    this.#placements = placementsOf(this.#segments);
    this.#content = new GrowingFile(file.slices);
    this.#tarballs = new GrowingFile(file.slices);
    this.#follower = new PrefixHasher(this.#tarballs, listsTarballs(inventory) ? tarRanges(layout) : []);
  }

  /** Bytes of content that are in place, and bytes in all, each piece counted once. */
  get progress(): { readonly held: number; readonly total: number } {
    let held = 0;
    let total = 0;
    for (const placement of this.#placements.values()) {
      held += placement.held;
      total += placement.size;
    }
    return { held, total };
  }

  /** Takes up what an earlier run claims to have written. */
  async reclaim(claims: ReadonlyMap<Digest, number>, signal: AbortSignal | undefined): Promise<void> {
    await reclaim(this.#placements.values(), claims, this.#file, signal);
    this.#advance();
  }

  /** Writes the framing: everything that needs no download. */
  start(): void {
    this.#file.resize();
    for (const segment of this.layout.segments) {
      if (segment.kind === 'framing') this.#file.write(segment.bytes, segment.offset);
    }
    this.#advance();
  }

  async resolve(reference: string, { signal }: CallOptions = {}): Promise<Descriptor> {
    signal?.throwIfAborted();
    const image = this.#inventory.images.find((entry) => entry.reference === reference || entry.digest === reference);
    const manifest = this.#inventory.manifests.find((entry) => entry.digest === (image?.digest ?? reference));
    if (manifest === undefined || this.#placements.get(manifest.digest)?.verified !== true)
      throw this.#notFound(reference);
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.size };
  }

  /** What a delta leaves out counts as there: nothing has to be brought. */
  async exists(target: Descriptor, { signal }: CallOptions = {}): Promise<boolean> {
    signal?.throwIfAborted();
    return this.#placements.get(target.digest)?.verified ?? (target.size === 0 || this.#omitted.has(target.digest));
  }

  async heldBytes(expected: Descriptor): Promise<number> {
    return this.#placements.get(expected.digest)?.held ?? 0;
  }

  async *fetch(target: Descriptor, { offset = 0, signal }: FetchOptions = {}): Bytes {
    signal?.throwIfAborted();
    const placement = this.#placements.get(target.digest);
    if (placement === undefined && target.size === 0) return;
    if (placement?.verified !== true) throw this.#notFound(target.digest);
    const [start] = placement.offsets;
    yield* this.#file.read(start + offset, start + placement.size, signal);
  }

  async push(expected: Descriptor, content: Bytes, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const placement = this.#placements.get(expected.digest);
    if (placement === undefined && expected.size === 0)
      return void (await collect(verified(content, expected, this.name)));
    if (placement?.size !== expected.size) {
      throw new StoreError('UNSUPPORTED', `${this.name} has no place for ${expected.digest} (${expected.size} bytes)`);
    }
    const start = placement.held;
    while (placement.pushing !== undefined) await placement.pushing.catch(() => undefined);
    if (placement.verified) return;
    placement.held = Math.min(placement.held, start);
    this.#advance();
    placement.pushing = this.#fill(placement, expected, content, signal).finally(() => (placement.pushing = undefined));
    await placement.pushing;
  }

  async #fill(
    placement: Placement,
    expected: Descriptor,
    content: Bytes,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const [place] = placement.offsets;
    let recorded = placement.held;
    const record = (): void => {
      this.#file.record(placement.digest, placement.held);
      recorded = placement.held;
    };
    const hash = this.#content.hashFrom(place);
    hash.advance(place + placement.held);
    try {
      for await (const chunk of exactly(content, expected, this.name, placement.held)) {
        signal?.throwIfAborted();
        this.#file.write(chunk, ...placement.offsets.map((offset) => offset + placement.held));
        placement.held += chunk.length;
        hash.advance(place + placement.held);
        this.#advance();
        if (placement.held - recorded >= this.#checkpointBytes && placement.held < placement.size) record();
      }
      checkDigest(await hash.digest(), expected, this.name);
    } catch (error) {
      hash.drop();
      if (error instanceof IntegrityError) {
        placement.held = 0;
        if (recorded > 0) record();
        this.#advance();
      }
      throw error;
    }
    placement.verified = true;
    record();
    this.#advance();
  }

  /** Tags are part of the inventory; anything else cannot be added any more. */
  async tag(target: Descriptor, reference: string, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const image = this.#inventory.images.find((entry) => entry.reference === reference);
    if (image?.digest === target.digest) return;
    throw new StoreError('UNSUPPORTED', `${this.name} does not name ${target.digest} ${reference}`);
  }

  /**
   * Completes the archive: digests of the tarballs (of a delta, of those that its full archive has), `checksums.txt`, slots, fsync, and only then the final name.
   * @returns The digest of `checksums.txt`, which stands for the whole archive.
   */
  async finish(fillSlots: FillSlots, options: FinishOptions = {}): Promise<Digest> {
    const open = [...this.#placements.values()].find((placement) => !placement.verified);
    if (open !== undefined) throw new StoreError('MISSING_CONTENT', `${this.name}: ${open.digest} was never written`);
    const isListed = ({ path }: Member): boolean => listsTarballs(this.#inventory) && isImageTarPath(path);
    const tars = this.fullLayout.members.filter(isListed);
    const digests = await (this.#partial === undefined || tars.length === 0
      ? this.#follower.digests()
      : hashTarballs(this.fullLayout, this, this.#partial, options));
    const checksums = renderChecksums(
      this.fullLayout,
      new Map(tars.map((tar, index) => [tar.path, digests[index] as Digest])),
    );
    const slots = (await fillSlots(checksums))[Symbol.iterator]();
    for (const segment of this.layout.segments) {
      if (segment.kind !== 'checksums' && segment.kind !== 'slot') continue;
      const bytes = segment.kind === 'checksums' ? checksums : slots.next().value;
      if (bytes?.length !== segment.length) throw new RangeError(`${segment.kind} does not fill its place`);
      this.#file.write(bytes, segment.offset);
    }
    await this.#file.finish(options.signal);
    return sha256(checksums);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#file.stop();
    await this.#content[Symbol.asyncDispose]();
    await this.#tarballs[Symbol.asyncDispose]();
    await this.#file.close();
    await this.#lock[Symbol.asyncDispose]();
  }

  /** Tells the follower how far the file is written without a gap. */
  #advance(): void {
    for (
      let segment = this.#segments[this.#firstOpen];
      segment !== undefined;
      segment = this.#segments[++this.#firstOpen]
    ) {
      const placement = this.#placements.get(segment.digest);
      if (placement?.verified === true) continue;
      this.#follower.advance(segment.offset + (placement?.held ?? 0));
      return;
    }
    this.#follower.advance(this.layout.size);
  }

  #notFound(what: string): NotFoundError {
    return new NotFoundError('NOT_FOUND', `${this.name} does not hold ${what}`);
  }
}

/** What readers will insist on is insisted on before anything is downloaded. */
function layoutChecked(inventory: Inventory): ArchiveLayout {
  try {
    checkInventory(inventory);
  } catch (error) {
    if (!(error instanceof IntegrityError)) throw error;
    throw new UsageError('INVALID_SPEC', `this release cannot be archived: ${error.message}`, { cause: error });
  }
  return layoutArchive(inventory);
}

function tarRanges(layout: ArchiveLayout): { offset: number; length: number }[] {
  const tars = layout.members.filter((member) => isImageTarPath(member.path));
  return tars.map(({ offset, size }) => ({ offset, length: size }));
}
