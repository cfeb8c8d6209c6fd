/** Key files for tests that are not about keys: what `airgap keys generate` writes, but cheap to open. */
import { writeFile } from 'node:fs/promises';
import { generateKeyPair, toPublicKeyPem, type KeyAlgorithm, type KeyPair } from '../../src/trust/keys/public-key.ts';

/** The passphrase of all of them, as the tests of commands have it in their environment. */
export const TEST_PASSPHRASE = 'correct horse';

/** The paths of a pair. */
export interface KeyFiles {
  readonly key: string;
  readonly pub: string;
}

/**
 * Writes `<prefix>.key`, encrypted with {@link TEST_PASSPHRASE}, and `<prefix>.pub`. Node's own encryption derives its key in
 * 2,048 rounds instead of the product's 600,000, a tenth of a second of CPU each time that a command opens the file.
 */
export async function writeKeyFiles(
  prefix: string,
  pair: KeyAlgorithm | KeyPair = 'ecdsa-p256',
  passphrase: string = TEST_PASSPHRASE,
): Promise<KeyFiles> {
  const { privateKey, publicKey } = typeof pair === 'string' ? generateKeyPair(pair) : pair;
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  const files = { key: `${prefix}.key`, pub: `${prefix}.pub` };
  await writeFile(files.key, encrypted, { mode: 0o600 });
  await writeFile(files.pub, toPublicKeyPem(publicKey));
  return files;
}
