/** Reads a text file a person named: bounded, UTF-8 only, with messages that name it. */
import { open } from 'node:fs/promises';
import { NotFoundError, UsageError } from '../../errors.ts';

/**
 * The whole text of a regular file.
 * @throws NotFoundError `NOT_FOUND` with the given hint.
 * @throws UsageError `INVALID_SPEC` when it is no regular file, larger than `maxBytes`, or not UTF-8.
 */
export async function readTextFile(path: string, maxBytes: number, hintWhenMissing?: string): Promise<string> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing)
      throw new NotFoundError('NOT_FOUND', `${path}: no such file`, { hint: hintWhenMissing, cause: error });
    throw new UsageError('USAGE', `${path}: cannot be read`, { cause: error });
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new UsageError('INVALID_SPEC', `${path}: is not a regular file`);
    if (stat.size > maxBytes) {
      throw new UsageError('INVALID_SPEC', `${path}: is ${stat.size} bytes; at most ${maxBytes} are read`);
    }
    const bytes = await file.readFile();
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError('INVALID_SPEC', `${path}: is not UTF-8 text`, { cause: error });
  } finally {
    await file.close();
  }
}
