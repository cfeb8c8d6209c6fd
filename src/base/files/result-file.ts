/** Writes what a command leaves on disk beside its main product: reports, mappings, starters. */
import { constants } from 'node:fs';
import { lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError, UsageError } from '../../errors.ts';

const REPLACE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;

/**
 * Writes a file, making its directory; an older one of the same name is replaced. A link to a file is refused, since
 * whoever planted it chose what to overwrite; pipes and terminals (`/dev/stdout`) are written to.
 * @throws StoreError `STORE_IO` or `NO_SPACE`
 */
export async function writeResultFile(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const isStream = (await stat(path).catch(() => undefined))?.isFile() === false;
    await using file = await open(path, isStream ? 'w' : REPLACE | constants.O_NOFOLLOW, 0o666);
    await file.writeFile(content);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const why = code === 'ELOOP' ? 'it is a link' : cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(code === 'ENOSPC' ? 'NO_SPACE' : 'STORE_IO', `cannot write ${path}: ${why}`, {
      cause,
      ...(code === 'ELOOP' ? { hint: 'remove the link, or name the file that it leads to' } : {}),
    });
  }
}

/**
 * Refuses a directory that nobody named when it is a link that somebody planted.
 * @throws UsageError `USAGE`
 */
export async function refuseLink(directory: string, option: string): Promise<void> {
  if ((await lstat(directory).catch(() => undefined))?.isSymbolicLink() !== true) return;
  throw new UsageError('USAGE', `${directory} is a link`, {
    hint: `remove it, or say with ${option} where the reports go`,
  });
}
