/** Judges one signature of an image by the keys that may have made it. Pure: no clock, no network, no transparency log. */
import type { KeyObject } from 'node:crypto';
import {
  BUNDLE_V03_MEDIA_TYPE,
  isBundleWithDsseEnvelope,
  isBundleWithPublicKey,
  type BundleWithDsseEnvelope,
  type Bundle,
} from '@sigstore/bundle';
import { TrustError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import { parseStrictJson } from '../oci/strict-json.ts';
import { hintedKeyId, readBundle } from './bundle.ts';
import { preAuthenticationEncoding } from './dsse.ts';
import { assertSignStatement, assertSimpleSigning } from './image-statement.ts';
import { isSignature } from './key-signature.ts';

/** Characters of a signature in base64: P-256 and Ed25519 take less than 100. */
const MAX_SIGNATURE_CHARACTERS = 1024;
const MAX_SIGNATURE_BYTES = 512;

/** A key that may have signed. */
export interface ImageSigner {
  /** What the policy calls it: the path of the key. */
  readonly key: string;
  readonly keyId: string;
  readonly publicKey: KeyObject;
}

/** A signature as it lies beside the image. */
export type ImageSignature =
  | {
      readonly form: 'simple';
      /** Verified bytes of the layer. */
      readonly payload: Uint8Array;
      /** From the layer's annotation: base64, by whoever wrote it. */
      readonly signature: string;
    }
  | {
      readonly form: 'bundle';
      /** Verified bytes of the layer. */
      readonly bundle: Uint8Array;
    };

/** Who signed; or why the signature counts for nothing, to be read after what it is called. */
export type Judgement = { readonly signer: ImageSigner } | { readonly fault: string };

/**
 * Judges a signature: first whether one of the signers made it, then, from the same bytes, whether it is over this image.
 * Log entries and timestamps beside it are not looked at: a key is believed because the policy names it. Whatever is wrong
 * is a fault of this one signature and no error, since anybody may put signatures beside an image.
 */
export function judgeImageSignature(
  signature: ImageSignature,
  image: Digest,
  signers: readonly ImageSigner[],
): Judgement {
  try {
    return signature.form === 'simple'
      ? judgeSimple(signature.payload, signature.signature, image, signers)
      : judgeBundle(signature.bundle, image, signers);
  } catch (error) {
    if (error instanceof TrustError) return { fault: error.message };
    throw error;
  }
}

/** @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md */
function judgeSimple(payload: Uint8Array, text: string, image: Digest, signers: readonly ImageSigner[]): Judgement {
  if (text.length > MAX_SIGNATURE_CHARACTERS) return { fault: 'is longer than a signature can be' };
  const bytes = Buffer.from(text, 'base64');
  const signer = signers.find(({ publicKey }) => isSignature(payload, publicKey, bytes));
  if (signer === undefined) return { fault: 'is by none of the keys that count' };
  assertSimpleSigning(payload, image);
  return { signer };
}

/** @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md */
function judgeBundle(bytes: Uint8Array, image: Digest, signers: readonly ImageSigner[]): Judgement {
  const bundle = readSignatureBundle(bytes);
  const { payloadType, payload, signatures } = bundle.content.dsseEnvelope;
  const [signature, ...others] = signatures;
  if (signature === undefined || others.length > 0) return { fault: 'does not hold exactly one signature' };
  if (signature.sig.length > MAX_SIGNATURE_BYTES) return { fault: 'is longer than a signature can be' };
  const data = preAuthenticationEncoding(payloadType, payload);
  // Hint and key id are claims that nobody signed: every key is tried.
  const signer = signers.find(({ publicKey }) => isSignature(data, publicKey, signature.sig));
  if (signer === undefined) return { fault: `is by none of the keys that count${claimOf(bundle)}` };
  assertSignStatement(payloadType, payload, image);
  return { signer };
}

function readSignatureBundle(bytes: Uint8Array): BundleWithDsseEnvelope {
  try {
    parseStrictJson(bytes);
  } catch (cause) {
    throw new TrustError('SIGNATURE_INVALID', 'is not JSON that every tool reads alike', { cause });
  }
  const bundle = readBundle(bytes, 'it');
  if (bundle.mediaType !== BUNDLE_V03_MEDIA_TYPE) {
    throw new TrustError('SIGNATURE_INVALID', `is not of media type ${BUNDLE_V03_MEDIA_TYPE}`);
  }
  if (isBundleWithDsseEnvelope(bundle)) return bundle;
  throw new TrustError('SIGNATURE_INVALID', `holds a ${bundle.content.$case}, not a dsseEnvelope`);
}

function claimOf(bundle: Bundle): string {
  const keyId = isBundleWithPublicKey(bundle) ? hintedKeyId(bundle) : undefined;
  return keyId === undefined ? '' : `; it names key ${keyId}`;
}
