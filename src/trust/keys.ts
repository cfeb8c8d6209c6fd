/** The two kinds of key we sign with and trust: how they are made, read from PEM, and named by a fingerprint. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { AuthError, UsageError } from '../errors.ts';

/** P-256 with SHA-256 and pure Ed25519: the two that every Sigstore verifier accepts for a self-managed key. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ed25519';

/** A private key and its public half. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** How to read a private key file. */
export interface PrivateKeyOptions {
  /** Needed when {@link isEncryptedPrivateKey} says so; otherwise not looked at. */
  readonly passphrase?: string | undefined;
  /**
   * What to call the key in errors, such as its path.
   * @defaultValue `'the private key'`
   */
  readonly name?: string;
}

const MAX_PEM_CHARACTERS = 64 * 1024;
/** Node's OpenSSL cannot pass a longer one on. */
const MAX_PASSPHRASE_BYTES = 1024;
const PUBLIC_KEY = 'PUBLIC KEY';
const PRIVATE_KEY = 'PRIVATE KEY';
const ENCRYPTED_PRIVATE_KEY = 'ENCRYPTED PRIVATE KEY';
const MAKE_ONE = 'make a key pair with `airgap keys generate`';

/** Makes a new key pair from the system's random source. */
export function generateKeyPair(algorithm: KeyAlgorithm): KeyPair {
  return algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/**
 * The algorithm a key is used with.
 * @throws UsageError on any key but P-256 and Ed25519.
 */
export function algorithmOf(key: KeyObject, name = 'the key'): KeyAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType === 'ec' && curve === 'prime256v1') return 'ecdsa-p256';
  const kind = [key.asymmetricKeyType ?? key.type, curve].filter((part) => part !== undefined).join(' ');
  throw new UsageError('USAGE', `${name} is of kind ${kind}; only ECDSA P-256 and Ed25519 are accepted`, {
    hint: MAKE_ONE,
  });
}

/**
 * Reads one PEM `PUBLIC KEY` (SubjectPublicKeyInfo).
 * @param name what to call the key in errors, such as its path
 * @throws UsageError when the text is anything else, a private key and a certificate included.
 * @see https://www.rfc-editor.org/rfc/rfc7468#section-13
 */
export function loadPublicKey(pem: string, name = 'the public key'): KeyObject {
  const label = labelOf(pem, name);
  if (label.endsWith(PRIVATE_KEY)) {
    throw new UsageError('USAGE', `${name} holds a private key where a public key is needed`, {
      hint: 'give the .pub file; keep the private key on the machine that signs',
    });
  }
  if (label !== PUBLIC_KEY) {
    throw new UsageError('USAGE', `${name} holds a ${label}, not a ${PUBLIC_KEY}`, { hint: MAKE_ONE });
  }
  try {
    return normalise(createPublicKey({ key: pem, format: 'pem' }), name);
  } catch (error) {
    throw asUsageError(error, name);
  }
}

/** Whether the PEM text is a private key that needs a passphrase. */
export function isEncryptedPrivateKey(pem: string): boolean {
  return pem.includes(`-----BEGIN ${ENCRYPTED_PRIVATE_KEY}-----`);
}

/**
 * Reads one PEM private key in PKCS#8, plain or encrypted.
 * @throws UsageError when the text is no such key, or a key of another kind.
 * @throws AuthError `UNAUTHENTICATED` when a passphrase is needed and none is given, `DENIED` when it does not open the key.
 * @see https://www.rfc-editor.org/rfc/rfc5958
 */
