/** A lock file that names its owner, so that a lock left behind by a killed process is recognised and taken over. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { StoreError } from '../errors.ts';

/** Held until disposed. */
export interface FileLock extends AsyncDisposable {
  readonly path: string;
}

/**
 * Takes the lock or fails at once.
 * @throws StoreError `LOCKED` when a living process holds it.
 */
export async function acquireFileLock(path: string, what: string): Promise<FileLock> {
  const owner = `${process.pid} ${await startTimeOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await createExclusively(path, owner)) return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    await removeIfStale(path);
  }
  throw new StoreError('LOCKED', `another process is writing ${what}`, {
    hint: `wait for it to end; if you are sure that none is, delete ${path}`,
    details: { lock: path },
  });
}

/** Writes aside and links into place, so that a lock is never seen without its owner. */
async function createExclusively(path: string, owner: string): Promise<boolean> {
  const aside = `${path}.${process.pid}.new`;
  await writeFile(aside, owner);
  try {
    await link(aside, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Renames before deleting, so that two processes that find the same stale lock cannot delete a fresh one. */
async function removeIfStale(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (text === undefined) return;
  const [pid = '', startTime = ''] = text.trim().split(' ');
  const running = /^[1-9][0-9]*$/.test(pid) ? await startTimeOf(Number(pid)) : undefined;
  if (running !== undefined && running === startTime) return;
  const aside = `${path}.${process.pid}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  await rm(aside, { force: true });
}

/** The process's start time in clock ticks, which tells it from a later process with the same number. */
async function startTimeOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
