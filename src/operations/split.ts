/** Cuts an archive into parts that fit a medium: plain slices of it, which `cat` joins, and a list of them. */
import { createHash, type Hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hashRanges } from '../archive/hashing/hash-ranges.ts';
import type { ByteRange } from '../archive/hashing/hash-thread.ts';
import { serializePartList } from '../archive/parts/part-list.ts';
import { partListPath, partPath } from '../archive/parts/part-names.ts';
import { assertNoStrayParts } from '../archive/parts/stray-parts.ts';
import { countParts } from '../archive/parts/part-size.ts';
import { openArchive, type ArchiveReader } from '../archive/reader/reader.ts';
import type { Bytes } from '../base/bytes.ts';
import { assertRoom, fileExists } from '../base/files/disk.ts';
import { openRegular } from '../base/files/open-file.ts';
import { asideOf, placeFile } from '../base/files/place-file.ts';
import { onDisk } from '../base/files/system-errors.ts';
import type { CallOptions } from '../content/store.ts';
import { UsageError } from '../errors.ts';
import { digestOf, sha256, type Digest } from '../oci/digest.ts';

/** What to split, and how. */
export interface SplitRequest {
  /** Path of the archive, or of the first of its parts. */
  readonly archive: string;
  /** bytes of each part but the last */
  readonly partSize: number;
  /** Where the parts go. @defaultValue beside the archive */
  readonly directory?: string | undefined;
}

/** Options of {@link splitArchive}. */
export interface SplitOptions extends CallOptions {
  /** Replace parts that are there and hold something else. @defaultValue false */
  readonly overwrite?: boolean | undefined;
  /** Directories that hold parts of the archive, where it is in parts itself. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
  /** Told where the parts go, before the first byte is written. */
  readonly onStart?: ((firstPart: string, total: number) => void) | undefined;
  /** bytes that are in place, and in all */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** One part that is in place. */
export interface SplitPart {
  /** Of the file. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  /** Of its bytes. */
  readonly digest: Digest;
  /** Whether an earlier run had written it. */
  readonly isKept: boolean;
}

/** What was split. */
export interface SplitReport {
  /** In their order. */
  readonly parts: readonly SplitPart[];
  /** Path of the list of the parts. */
  readonly list: string;
  /** bytes of the archive */
  readonly size: number;
  /** Of `checksums.txt`. */
  readonly digest: Digest;
  /** Signatures beside the archive that were copied to beside the parts. */
  readonly detached: number;
}

/**
 * Splits an archive. Each part appears whole or not at all, the list last; parts of an earlier run that are what they
 * should be are kept, so that an interrupted run goes on. The archive is read and left alone; nothing is verified.
 * @throws UsageError when it would be too many parts, or something else has the name of one.
 * @throws IntegrityError when the head of the archive is not canonical, or it is cut short.
 * @throws StoreError `NO_SPACE`, `STORE_IO`
 */
export async function splitArchive(
  { archive: path, partSize, directory }: SplitRequest,
  options: SplitOptions = {},
): Promise<SplitReport> {
  const { signal, overwrite = false, parts: searched } = options;
  using archive = await openArchive(path, { parts: searched, signal });
  const { size } = archive.source;
  const place = join(directory ?? dirname(archive.path), basename(archive.path));
  const ranges = Array.from({ length: countParts(size, partSize) }, (_, index) => {
    const offset = index * partSize;
    return { offset, length: Math.min(partSize, size - offset) };
  });
  await assertNoStrayParts(place, ranges.length);
  const kept = await keptParts(archive, place, ranges, { signal, overwrite });
  const missing = ranges.filter((_, index) => !kept.has(index)).reduce((sum, { length }) => sum + length, 0);
  await assertRoom(dirname(place), missing, ranges.map((_, index) => asideOf(partPath(place, index + 1)))); // prettier-ignore
  options.onStart?.(partPath(place, 1), size);
  const list = partListPath(place);
  // It would be that of other parts from the first that is written on.
  if (missing > 0) await onDisk(`cannot remove ${list}`, () => rm(list, { force: true }));
  const parts: SplitPart[] = [];
  for (const [index, { offset, length }] of ranges.entries()) {
    const name = partPath(place, index + 1);
    const hash = createHash('sha256');
    const onBytes = (done: number): void => options.onProgress?.(offset + done, size);
    const held = kept.get(index);
    if (held === undefined) {
      const content = hashed(archive.stream(offset, length, signal), hash, onBytes);
      await placeFile(name, content, { exclusive: !overwrite });
    } else onBytes(length);
    parts.push({ path: name, size: length, digest: held ?? digestOf(hash), isKept: held !== undefined });
  }
  const listed = parts.map((part) => ({ name: basename(part.path), size: part.size, digest: part.digest }));
  await placeFile(list, serializePartList({ formatVersion: 1, archive: basename(place), size, parts: listed }));
  const { detached, checksums } = archive.head;
  const copied = dirname(place) === dirname(archive.path) ? [] : detached;
  for (const { keyIdStart, bytes } of copied) await placeFile(`${place}.${keyIdStart}.sigstore.json`, bytes);
  return { parts, list, size, digest: sha256(checksums), detached: copied.length };
}

/** The parts that are there already, with their digests. @throws UsageError for one that holds something else */
async function keptParts(
  archive: ArchiveReader,
  place: string,
  ranges: readonly ByteRange[],
  { signal, overwrite }: { readonly signal: AbortSignal | undefined; readonly overwrite: boolean },
): Promise<ReadonlyMap<number, Digest>> {
  const kept = new Map<number, Digest>();
  for (const [index, range] of ranges.entries()) {
    const name = partPath(place, index + 1);
    if (!(await fileExists(name))) continue;
    const digest = await digestOfFile(name, range.length, signal);
    const [expected] = digest === undefined ? [] : await hashRanges(archive.source.slices, [range], { signal });
    if (digest !== undefined && digest === expected) kept.set(index, digest);
    else if (!overwrite) {
      throw new UsageError('USAGE', `${name} exists already and is not part ${index + 1} of ${archive.path}`, {
        hint: 'choose another --output, or give --overwrite',
      });
    }
  }
  return kept;
}

/** Undefined for a file of another length. */
async function digestOfFile(path: string, size: number, signal: AbortSignal | undefined): Promise<Digest | undefined> {
  await using file = await openRegular(path, { what: 'a part of an archive' });
  if ((await file.stat()).size !== size) return undefined;
  const [digest] = await hashRanges([{ fd: file.fd, offset: 0, length: size }], [{ offset: 0, length: size }], { signal }); // prettier-ignore
  return digest;
}

async function* hashed(content: Bytes, hash: Hash, onBytes: (done: number) => void): Bytes {
  let done = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    yield chunk;
    onBytes((done += chunk.length));
  }
}
