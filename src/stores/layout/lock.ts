/** One writer at a time: a lock file that names its owner, so that the lock of a dead process can be taken over. */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { StoreError } from '../../errors.ts';
import { isSystemError, onDisk } from './files.ts';

/** Locks over the recovery of locks: each level needs one more process to have died at the wrong moment. */
const MAX_DEPTH = 4;
/** Tries while other processes take and release the lock at the same moment. */
const MAX_TRIES = 20;
const MAX_LOCK_BYTES = 4096;

const Owner = z.object({
  /** Different for every lock ever taken. */
  nonce: z.uuid(),
  pid: z.int().positive(),
  /** When the process started, as the kernel tells it: a later process may get the same pid. */
  started: z.string().max(200),
  host: z.string().max(255),
});
type Owner = z.infer<typeof Owner>;

/** A lock that is held; give it back with {@link DirectoryLock.release}. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the lock file at `path`. The lock of a process that no longer lives is taken over: whoever wants to replace it
 * first takes a lock named after it, so two processes never replace the same one.
 * @throws StoreError `LOCKED` while a living process, or one on another machine, holds it.
 */
export async function acquireLock(path: string, what: string, depth = 0): Promise<DirectoryLock> {
  const mine: Owner = {
    nonce: randomUUID(),
    pid: process.pid,
    started: await startOf(process.pid),
    host: hostname(),
  };
  const draft = `${path}.${mine.nonce}.new`;
  try {
    await onDisk(what, () => writeFile(draft, JSON.stringify(mine), { flag: 'wx' }));
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      if (await linked(draft, path, what)) return createLock(path, mine, what);
      const held = await readOwner(path, what);
      if (held === undefined) continue;
      if (depth >= MAX_DEPTH || (await isAlive(held))) throw locked(what, path, held);
      const guard = await acquireLock(`${path}.${held.nonce}`, what, depth + 1);
      try {
        // Only the holder of the guard may replace this dead lock, so it is safe to look first and rename then.
        if ((await readOwner(path, what))?.nonce !== held.nonce) continue;
        await onDisk(what, () => rename(draft, path));
        return createLock(path, mine, what);
      } finally {
        await guard.release();
      }
    }
    throw locked(what, path, await readOwner(path, what));
  } finally {
    await rm(draft, { force: true });
  }
}

function createLock(path: string, mine: Owner, what: string): DirectoryLock {
  return {
    async release(): Promise<void> {
      if ((await readOwner(path, what))?.nonce === mine.nonce) await onDisk(what, () => rm(path, { force: true }));
    },
  };
}

async function linked(draft: string, path: string, what: string): Promise<boolean> {
  return onDisk(what, async () => {
    try {
      await link(draft, path);
      return true;
    } catch (error) {
      if (isSystemError(error, 'EEXIST')) return false;
      throw error;
    }
  });
}

async function readOwner(path: string, what: string): Promise<Owner | undefined> {
  const text = await onDisk(what, async () => {
    try {
      return await readFile(path, 'utf8');
    } catch (error) {
      if (isSystemError(error, 'ENOENT')) return undefined;
      throw error;
    }
  });
  if (text === undefined) return undefined;
  // Lock files appear complete; anything else was put there by somebody else and is not ours to remove.
  const owner = Owner.safeParse(text.length > MAX_LOCK_BYTES ? undefined : parseJson(text));
  if (!owner.success) throw locked(what, path, undefined);
  return owner.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  // A process of another machine or container cannot be seen from here.
  if (owner.host !== hostname()) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (!isSystemError(error, 'EPERM')) return false;
  }
  return (await startOf(owner.pid)) === owner.started;
}

/** Boot and start time of a process; empty where the system has no /proc, and then the pid alone must do. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold spaces; the start time is field 22, the 20th after it.
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch (error) {
    if (isSystemError(error)) return '';
    throw error;
  }
}

function locked(what: string, path: string, owner: Owner | undefined): StoreError {
  const by = owner === undefined ? 'another program' : `process ${owner.pid} on ${owner.host}`;
  return new StoreError('LOCKED', `${what} is being written by ${by}`, {
    hint: `wait until it is done; if you know that nothing is running, remove ${path}`,
    details: { path },
  });
}
