/** A signed statement as it lies in a slot: a Sigstore bundle around a DSSE envelope, in one form only. */
import { BUNDLE_V03_MEDIA_TYPE, isBundleWithDsseEnvelope, type BundleWithDsseEnvelope } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { KeyObject } from 'node:crypto';
import { TrustError } from '../../errors.ts';
import { malformedBundle, readBundle, serializeBundle } from './bundle.ts';
import { checkMaterial, claimedSigner } from './bundle-material.ts';
import { nameSigner, type SignerName } from './identity.ts';
import { createEmptyTrustedRoot } from './empty-root.ts';

/** As large as a slot can be. */
const MAX_ATTESTATION_BYTES = 1024 * 1024;
const MAX_SIGNATURE_BYTES = 512;

/** An envelope that was read; nothing of it is trusted. */
export interface Attestation {
  /** Member of the archive. */
  readonly place: string;
  /** Whom it names as its signer. A claim, not a proof. */
  readonly signer: SignerName;
  readonly payloadType: string;
  readonly payload: Buffer;
  readonly bundle: BundleWithDsseEnvelope;
}

/**
 * Reads a bundle and accepts nothing but version 0.3 with a DSSE envelope and one signature, by a hinted key or with a
 * certificate and its log entry, in canonical spelling. What the payload says is not looked at.
 * @param place member of the archive that it was read from
 * @throws TrustError `SIGNATURE_INVALID`
 */
export function parseAttestation(bytes: Uint8Array, place: string): Attestation {
  const refuse = (fault: string): never => {
    throw malformedBundle(place, fault);
  };
  if (bytes.length > MAX_ATTESTATION_BYTES) refuse(`is longer than ${MAX_ATTESTATION_BYTES} bytes`);
  const bundle = readBundle(bytes, place);
  const { mediaType, content } = bundle;
  if (mediaType !== BUNDLE_V03_MEDIA_TYPE) refuse(`is not of media type ${BUNDLE_V03_MEDIA_TYPE}`);
  if (!isBundleWithDsseEnvelope(bundle)) return refuse(`holds a ${content.$case}, not a dsseEnvelope`);
  const signer = claimedSigner(bundle, place, refuse);
  checkMaterial(bundle, refuse);
  const { payloadType, payload, signatures } = bundle.content.dsseEnvelope;
  const [signature, ...others] = signatures;
  // Some verifiers pass over a signature whose key id is not theirs; it is not signed, and the hint says the same.
  if (signature === undefined || others.length > 0 || signature.keyid !== '') {
    return refuse('does not hold exactly one signature without a key id');
  }
  if (signature.sig.length > MAX_SIGNATURE_BYTES) refuse('has an oversized signature');
  if (!serializeBundle(bundle).equals(bytes)) refuse('is not in canonical form');
  return { place, signer, payloadType, payload, bundle };
}

/**
 * Verifies that the key signed the payload under its type.
 * @throws TrustError `SIGNATURE_INVALID`
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
export function assertAttestedBy({ place, signer, bundle }: Attestation, publicKey: KeyObject): void {
  const material = toTrustMaterial(createEmptyTrustedRoot(), () => ({ publicKey, validFor: () => true }));
  const verifier = new Verifier(material, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  try {
    // Timestamps say nothing of the signature itself.
    const { verificationMaterial } = bundle;
    const bare = { ...verificationMaterial, timestampVerificationData: undefined };
    verifier.verify(toSignedEntity({ ...bundle, verificationMaterial: bare }));
  } catch (cause) {
    const who = nameSigner(signer);
    throw new TrustError('SIGNATURE_INVALID', `the signature of the trusted key ${who} on ${place} does not verify`, {
      hint: 'the archive or its provenance was damaged or changed; get it again from its maker',
      details: { member: place },
      cause,
    });
  }
}
