/** Parts that an earlier split left: `cat` of all that has such a name would join them too. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileExists } from '../../base/files/disk.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import { UsageError } from '../../errors.ts';
import { partNumber } from './part-names.ts';

/**
 * Insists that an archive leaves no part behind those that it is about to have.
 * @throws UsageError `USAGE`, also where there is no such directory. @throws StoreError `STORE_IO`
 */
export async function assertNoStrayParts(archive: string, count: number): Promise<void> {
  const directory = dirname(archive);
  if (!(await fileExists(directory))) {
    throw new UsageError('USAGE', `cannot write to ${directory}: there is no such directory`, {
      hint: 'create the directory first',
    });
  }
  const entries = await onDisk(`cannot read ${directory}`, () => readdir(directory));
  const stray = entries.find((entry) => (partNumber(basename(archive), entry) ?? 0) > count);
  if (stray === undefined) return;
  const message = `${join(directory, stray)} is there, and the archive makes ${count} parts of this size`;
  throw new UsageError('USAGE', message, { hint: 'it is of another split: move it away, or choose another --output' });
}
