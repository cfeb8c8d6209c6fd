/** Writes a diagnosis into a directory of its own, which is there when all of it is. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assertNewDirectory, placeDirectory } from '../../base/files/place-directory.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import type { DiagnosisFile } from './diagnosis.ts';

const WHY = 'what is found out now';
/** The directory may be read by others; what stands in logs is for who deploys. */
const FILE_MODE = 0o600;

/** Insists that a diagnosis can be written there, before there is any. @throws UsageError `USAGE` */
export async function assertDiagnosisPlace(directory: string): Promise<void> {
  await assertNewDirectory(directory, WHY);
}

/** Writes the files. @throws StoreError `STORE_IO`, `NO_SPACE`; UsageError `USAGE` for a directory that is there by now */
export async function writeDiagnosis(directory: string, files: readonly DiagnosisFile[]): Promise<void> {
  await placeDirectory(directory, WHY, async (aside) => {
    for (const { path, bytes } of files) {
      const place = join(aside, path);
      await onDisk(`cannot make ${directory}`, () => mkdir(dirname(place), { recursive: true }));
      await placeFile(place, bytes, { mode: FILE_MODE });
    }
  });
}
