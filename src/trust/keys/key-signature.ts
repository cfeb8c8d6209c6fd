/** The one cryptographic check: whether a key made a signature over bytes. */
import { verify, type KeyObject } from 'node:crypto';
import { algorithmOf } from './public-key.ts';

/**
 * Whether the signature over the data is by the key: ECDSA P-256 with SHA-256 in DER, or pure Ed25519.
 * @throws UsageError on any other kind of key.
 */
export function isSignature(data: Uint8Array, publicKey: KeyObject, signature: Uint8Array): boolean {
  return algorithmOf(publicKey) === 'ed25519'
    ? verify(null, data, publicKey, signature)
    : verify('sha256', data, { key: publicKey, dsaEncoding: 'der' }, signature);
}
