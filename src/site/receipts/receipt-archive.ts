/** Holds a receipt against an archive: whether the load that it tells of was of this file. */
import { inventoryDigestIn } from '../../archive/layout/checksums.ts';
import { openSealedArchive } from '../../archive/reader/reader.ts';
import { TrustError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import type { ReadReceipt } from './receipt.ts';

/** The archive that a receipt is about. */
export interface ReceiptArchive {
  readonly path: string;
  /** Of `checksums.txt`. */
  readonly digest: Digest;
  readonly release: { readonly product: string; readonly channel: string; readonly version: string };
}

/**
 * Compares a receipt with an archive: its signed list has to be the one that was loaded, and its release the one that is
 * named. The content of the archive is not verified.
 * @throws TrustError `SUBJECT_MISMATCH` naming both files and what differs.
 * @throws IntegrityError when the front of the archive is not what it has to be. @throws UsageError when there is none.
 */
export async function assertReceiptFor(
  { name, entry }: ReadReceipt,
  path: string,
  signal?: AbortSignal,
): Promise<ReceiptArchive> {
  using sealed = await openSealedArchive(path, { signal });
  const { checksums } = sealed.seal;
  const digest = sha256(checksums);
  if (digest !== entry.archive.digest) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `${name} is about the archive ${entry.archive.digest}, and ${path} is ${digest}`,
      {
        hint: 'another build, or another release: find the archive by this digest, as `airgap inspect` prints it',
        details: { expected: entry.archive.digest, actual: digest },
      },
    );
  }
  using archive = await sealed.open(inventoryDigestIn(checksums), { signal });
  const { name: product, channel, version } = archive.head.inventory;
  const told = entry.release;
  if (told !== undefined && (told.product !== product || told.channel !== channel || told.version !== version)) {
    throw new TrustError(
      'SUBJECT_MISMATCH',
      `${name} is about ${told.product} ${told.version} (${told.channel}), and ${path} holds ${product} ${version} (${channel})`,
      { hint: 'one of the two was changed; ask the site for the entry of its log' },
    );
  }
  return { path, digest, release: { product, channel, version } };
}
