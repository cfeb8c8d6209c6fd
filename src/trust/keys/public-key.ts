/** The two kinds of key we sign with and trust: how they are made, read from PEM when public, and named by a fingerprint. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { UsageError } from '../../errors.ts';
import { KEY_HINTS, pemLabel, unreadableKey } from './pem.ts';

/** P-256 with SHA-256 and pure Ed25519: the two that every Sigstore verifier accepts for a self-managed key. */
export type KeyAlgorithm = 'ecdsa-p256' | 'ed25519';

/** A private key and its public half. */
export interface KeyPair {
  /** Keep it encrypted, or in a KMS. */
  readonly privateKey: KeyObject;
  /** What others verify with. */
  readonly publicKey: KeyObject;
}

const PUBLIC_KEY = 'PUBLIC KEY';

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
    hint: key.type === 'private' ? KEY_HINTS.private : "ask the release's maker for a key of one of these kinds",
  });
}

/**
 * Reads one PEM `PUBLIC KEY` (SubjectPublicKeyInfo).
 * @param name what to call the key in errors, such as its path
 * @throws UsageError when the text is anything else, a private key and a certificate included.
 * @see https://www.rfc-editor.org/rfc/rfc7468#section-13
 */
export function loadPublicKey(pem: string, name = 'the public key'): KeyObject {
  const label = pemLabel(pem, name, 'public');
  if (label.endsWith('PRIVATE KEY')) {
    throw new UsageError('USAGE', `${name} holds a private key where a public key is needed`, {
      hint: 'give the .pub file; keep the private key on the machine that signs',
    });
  }
  if (label !== PUBLIC_KEY) {
    throw new UsageError('USAGE', `${name} holds a ${label}, not a ${PUBLIC_KEY}`, { hint: KEY_HINTS.public });
  }
  try {
    return normalise(createPublicKey({ key: pem, format: 'pem' }), name);
  } catch (error) {
    throw unreadableKey(error, name, 'public');
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
