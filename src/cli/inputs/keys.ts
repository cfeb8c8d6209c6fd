/** Reads the key files that commands are given. */
import { readFile } from 'node:fs/promises';
import type { KeyObject } from 'node:crypto';
import { NotFoundError, UsageError } from '../../errors.ts';
import { loadPublicKey } from '../../trust/keys/public-key.ts';

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
