/** Finds the last entry of an audit log, and what a crash may have left behind it, by reading the end of the file. */
import type { FileHandle } from 'node:fs/promises';
import { IntegrityError } from '../../errors.ts';
import { sha256 } from '../../oci/digest.ts';
import { GENESIS, MAX_LINE_BYTES, readLine, type ChainHead, type TornBytes } from './audit-chain.ts';

/** Bytes that are read at first; more when the last entry is longer. */
const FIRST_WINDOW_BYTES = 64 * 1024;
/** An entry, and what crashes left behind it. */
const MAX_WINDOW_BYTES = 2 * MAX_LINE_BYTES;
const LINE_FEED = 0x0a;
/** How the first line of every log begins. */
const FIRST_START = Buffer.from('{"logVersion":1,"sequence":1,');

const CHANGED =
  'it was changed by something else. See what with `airgap audit verify PATH`; keep it, and to go on, move it away: ' +
  'the next load begins a new log';
const NO_LOG = 'it seems to be another file: name the log that this site keeps, or one that does not exist yet';

/** Where the next entry goes. */
export interface LogTail {
  readonly head: ChainHead;
  /** Whether the file ends with a line feed, or is empty. */
  readonly isEnded: boolean;
  /** What stands behind the last entry and is none, the line feed included that it may yet need. */
  readonly torn: TornBytes | undefined;
}

/**
 * Reads the end of a log.
 * @throws IntegrityError `MALFORMED` when its last line was written by something else
 */
export async function readTail(file: FileHandle, size: number, path: string): Promise<LogTail> {
  for (let window = FIRST_WINDOW_BYTES; ; window *= 8) {
    const length = Math.min(window, size, MAX_WINDOW_BYTES);
    const tail = findTail(await readEnd(file, size, length), length === size, path);
    if (tail !== undefined) return tail;
    if (length === MAX_WINDOW_BYTES) throw foreign(path, `has no entry in its last ${MAX_WINDOW_BYTES} bytes`);
  }
}

/** From the end back to the first line that is an entry; undefined when the window holds none. */
function findTail(bytes: Buffer, isWhole: boolean, path: string): LogTail | undefined {
  const isEnded = bytes.length === 0 || bytes.at(-1) === LINE_FEED;
  let end = isEnded ? bytes.length - 1 : bytes.length;
  let tornFrom: number | undefined;
  while (end > 0) {
    const start = bytes.lastIndexOf(LINE_FEED, end - 1) + 1;
    if (start === 0 && !isWhole) return undefined;
    const read = readLine(bytes.subarray(start, end));
    if (read !== 'torn' && 'fault' in read) throw foreign(path, `ends with a line that ${read.fault}`);
    if (read !== 'torn') return { head: read.head, isEnded, torn: tornAt(bytes, tornFrom, isEnded) };
    tornFrom = start;
    end = start - 1;
  }
  if (!isWhole) return undefined;
  if (!beginsAsLog(bytes)) throw foreign(path, 'has no entry, and does not begin as one does', NO_LOG);
  return { head: GENESIS, isEnded, torn: tornAt(bytes, bytes.length === 0 ? undefined : 0, isEnded) };
}

/** Whether a crash can have left this of the first entry; blocks that never reached the disk read as zeros. */
function beginsAsLog(bytes: Buffer): boolean {
  const start = bytes.subarray(0, FIRST_START.length);
  return start.every((byte, index) => byte === 0 || byte === FIRST_START[index]);
}

function tornAt(bytes: Buffer, from: number | undefined, isEnded: boolean): TornBytes | undefined {
  if (from === undefined) return undefined;
  const torn = Buffer.concat([bytes.subarray(from), Buffer.from(isEnded ? '' : '\n')]);
  return { bytes: torn.length, digest: sha256(torn) };
}

async function readEnd(file: FileHandle, size: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(bytes, done, length - done, size - length + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

function foreign(path: string, fault: string, hint: string = CHANGED): IntegrityError {
  return new IntegrityError('MALFORMED', `the audit log ${path} ${fault}`, { hint: hint.replace('PATH', () => path) });
}
