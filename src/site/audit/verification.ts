/** Verifies an audit log from its first line to its last, and holds it against what was written down elsewhere. */
import { readChunks } from '../../base/files/open-file.ts';
import { IntegrityError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { ChainVerifier, MAX_LINE_BYTES, type ChainSummary, type LinkedEntry } from './audit-chain.ts';
import type { ReadReceipt } from '../receipts/receipt.ts';

const LINE_FEED = 0x0a;

/** What a log is held against. */
export interface AuditExpectations {
  /** Hash of some line of it: what it was when somebody wrote that down. */
  readonly head?: Digest | undefined;
  /** Receipts of loads that have to be entries of the log. */
  readonly receipts?: readonly ReadReceipt[] | undefined;
}

/** Options of {@link verifyAuditLog}. */
export interface VerifyAuditOptions {
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told of every entry as it is found to hold. */
  readonly onEntry?: ((entry: LinkedEntry) => void) | undefined;
}

/** A log whose chain holds. */
export interface VerifiedLog extends ChainSummary {
  /** Number of the entry that has the expected hash. */
  readonly expectedAt?: number;
}

/**
 * Reads a log once, line by line, in memory that does not grow with it.
 * @throws IntegrityError `MALFORMED`, `DIGEST_MISMATCH` at the first line that is wrong, or when what it is held against is
 *   not in it. @throws NotFoundError when there is no such file.
 */
export async function verifyAuditLog(
  path: string,
  expected: AuditExpectations = {},
  options: VerifyAuditOptions = {},
): Promise<VerifiedLog> {
  const chain = new ChainVerifier();
  const receipts = new Map((expected.receipts ?? []).map((receipt) => [receipt, false]));
  let expectedAt: number | undefined;
  for await (const line of readLines(path, options.signal)) {
    const linked = chain.add(line);
    if (linked === undefined) continue;
    const { sequence, hash } = linked.head;
    if (hash === expected.head) expectedAt = sequence;
    for (const [receipt] of receipts) {
      if (receipt.entry.sequence !== sequence) continue;
      if (receipt.head !== hash) throw contradiction(receipt, `is not the entry that the log has with this number`);
      receipts.set(receipt, true);
    }
    options.onEntry?.(linked);
  }
  const summary = chain.finish();
  const absent = [...receipts].find(([, isFound]) => !isFound)?.[0];
  if (absent !== undefined) throw contradiction(absent, `is not in the log, which ends with entry ${summary.entries}`);
  if (expected.head !== undefined && expectedAt === undefined) {
    throw new IntegrityError('DIGEST_MISMATCH', `${path} has no line with the hash ${expected.head}`, {
      hint: `its chain holds and ends with ${summary.head.hash}: since that hash was noted, its end was cut off or it was written anew`,
      details: { fault: 'cut' },
    });
  }
  return { ...summary, ...(expectedAt === undefined ? {} : { expectedAt }) };
}

function contradiction({ name, entry }: ReadReceipt, fault: string): IntegrityError {
  return new IntegrityError('DIGEST_MISMATCH', `${name} is for entry ${entry.sequence}, which ${fault}`, {
    hint: 'the end of the log was cut off, the log was written anew, or it is the log of another site',
    details: { fault: 'cut' },
  });
}

/** Lines without their line feeds. What follows the last one is a line too. */
async function* readLines(path: string, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of readChunks(path, { what: 'an audit log', signal })) {
    // The chunk is borrowed, and the line outlives it.
    let bytes = Buffer.from(chunk);
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED)) {
      yield Buffer.concat([...held, bytes.subarray(0, end)]);
      [held, heldBytes] = [[], 0];
      bytes = bytes.subarray(end + 1);
    }
    held.push(bytes);
    heldBytes += bytes.length;
    if (heldBytes > MAX_LINE_BYTES) throw new IntegrityError('MALFORMED', `${path} has a line that no entry could be`);
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}
