/**
 * Verifies an archive byte for byte against its inventory: framing is compared, never parsed; content is hashed; what the
 * inventory says of manifests is held against their own bytes. What the signature must vouch for is
 * `checksums.txt` alone, which {@link assertChecksums} ties to the inventory.
 */
import { createHash } from 'node:crypto';
import { abortable } from '../../base/abortable.ts';
import type { Bytes } from '../../base/bytes.ts';
import { takeTurns } from '../../base/turns.ts';
import type { CallOptions } from '../../content/store.ts';
import { IntegrityError } from '../../errors.ts';
import { digestOf, sha256, type Digest } from '../../oci/digest.ts';
import { parseChecksums } from '../layout/checksums.ts';
import { GraphVerifier } from './graph-verification.ts';
import { hashRanges } from '../hashing/hash-ranges.ts';
import type { ByteRange } from '../hashing/hash-thread.ts';
import { isImageTarPath } from '../layout/image-tar.ts';
import { listsTarballs, renderChecksums, type ArchiveLayout, type ContentSegment } from '../layout/archive-layout.ts';
import type { BasePlace } from '../partial/base-archives.ts';
import { openSeal, type ArchiveHead } from '../reader/archive-head.ts';
import { trailing, truncated } from '../source/byte-source.ts';
import type { ArchiveReader } from '../reader/reader.ts';
import { readSeal, type ArchiveSeal } from '../reader/seal.ts';
import { BLOCK_BYTES } from '../../base/tar/ustar.ts';

/** How much was read and verified. */
export interface VerifiedContent {
  /** bytes of the whole archive, all of them accounted for */
  readonly bytes: number;
  /** Pieces of content that were hashed. */
  readonly contents: number;
  /** What was hashed in the bases of a delta; absent where there are none. */
  readonly base?: Pick<VerifiedContent, 'bytes' | 'contents'> | undefined;
}

