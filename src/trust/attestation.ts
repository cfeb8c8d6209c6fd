/** A signed statement as it lies in a slot: a Sigstore bundle around a DSSE envelope, in one form only. */
import {
  BUNDLE_V03_MEDIA_TYPE,
  isBundleWithDsseEnvelope,
  isBundleWithPublicKey,
  type BundleWithDsseEnvelope,
  type BundleWithPublicKey,
} from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { KeyObject } from 'node:crypto';
import { TrustError } from '../errors.ts';
import { hintedKeyId, malformedBundle, readBundle, serializeBundle } from './bundle.ts';
import { createEmptyTrustedRoot } from './trusted-root.ts';

/** As large as a slot can be. */
const MAX_ATTESTATION_BYTES = 1024 * 1024;
const MAX_SIGNATURE_BYTES = 512;

/** An envelope that was read; nothing of it is trusted. */
export interface Attestation {
  /** Member of the archive. */
  readonly place: string;
  /** The key it claims to be signed with. */
  readonly keyId: string;
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly bundle: BundleWithPublicKey & BundleWithDsseEnvelope;
}

/**
 * Reads a bundle and accepts nothing but version 0.3 with a DSSE envelope and one signature by a hinted key, in canonical
 * spelling. What the payload says is not looked at.
 * @param place member of the archive that it was read from
 * @throws TrustError `SIGNATURE_INVALID`
 */
export function parseAttestation(bytes: Uint8Array, place: string): Attestation {
  if (bytes.length > MAX_ATTESTATION_BYTES)
    throw malformedBundle(place, `is longer than ${MAX_ATTESTATION_BYTES} bytes`);
  const bundle = readBundle(bytes, place);
  const { mediaType, content, verificationMaterial } = bundle;
  if (mediaType !== BUNDLE_V03_MEDIA_TYPE)
    throw malformedBundle(place, `is not of media type ${BUNDLE_V03_MEDIA_TYPE}`);
  if (!isBundleWithDsseEnvelope(bundle)) throw malformedBundle(place, `holds a ${content.$case}, not a dsseEnvelope`);
  if (!isBundleWithPublicKey(bundle)) throw malformedBundle(place, 'does not name a public key');
  const keyId = hintedKeyId(bundle);
  if (keyId === undefined) throw malformedBundle(place, 'has a key hint that is not a sha256 fingerprint');
  const { timestampVerificationData, tlogEntries } = verificationMaterial;
  if (tlogEntries.length > 0) throw malformedBundle(place, 'holds transparency log entries');
  if (timestampVerificationData?.rfc3161Timestamps.length !== 0)
    throw malformedBundle(place, 'holds timestamps or no list of them');
  const { payloadType, payload, signatures } = bundle.content.dsseEnvelope;
  const [signature, ...others] = signatures;
  // Some verifiers pass over a signature whose key id is not theirs; it is not signed, and the hint says the same.
  if (signature === undefined || others.length > 0 || signature.keyid !== '') {
    throw malformedBundle(place, 'does not hold exactly one signature without a key id');
  }
  if (signature.sig.length > MAX_SIGNATURE_BYTES) throw malformedBundle(place, 'has an oversized signature');
  if (!serializeBundle(bundle).equals(bytes)) throw malformedBundle(place, 'is not in canonical form');
  return { place, keyId, payloadType, payload, bundle };
}

/**
 * Proves that the key signed the payload under its type.
 * @throws TrustError `SIGNATURE_INVALID`
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
export function assertAttestedBy({ place, keyId, bundle }: Attestation, publicKey: KeyObject): void {
  const material = toTrustMaterial(createEmptyTrustedRoot(), () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  try {
    verifier.verify(toSignedEntity(bundle));
  } catch (cause) {
    throw new TrustError('SIGNATURE_INVALID', `the signature of the trusted key ${keyId} on ${place} does not verify`, {
      hint: 'the archive or its provenance was damaged or changed; get it again from its maker',
      details: { member: place },
      cause,
    });
  }
}
