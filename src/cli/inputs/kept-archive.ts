/** Keeps an archive from being replaced by what is written about it: there may be no other copy on this side of the gap. */
import { stat } from 'node:fs/promises';
import { UsageError } from '../../errors.ts';

/**
 * Holds that a file which is to be written is not the archive, under whatever name.
 * @param option by which the file was named: `--report`
 * @throws UsageError `USAGE`
 */
export async function keepArchive(archive: string, file: string | undefined, option: string): Promise<void> {
  if (file === undefined) return;
  const [kept, written] = await Promise.all([archive, file].map(identityOf));
  if (kept === undefined || kept !== written) return;
  throw new UsageError('USAGE', `${option} ${file} would replace the archive`, { hint: 'name another file' });
}

/** Undefined for what is not there or cannot be looked at: whoever opens it says so. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() === true ? `${found.dev}:${found.ino}` : undefined;
}
