/** Appends to a site's audit log: one process at a time, one write for each entry, on disk before anything else happens. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { acquireFileLock, type FileLock } from '../../base/files/file-lock.ts';
import { irregularity } from '../../base/files/open-file.ts';
import { syncDirectory } from '../../base/files/place-file.ts';
import { systemCode, systemWords, toStoreError } from '../../base/files/system-errors.ts';
import { wait } from '../../base/wait.ts';
import { AirgapError, IntegrityError, StoreError } from '../../errors.ts';
import type { AuditFacts } from './entry-schema.ts';
import { linkEntry, linkRecovery, MAX_LINE_BYTES, type LinkedEntry, type TornBytes } from './audit-chain.ts';
import { readTail } from './tail.ts';

/** Nothing that is there is ever changed: a file that may only be appended to (`chattr +a`) will do. */
const APPEND =
  constants.O_RDWR |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK |
  constants.O_NOCTTY;
/** An entry takes milliseconds; another load at the same moment is waited for. */
const MAX_WAIT_MS = 10_000;
const POLL_MS = 25;

/** An entry that is on disk. */
export interface AuditRecord extends LinkedEntry {
  /** Of the log. */
  readonly path: string;
  /** What a crash had left of the entry before; this append accounted for it. */
  readonly recovered: TornBytes | undefined;
}

/**
 * Appends an entry. When this returns, it has reached the disk; when it throws, what may be left of it stands at the end
 * of the file, and the next append accounts for that.
 * @throws StoreError `NO_SPACE`, `STORE_IO` (also when the last line was written by something else), `LOCKED`;
 *   `UNSUPPORTED` for an entry that is too long
 */
export async function appendEntry(path: string, facts: AuditFacts): Promise<AuditRecord> {
  try {
    await using _lock = await acquirePatiently(`${path}.lock`);
    await using file = await open(path, APPEND, 0o644);
    const found = await file.stat();
    const fault = irregularity(found);
    if (fault !== undefined) throw new StoreError('STORE_IO', `it ${fault}`);
    const { head, isEnded, torn } = await readTail(file, found.size, path);
    const recovery = torn && linkRecovery(head, torn, facts);
    const linked = linkEntry(recovery?.head ?? head, facts);
    if (linked.line.length > MAX_LINE_BYTES) {
      throw new StoreError(
        'UNSUPPORTED',
        `an entry of ${linked.line.length} bytes is too long for the audit log ${path}`,
      );
    }
    const ending = Buffer.from(isEnded ? '' : '\n');
    await writeOnce(file, Buffer.concat([ending, recovery?.line ?? Buffer.alloc(0), linked.line]));
    await file.sync();
    // Each time: whoever began the log may have been stopped before its name was on disk.
    await syncDirectory(dirname(path));
    return { ...linked, path, recovered: torn };
  } catch (error) {
    throw unwritten(path, error);
  }
}

async function acquirePatiently(path: string): Promise<FileLock> {
  for (const deadline = Date.now() + MAX_WAIT_MS; ; await wait(POLL_MS)) {
    try {
      return await acquireFileLock(path, 'the audit log');
    } catch (error) {
      const isTaken = error instanceof StoreError && error.code === 'LOCKED';
      if (!isTaken || Date.now() > deadline) throw error;
    }
  }
}

/** A disk that fills takes a part of it and says so by the count alone. */
async function writeOnce(file: FileHandle, bytes: Buffer): Promise<void> {
  const { bytesWritten } = await file.write(bytes);
  if (bytesWritten === bytes.length) return;
  throw Object.assign(new Error(`no space left for more than ${bytesWritten} of ${bytes.length} bytes`), {
    code: 'ENOSPC',
  });
}

function unwritten(path: string, error: unknown): unknown {
  // The archive is not at fault, whatever happened to the log.
  if (error instanceof IntegrityError) {
    return new StoreError('STORE_IO', error.message, { hint: error.hint, cause: error });
  }
  if (!(error instanceof Error)) return error;
  const isOwn = error instanceof AirgapError;
  const told = toStoreError(isOwn ? error.cause : error, '');
  if (!isOwn && !(told instanceof StoreError)) return error;
  const isFull = told instanceof StoreError && told.code === 'NO_SPACE';
  const why = isOwn ? error.message : systemWords(error);
  return new StoreError(
    isFull ? 'NO_SPACE' : isOwn ? error.code : 'STORE_IO',
    `the audit log ${path} cannot be written: ${why}`,
    {
      cause: error,
      hint: isFull
        ? 'make room on that disk and run the same command again; what has arrived is not moved twice'
        : ((isOwn ? error.hint : undefined) ??
          'give a file on the local disk that this user may append to, with --audit-log FILE'),
      details: { ...(isOwn ? error.details : { systemCode: systemCode(error) }) },
    },
  );
}
