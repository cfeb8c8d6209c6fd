/** A lock file that names its owner, so that a lock left behind by a killed process is recognised and taken over. */
import { createHash, randomUUID } from 'node:crypto';
import { constants, copyFile, link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { AirgapError, StoreError } from '../../errors.ts';

/** Locks over the taking over of locks: each level needs one more process to have died at the wrong moment. */
const MAX_DEPTH = 4;
/** What FAT and exFAT say of `link`, depending on the driver. */
const NO_HARD_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
/** Tries while other processes take and release the lock at the same moment. */
const MAX_TRIES = 20;
/** What follows the lock's name in the names of the files that taking it needs. */
const LEFTOVER_SUFFIX = /^(\.[0-9a-f]{16})*(\.[0-9a-f-]{36}\.new)?$/;

/** Held until disposed. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
}

/**
 * Takes the lock or fails at once. A process on another machine, or in another container, cannot be seen from here and
 * counts as living.
 * @throws StoreError `LOCKED` when a living process holds it, `STORE_IO` when no file can be made there.
 */
export async function acquireFileLock(path: string, what: string): Promise<FileLock> {
  try {
    await using stack = new AsyncDisposableStack();
    const lock = stack.use(await acquire(path, what, 0));
    await removeLeftovers(path);
    stack.move();
    return lock;
  } catch (error) {
    if (error instanceof AirgapError || !(error instanceof Error)) throw error;
    throw new StoreError('STORE_IO', `cannot create ${path}: ${error.message}`, { cause: error });
  }
}

async function acquire(path: string, what: string, depth: number): Promise<FileLock> {
  const nonce = randomUUID();
  const mine = `${process.pid} ${await startOf(process.pid)} ${hostname()} ${nonce}\n`;
  const aside = `${path}.${nonce}.new`;
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await writeFile(aside, mine);
      if (await linkExclusively(aside, path)) return toLock(path, mine);
      const owner = await readOwner(path);
      if (owner === undefined) continue;
      if (depth >= MAX_DEPTH || (await isAlive(owner))) break;
      if (await takeOver(aside, path, owner, what, depth)) return toLock(path, mine);
    }
  } finally {
    await rm(aside, { force: true });
  }
  throw new StoreError('LOCKED', `another process is writing ${what}`, {
    hint: `wait for it to end; if you are sure that none is, delete ${path}`,
    details: { lock: path },
  });
}

function toLock(path: string, mine: string): FileLock {
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      if ((await readOwner(path)) === mine) await rm(path, { force: true });
    },
  };
}

/** A link appears with its content or not at all, so that a lock is never seen without its owner. */
async function linkExclusively(aside: string, path: string): Promise<boolean> {
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    // The holder of the lock removes what is half-written, which looks like the work of a killed process.
    if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOENT')) return false;
    if (NO_HARD_LINKS.some((code) => hasCode(error, code))) return copyExclusively(aside, path);
    throw error;
  }
}

/** The next best on a stick without hard links. */
async function copyExclusively(aside: string, path: string): Promise<boolean> {
  try {
    await copyFile(aside, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST') || hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Replaces the lock of a dead process. A lock named after it makes sure that no two processes replace the same one. */
async function takeOver(aside: string, path: string, owner: string, what: string, depth: number): Promise<boolean> {
  await using _guard = await acquire(
    `${path}.${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`,
    what,
    depth + 1,
  );
  if ((await readOwner(path)) !== owner) return false;
  try {
    await rename(aside, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** A process that is killed while it takes the lock leaves more than the lock. Only the holder may tidy up. */
async function removeLeftovers(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const entry of await readdir(folder)) {
    const suffix = entry.startsWith(name) ? entry.slice(name.length) : '';
    if (suffix === '' || !LEFTOVER_SUFFIX.test(suffix)) continue;
    const owner = await readOwner(join(folder, entry));
    if (owner !== undefined && !(await isAlive(owner))) await rm(join(folder, entry), { force: true });
  }
}

async function readOwner(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** A lock that names nobody is what a power failure left of one. */
async function isAlive(owner: string): Promise<boolean> {
  const [pid = '', start = '', host = ''] = owner.trim().split(' ');
  if (!/^[1-9][0-9]{0,9}$/.test(pid) || start === '' || host === '') return false;
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (!hasCode(error, 'EPERM')) return false;
  }
  return (await startOf(Number(pid))) === start;
}

/** Boot and start time, which tell a process from a later one with its number; `-` where the system does not say. */
async function startOf(pid: number): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command, in parentheses, may hold spaces; the start time is the 20th field after it.
    return `${boot.trim()}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return '-';
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
