/** Signed data and ways to forge it, for the tests of this folder. */
import { createPublicKey, ECDH, type KeyObject } from 'node:crypto';
import { generateKeyPair, type KeyAlgorithm, type KeyPair } from '../../src/trust/keys/public-key.ts';
import { createKeySigner } from '../../src/trust/signing/signer.ts';

export const ALGORITHMS: readonly KeyAlgorithm[] = ['ecdsa-p256', 'ed25519'];

export interface Signed extends KeyPair {
  readonly keyId: string;
  readonly data: Buffer;
  readonly bundle: Buffer;
}

/** The fields of a bundle that tests change. */
export interface BundleJson {
  mediaType: string;
  verificationMaterial: { publicKey: { hint: string }; [field: string]: unknown };
  messageSignature: { messageDigest: { algorithm: string; digest: string }; signature: string };
  [field: string]: unknown;
}

/** Signs the data with a fresh key, or with the given one. */
export async function signWith(data: Uint8Array, by: KeyAlgorithm | KeyPair): Promise<Signed> {
  const pair = typeof by === 'string' ? generateKeyPair(by) : by;
  const signer = createKeySigner(pair.privateKey);
  const bundle = Buffer.from(await signer.sign(data));
  return { ...pair, keyId: signer.keyId, data: Buffer.from(data), bundle };
}

/** A bundle with some fields changed, still in canonical spelling. */
export function forge(bundle: Uint8Array, change: (json: BundleJson) => void): Buffer {
  const json = JSON.parse(Buffer.from(bundle).toString()) as BundleJson;
  change(json);
  return Buffer.from(JSON.stringify(json));
}

/** The same P-256 key with its point spelled in the short form, which OpenSSL keeps. */
export function compressedForm(publicKey: KeyObject): KeyObject {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  const short = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'compressed') as Buffer;
  const header = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  return createPublicKey({ key: Buffer.concat([header, short]), type: 'spki', format: 'der' });
}
