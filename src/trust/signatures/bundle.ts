/** A Sigstore bundle as it lies in the archive: one form only, so that no byte of it can change unnoticed. */
import { BUNDLE_V03_MEDIA_TYPE, bundleFromJSON, bundleToJSON, isBundleWithMessageSignature } from '@sigstore/bundle';
import type { Bundle, BundleWithMessageSignature } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { JsonFault, parseJson } from '../../base/json/parse-json.ts';
import { TrustError } from '../../errors.ts';
import { parseDigest, type Digest } from '../../oci/digest.ts';
import { checkMaterial, claimedSigner } from './bundle-material.ts';
import type { SignerName } from './identity.ts';

const MAX_BUNDLE_BYTES = 64 * 1024;
/** Of any bundle: as large as a slot can be. */
const MAX_FOREIGN_BYTES = 1024 * 1024;
const MAX_SIGNATURE_BYTES = 512;
const SHA256_BYTES = 32;
/** Values of one bundle: 64 hashes of a proof, four timestamps and what is around them, many times over. */
const MAX_VALUES = 2_000;

/**
 * A signature over a file: by a self-managed key, which the bundle names by its hint, or with a certificate that it carries.
 * @see https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
 */
export interface SigstoreBundle {
  /** Whom it names as its signer. A claim, not a proof. */
  readonly signer: SignerName;
  readonly bundle: BundleWithMessageSignature;
}

/** The canonical bytes of a bundle: compact JSON in the field order of the specification, no line break. */
export function serializeBundle(bundle: Bundle): Buffer {
  return Buffer.from(JSON.stringify(bundleToJSON(bundle)));
}

/**
 * Reads a bundle and accepts nothing but version 0.3 with one message signature, by a hinted key or with a certificate
 * and its log entry, spelled exactly as {@link serializeBundle} spells it. Nothing is trusted yet.
 * @param name what to call the bundle in errors, such as its member name
 * @throws TrustError `SIGNATURE_INVALID`
 */
export function parseBundle(bytes: Uint8Array, name = 'the signature'): SigstoreBundle {
  const refuse = (fault: string): never => {
    throw malformedBundle(name, fault);
  };
  if (bytes.length > MAX_BUNDLE_BYTES) refuse(`is longer than ${MAX_BUNDLE_BYTES} bytes`);
  const bundle = readBundle(bytes, name);
  const { mediaType, content } = bundle;
  if (mediaType !== BUNDLE_V03_MEDIA_TYPE) refuse(`is not of media type ${BUNDLE_V03_MEDIA_TYPE}`);
  if (!isBundleWithMessageSignature(bundle)) return refuse(`holds a ${content.$case}, not a messageSignature`);
  const signer = claimedSigner(bundle, name, refuse);
  checkMaterial(bundle, refuse);
  const { messageDigest, signature } = bundle.content.messageSignature;
  if (messageDigest.algorithm !== HashAlgorithm.SHA2_256 || messageDigest.digest.length !== SHA256_BYTES) {
    refuse('has a message digest other than sha256');
  }
  if (signature.length > MAX_SIGNATURE_BYTES) refuse('has an oversized signature');
  // Unknown and duplicate fields, other spellings of base64, and white space are all lost in parsing: compare.
  if (!serializeBundle(bundle).equals(bytes)) refuse('is not in canonical form');
  return { signer, bundle };
}

/**
 * Reads a bundle as other Sigstore tools spell it, such as `cosign sign-blob --bundle`, and gives its canonical bytes.
 * @param name what to call the bundle in errors, such as its path
 * @throws TrustError `SIGNATURE_INVALID` when it holds anything but one message signature as {@link parseBundle} takes it.
 */
export function canonicalBundle(bytes: Uint8Array, name: string): Buffer {
  if (bytes.length > MAX_BUNDLE_BYTES) throw malformedBundle(name, `is longer than ${MAX_BUNDLE_BYTES} bytes`);
  const bundle = readBundle(bytes, name);
  const { verificationMaterial } = bundle;
  // Absent and empty mean the same, and the canonical form spells it out.
  const timestampVerificationData = verificationMaterial.timestampVerificationData ?? { rfc3161Timestamps: [] };
  const canonical = serializeBundle({
    ...bundle,
    verificationMaterial: { ...verificationMaterial, timestampVerificationData },
  });
  parseBundle(canonical, name);
  return canonical;
}

/** The digest of the data a bundle claims to sign, as `sha256:…`. A claim, not a proof. */
export function signedDigest({ bundle }: SigstoreBundle): Digest {
  return parseDigest(`sha256:${bundle.content.messageSignature.messageDigest.digest.toString('hex')}`);
}

/** Any bundle that the library can read, in any spelling. @throws TrustError `SIGNATURE_INVALID` */
export function readBundle(bytes: Uint8Array, name: string): Bundle {
  try {
    return bundleFromJSON(parseJson(bytes, { maxBytes: MAX_FOREIGN_BYTES, maxValues: MAX_VALUES }));
  } catch (error) {
    if (error instanceof JsonFault) throw malformedBundle(name, error.message, error);
    throw malformedBundle(name, 'cannot be read as a Sigstore bundle', error);
  }
}

/** A bundle that is not what it should be. */
export function malformedBundle(name: string, fault: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', `${name} ${fault}`, {
    hint: 'the signature was damaged or changed; get the archive again from its maker',
    cause,
  });
}
