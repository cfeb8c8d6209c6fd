/** Finds the parts of an archive by their names, in the directories that hold them, and where each of them stands. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readBounded } from '../../base/files/read-file.ts';
import { systemCode, toStoreError } from '../../base/files/system-errors.ts';
import { AirgapError, UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { MAX_PART_LIST_BYTES, parsePartList, type PartList } from './part-list.ts';
import { archiveOfPart, partListPath, partNumber, partPath } from './part-names.ts';

/** A file that has the name of a part. */
interface PartFile {
  readonly path: string;
  /** bytes */
  readonly size: number;
}

/** One part of an archive: where it stands, and the files that may be it. */
export interface PlannedPart {
  /** Of its file, or of the one that is missing. */
  readonly name: string;
  /** Of its first byte in the archive. */
  readonly offset: number;
  /** bytes */
  readonly size: number;
  /** Of its bytes, by the word of the list. */
  readonly digest?: Digest | undefined;
  /** Files of this size, those of the directories named first in front; none when the part is missing. */
  readonly copies: readonly string[];
  /** Files of the name with another size. */
  readonly odd: readonly PartFile[];
}

/** The parts of one archive. */
export interface FoundParts {
  /** Where the archive would be if it were whole. */
  readonly archive: string;
  readonly parts: readonly PlannedPart[];
}

/**
 * Finds the parts that a path leads to: the path of one of them, of their list, or of the archive that they make.
 * @param directories where else they may lie; these are looked at first, so that a good copy takes the place of a bad one
 * @returns undefined when there are none
 * @throws UsageError when one of the directories cannot be read. @throws StoreError `STORE_IO`
 */
export async function findParts(path: string, directories: readonly string[]): Promise<FoundParts | undefined> {
  const archive = archiveOfPart(path) ?? path;
  const name = basename(archive);
  const own = dirname(archive);
  // One directory under two names would have two copies of everything.
  const searched = new Map([...directories, own].map((directory) => [resolve(directory), directory])).values();
  const files = new Map<number, PartFile[]>();
  let list: PartList | undefined;
  for (const directory of searched) {
    for (const entry of await entriesOf(directory, directories.includes(directory))) {
      const number = partNumber(name, entry);
      if (number === undefined) continue;
      const { size } = await statPart(join(directory, entry));
      files.set(number, [...(files.get(number) ?? []), { path: join(directory, entry), size }]);
    }
    list ??= await readList(join(directory, partListPath(name)), name);
  }
  const isBegun = list !== undefined || files.has(1);
  // A name may end in three digits without being that of a part: one such file alone is what it is.
  if (!isBegun && (files.size === 0 || (archive !== path && files.size === 1))) return undefined;
  return { archive, parts: list === undefined ? measured(archive, files) : listed(archive, files, list) };
}

/** Every file that may be a part of the archive that a path leads to: what must not be written to while it is read. */
export async function partFiles(path: string, directories: readonly string[]): Promise<readonly string[]> {
  const found = await findParts(path, directories).catch(() => undefined);
  return (found?.parts ?? []).flatMap(({ copies, odd }) => [...copies, ...odd.map((file) => file.path)]);
}

/** By the word of the list. */
function listed(archive: string, files: ReadonlyMap<number, readonly PartFile[]>, { parts }: PartList): PlannedPart[] {
  let offset = 0;
  return parts.map(({ size, digest }, index) => {
    const own = files.get(index + 1) ?? [];
    const copies = own.filter((file) => file.size === size).map((file) => file.path);
    const odd = own.filter((file) => file.size !== size);
    offset += size;
    return { name: nameOf(archive, index + 1, own), offset: offset - size, size, digest, copies, odd };
  });
}

/** By the files alone: parts are as long as the first, but for the last, unless one of them says otherwise. */
function measured(archive: string, files: ReadonlyMap<number, readonly PartFile[]>): PlannedPart[] {
  const usual = largest(files.get(1) ?? []);
  const last = Math.max(...files.keys());
  let offset = 0;
  return Array.from({ length: last }, (_, index) => {
    const own = files.get(index + 1) ?? [];
    const isUsual = own.length === 0 || (index + 1 < last && own.some((file) => file.size === usual));
    const size = isUsual ? usual : largest(own);
    const copies = own.filter((file) => file.size === size).map((file) => file.path);
    const odd = own.filter((file) => file.size !== size);
    offset += size;
    return { name: nameOf(archive, index + 1, own), offset: offset - size, size, copies, odd };
  });
}

function nameOf(archive: string, number: number, [file]: readonly PartFile[]): string {
  return file?.path ?? partPath(archive, number);
}

function largest(files: readonly PartFile[]): number {
  return Math.max(0, ...files.map(({ size }) => size));
}

/**
 * The names in a directory; none where it is not there or not to be listed.
 * @throws UsageError for one that a person named, `isNamed`. @throws StoreError `STORE_IO`
 */
export async function entriesOf(directory: string, isNamed: boolean): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (isNamed && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)) {
      throw new UsageError('USAGE', `--parts ${directory} is no directory that can be read`, {
        cause: error,
        hint: 'name the directories that hold the parts',
      });
    }
    // What cannot be listed has no parts to offer; whether the file itself is there is for the reader to say.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)) return [];
    throw toStoreError(error, `cannot read ${directory}`);
  }
}

async function statPart(path: string): Promise<{ readonly size: number }> {
  try {
    return await stat(path);
  } catch (error) {
    throw toStoreError(error, `cannot read ${path}`, {
      otherwise: 'it has the name of a part: repair it or move it away',
    });
  }
}

async function readList(path: string, archive: string): Promise<PartList | undefined> {
  try {
    return parsePartList(await readBounded(path, { what: 'a list of parts', limit: MAX_PART_LIST_BYTES }), archive);
  } catch (error) {
    // It is a help only: without it, the parts are what they are.
    if (error instanceof AirgapError) return undefined;
    throw error;
  }
}
