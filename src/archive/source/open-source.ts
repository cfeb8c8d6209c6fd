/** Opens what a person names as an archive. */
import { closeSync, constants, fstatSync } from 'node:fs';
import { openRegularSync, type OpenOptions } from '../../base/files/open-file.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { entriesOf, findParts } from '../parts/found-parts.ts';
import { archiveOfPart } from '../parts/part-names.ts';
import { openParts } from '../parts/part-source.ts';
import { FileSource, type ByteSource } from './byte-source.ts';

const ANY_WRITE = 0o222;
const ARCHIVE: OpenOptions = { what: 'an archive', hintWhenMissing: 'check the path' };

/**
 * Opens an archive for reading: a file, or its parts where there is no such file.
 * @param path of the archive, of one of its parts, or of the list of its parts
 * @param directories that hold parts, beside the one of the path
 * @throws UsageError when there is nothing of the kind, or it cannot be read.
 */
export async function openSource(
  path: string,
  directories: readonly string[] = [],
  signal?: AbortSignal,
): Promise<ByteSource> {
  for (const directory of directories) await entriesOf(directory, true);
  try {
    if (archiveOfPart(path) === undefined) return new FileSource(path, openForReading(path));
  } catch (error) {
    if (!(error instanceof UsageError && error.cause instanceof NotFoundError)) throw error;
  }
  const found = await findParts(path, directories);
  return found === undefined ? new FileSource(path, openForReading(path)) : await openParts(found, signal);
}

/** Opens an archive for writing too. @throws UsageError when there is no such file, or it cannot or should not be written. */
export async function openWritableSource(path: string): Promise<ByteSource> {
  await assertWritable(path);
  return new FileSource(path, openForWriting(path));
}

/** @throws UsageError when there is no such file, or it cannot or should not be written. */
export async function assertWritable(path: string): Promise<void> {
  using source = await openSource(path);
  if (source instanceof FileSource) return closeSync(openForWriting(path));
  throw new UsageError('USAGE', `${path} is in parts, which are not written to`, {
    hint: 'give --detached to write the signature to a file beside them',
  });
}

function openForReading(path: string): number {
  try {
    return openRegularSync(path, ARCHIVE);
  } catch (error) {
    // A slip in the call, which nothing has to be done about: so it does not go on record as a load that failed.
    if (!(error instanceof NotFoundError)) throw error;
    throw new UsageError('USAGE', `cannot open ${path}: no such file`, { cause: error, hint: error.hint });
  }
}

/** The superuser may write to what is marked read-only; the mark was made for a reason all the same. */
function openForWriting(path: string): number {
  closeSync(openForReading(path));
  let cause: unknown;
  try {
    const fd = openRegularSync(path, { ...ARCHIVE, flags: constants.O_RDWR });
    if ((fstatSync(fd).mode & ANY_WRITE) !== 0) return fd;
    closeSync(fd);
  } catch (error) {
    cause = error;
  }
  throw new UsageError('USAGE', `${path} is read-only`, {
    cause,
    hint: 'give --detached to write the signature to a file beside it',
  });
}
