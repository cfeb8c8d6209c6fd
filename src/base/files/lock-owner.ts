/** Who holds a lock, written down so that it can be told later whether they still live. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { readIfThere } from './read-file.ts';
import { systemCode } from './system-errors.ts';
import { StoreError } from '../../errors.ts';

const MAX_OWNER_BYTES = 1024;
/** Bytes of a file of `/proc`. */
const MAX_PROC_BYTES = 64 * 1024;
/** A process that has ended and is still listed, since its parent has not asked how: it holds nothing any more. */
const ENDED = new Set(['Z', 'X', 'x']);

/** One line: process, its start, its machine, and a word that only this lock has. */
export async function describeOwner(): Promise<string> {
  return `${process.pid} ${(await startOf(process.pid)) ?? '-'} ${hostname()} ${randomUUID()}\n`;
}

/**
 * What a lock says of its owner; undefined when there is no lock.
 * @throws StoreError `LOCKED` for a lock that may not be read, and `STORE_IO` for what is no lock, such as a pipe or a link
 */
export async function readOwner(path: string): Promise<string | undefined> {
  try {
    const refuse = (fault: string): StoreError =>
      new StoreError('STORE_IO', `${path}, where a lock belongs, ${fault}`, { hint: 'remove it' });
    const bytes = await readIfThere(path, { what: 'a lock', limit: MAX_OWNER_BYTES, links: 'refuse', refuse });
    return bytes?.toString('utf8');
  } catch (error) {
    if (error instanceof StoreError || !(error instanceof Error)) throw error;
    throw new StoreError('LOCKED', `${path} is a lock of another user, which cannot be read`, {
      hint: `wait for their command to end; if you are sure that none runs, have ${path} deleted`,
      cause: error,
      details: { lock: path },
    });
  }
}

/** Whether the whole line is there; of one that is being written, or was torn by a power failure, it is not. */
export function isWholeOwner(owner: string): boolean {
  return owner.endsWith('\n') && owner.trim().split(' ').length >= 3;
}

/**
 * Whether the owner may still live. A process on another machine, or in another container, cannot be seen from here and
 * counts as living; a lock that names no process is what a power failure left of one.
 */
export async function isAlive(owner: string): Promise<boolean> {
  const [pid = '', start = '', host = ''] = owner.trim().split(' ');
  if (!/^[1-9][0-9]{0,9}$/.test(pid) || start === '' || host === '') return false;
  if (host !== hostname()) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return false;
  }
  return (await startOf(Number(pid))) === start;
}

/**
 * Boot and start time, which tell a process from a later one with its number; `-` where the system does not say, and
 * undefined for a process that has ended.
 */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readIfThere('/proc/sys/kernel/random/boot_id', { what: 'a number', limit: MAX_PROC_BYTES }),
      readIfThere(`/proc/${pid}/stat`, { what: 'a state', limit: MAX_PROC_BYTES }),
    ]);
    if (boot === undefined || stat === undefined) return '-';
    // The command, in parentheses, may hold spaces; the state follows it, and the start time is the 20th field.
    const text = stat.toString('utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return ENDED.has(fields[0] ?? '') ? undefined : `${boot.toString('utf8').trim()}/${fields[19] ?? ''}`;
  } catch (error) {
    if (systemCode(error instanceof StoreError ? error.cause : error) === 'ESRCH') return '-';
    throw error;
  }
}
