/** Writes files of a verified archive (charts, manifests, documents) into a fresh directory, never through a link. */
import { chmod, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { verified } from '../content/verified.ts';
import { UsageError } from '../errors.ts';
import type { Inventory, InventoryFile } from '../archive/inventory/inventory-schema.ts';
import { assertRoom, fileExists } from '../base/files/disk.ts';
import { acquireFileLock } from '../base/files/file-lock.ts';
import { asideOf, placeFile, syncDirectory } from '../base/files/place-file.ts';
import { onDisk, systemCode } from '../base/files/system-errors.ts';
import type { VerifiedArchive } from '../archive/verification/verified-archive.ts';

/** Others may read what is extracted, and not write to it, whatever the umask. */
const DIRECTORY_MODE = 0o755;

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
  await assertAbsent(directory);
  if (!(await fileExists(dirname(directory)))) {
    throw new UsageError('USAGE', `cannot make ${directory}: there is no ${dirname(directory)}`, {
      hint: 'make that directory first',
    });
  }
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
  const aside = asideOf(resolve(directory));
  await using _lock = await acquireFileLock(`${aside}.lock`, directory);
  try {
    await onDisk(`cannot make ${directory}`, async () => {
      await rm(aside, { recursive: true, force: true });
      await mkdir(aside, { mode: 0o700 });
    });
    for (const file of files) await extractFile(archive, file, aside, options);
    await onDisk(`cannot make ${directory}`, async () => {
      for (const path of directoriesOf(files)) await syncDirectory(join(aside, path));
      await assertAbsent(directory);
      await chmod(aside, DIRECTORY_MODE & ~process.umask());
      await rename(aside, directory);
      await syncDirectory(dirname(directory));
    });
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return files.map((file) => file.path);
}

async function extractFile(
  archive: VerifiedArchive,
  { path, size, digest }: InventoryFile,
  directory: string,
  options: ExtractOptions,
): Promise<void> {
  const place = join(directory, path);
  await onDisk(`cannot write ${path}`, () => mkdir(dirname(place), { recursive: true, mode: DIRECTORY_MODE }));
  const descriptor = { mediaType: 'application/octet-stream', digest, size };
  const content = verified(archive.fetch(descriptor, options), descriptor, archive.name);
  await placeFile(place, content, { mode: path.startsWith('install/') ? 0o755 : 0o644, syncsName: false });
}

/** Every directory that the files need, `.` for the outermost, each once: their names are flushed together. */
function directoriesOf(files: readonly InventoryFile[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { path } of files) {
    for (let parent = dirname(path); !found.has(parent); parent = dirname(parent)) found.add(parent);
  }
  return found;
}

async function assertAbsent(directory: string): Promise<void> {
  const found = await onDisk(`cannot make ${directory}`, () =>
    lstat(directory).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
  if (found === undefined) return;
  throw new UsageError('USAGE', `${directory} exists already`, {
    hint: 'give a directory that does not exist yet, so that nothing old is mixed with what is verified',
  });
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
