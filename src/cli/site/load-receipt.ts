/** The receipt of a load, as a file that can be carried back out. */
import type { KeyObject } from 'node:crypto';
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesOf } from '../../content/verified.ts';
import { inContext, UsageError } from '../../errors.ts';
import type { AuditRecord } from '../../site/audit/log.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { serializeEnvelope } from '../../trust/signatures/dsse.ts';
import { signEnvelope } from '../../trust/signing/envelope-signer.ts';
import { keyId, publicKeyOf } from '../../trust/keys/public-key.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../../trust/keys/private-key.ts';
import { createReceipt } from '../../site/receipts/receipt.ts';
import type { ReceiptOptions } from '../options/audit-options.ts';
import type { AuditTrail } from './trail.ts';
import type { Context } from '../context.ts';
import { readKeyFile } from '../inputs/keys.ts';
import { readPassphrase } from '../inputs/passphrase.ts';

/** What reports say of a receipt. */
interface WrittenReceipt {
  readonly document: object;
  readonly lines: readonly string[];
}

/** Writes the receipt that was asked for, or none. */
export interface ReceiptWriter {
  write(record: AuditRecord): Promise<WrittenReceipt>;
}

/**
 * Makes sure, before anything is done, that the receipt that was asked for can be made: there is a log, a key, and a
 * directory for it.
 * @throws UsageError
 */
export async function openReceipt(
  context: Context,
  options: ReceiptOptions & { readonly plan: boolean },
  trail: AuditTrail,
): Promise<ReceiptWriter> {
  const { receipt, receiptKey, plan } = options;
  if (receipt === undefined) {
    if (receiptKey === undefined) return { write: async () => ({ document: {}, lines: [] }) };
    throw new UsageError('USAGE', '--receipt-key needs --receipt', { hint: 'say where the receipt goes' });
  }
  if (plan) throw new UsageError('USAGE', '--receipt does not apply here: a plan loads nothing');
  if (trail.path === undefined) {
    throw new UsageError('USAGE', '--receipt needs an audit log, of which it is an entry', {
      hint: 'add --state DIR, or --audit-log FILE',
    });
  }
  await assertPlace(receipt);
  const key = receiptKey === undefined ? undefined : await readSiteKey(context, receiptKey, options.passphraseFile);
  return { write: (record) => writeReceipt(receipt, record, key) };
}

async function writeReceipt(path: string, record: AuditRecord, key: KeyObject | undefined): Promise<WrittenReceipt> {
  const { entry, head } = record;
  if (entry.event === 'recovered') throw new RangeError('a recovery has no receipt');
  const unsigned = createReceipt(entry, head.hash);
  const envelope = key === undefined ? unsigned : signEnvelope(unsigned, key);
  try {
    await placeFile(path, bytesOf(serializeEnvelope(envelope)));
  } catch (error) {
    throw inContext(error, 'all was done and is on record; the receipt is not there, so run the same command again');
  }
  const signer = key && keyId(publicKeyOf(key));
  return {
    document: { receipt: { path, signedBy: signer ?? null } },
    lines: [signer === undefined ? `receipt ${path}, NOT SIGNED` : `receipt ${path}, signed by ${signer}`],
  };
}

async function assertPlace(path: string): Promise<void> {
  const parent = await stat(dirname(path)).catch(() => undefined);
  if (parent?.isDirectory() !== true) {
    throw new UsageError('USAGE', `${dirname(path)}, where the receipt goes, is no directory`);
  }
  const found = await lstat(path).catch(() => undefined);
  if (found?.isDirectory() === true) throw new UsageError('USAGE', `${path}, where the receipt goes, is a directory`);
}

async function readSiteKey(
  { env, signal }: Context,
  path: string,
  passphraseFile: string | undefined,
): Promise<KeyObject> {
  const pem = await readKeyFile(path);
  const passphrase = isEncryptedPrivateKey(pem)
    ? await readPassphrase({ subject: path, purpose: 'use', file: passphraseFile, environment: env, signal })
    : undefined;
  return loadPrivateKey(pem, { passphrase, name: path });
}
