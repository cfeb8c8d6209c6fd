/** Writes the receipt of a load to a file that can be carried back out. */
import type { KeyObject } from 'node:crypto';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { irregularity } from '../../base/files/open-file.ts';
import { openFileAt, type OpenedFile } from '../../base/files/opened-file.ts';
import { inContext, UsageError } from '../../errors.ts';
import { keyId, publicKeyOf } from '../../trust/keys/public-key.ts';
import { serializeEnvelope } from '../../trust/signatures/dsse.ts';
import { signEnvelope } from '../../trust/signing/envelope-signer.ts';
import type { AuditRecord } from '../audit/log.ts';
import { createReceipt } from './receipt.ts';

/** The receipt that is asked for. */
export interface ReceiptRequest {
  /** Where it goes. */
  readonly path: string;
  /** Private key of the site that signs it; without one it is not signed. */
  readonly key?: KeyObject | undefined;
}

/** A receipt that was written. */
export interface WrittenReceipt {
  readonly path: string;
  /** Id of the key that signed it. */
  readonly signedBy: string | undefined;
}

/** A place for a receipt, made sure of before anything is done. */
export class ReceiptWriter implements AsyncDisposable {
  readonly #key: KeyObject | undefined;
  readonly #file: OpenedFile;

  private constructor(key: KeyObject | undefined, file: OpenedFile) {
    this.#key = key;
    this.#file = file;
  }

  /**
   * Makes sure, before anything is done, that the receipt can be made: there is a log of which it is an entry, and a
   * file for it is open.
   * @throws UsageError; StoreError `STORE_IO`, `NO_SPACE`
   */
  static async open(request: ReceiptRequest, log: string | undefined): Promise<ReceiptWriter> {
    if (log === undefined) {
      throw new UsageError('USAGE', '--receipt needs an audit log: it is a copy of one of its entries', {
        hint: 'add --state DIR, or --audit-log FILE',
      });
    }
    await assertPlace(request.path);
    return new ReceiptWriter(request.key, await openFileAt(request.path));
  }

  /** @throws StoreError `STORE_IO`, `NO_SPACE`: the load is complete all the same, as the message says. */
  async write({ entry, head }: AuditRecord): Promise<WrittenReceipt> {
    if (entry.event === 'recovered') throw new RangeError('a recovery has no receipt');
    const key = this.#key;
    const { path } = this.#file;
    const unsigned = createReceipt(entry, head.hash);
    const envelope = key === undefined ? unsigned : signEnvelope(unsigned, key);
    try {
      await this.#file.write(serializeEnvelope(envelope));
    } catch (error) {
      throw inContext(
        error,
        'everything was done and recorded, but the receipt could not be written; run the same command again',
      );
    }
    return { path, signedBy: key && keyId(publicKeyOf(key)) };
  }

  /** Leaves nothing where no receipt was written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

async function assertPlace(path: string): Promise<void> {
  const parent = await stat(dirname(path)).catch(() => undefined);
  if (parent?.isDirectory() !== true) {
    throw new UsageError('USAGE', `${dirname(path)}, where the receipt goes, is not a directory`);
  }
  const found = await lstat(path).catch(() => undefined);
  const fault = found === undefined || found.isSymbolicLink() ? undefined : irregularity(found);
  if (fault !== undefined) throw new UsageError('USAGE', `${path}, where the receipt goes, ${fault}`);
}
