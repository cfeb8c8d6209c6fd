/** Reads private key files: PKCS#8, plain or encrypted, and the encrypted files that cosign writes. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { AuthError, UsageError } from '../../errors.ts';
import { COSIGN_LABELS, decryptCosignKey } from './cosign-key.ts';
import { algorithmOf } from './public-key.ts';
import { pemLabel, unreadableKey } from './pem.ts';

/** Node's OpenSSL cannot pass a longer one on. */
const MAX_PASSPHRASE_BYTES = 1024;
const PRIVATE_KEY = 'PRIVATE KEY';
const ENCRYPTED_PRIVATE_KEY = 'ENCRYPTED PRIVATE KEY';
const ENCRYPTED_LABELS: readonly string[] = [ENCRYPTED_PRIVATE_KEY, ...COSIGN_LABELS];

/** Bytes; a text stands for its UTF-8. */
export type Passphrase = string | Uint8Array;

/** How to read a private key file. */
export interface PrivateKeyOptions {
  /** Needed when {@link isEncryptedPrivateKey} says so; otherwise not looked at. */
  readonly passphrase?: Passphrase | undefined;
  /**
   * What to call the key in errors, such as its path.
   * @defaultValue `'the private key'`
   */
  readonly name?: string;
}

/** Whether the PEM text is a private key that needs a passphrase. */
export function isEncryptedPrivateKey(pem: string): boolean {
  return ENCRYPTED_LABELS.some((label) => pem.includes(`-----BEGIN ${label}-----`));
}

/**
 * Reads one PEM private key: PKCS#8, plain or encrypted, or cosign's own encrypted form.
 * @throws UsageError when the text is no such key, or a key of another kind.
 * @throws AuthError `UNAUTHENTICATED` when a passphrase is needed and none is given, `DENIED` when it does not open the key.
 * @see https://www.rfc-editor.org/rfc/rfc5958
 */
export function loadPrivateKey(pem: string, options: PrivateKeyOptions = {}): KeyObject {
  const { passphrase, name = 'the private key' } = options;
  const label = pemLabel(pem, name, 'private');
  if (ENCRYPTED_LABELS.includes(label)) return decryptPrivateKey(pem, label, passphrase, name);
  if (label !== PRIVATE_KEY) {
    throw new UsageError('USAGE', `${name} holds a ${label}, not a PKCS#8 private key`, {
      hint: label.endsWith('PUBLIC KEY')
        ? 'give the .key file'
        : 'convert it with `openssl pkcs8 -topk8 -in KEY -out NEW`',
    });
  }
  try {
    return supported(createPrivateKey({ key: pem, format: 'pem' }), name);
  } catch (error) {
    throw unreadableKey(error, name, 'private');
  }
}

/**
 * Checks a passphrase before a key is written or opened with it.
 * @throws UsageError when it is empty or too long to be read back.
 */
export function assertPassphrase(passphrase: Passphrase): void {
  if (passphrase.length === 0)
    throw new UsageError('USAGE', 'the passphrase is empty', { hint: 'choose a passphrase' });
  if (Buffer.byteLength(passphrase) > MAX_PASSPHRASE_BYTES) {
    throw new UsageError('USAGE', `the passphrase is longer than ${MAX_PASSPHRASE_BYTES} bytes`);
  }
}

function decryptPrivateKey(pem: string, label: string, passphrase: Passphrase | undefined, name: string): KeyObject {
  if (passphrase === undefined) {
    throw new AuthError('UNAUTHENTICATED', `${name} is encrypted and no passphrase was given`, {
      hint: 'set AIRGAP_PASSPHRASE, or give --passphrase-file, or run on a terminal',
    });
  }
  assertPassphrase(passphrase);
  const isPkcs8 = label === ENCRYPTED_PRIVATE_KEY;
  let key: KeyObject;
  try {
    key = isPkcs8
      ? createPrivateKey({
          key: pem,
          format: 'pem',
          passphrase: typeof passphrase === 'string' ? passphrase : Buffer.from(passphrase),
        })
      : createPrivateKey({ key: decryptCosignKey(pem, passphrase, name), format: 'der', type: 'pkcs8' });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // About one wrong passphrase in 256 leaves valid padding and then no key, so OpenSSL's reason does not tell more.
    throw new AuthError('DENIED', `${name} cannot be decrypted: the passphrase is wrong or the file is damaged`, {
      hint: isPkcs8
        ? 'try the passphrase with `openssl pkey -noout -in KEY`'
        : 'try the passphrase with `cosign public-key --key KEY`',
      cause: error,
    });
  }
  return supported(key, name);
}

function supported(key: KeyObject, name: string): KeyObject {
  algorithmOf(key, name);
  return key;
}
