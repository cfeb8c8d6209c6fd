/** The files an archive grows in: one, or one for each part of it, under names of their own until it is complete. */
import { rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileExists } from '../../base/files/disk.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import { UsageError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { serializePartList } from '../parts/part-list.ts';
import { partListPath, partPath } from '../parts/part-names.ts';
import { countParts } from '../parts/part-size.ts';
import { assertNoStrayParts } from '../parts/stray-parts.ts';

/** One file, and which stretch of the archive it takes. */
export interface WrittenFile {
  /** While it is not complete. */
  readonly aside: string;
  /** When it is. */
  readonly path: string;
  /** Of its first byte in the archive. */
  readonly offset: number;
  /** bytes */
  readonly length: number;
}

/** What a file is called that is not complete. */
export function partialPath(path: string): string {
  return `${path}.partial`;
}

/**
 * Divides an archive into the files it is written to.
 * @param partSize bytes of each part but the last; undefined for one file
 * @throws UsageError when it would be too many parts
 */
export function divideIntoFiles(archive: string, size: number, partSize: number | undefined): readonly WrittenFile[] {
  if (partSize === undefined) return [{ aside: partialPath(archive), path: archive, offset: 0, length: size }];
  return Array.from({ length: countParts(size, partSize) }, (_, index) => {
    const path = partPath(archive, index + 1);
    const offset = index * partSize;
    return { aside: partialPath(path), path, offset, length: Math.min(partSize, size - offset) };
  });
}

/**
 * Insists that the names are free, or may be taken.
 * @throws UsageError `USAGE`
 */
export async function assertNamesFree(
  archive: string,
  files: readonly WrittenFile[],
  overwrite: boolean,
): Promise<void> {
  const isSplit = files[0]?.path !== archive;
  if (isSplit && (await fileExists(archive))) {
    throw new UsageError('USAGE', `${archive} exists already, and would be read in the place of parts of that name`, {
      hint: 'choose another --output, or move it away',
    });
  }
  if (isSplit) await assertNoStrayParts(archive, files.length);
  for (const { path } of overwrite ? [] : files) {
    if (!(await fileExists(path))) continue;
    throw new UsageError('USAGE', `${path} exists already`, { hint: 'choose another --output, or give --overwrite' });
  }
}

/**
 * Whether an interrupted run left all of the files. One that was ended while it gave the parts their names is taken back to
 * before that: the journal, which is removed last, says that they are its own.
 */
export async function takeUp(files: readonly WrittenFile[]): Promise<boolean> {
  for (const { aside, path } of files) {
    if (await fileExists(aside)) continue;
    if (files.length < 2 || !(await fileExists(path))) return false;
    await onDisk(`cannot rename ${path}`, () => rename(path, aside));
  }
  return true;
}

/** Writes the list of parts that are in place. @throws StoreError `NO_SPACE`, `STORE_IO` */
export async function placeList(
  archive: string,
  files: readonly WrittenFile[],
  digests: readonly Digest[],
): Promise<void> {
  const parts = files.map(({ path, length }, index) => ({
    name: basename(path),
    size: length,
    digest: digests[index] as Digest,
  }));
  const size = files.reduce((sum, { length }) => sum + length, 0);
  const list = { formatVersion: 1 as const, archive: basename(archive), size, parts };
  await placeFile(partListPath(archive), serializePartList(list));
}
