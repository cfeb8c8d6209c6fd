/** Evaluates one signature of an image by those who may have made it. Pure: no clock, no network; logs only as a pinned root has them. */
import type { KeyObject } from 'node:crypto';
import {
  BUNDLE_V03_MEDIA_TYPE,
  isBundleWithDsseEnvelope,
  isBundleWithPublicKey,
  type Bundle,
  type BundleWithDsseEnvelope,
} from '@sigstore/bundle';
import { TrustError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Identity } from '../signatures/identity-schema.ts';
import { readBundle } from '../signatures/bundle.ts';
import { hintedKeyId } from '../signatures/bundle-material.ts';
import { claimedIdentity, verifyCertificateSignature } from '../signatures/certificate-identity.ts';
import { toCertificateBundle, type CosignAnnotations } from './cosign-annotations.ts';
import { preAuthenticationEncoding } from '../signatures/dsse.ts';
import { nameIdentity, type CertificateIdentity } from '../signatures/identity.ts';
import { assertSignStatement, assertSimpleSigning } from './image-statement.ts';
import { isSignature } from '../keys/key-signature.ts';
import type { Authorities } from '../signatures/pinned-root.ts';

/** Characters of a signature in base64: P-256 and Ed25519 take less than 100. */
const MAX_SIGNATURE_CHARACTERS = 1024;
const MAX_SIGNATURE_BYTES = 512;

/** A key that may have signed. */
export interface RequiredKey {
  /** What the policy calls it: the path of the key. */
  readonly key: string;
  readonly keyId: string;
  readonly publicKey: KeyObject;
}

/** One who may have signed with a certificate. */
export interface RequiredIdentity {
  readonly identity: Identity;
  readonly authorities: Authorities;
}

export type ImageSigner = RequiredKey | RequiredIdentity;

/** A signature as it lies beside the image: a payload with a signature in an annotation, or a bundle. */
export type ImageSignature =
  | {
      readonly form: 'simple';
      /** Verified bytes of the layer. */
      readonly payload: Uint8Array;
      /** From the layer's annotation: base64, by its unknown writer. */
      readonly signature: string;
      /** Where a certificate stands beside it. */
      readonly annotations?: CosignAnnotations | undefined;
    }
  | {
      readonly form: 'bundle';
      /** Verified bytes of the layer. */
      readonly bundle: Uint8Array;
    };

/** Who signed, verified: a key of the policy, or the identity of a certificate. */
export type SignedBy = Pick<RequiredKey, 'key' | 'keyId'> | CertificateIdentity;

/** Who signed; or why the signature counts for nothing, to be read after what it is called. */
export type ImageSignatureVerdict = { readonly by: SignedBy } | { readonly fault: string };

/**
 * Evaluates a signature: first whether one of the signers made it, then, from the same bytes, whether it is over this image.
 * A key is believed because the policy names it, whatever logs and timestamps stand beside its signature; a certificate as
 * far as its pinned trusted root goes. Whatever is wrong is a fault of this one signature and no error, since anybody may
 * put signatures beside an image.
 */
export function evaluateImageSignature(
  signature: ImageSignature,
  image: Digest,
  signers: readonly ImageSigner[],
): ImageSignatureVerdict {
  try {
    const by =
      signature.form === 'simple'
        ? verifySimple(signature, image, signers)
        : verifyBundle(signature.bundle, image, signers);
    return { by };
  } catch (error) {
    if (error instanceof TrustError) return { fault: error.message };
    throw error;
  }
}

/** @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md */
function verifySimple(
  { payload, signature: text, annotations }: Extract<ImageSignature, { form: 'simple' }>,
  image: Digest,
  signers: readonly ImageSigner[],
): SignedBy {
  if (text.length > MAX_SIGNATURE_CHARACTERS) throw tooLong();
  const signature = Buffer.from(text, 'base64');
  let by = findKey(payload, signature, signers);
  if (by === undefined) {
    if (annotations === undefined) throw byNone();
    by = verifyIdentity(toCertificateBundle(payload, signature, annotations), payload, signers);
  }
  assertSimpleSigning(payload, image);
  return by;
}

/** @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md */
function verifyBundle(bytes: Uint8Array, image: Digest, signers: readonly ImageSigner[]): SignedBy {
  const bundle = readSignatureBundle(bytes);
  const { payloadType, payload, signatures } = bundle.content.dsseEnvelope;
  const [signature, ...others] = signatures;
  if (signature === undefined || others.length > 0) throw invalid('does not hold exactly one signature');
  if (signature.sig.length > MAX_SIGNATURE_BYTES) throw tooLong();
  // Hint and key id are claims that are not signed: every key is tried.
  let by = findKey(preAuthenticationEncoding(payloadType, payload), signature.sig, signers);
  if (by === undefined) {
    if (isBundleWithPublicKey(bundle)) throw byNone(hintedKeyId(bundle));
    by = verifyIdentity(bundle, undefined, signers);
  }
  assertSignStatement(payloadType, payload, image);
  return by;
}

function findKey(data: Uint8Array, signature: Buffer, signers: readonly ImageSigner[]): SignedBy | undefined {
  const found = signers.find((signer) => 'key' in signer && isSignature(data, signer.publicKey, signature));
  return found !== undefined && 'key' in found ? { key: found.key, keyId: found.keyId } : undefined;
}

/** By one of the identities; else what is wrong with it, as seen by the one it claims to be. */
function verifyIdentity(bundle: Bundle, data: Uint8Array | undefined, signers: readonly ImageSigner[]): SignedBy {
  let fault: TrustError | undefined;
  for (const signer of signers) {
    if ('key' in signer) continue;
    try {
      const { issuer, subject } = verifyCertificateSignature(bundle, data, [signer.identity], signer.authorities, 'it');
      return { issuer, subject };
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      if (fault === undefined || error.code === 'SIGNATURE_INVALID') fault = error;
    }
  }
  throw fault ?? invalid(`is by ${nameIdentity(claimedIdentity(bundle, 'it'))}, and only keys count`);
}

function readSignatureBundle(bytes: Uint8Array): BundleWithDsseEnvelope {
  const bundle = readBundle(bytes, 'it');
  if (bundle.mediaType !== BUNDLE_V03_MEDIA_TYPE) throw invalid(`is not of media type ${BUNDLE_V03_MEDIA_TYPE}`);
  if (isBundleWithDsseEnvelope(bundle)) return bundle;
  throw invalid(`holds a ${bundle.content.$case}, not a dsseEnvelope`);
}

function byNone(claim?: string): TrustError {
  const named = claim === undefined ? '' : `; it names key ${claim}`;
  return new TrustError('UNTRUSTED_SIGNER', `is by none of the keys that count${named}`);
}

function tooLong(): TrustError {
  return invalid('is over the size limit of a signature');
}

function invalid(fault: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', fault, { cause });
}
