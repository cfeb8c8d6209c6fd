/** The chain of an audit log: how a line is tied to the one before, and what is wrong with lines that are not. Pure. */
import { createHash, type Hash } from 'node:crypto';
import { IntegrityError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { AuditEntry, type AuditFacts, type AuditOperator } from './entry-schema.ts';
import { readSpelled, serializeLine } from '../../base/json/canonical-json.ts';
import { JsonFault } from '../../base/json/parse-json.ts';

/** Bytes of one line: room for every image of the largest inventory. */
export const MAX_LINE_BYTES: number = 128 * 1024 * 1024;
/** Line numbers of loads without an end that are told. */
const MAX_TOLD = 100;
const LINE_FEED = Buffer.from('\n');

/** A line's number and the sha256 of its bytes, its line feed included. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: Digest;
}

/** What the first line is tied to. */
export const GENESIS: ChainHead = { sequence: 0, hash: `sha256:${'0'.repeat(64)}` };

/** An entry in its place. */
export interface LinkedEntry {
  readonly entry: AuditEntry;
  /** With its line feed. */
  readonly line: Buffer;
  readonly head: ChainHead;
}

/** What a crash left behind the last entry. */
export interface TornBytes {
  readonly bytes: number;
  readonly digest: Digest;
}

/** Ties what happened to the line before. @throws z.ZodError on facts that no line can hold */
export function linkEntry(previous: ChainHead, facts: AuditFacts): LinkedEntry {
  return link(previous, facts);
}

/** Ties to the line before that bytes stand behind it which are no entry. */
export function linkRecovery(
  previous: ChainHead,
  torn: TornBytes,
  facts: { readonly at: string; readonly tool: string; readonly operator: AuditOperator },
): LinkedEntry {
  const { at, tool, operator } = facts;
  return link(previous, { at, event: 'recovered', tool, operator, torn });
}

function link(previous: ChainHead, facts: object): LinkedEntry {
  const sequence = previous.sequence + 1;
  const entry = AuditEntry.parse({ logVersion: 1, sequence, previous: previous.hash, ...facts });
  const line = serializeLine(entry);
  return { entry, line, head: { sequence, hash: sha256(line) } };
}

/** What bytes between two line feeds are: an entry, what a crash left of one, or something that was not written here. */
export type ReadLine = LinkedEntry | 'torn' | { readonly fault: string };

/** Reads one line, without its line feed. The beginning of an entry is never JSON, nor are blocks that never reached a disk. */
export function readLine(bytes: Uint8Array): ReadLine {
  const line = Buffer.concat([bytes, LINE_FEED]);
  const read = readSpelled(AuditEntry, line, MAX_LINE_BYTES, serializeLine);
  if (!('data' in read)) {
    const isJson = !(read.cause instanceof JsonFault);
    return isJson || line.length > MAX_LINE_BYTES ? { fault: read.fault } : 'torn';
  }
  const { data: entry } = read;
  return { entry, line, head: { sequence: entry.sequence, hash: sha256(line) } };
}

/** What is known of a chain that holds. */
export interface ChainSummary {
  readonly entries: number;
  /** Times of the first and the last entry; absent for an empty log. */
  readonly first?: string;
  readonly last?: string;
  readonly head: ChainHead;
  /** Times that a crash tore a line, each accounted for by the next entry. */
  readonly recovered: number;
  /** How many began and have no end, and the numbers of the first of them. */
  readonly unfinished: { readonly count: number; readonly sequences: readonly number[] };
}

/** Follows a chain line by line, in memory that does not grow with it. */
export class ChainVerifier {
  #head: ChainHead = GENESIS;
  #lines = 0;
  #torn: { readonly from: number; readonly hash: Hash; bytes: number } | undefined;
  #first: string | undefined;
  #last: string | undefined;
  #recovered = 0;
  #open = 0;
  readonly #openSequences = new Set<number>();

  /**
   * Takes the next line, without its line feed.
   * @returns what it says; undefined for one that a crash tore, if the next entry accounts for it
   * @throws IntegrityError `MALFORMED` on a line that is no entry, `DIGEST_MISMATCH` on one that is not tied to the line
   *   before; `details` has the `line` and the `fault`.
   */
  add(bytes: Uint8Array): LinkedEntry | undefined {
    this.#lines += 1;
    const read = readLine(bytes);
    if (read === 'torn') {
      this.#torn ??= { from: this.#lines, hash: createHash('sha256'), bytes: 0 };
      this.#torn.hash.update(bytes).update(LINE_FEED);
      this.#torn.bytes += bytes.length + 1;
      return undefined;
    }
    if ('fault' in read) throw broken('MALFORMED', this.#lines, 'altered', `was altered: it ${read.fault}`);
    this.#assertTorn(read.entry);
    this.#assertTied(read.entry);
    this.#torn = undefined;
    this.#count(read.entry);
    this.#head = read.head;
    return read;
  }

  /** @throws IntegrityError `MALFORMED` when the log ends with a line that a crash tore */
  finish(): ChainSummary {
    if (this.#torn !== undefined) {
      const { from, bytes } = this.#torn;
      throw broken('MALFORMED', from, 'torn', `is torn: it has ${bytes - 1} bytes of an entry, and no line feed`, {
        hint:
          'the machine or the program went down while it was written, or it is being written now; the next load puts that on ' +
          `record and goes on. The ${this.#head.sequence} entries before it hold`,
      });
    }
    return {
      entries: this.#head.sequence,
      ...(this.#first === undefined ? {} : { first: this.#first }),
      ...(this.#last === undefined ? {} : { last: this.#last }),
      head: this.#head,
      recovered: this.#recovered,
      unfinished: { count: this.#open, sequences: [...this.#openSequences] },
    };
  }

  #assertTied({ sequence, previous }: AuditEntry): void {
    const expected = this.#head.sequence + 1;
    const line = this.#lines;
    if (sequence > expected) {
      const lost = sequence === expected + 1 ? `entry ${expected}` : `entries ${expected} to ${sequence - 1}`;
      const what = `is entry ${sequence} where ${expected} belongs: ${lost} were removed, or lines were moved`;
      throw broken('DIGEST_MISMATCH', line, 'removed', what);
    }
    if (sequence < expected) {
      const what = `is entry ${sequence} where ${expected} belongs: a line was inserted before it, or lines were moved`;
      throw broken('DIGEST_MISMATCH', line, 'inserted', what);
    }
    if (previous === this.#head.hash) return;
    const what =
      sequence === 1
        ? 'is not the beginning of a log'
        : `was altered or inserted: entry ${sequence} was written after ${previous}, and this is ${this.#head.hash}`;
    throw broken('DIGEST_MISMATCH', sequence === 1 ? line : (this.#torn?.from ?? line) - 1, 'altered', what);
  }

  /** Torn lines and the entry that accounts for them come together. */
  #assertTorn(entry: AuditEntry): void {
    const torn = this.#torn;
    const found = torn && { bytes: torn.bytes, digest: `sha256:${torn.hash.digest('hex')}` };
    const stated = entry.event === 'recovered' ? entry.torn : undefined;
    if (found?.bytes === stated?.bytes && found?.digest === stated?.digest) return;
    if (torn === undefined) {
      throw broken('DIGEST_MISMATCH', this.#lines, 'removed', 'accounts for torn lines before it, and there are none');
    }
    throw broken('MALFORMED', torn.from, 'altered', 'is not an entry, and no later one says that a crash left it');
  }

  #count(entry: AuditEntry): void {
    this.#first ??= entry.at;
    this.#last = entry.at;
    if (entry.event === 'recovered') {
      this.#recovered += 1;
    } else if (entry.event === 'started') {
      this.#open += 1;
      if (this.#openSequences.size < MAX_TOLD) this.#openSequences.add(entry.sequence);
    } else if (entry.start !== undefined && entry.event !== 'step') {
      this.#open -= 1;
      this.#openSequences.delete(entry.start);
    }
  }
}

/** A line that is not what it has to be. */
function broken(
  code: 'MALFORMED' | 'DIGEST_MISMATCH',
  line: number,
  fault: 'altered' | 'removed' | 'inserted' | 'torn',
  what: string,
  { hint }: { readonly hint?: string } = {},
): IntegrityError {
  return new IntegrityError(code, `line ${line} ${what}`, {
    hint: hint ?? 'keep the file unchanged for the investigation, and compare it with a backup and with receipts',
    details: { line, fault },
  });
}
