/** Encrypts a private key for storage, with an iteration count of today: Node's own exporter is fixed at 2,048. */
import { createCipheriv, pbkdf2Sync, randomBytes, type KeyObject } from 'node:crypto';
import { derInteger, derNull, derObjectIdentifier, derOctetString, derSequence } from './der.ts';
import { algorithmOf } from './public-key.ts';
import { assertPassphrase, type Passphrase } from './private-key.ts';

/** @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#pbkdf2 */
const ITERATIONS = 600_000;
const SALT_BYTES = 16;
const IV_BYTES = 16;
const CIPHER_KEY_BYTES = 32;
const PEM_LINE_CHARACTERS = 64;

/** @see https://www.rfc-editor.org/rfc/rfc8018#appendix-C */
const OBJECT_IDENTIFIER = {
  pbes2: '1.2.840.113549.1.5.13',
  pbkdf2: '1.2.840.113549.1.5.12',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
} as const;

/**
 * A private key as encrypted PKCS#8 PEM: PBES2 with PBKDF2-HMAC-SHA256 (600,000 iterations) and AES-256-CBC, which
 * Node and OpenSSL read. Blocks for about a tenth of a second.
 * @throws UsageError when the passphrase is empty or longer than 1,024 bytes, or the key is of a kind we do not sign with.
 * @see https://www.rfc-editor.org/rfc/rfc8018#section-6.2
 */
export function encryptPrivateKey(privateKey: KeyObject, passphrase: Passphrase): string {
  algorithmOf(privateKey);
  assertPassphrase(passphrase);
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(
    'aes-256-cbc',
    pbkdf2Sync(passphrase, salt, ITERATIONS, CIPHER_KEY_BYTES, 'sha256'),
    iv,
  );
  const plain = privateKey.export({ type: 'pkcs8', format: 'der' });
  const encrypted = Buffer.concat([cipher.update(plain), cipher.final()]);
  return toPem(derSequence(encryptionAlgorithm(salt, iv), derOctetString(encrypted)));
}

function encryptionAlgorithm(salt: Uint8Array, iv: Uint8Array): Buffer {
  const pseudoRandomFunction = derSequence(derObjectIdentifier(OBJECT_IDENTIFIER.hmacWithSha256), derNull());
  const derivation = derSequence(
    derObjectIdentifier(OBJECT_IDENTIFIER.pbkdf2),
    derSequence(derOctetString(salt), derInteger(ITERATIONS), pseudoRandomFunction),
  );
  const encryption = derSequence(derObjectIdentifier(OBJECT_IDENTIFIER.aes256Cbc), derOctetString(iv));
  return derSequence(derObjectIdentifier(OBJECT_IDENTIFIER.pbes2), derSequence(derivation, encryption));
}

function toPem(der: Buffer): string {
  const base64 = der.toString('base64');
  const lines: string[] = [];
  for (let at = 0; at < base64.length; at += PEM_LINE_CHARACTERS) {
    lines.push(base64.slice(at, at + PEM_LINE_CHARACTERS));
  }
  return ['-----BEGIN ENCRYPTED PRIVATE KEY-----', ...lines, '-----END ENCRYPTED PRIVATE KEY-----', ''].join('\n');
}
