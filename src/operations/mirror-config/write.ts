/** Writes mirror configuration into a new directory, to be carried to nodes or kept under version control. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assertNewDirectory, placeDirectory } from '../../base/files/place-directory.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import type { MirrorFile } from '../../kubernetes/mirrors/dialect.ts';

const WHY = 'what is written';

/**
 * Writes files below a directory that does not exist yet: all of them, or nothing.
 * @throws UsageError `USAGE` when it exists; StoreError `STORE_IO`, `NO_SPACE`, `LOCKED`
 */
export async function writeMirrorFiles(directory: string, files: readonly MirrorFile[]): Promise<void> {
  await assertNewDirectory(directory, WHY);
  await placeDirectory(directory, WHY, async (aside) => {
    for (const { path, content } of files) {
      const place = join(aside, path);
      await onDisk(`cannot write ${path}`, () => mkdir(dirname(place), { recursive: true, mode: 0o755 }));
      await placeFile(place, content, { syncsName: false });
    }
  });
}
