/** Reads the key files that commands are given. */
import { readFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import { NotFoundError, UsageError } from '../errors.ts';
import { loadPublicKey } from '../trust/keys.ts';
import type { TrustPolicy } from '../trust/verify.ts';
import { count, list } from './command.ts';

const MAX_KEYS = 256;

/** Options of every command that verifies. */
export const trustOptions = {
  key: list('--key <file>', 'public key to trust; it must have reached you by another way than the archive'),
  threshold: count('--threshold <n>', 'how many of the keys must have signed (default: 1)', 1, MAX_KEYS),
} as const;

/**
 * Whom the user trusts. There is no default: nothing an archive says can be its own proof.
 * @throws UsageError when no key is given or a file is no public key.
 */
export async function readTrustPolicy(options: {
  readonly key: readonly string[];
  readonly threshold: number | undefined;
}): Promise<TrustPolicy> {
  if (options.key.length === 0) {
    throw new UsageError('USAGE', 'no key to verify with', {
      hint: 'give the public key of whoever made the archive: --key release.pub',
    });
  }
  const keys = await Promise.all(options.key.map(readPublicKey));
  return { keys, threshold: options.threshold ?? 1 };
}

/** @throws NotFoundError when there is no such file. @throws UsageError when it is no public key. */
export async function readPublicKey(path: string): Promise<KeyObject> {
  return loadPublicKey(await readKeyFile(path), path);
}

/** The text of a key file. @throws NotFoundError when there is none. @throws UsageError when it cannot be read. */
export async function readKeyFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (isMissing) throw new NotFoundError('NOT_FOUND', `${path}: no such file`, { cause });
    throw new UsageError('USAGE', `${path}: cannot be read`, { cause });
  }
}
