/** A lock file that names its owner, so that a lock left behind by a killed process is recognised and taken over. */
import { createHash, randomUUID } from 'node:crypto';
import { link, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StoreError } from '../../errors.ts';
import { wait } from '../wait.ts';
import { describeOwner, isAlive, isWholeOwner, readOwner } from './lock-owner.ts';
import { onDisk, systemCode } from './system-errors.ts';

/** Locks over the taking over of locks: each level needs one more process to have died at the wrong moment. */
const MAX_DEPTH = 4;
/** What FAT and exFAT say of `link`, depending on the driver. */
const NO_HARD_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
/** The holder of the lock removes what is half-written, which looks like the work of a killed process. */
const TAKEN = new Set(['EEXIST', 'ENOENT']);
/** How long a lock may be without its owner, where it cannot appear with it, before it counts as left behind. */
const GRACE_MS = 1_000;
const POLL_MS = 20;
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
  return onDisk(`cannot create ${path}`, async () => {
    await using stack = new AsyncDisposableStack();
    const lock = stack.use(await acquire(path, what, 0));
    await removeLeftovers(path);
    stack.move();
    return lock;
  });
}

async function acquire(path: string, what: string, depth: number): Promise<FileLock> {
  const mine = await describeOwner();
  const aside = `${path}.${randomUUID()}.new`;
  try {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      await writeFile(aside, mine);
      if (await takeFree(aside, path, mine)) return toLock(path, mine);
      const owner = await waitForOwner(path);
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
async function takeFree(aside: string, path: string, mine: string): Promise<boolean> {
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    if (NO_HARD_LINKS.has(code)) return writeExclusively(path, mine);
    if (TAKEN.has(code)) return false;
    throw error;
  }
}

/**
 * The next best on a stick without hard links: the lock appears first and its owner a moment later. Others wait for that
 * as long as {@link GRACE_MS}; so what took half of it or more is not relied upon.
 */
async function writeExclusively(path: string, mine: string): Promise<boolean> {
  const begun = performance.now();
  try {
    await writeFile(path, mine, { flag: 'wx' });
  } catch (error) {
    if (TAKEN.has(systemCode(error) ?? '')) return false;
    throw error;
  }
  const isOwn = (await readOwner(path)) === mine;
  if (isOwn && performance.now() - begun < GRACE_MS / 2) return true;
  if (isOwn) await rm(path, { force: true });
  return false;
}

/** What the lock says, once it says something; undefined when it is free. */
async function waitForOwner(path: string): Promise<string | undefined> {
  for (const deadline = performance.now() + GRACE_MS; ; await wait(POLL_MS)) {
    const owner = await readOwner(path);
    if (owner === undefined || isWholeOwner(owner) || performance.now() > deadline) return owner;
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
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** A process that is killed while it takes the lock leaves more than the lock. Only the holder may tidy up. */
async function removeLeftovers(path: string): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)];
  for (const entry of await readdir(folder)) {
    const suffix = entry.startsWith(name) ? entry.slice(name.length) : '';
    if (suffix === '' || !LEFTOVER_SUFFIX.test(suffix)) continue;
    const owner = await readOwner(join(folder, entry)).catch(() => undefined);
    if (owner !== undefined && !(await isAlive(owner))) await rm(join(folder, entry), { force: true });
  }
}
