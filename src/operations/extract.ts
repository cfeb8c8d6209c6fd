/** Writes files of a verified archive (charts, manifests, documents) into a fresh directory, never through a link. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { verified } from '../content/verified.ts';
import { UsageError } from '../errors.ts';
import type { InventoryFile } from '../archive/inventory/inventory-schema.ts';
import { placeFile } from '../base/files/place-file.ts';
import type { VerifiedArchive } from '../archive/verification/verified-archive.ts';

/** Options of {@link extractFiles}. */
export interface ExtractOptions {
  /** Only these files and what is below these directories; everything when empty. */
  readonly paths?: readonly string[] | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Extracts files. Each is hashed again on its way to disk, so a file swapped after verification is caught,
 * and gets its name when all of it is right.
 * @returns The paths written, relative to `directory`.
 * @throws UsageError `USAGE` when the directory exists already or no file matches.
 * @throws IntegrityError when the archive is no longer what was verified. @throws StoreError `STORE_IO`, `NO_SPACE`
 */
export async function extractFiles(
  archive: VerifiedArchive,
  directory: string,
  options: ExtractOptions = {},
): Promise<readonly string[]> {
  const files = chooseFiles(archive.release.inventory.files, options.paths ?? []);
  try {
    await mkdir(directory);
  } catch (error) {
    throw new UsageError('USAGE', `cannot make ${directory} anew`, {
      cause: error,
      hint: 'give a directory that does not exist yet, so that nothing old is mixed with what is verified',
    });
  }
  for (const { path, size, digest } of files) {
    const place = join(directory, path);
    await mkdir(dirname(place), { recursive: true });
    const descriptor = { mediaType: 'application/octet-stream', digest, size };
    const content = verified(archive.fetch(descriptor, options), descriptor, archive.name);
    await placeFile(place, content, { mode: path.startsWith('install/') ? 0o755 : 0o644 });
  }
  return files.map((file) => file.path);
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
