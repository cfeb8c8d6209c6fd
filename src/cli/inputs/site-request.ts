/** What a command was told and what this process knows, as the site takes it: data, and no options. */
import type { KeyObject } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { describeOperator } from '../../site/audit/operator.ts';
import type { SiteEnvironment } from '../../site/audit/trail.ts';
import type { ReceiptRequest } from '../../site/receipts/receipt-writer.ts';
import { isEncryptedPrivateKey, loadPrivateKey } from '../../trust/keys/private-key.ts';
import type { Context } from '../context.ts';
import type { ReceiptOptions, RecordOptions } from '../options/audit-options.ts';
import { VERSION } from '../../base/version.ts';
import { readPrivateKeyFile } from './keys.ts';
import { readPassphrase } from './passphrase.ts';

/** The world around the site, as this process sees it. */
export async function siteEnvironment(
  { now, signal, env, output }: Context,
  { operator }: Pick<RecordOptions, 'operator'>,
): Promise<SiteEnvironment> {
  return {
    now,
    signal,
    tool: VERSION,
    operator: await describeOperator(env, operator),
    onNote: (line) => output.note(line),
  };
}

/**
 * The receipt that is asked for, its key read.
 * @throws UsageError when the options contradict each other.
 */
export async function readReceiptRequest(
  context: Context,
  { receipt, receiptKey, passphraseFile, plan }: ReceiptOptions & { readonly plan: boolean },
): Promise<ReceiptRequest | undefined> {
  if (receipt === undefined) {
    if (receiptKey === undefined) return undefined;
    throw new UsageError('USAGE', '--receipt-key needs --receipt', { hint: 'say where the receipt goes' });
  }
  if (plan) throw new UsageError('USAGE', '--receipt does not apply here: a plan loads nothing');
  const key = receiptKey === undefined ? undefined : await readSiteKey(context, receiptKey, passphraseFile);
  return { path: receipt, key };
}

async function readSiteKey(context: Context, path: string, passphraseFile: string | undefined): Promise<KeyObject> {
  const { env, signal } = context;
  const pem = await readPrivateKeyFile(context, path);
  const passphrase = isEncryptedPrivateKey(pem)
    ? await readPassphrase({ subject: path, purpose: 'use', file: passphraseFile, environment: env, signal })
    : undefined;
  return loadPrivateKey(pem, { passphrase, name: path });
}
