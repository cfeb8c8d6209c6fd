/** Writes files of a verified archive (charts, manifests, documents) into a fresh directory, never through a link. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { verified } from '../content/verified.ts';
import { UsageError } from '../errors.ts';
import type { Inventory, InventoryFile } from '../archive/inventory/inventory-schema.ts';
import { assertRoom } from '../base/files/disk.ts';
import { assertNewDirectory, placeDirectory } from '../base/files/place-directory.ts';
import { placeFile } from '../base/files/place-file.ts';
import { onDisk } from '../base/files/system-errors.ts';
import type { VerifiedArchive } from '../archive/verification/verified-archive.ts';

const WHY = 'what is verified';

/** Options of {@link extractFiles}. */
export interface ExtractOptions {
  /** Only these files and what is below these directories; everything when empty. */
  readonly paths?: readonly string[] | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Insists, before anything is verified, that an extraction can be done: the files are there, the directory is not, and
 * there is room for it. A slip or a full disk is told at once and not after an hour.
 * @throws as {@link extractFiles}
 */
export async function assertExtractable(
  archive: { readonly release: { readonly inventory: Pick<Inventory, 'files'> } },
  directory: string,
  { paths = [] }: ExtractOptions = {},
): Promise<void> {
  const files = chooseFiles(archive.release.inventory.files, paths);
  await assertNewDirectory(directory, WHY);
  await assertRoom(
    dirname(directory),
    files.reduce((sum, { size }) => sum + size, 0),
  );
}

/**
 * Extracts files. Each is hashed again on its way to disk, so that a file swapped after verification is caught. They are
 * written in a hidden directory of this user's alone, which gets its name when all of them are right: nothing is left
 * half-done, and no other user can put a link in the way.
 * @returns The paths written, relative to `directory`.
 * @throws UsageError `USAGE` when the directory exists already or no file matches.
 * @throws IntegrityError when the archive is no longer what was verified. @throws StoreError `STORE_IO`, `NO_SPACE`, `LOCKED`
 */
export async function extractFiles(
  archive: VerifiedArchive,
  directory: string,
  options: ExtractOptions = {},
): Promise<readonly string[]> {
  await assertExtractable(archive, directory, options);
  const files = chooseFiles(archive.release.inventory.files, options.paths ?? []);
  await placeDirectory(directory, WHY, async (aside) => {
    for (const file of files) await extractFile(archive, file, aside, options);
  });
  return files.map((file) => file.path);
}

async function extractFile(
  archive: VerifiedArchive,
  { path, size, digest }: InventoryFile,
  directory: string,
  options: ExtractOptions,
): Promise<void> {
  const place = join(directory, path);
  await onDisk(`cannot write ${path}`, () => mkdir(dirname(place), { recursive: true, mode: 0o755 }));
  const descriptor = { mediaType: 'application/octet-stream', digest, size };
  const content = verified(archive.fetch(descriptor, options), descriptor, archive.name);
  await placeFile(place, content, { mode: path.startsWith('install/') ? 0o755 : 0o644, syncsName: false });
}

function chooseFiles(files: readonly InventoryFile[], paths: readonly string[]): readonly InventoryFile[] {
  if (files.length === 0)
    throw new UsageError('USAGE', 'the archive has no files', { hint: 'it has images only: load it' });
  if (paths.length === 0) return files;
  const chosen = new Set<InventoryFile>();
  for (const requested of paths.map((path) => path.replace(/\/+$/, ''))) {
    const matches = files.filter(({ path }) => path === requested || path.startsWith(`${requested}/`));
    if (matches.length === 0) {
      throw new UsageError('USAGE', `the archive has no ${requested}`, { hint: '`airgap inspect` lists its files' });
    }
    for (const match of matches) chosen.add(match);
  }
  return files.filter((file) => chosen.has(file));
}
