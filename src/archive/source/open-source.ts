/** Opens what a person names as an archive. */
import { closeSync, constants, fstatSync } from 'node:fs';
import { openRegularSync, type OpenOptions } from '../../base/files/open-file.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { FileSource, type ByteSource } from './byte-source.ts';

const ANY_WRITE = 0o222;
const ARCHIVE: OpenOptions = { what: 'an archive', hintWhenMissing: 'check the path' };

/** Opens an archive for reading. @throws UsageError when there is no such file, or it cannot be read. */
export function openSource(path: string): ByteSource {
  return new FileSource(path, openForReading(path));
}

/** Opens an archive for writing too. @throws UsageError when there is no such file, or it cannot or should not be written. */
export function openWritableSource(path: string): ByteSource {
  return new FileSource(path, openForWriting(path));
}

/** @throws UsageError when there is no such file, or it cannot or should not be written. */
export function assertWritable(path: string): void {
  closeSync(openForWriting(path));
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
