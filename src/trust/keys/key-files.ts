/** Writes a key pair to disk: the private file for its owner only, and never over a file that exists. */
import { rm } from 'node:fs/promises';
import { stageFile } from '../../base/files/place-file.ts';
import { encryptPrivateKey } from './key-encryption.ts';
import type { Passphrase } from './private-key.ts';
import { keyId, toPublicKeyPem, type KeyPair } from './public-key.ts';

const OWNER_ONLY = 0o600;
const READABLE = 0o644;

/** What {@link writeKeyPair} wrote. */
export interface WrittenKeyPair {
  /** Encrypted PKCS#8, mode 0600. */
  readonly privateKeyPath: string;
  readonly publicKeyPath: string;
  /** The fingerprint to compare over the phone. */
  readonly keyId: string;
}

/**
 * Writes `<prefix>.key` (encrypted, mode 0600) and `<prefix>.pub`, both or neither.
 * @throws UsageError when one of them exists, the directory does not, or the passphrase cannot be used.
 * @throws StoreError `STORE_IO`, `NO_SPACE` when the disk refuses; nothing is left of it.
 */
export async function writeKeyPair(prefix: string, pair: KeyPair, passphrase: Passphrase): Promise<WrittenKeyPair> {
  const [privateText, publicText] = [encryptPrivateKey(pair.privateKey, passphrase), toPublicKeyPem(pair.publicKey)];
  const [privateKeyPath, publicKeyPath] = [`${prefix}.key`, `${prefix}.pub`];
  // Keys are never overwritten: one that is lost by a typing slip stays lost.
  await using privateKey = await stageFile(privateKeyPath, privateText, { mode: OWNER_ONLY, exclusive: true });
  await using publicKey = await stageFile(publicKeyPath, publicText, { mode: READABLE, exclusive: true });
  await privateKey.place();
  try {
    await publicKey.place();
  } catch (error) {
    await rm(privateKeyPath, { force: true });
    throw error;
  }
  return { privateKeyPath, publicKeyPath, keyId: keyId(pair.publicKey) };
}