export function loadPrivateKey(pem: string, options: PrivateKeyOptions = {}): KeyObject {
  const { passphrase, name = 'the private key' } = options;
  const label = labelOf(pem, name);
  if (label === ENCRYPTED_PRIVATE_KEY) return decryptPrivateKey(pem, passphrase, name);
  if (label !== PRIVATE_KEY) {
    throw new UsageError('USAGE', `${name} holds a ${label}, not a PKCS#8 private key`, {
      hint: label.endsWith(PUBLIC_KEY)
        ? 'give the .key file'
        : 'convert it with `openssl pkcs8 -topk8 -in KEY -out NEW`',
    });
  }
  try {
    return supported(createPrivateKey({ key: pem, format: 'pem' }), name);
  } catch (error) {
    throw asUsageError(error, name);
  }
}

/**
 * Checks a passphrase before a key is written with it.
 * @throws UsageError when it is empty or too long to be read back.
 */
export function assertPassphrase(passphrase: string): void {
  if (passphrase === '') throw new UsageError('USAGE', 'the passphrase is empty', { hint: 'choose a passphrase' });
  if (Buffer.byteLength(passphrase) > MAX_PASSPHRASE_BYTES) {
    throw new UsageError('USAGE', `the passphrase is longer than ${MAX_PASSPHRASE_BYTES} bytes`);
  }
}

/** The public half of a private key. */
export function publicKeyOf(privateKey: KeyObject): KeyObject {
  return normalise(createPublicKey(privateKey));
}

/** A public key as PEM, the form in which it is handed to those who verify. */
export function toPublicKeyPem(publicKey: KeyObject): string {
  return String(normalise(publicKey).export({ type: 'spki', format: 'pem' }));
}

/**
 * The fingerprint of a public key: 64 hexadecimal digits, sha256 over its SubjectPublicKeyInfo. One key has one
 * fingerprint, however its file spells it.
 */
export function keyId(publicKey: KeyObject): string {
  return fingerprint(publicKey).toString('hex');
}

/** The same fingerprint in base64: what Sigstore bundles carry as the key's hint, as cosign writes it. */
export function keyHint(publicKey: KeyObject): string {
  return fingerprint(publicKey).toString('base64');
}

function fingerprint(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(normalise(publicKey).export({ type: 'spki', format: 'der' }))
    .digest();
}

/** OpenSSL keeps a compressed point and spelled-out curve parameters as they came; through JWK all spellings become one. */
function normalise(publicKey: KeyObject, name?: string): KeyObject {
  return createPublicKey({ key: supported(publicKey, name).export({ format: 'jwk' }), format: 'jwk' });
}

function supported(key: KeyObject, name?: string): KeyObject {
  algorithmOf(key, name);
  return key;
}

function labelOf(pem: string, name: string): string {
  const labels = pem.length > MAX_PEM_CHARACTERS ? [] : [...pem.matchAll(/^-----BEGIN ([A-Z0-9 ]{1,64})-----\r?$/gm)];
  const label = labels[0]?.[1];
  if (label !== undefined && labels.length === 1) return label;
  const found = label === undefined ? 'is not a PEM file' : `holds ${labels.length} PEM blocks where one is needed`;
  throw new UsageError('USAGE', `${name} ${found}`, { hint: MAKE_ONE });
}

function decryptPrivateKey(pem: string, passphrase: string | undefined, name: string): KeyObject {
  if (passphrase === undefined) {
    throw new AuthError('UNAUTHENTICATED', `${name} is encrypted and no passphrase was given`, {
      hint: 'set AIRGAP_PASSPHRASE, or give --passphrase-file, or run on a terminal',
    });
  }
  assertPassphrase(passphrase);
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch (error) {
    // About one wrong passphrase in 256 leaves valid padding and then no key, so OpenSSL's reason does not tell more.
    throw new AuthError('DENIED', `${name} cannot be decrypted: the passphrase is wrong or the file is damaged`, {
      hint: 'try the passphrase with `openssl pkey -noout -in KEY`',
      cause: error,
    });
  }
  return supported(key, name);
}

function asUsageError(error: unknown, name: string): UsageError {
  if (error instanceof UsageError) return error;
  return new UsageError('USAGE', `${name} cannot be read as a key`, { hint: MAKE_ONE, cause: error });
}
