/** What the system says when a call fails: the one table from its code to this product's code, words and next step. */
import { nodeCode, StoreError, type ErrorOptions } from '../../errors.ts';

interface Meaning {
  readonly code: 'NO_SPACE' | 'STORE_IO';
  readonly words: string;
  readonly hint?: string;
}

const full = (words: string, hint: string): Meaning => ({ code: 'NO_SPACE', words, hint });
const failed = (words: string, hint?: string): Meaning => ({
  code: 'STORE_IO',
  words,
  ...(hint === undefined ? {} : { hint }),
});
const FREE_SPACE = 'free some space and run the same command again';
const DAMAGED = 'the medium or its connection may be damaged: see the kernel log (dmesg), and try another medium';
const NOT_ALLOWED = 'run it as a user who may, or choose another place';
const ANOTHER_PLACE = 'choose another place';

/** @see https://man7.org/linux/man-pages/man3/errno.3.html */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ENOSPC: full('no space left on the device', FREE_SPACE),
  EDQUOT: full('the disk quota is used up', FREE_SPACE),
  EFBIG: full(
    'the file would be larger than a file may be here',
    'choose a place on another file system (FAT ends at 4 GiB), or raise the limit (ulimit -f)',
  ),
  EACCES: failed('permission denied', NOT_ALLOWED),
  EPERM: failed('the system does not allow it', `${NOT_ALLOWED}; the file may be marked immutable (lsattr)`),
  EROFS: failed('the file system is read-only', 'choose a place that can be written'),
  ENOENT: failed('no such file or directory', 'check the path'),
  ENOTDIR: failed('a part of the path is no directory', 'check the path'),
  EISDIR: failed('it is a directory', 'name a file'),
  ELOOP: failed('it is a link', 'remove the link, or name the file that it leads to'),
  EEXIST: failed('it exists already'),
  ENOTEMPTY: failed('the directory is not empty'),
  ENAMETOOLONG: failed('the name is too long', ANOTHER_PLACE),
  EXDEV: failed('it lies on another file system', ANOTHER_PLACE),
  EBUSY: failed('it is in use', 'end the program that uses it, and run the same command again'),
  ETXTBSY: failed('it is a program that runs', 'end it, and run the same command again'),
  ENXIO: failed('it is a pipe, socket or device that no program serves'),
  ENODEV: failed('there is no such device'),
  EMFILE: failed('too many files are open', 'raise the limit (ulimit -n), or lower --concurrency'),
  ENFILE: failed('too many files are open on this machine', 'end other programs, and run the same command again'),
  ENOMEM: failed('the system is out of memory', 'end other programs, and run the same command again'),
  EIO: failed('the device reports an error', DAMAGED),
  ESTALE: failed('the network file system lost the file', 'mount it again, and run the same command again'),
  ETIMEDOUT: failed('the device or network file system does not answer', DAMAGED),
  EINVAL: failed('the file system cannot do that', ANOTHER_PLACE),
  ENOSYS: failed('the file system cannot do that', ANOTHER_PLACE),
  ENOTSUP: failed('the file system cannot do that', ANOTHER_PLACE),
  EOPNOTSUPP: failed('the file system cannot do that', ANOTHER_PLACE),
};

/** The code of a failed system call, such as `ENOENT`; undefined for every other error. */
export function systemCode(error: unknown): string | undefined {
  const code = nodeCode(error);
  return code !== undefined && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** What a failed system call means: `no space left on the device (ENOSPC)`; for any other error its own message. */
export function systemWords(error: unknown): string {
  const code = systemCode(error) ?? '';
  const known = MEANINGS[code];
  if (known !== undefined) return `${known.words} (${code})`;
  return error instanceof Error ? error.message : String(error);
}

/** Whether the system refused because no more fits: on the disk, in the quota, or in one file. */
export function isDiskFull(error: unknown): boolean {
  return MEANINGS[systemCode(error) ?? '']?.code === 'NO_SPACE';
}

/** Next steps that say more than the table's own. */
export interface SystemHints {
  /** For a disk that is full. */
  readonly full?: string | undefined;
  /** For everything else. */
  readonly otherwise?: string | undefined;
}

/**
 * A failed system call as an error a person can act on: `NO_SPACE` or `STORE_IO`; anything else is passed through.
 * @param doing what failed: `cannot write /media/usb/release.tar`
 */
export function toStoreError(error: unknown, doing: string, hints: SystemHints = {}): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const known = MEANINGS[code] ?? failed('');
  const hint = (known.code === 'NO_SPACE' && code !== 'EFBIG' ? hints.full : hints.otherwise) ?? known.hint;
  const options: ErrorOptions = { cause: error, hint, details: { systemCode: code } };
  return new StoreError(known.code, `${doing}: ${systemWords(error)}`, options);
}

/** Runs file operations; what the system refuses is thrown as {@link toStoreError} has it. */
export async function onDisk<T>(doing: string, work: () => Promise<T>, hints?: SystemHints): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error, doing, hints);
  }
}
