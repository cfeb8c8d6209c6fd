/** Reads a receipt from a file. */
import { open } from 'node:fs/promises';
import { NotFoundError, UsageError } from '../../errors.ts';
import { MAX_RECEIPT_BYTES, parseReceipt, type ReadReceipt } from './receipt.ts';

/**
 * Reads a receipt. Whose it is, is not decided here.
 * @throws NotFoundError when there is none. @throws UsageError when it cannot be read. @throws IntegrityError `MALFORMED`
 */
export async function readReceiptFile(path: string): Promise<ReadReceipt> {
  return parseReceipt(await readBounded(path), path);
}

async function readBounded(path: string): Promise<Buffer> {
  try {
    await using file = await open(path);
    const found = await file.stat();
    if (!found.isFile()) throw new UsageError('USAGE', `${path} is not a file`);
    if (found.size > MAX_RECEIPT_BYTES) throw new UsageError('USAGE', `${path} is too large for a receipt`);
    return await file.readFile();
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new NotFoundError('NOT_FOUND', `${path}: no such file, or it cannot be read`, { cause });
  }
}
