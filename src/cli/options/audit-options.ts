/** Options of every command whose work goes on record at the site. */
import { UsageError } from '../../errors.ts';
import { text, writtenFile, type ValuesOf } from '../command.ts';

/** Characters of `--operator`. */
const MAX_NAME = 128;

const operator = text(
  '--operator <name>',
  'name of the person, for the audit log, beside the user that runs the program',
);

export const recordOptions = {
  auditLog: text('--audit-log <file>', 'put it on record there (default: audit.jsonl in the directory of --state)'),
  operator: {
    ...operator,
    parse: (words: readonly string[]): string | undefined => {
      const name = operator.parse(words);
      if (name === undefined || (name.trim() !== '' && name.length <= MAX_NAME)) return name;
      throw new UsageError('USAGE', `--operator <name>: give 1 to ${MAX_NAME} characters`);
    },
  },
} as const;

/** Where something goes on record, and by whom it says it is done. */
export type RecordOptions = ValuesOf<typeof recordOptions>;

export const receiptOptions = {
  receipt: writtenFile('--receipt <file>', 'write a receipt of the load, to carry back out'),
  receiptKey: text('--receipt-key <file>', 'private key of the site that signs the receipt'),
  passphraseFile: text('--passphrase-file <file>', 'its passphrase; else AIRGAP_PASSPHRASE or a prompt'),
} as const;

/** The receipt that a load leaves. */
export type ReceiptOptions = ValuesOf<typeof receiptOptions>;
