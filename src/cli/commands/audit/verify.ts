/** `airgap audit verify`: verifies the chain of an audit log, and holds it against receipts and against what was noted. */
import type { KeyObject } from 'node:crypto';
import { AirgapError, inContext, UsageError } from '../../../errors.ts';
import type { Digest } from '../../../oci/digest.ts';
import type { VerifiedLog } from '../../../site/audit/verification.ts';
import { argument, defineCommand, digest, list, text } from '../../command.ts';
import type { Context } from '../../context.ts';
import { formatCount } from '../../../report/format.ts';
import { readPublicKey } from '../../inputs/keys.ts';

export const auditVerify = defineCommand({
  name: 'audit verify',
  summary: 'verify that no line of an audit log was altered, removed, moved or inserted',
  examples: [
    'audit verify /var/lib/airgap/audit.jsonl',
    'audit verify audit.jsonl --expect-head sha256:…',
    'audit verify audit.jsonl --receipt receipt.json --key site.pub',
  ],
  arguments: { log: argument('log', 'the file') },
  options: {
    receipt: list('--receipt <file>', 'a receipt whose load must be in the log'),
    key: text('--key <file>', 'public key of the site, which must have signed the receipts'),
    expectHead: digest('--expect-head <hash>', 'the log must have this line: a head that was noted earlier'),
  },
  async run(context, { log }, { receipt, key, expectHead }) {
    if (key !== undefined && receipt.length === 0) {
      throw new UsageError('USAGE', '--key needs --receipt', { hint: 'the log itself has no signature' });
    }
    const siteKey = key === undefined ? undefined : await readPublicKey(key, context.signal);
    await verifyLogAndReport(context, log, { expectHead, receipts: receipt, key: siteKey });
  },
});

/** What a log is held against. */
export interface LogChecks {
  readonly expectHead: Digest | undefined;
  /** Paths. */
  readonly receipts: readonly string[];
  readonly key: KeyObject | undefined;
}

/** Verifies a log and says what it holds. */
export async function verifyLogAndReport(
  { output, signal }: Context,
  path: string,
  { expectHead, receipts, key }: LogChecks,
): Promise<void> {
  const { verifyAuditLog } = await import('../../../site/audit/verification.ts');
  const { readReceiptFile } = await import('../../../site/receipts/receipt-file.ts');
  const { evaluateReceipt, receiptDocument } = await import('../../../report/receipt-lines.ts');
  const read = await Promise.all(receipts.map((receipt) => readReceiptFile(receipt, signal)));
  const verdicts = read.map((receipt) => evaluateReceipt(receipt, key));
  const log = await verifyAuditLog(path, { head: expectHead, receipts: read }, { signal }).catch((error: unknown) => {
    // A fault of a line; what is said of a receipt begins with the receipt.
    throw error instanceof AirgapError && error.details['line'] !== undefined ? inContext(error, path) : error;
  });
  const document = { ...log, receipts: read.map((receipt) => receiptDocument(receipt, key)) };
  output.result({ kind: 'audit-log', path, ...document }, [
    ...logLines(path, log),
    ...read.map(
      ({ name, entry }, index) => `  receipt     ${name} is entry ${entry.sequence}; ${verdicts[index] ?? ''}`,
    ),
  ]);
  if (expectHead === undefined && receipts.length === 0) {
    output.note(
      'a chain cannot say whether its end was cut off: note the head elsewhere, and give it with --expect-head',
    );
  }
}

function logLines(path: string, log: VerifiedLog): readonly string[] {
  const { entries, first, last, head, recovered, unfinished, expectedAt } = log;
  const { count, sequences } = unfinished;
  return [
    `holds: ${path}, ${formatCount(entries, 'entry', 'entries')}`,
    ...(first === undefined ? [] : [`  first       ${first}`, `  last        ${last ?? first}`]),
    `  head        ${head.hash}`,
    ...(expectedAt === undefined ? [] : [`  expected    entry ${expectedAt}; ${entries - expectedAt} came after it`]),
    ...(recovered === 0 ? [] : [`  torn        ${formatCount(recovered, 'time')} by a crash, each on record`]),
    ...(count === 0
      ? []
      : [`  unfinished  ${count}, killed or unable to record how it ended: entry ${sequences.join(', ')}`]),
  ];
}
