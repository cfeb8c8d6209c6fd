/** Opens the private key files that cosign writes: scrypt, then NaCl's secretbox, around PKCS#8. */
import { scryptSync } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { parseJson } from '../../base/json/parse-json.ts';
import { UsageError } from '../../errors.ts';
import { CosignKey } from './cosign-key-schema.ts';

/** The label since cosign 1.13, and the one before. */
export const COSIGN_LABELS: readonly string[] = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'];

/** cosign itself takes 64 MiB; a file that demands more than four times that is made to exhaust its reader. */
const MAX_SCRYPT_BYTES = 256 * 1024 * 1024;
const MAX_SCRYPT_PARALLEL = 4;
/** Of the two buffers that OpenSSL takes beside the table. */
const SCRYPT_SPARE_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;
const MIN_SALT_BYTES = 8;
const NONCE_BYTES = 24;
const SECRET_BYTES = 32;

/**
 * The PKCS#8 DER in a private key file of cosign. Blocks for about a fifth of a second.
 * @param name what to call the file in errors, such as its path
 * @throws UsageError when it is no such file, or asks for more work than any version of cosign does.
 * @throws Error when the passphrase does not open it.
 * @see https://github.com/secure-systems-lab/go-securesystemslib/blob/main/encrypted/encrypted.go
 */
export function decryptCosignKey(pem: string, passphrase: string | Uint8Array, name: string): Buffer {
  const { kdf, cipher, ciphertext } = parse(pem, name);
  const { N, r, p } = kdf.params;
  const bytes = 128 * N * r;
  // Checked before anything is derived: the numbers are the file's.
  if (bytes > MAX_SCRYPT_BYTES || p > MAX_SCRYPT_PARALLEL || !Number.isInteger(Math.log2(N))) {
    throw new UsageError('USAGE', `${name} asks for scrypt with N=${N}, r=${r}, p=${p}, which is refused`, {
      hint: 'no version of cosign writes that; get the key file from where it was made',
    });
  }
  const [salt, nonce] = [Buffer.from(kdf.salt, 'base64'), Buffer.from(cipher.nonce, 'base64')];
  if (salt.length < MIN_SALT_BYTES || nonce.length !== NONCE_BYTES) throw notCosign(name);
  const secret = scryptSync(passphrase, salt, SECRET_BYTES, {
    N,
    r,
    p,
    maxmem: bytes + 128 * r * p + SCRYPT_SPARE_BYTES,
  });
  return Buffer.from(xsalsa20poly1305(secret, nonce).decrypt(Buffer.from(ciphertext, 'base64')));
}

function parse(pem: string, name: string): CosignKey {
  const base64 = pem.replace(/-----(BEGIN|END) [A-Z0-9 ]+-----/g, '').replace(/\s/g, '');
  try {
    return CosignKey.parse(parseJson(Buffer.from(base64, 'base64'), { maxBytes: MAX_KEY_BYTES, reading: 'lenient' }));
  } catch (error) {
    throw notCosign(name, error);
  }
}

function notCosign(name: string, cause?: unknown): UsageError {
  return new UsageError('USAGE', `${name} is labelled as a key of cosign and cannot be read as one`, {
    hint: 'expected: what `cosign generate-key-pair` writes (scrypt and nacl/secretbox)',
    cause,
  });
}