/** Options of {@link verifyContent}. */
export interface VerifyContentOptions extends CallOptions {
  /** bytes of content hashed so far */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Ties the signed text to the inventory: `checksums.txt` must list exactly the payload, and what the inventory
 * determines, `release.json` included, must have the digest it says. The digests of the image tarballs are taken as
 * given: {@link verifyContent} holds every byte of them against the inventory.
 * @throws IntegrityError `MALFORMED`
 */
export function assertChecksums({ inventory, fullLayout, checksums }: ArchiveHead): void {
  const listed = parseChecksums(checksums);
  const tarballs = listsTarballs(inventory) ? listed : new Map<string, Digest>();
  const isWhole = fullLayout.members.every(
    ({ path }) => !listsTarballs(inventory) || !isImageTarPath(path) || listed.has(path),
  );
  if (isWhole && renderChecksums(fullLayout, tarballs).equals(checksums)) return;
  throw new IntegrityError('MALFORMED', 'checksums.txt and release.json disagree', {
    hint: 'the archive was changed after it was signed; do not load it',
    details: { member: 'checksums.txt' },
  });
}

/**
 * Verifies every byte of an open archive against its inventory, on all cores, but for `checksums.txt` and the slots; and
 * the graph in the inventory against the manifests.
 * @throws IntegrityError naming the first member that fails and its offset.
 */
export async function verifyContent(
  archive: ArchiveReader,
  options: VerifyContentOptions = {},
): Promise<VerifiedContent> {
  const { head, source } = archive;
  const { signal } = options;
  const total = contentSize(archive);
  // What is hashed is not yet what it should be: the last word is for after the comparison.
  const onProgress = (bytes: number): void => void (bytes < total && options.onProgress?.(bytes));
  const damaged: ByteRange[] = [];
  try {
    await verifySegments(archive, { signal, onProgress }, damaged);
  } catch (error) {
    // Who has to bring parts again needs to know of all that are bad, and not of the first.
    const isInParts = source.slices.length > 1 && error instanceof IntegrityError;
    if (isInParts && damaged.length === 0) damaged.push(...(await findDamaged(archive, options)));
    throw await source.explain(error, damaged, head);
  }
  const own = carriedSize(head);
  const base = await verifyBases(archive, { signal, onProgress: (bytes) => onProgress(own + bytes) });
  options.onProgress?.(total);
  const contents = head.layout.segments.filter(({ kind }) => kind === 'content').length;
  return { bytes: head.layout.size, contents, ...(base === undefined ? {} : { base }) };
}

/** Every stretch that is not what the inventory says. */
async function findDamaged(archive: ArchiveReader, { signal }: CallOptions): Promise<readonly ByteRange[]> {
  const { segments } = archive.head.layout;
  const framing = segments.filter((segment) => segment.kind === 'framing').filter(({ offset, bytes }) => !archive.read(offset, bytes.length).equals(bytes)); // prettier-ignore
  const contents = segments.filter((segment) => segment.kind === 'content');
  const digests = await hashRanges(archive.source.slices, contents, { signal });
  const wrong = contents.filter(({ digest }, index) => digest !== digests[index]);
  return [...framing.map(({ offset, bytes }) => ({ offset, length: bytes.length })), ...wrong];
}

/** @param damaged takes every stretch of content that is wrong */
async function verifySegments(
  archive: ArchiveReader,
  options: VerifyContentOptions,
  damaged: ByteRange[],
): Promise<void> {
  const { layout } = archive.head;
  const turn = takeTurns(options.signal);
  for (const segment of layout.segments) {
    if (segment.kind !== 'framing') continue;
    await turn();
    compareFraming(layout, segment.offset, segment.bytes, archive.read(segment.offset, segment.bytes.length));
  }
  const contents = layout.segments.filter((segment) => segment.kind === 'content');
  await verifyGraph(archive, contents, turn);
  const digests = await hashRanges(archive.source.slices, contents, options);
  damaged.push(...contents.filter((segment, index) => segment.digest !== digests[index]));
  contents.forEach((segment, index) => checkDigest(layout, segment, digests[index] as Digest));
}

/** Bytes that {@link verifyContent} hashes: every copy of content that the archive holds, and what is taken from bases. */
export function contentSize(archive: Pick<ArchiveReader, 'head' | 'omitted' | 'baseOf'>): number {
  const bases = basePlaces(archive).reduce((sum, { segment }) => sum + segment.length, 0);
  return carriedSize(archive.head) + bases;
}

/** Bytes of every copy of content that a file holds. */
export function carriedSize({ layout }: Pick<ArchiveHead, 'layout'>): number {
  return layout.segments.reduce((sum, part) => sum + (part.kind === 'content' ? part.length : 0), 0);
}

/** What a delta leaves out and its bases have. */
function basePlaces(archive: Pick<ArchiveReader, 'omitted' | 'baseOf'>): readonly BasePlace[] {
  return [...archive.omitted.keys()].flatMap((digest) => archive.baseOf(digest) ?? []);
}

/** Bases are files that nothing vouches for: only what has its digest may take the place of what a delta leaves out. */
async function verifyBases(
  delta: ArchiveReader,
  { signal, onProgress }: VerifyContentOptions,
): Promise<VerifiedContent | undefined> {
  const places = basePlaces(delta);
  if (places.length === 0) return undefined;
  let done = 0;
  for (const [base, own] of Map.groupBy(places, ({ archive }) => archive)) {
    const segments = own.map(({ segment }) => segment);
    const before = done;
    const digests = await hashRanges(base.source.slices, segments, {
      signal,
      onProgress: (bytes) => onProgress?.(before + bytes),
    });
    const wrong = segments.filter(({ digest }, index) => digest !== digests[index]);
    const [first] = wrong;
    if (first !== undefined) {
      const actual = digests[segments.indexOf(first)];
      const error = new IntegrityError(
        'DIGEST_MISMATCH',
        `${base.path} holds content with digest ${actual} instead of ${first.digest} (offset ${first.offset})`,
        {
          hint: 'this base is damaged: copy it again from its source, or name another with --base',
          details: { offset: first.offset },
        },
      );
      throw await base.source.explain(error, wrong, base.head);
    }
    done += segments.reduce((sum, { length }) => sum + length, 0);
  }
  return { bytes: done, contents: places.length };
}

/** Small, and all a reader will act upon: so it is checked before gigabytes are hashed. */
async function verifyGraph(
  archive: ArchiveReader,
  contents: readonly ContentSegment[],
  turn: () => Promise<void>,
): Promise<void> {
  const { layout, inventory } = archive.head;
  const graph = new GraphVerifier(inventory);
  for (const segment of contents) {
    if (!graph.needs(segment.digest)) continue;
    await turn();
    const bytes = archive.read(segment.offset, segment.length);
    checkDigest(layout, segment, sha256(bytes));
    graph.take(segment.digest, bytes);
  }
  graph.finish();
}

/**
 * Verifies what `checksums.txt` says of the image tarballs, which {@link assertChecksums} takes as given. Readers need it
 * not; the signer of `checksums.txt` vouches for every line of it. Where it has none for tarballs, nothing is read.
 * @throws IntegrityError `DIGEST_MISMATCH` naming the first tarball whose line is wrong.
 */
export async function verifyTarballs(archive: ArchiveReader, options: VerifyContentOptions = {}): Promise<void> {
  const { inventory, layout, checksums } = archive.head;
  if (!listsTarballs(inventory)) return;
  const listed = parseChecksums(checksums);
  const tars = layout.members.filter(({ path }) => isImageTarPath(path));
  const ranges = tars.map(({ offset, size }) => ({ offset, length: size }));
  const digests = await hashRanges(archive.source.slices, ranges, options);
  const wrong = tars.find(({ path }, index) => listed.get(path) !== digests[index]);
  if (wrong === undefined) return;
  throw new IntegrityError('DIGEST_MISMATCH', `checksums.txt gives ${wrong.path} a digest that it does not have`, {
    hint: 'the archive was not made by this product; do not sign it',
    details: { member: wrong.path },
  });
}

/** Decides about a stream in two steps; each throws what it refuses. */
export interface StreamDecision<S extends { readonly inventoryDigest: Digest }, T> {
  /** Whether to go on, by the seal alone. Says what `release.json` has to be. */
  readonly onSeal: (seal: ArchiveSeal) => S;
  /** Whether to go on, before the payload is read. */
  readonly onHead: (head: ArchiveHead, accepted: S) => T;
}

/**
 * Verifies an archive that comes as a stream.
 * @throws IntegrityError naming the first member that fails and its offset. @throws whatever the decision throws.
 */
export async function verifyContentStream<S extends { readonly inventoryDigest: Digest }, T>(
  content: Bytes,
  name: string,
  decision: StreamDecision<S, T>,
  options: VerifyContentOptions = {},
): Promise<{ readonly decided: T; readonly content: VerifiedContent }> {
  await using input = new StreamCursor(content, name, options.signal);
  const early: Buffer[] = [];
  let held = 0;
  const read = async (offset: number, length: number): Promise<Buffer> => {
    options.signal?.throwIfAborted();
    early.push(await input.read(offset - held));
    const bytes = await input.read(length);
    early.push(bytes);
    held = offset + length;
    return bytes;
  };
  const seal = await readSeal(read);
  const accepted = decision.onSeal(seal);
  const { offset, size } = seal.inventoryPlace;
  const head = openSeal(seal, await read(offset, size), accepted.inventoryDigest);
  const decided = decision.onHead(head, accepted);
  input.unread(Buffer.concat(early));
  const graph = new GraphVerifier(head.inventory);
  let contents = 0;
  let done = 0;
  for (const segment of head.layout.segments) {
    options.signal?.throwIfAborted();
    if (segment.kind === 'framing') {
      compareFraming(head.layout, segment.offset, segment.bytes, await input.read(segment.bytes.length));
    } else if (segment.kind === 'content') {
      if (graph.needs(segment.digest)) {
        const bytes = await input.read(segment.length);
        checkDigest(head.layout, segment, sha256(bytes));
        graph.take(segment.digest, bytes);
      } else {
        const hash = createHash('sha256');
        await input.pass(segment.length, (chunk) => hash.update(chunk));
        checkDigest(head.layout, segment, digestOf(hash));
      }
      contents++;
      options.onProgress?.((done += segment.length));
    } else {
      await input.pass(segment.length, () => undefined);
    }
  }
  if (await input.hasMore()) throw trailing(name, head.layout.size);
  graph.finish();
  return { decided, content: { bytes: head.layout.size, contents } };
}

function compareFraming(layout: ArchiveLayout, offset: number, expected: Buffer, actual: Buffer): void {
  if (actual.equals(expected)) return;
  const at = offset + expected.findIndex((byte, index) => byte !== actual[index]);
  throw damaged(layout, at, 'has bytes that do not belong there');
}

function checkDigest(layout: ArchiveLayout, segment: ContentSegment, actual: Digest): void {
  if (actual === segment.digest) return;
  throw damaged(layout, segment.offset, `holds content with digest ${actual} instead of ${segment.digest}`);
}

function damaged(layout: ArchiveLayout, offset: number, why: string): IntegrityError {
  const member = layout.members.findLast((entry) => entry.offset - BLOCK_BYTES <= offset)?.path ?? 'the archive';
  return new IntegrityError('DIGEST_MISMATCH', `${member} ${why} (offset ${offset})`, {
    hint: 'the archive is damaged or was changed; copy it again from its source, and do not load it',
    details: { member, offset },
  });
}

/** Cuts a stream of chunks into the pieces asked for. */
class StreamCursor implements AsyncDisposable {
  readonly #chunks: AsyncIterator<Uint8Array, unknown>;
  readonly #name: string;
  readonly #signal: AbortSignal | undefined;
  #rest: Uint8Array = new Uint8Array();
  #consumed = 0;
  #isWaiting = false;

