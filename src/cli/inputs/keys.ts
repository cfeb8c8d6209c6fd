/** Reads the key files that commands are given. */
import type { KeyObject } from 'node:crypto';
import { readBounded } from '../../base/files/read-file.ts';
import { loadPublicKey } from '../../trust/keys/public-key.ts';

/** Bytes of a key, a certificate or a bundle with a key's signature. */
const MAX_KEY_BYTES = 1024 * 1024;

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
