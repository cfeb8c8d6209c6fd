/** Reads a receipt from a file. */
import { readBounded } from '../../base/files/read-file.ts';
import { MAX_RECEIPT_BYTES, parseReceipt, type ReadReceipt } from './receipt.ts';

/**
 * Reads a receipt; `signal` ends the wait for a stream. Whose it is, is not decided here.
 * @throws NotFoundError when there is none. @throws UsageError when it cannot be read. @throws IntegrityError `MALFORMED`
 */
export async function readReceiptFile(path: string, signal?: AbortSignal): Promise<ReadReceipt> {
  return parseReceipt(await readBounded(path, { what: 'a receipt', limit: MAX_RECEIPT_BYTES, signal }), path);
}