  constructor(content: Bytes, name: string, signal: AbortSignal | undefined) {
    this.#chunks = content[Symbol.asyncIterator]();
    this.#name = name;
    this.#signal = signal;
  }

  /** Lets go of the stream, read to its end or not. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = this.#chunks.return?.();
    // A stream that says nothing does not say that it has ended either.
    if (this.#isWaiting) ended?.catch(() => undefined);
    else await ended;
  }

  /** Copies the next bytes out. */
  async read(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    let done = 0;
    await this.pass(length, (chunk) => {
      bytes.set(chunk, done);
      done += chunk.length;
    });
    return bytes;
  }

  async pass(length: number, consume: (chunk: Uint8Array) => void): Promise<void> {
    for (let left = length; left > 0;) {
      if (this.#rest.length === 0 && !(await this.#next())) throw truncated(this.#name, this.#consumed);
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      this.#consumed += chunk.length;
      consume(chunk);
      left -= chunk.length;
    }
  }

  /** Puts bytes back in front; only what was read from the very start. */
  unread(bytes: Buffer): void {
    this.#rest = Buffer.concat([bytes, this.#rest]);
    this.#consumed -= bytes.length;
  }

  /** Whether another byte follows. */
  async hasMore(): Promise<boolean> {
    while (this.#rest.length === 0) if (!(await this.#next())) return false;
    return true;
  }

  async #next(): Promise<boolean> {
    this.#isWaiting = true;
    const next = await abortable(this.#chunks.next(), this.#signal);
    this.#isWaiting = false;
    if (next.done === true) return false;
    this.#rest = next.value;
    return true;
  }
}
