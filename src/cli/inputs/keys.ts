/** Reads the key files that commands are given. */
import type { KeyObject } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { readBounded } from '../../base/files/read-file.ts';
import type { Context } from '../context.ts';
import { loadPublicKey } from '../../trust/keys/public-key.ts';

/** Bytes of a key, a certificate or a bundle with a key's signature. */
const MAX_KEY_BYTES = 1024 * 1024;
const READABLE_BY_OTHERS = 0o044;

/**
 * Reads a public key; `signal` ends the wait for a stream.
 * @throws NotFoundError when there is no such file. @throws UsageError when it is no public key.
 */
export async function readPublicKey(path: string, signal: AbortSignal): Promise<KeyObject> {
  return loadPublicKey(await readKeyFile(path, signal), path);
}

/** Reads public keys, all of them. @throws as {@link readPublicKey} */
export async function readPublicKeys(paths: readonly string[], signal: AbortSignal): Promise<readonly KeyObject[]> {
  return Promise.all(paths.map((path) => readPublicKey(path, signal)));
}

/** The text of a key file. @throws NotFoundError when there is none. @throws UsageError when it cannot be read. */
export async function readKeyFile(path: string, signal: AbortSignal): Promise<string> {
  return (await readBounded(path, { what: 'a key', limit: MAX_KEY_BYTES, signal })).toString('utf8');
}

/**
 * The text of a private key file. Says so when others can read it too.
 * @throws as {@link readKeyFile}
 */
export async function readPrivateKeyFile(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  path: string,
): Promise<string> {
  const pem = await readKeyFile(path, signal);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true && (found.mode & READABLE_BY_OTHERS) !== 0) {
    output.note(`the private key ${path} can be read by other users of this machine: chmod 600 ${path}`);
  }
  return pem;
}
