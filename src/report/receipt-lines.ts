/** What a receipt says, for people and for machines. */
import type { KeyObject } from 'node:crypto';
import { assertReceiptBy, type ReadReceipt } from '../site/receipts/receipt.ts';
import { keyId } from '../trust/keys/public-key.ts';

/**
 * Whose a receipt is, as far as that is known. With a key, it has to be signed by that one.
 * @throws TrustError
 */
export function evaluateReceipt(receipt: ReadReceipt, key: KeyObject | undefined): string {
  if (key !== undefined) {
    assertReceiptBy(receipt, key);
    return `signed by ${keyId(key)}`;
  }
  const claimed = [...receipt.envelope.signatures.keys()];
  if (claimed.length === 0) return 'NOT SIGNED: anyone could have written it';
  return `UNCHECKED: names ${claimed.join(', ')} as signer; give --key FILE to verify it`;
}

/** The same for machines. */
export function receiptDocument(receipt: ReadReceipt, key: KeyObject | undefined): object {
  const { name, entry, head, envelope } = receipt;
  return {
    path: name,
    sequence: entry.sequence,
    hash: head,
    signedBy: key === undefined ? null : keyId(key),
    unchecked: key === undefined ? [...envelope.signatures.keys()] : [],
  };
}
