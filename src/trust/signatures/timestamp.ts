/** Decides what an RFC 3161 timestamp verifies: when the signature was there, by the word of a pinned authority. Pure. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { toSignedEntity, Verifier, type SignedEntity } from '@sigstore/verify';
import { BUNDLE_V03_MEDIA_TYPE, type Bundle } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import type { Authorities } from './pinned-root.ts';

/** An RFC 3161 answer with its token. */
export type Token = Extract<SignedEntity['timestamps'][number], { $case: 'timestamp-authority' }>['timestamp'];

/** A time that was verified, or why none was. */
export type TimestampVerdict = { readonly time: Date } | { readonly fault: string };

/**
 * Evaluates every timestamp of a bundle by the authorities that are pinned.
 * @param signature the signature the bundle holds, whose bytes the timestamps are about
 * @see https://www.rfc-editor.org/rfc/rfc3161
 */
export function evaluateTimestamps(
  bundle: Bundle,
  signature: Buffer,
  authorities: Authorities,
): readonly TimestampVerdict[] {
  const tokens = bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  return tokens.map(({ signedTimestamp }) => {
    const token = parseToken(signedTimestamp);
    if (token === undefined) return { fault: 'cannot be read' };
    try {
      return evaluateToken(token, signature, authorities);
    } catch {
      // Parts of it are read only when they are asked for.
      return { fault: 'cannot be read' };
    }
  });
}

function evaluateToken(token: Token, signature: Buffer, authorities: Authorities): TimestampVerdict {
  if (token.status > 1n) return { fault: 'was not granted by its authority' };
  try {
    token.tstInfo.verify(signature);
  } catch {
    return { fault: 'is about another signature' };
  }
  const { signingTime: time, signerIssuer, signerSerialNumber } = token;
  if (Number.isNaN(time.getTime())) return { fault: 'names no time' };
  const known = authorities.timestampAuthorities.filter(
    ({ certChain: [leaf] }) =>
      leaf?.issuer.equals(signerIssuer) === true && leaf.serialNumber.equals(signerSerialNumber),
  );
  const leaf = known[0]?.certChain[0];
  if (leaf === undefined) return { fault: 'is by an authority that is not pinned' };
  if (!known.some(({ validFor }) => validFor.start <= time && time <= validFor.end)) {
    return { fault: `says ${time.toISOString()}, which is outside the time its authority is trusted for` };
  }
  const key = createPublicKey({ key: leaf.publicKey, format: 'der', type: 'spki' });
  return isGenuine(token, signature, authorities, key) ? { time } : { fault: 'is not by the authority it names' };
}

/** Asks the library, which only checks timestamps on the way to a signature: of this one it is told that it is good. */
function isGenuine(token: Token, signature: Buffer, authorities: Authorities, anyKey: KeyObject): boolean {
  const entity: SignedEntity = {
    timestamps: [{ $case: 'timestamp-authority', timestamp: token }],
    tlogEntries: [],
    key: { $case: 'public-key', hint: '' },
    signature: {
      signature,
      compareSignature: () => false,
      compareDigest: () => false,
      compareSignedDigest: () => false,
      verifySignature: () => true,
    },
  };
  const verifier = new Verifier(
    { ...authorities, publicKey: () => ({ publicKey: anyKey, validFor: () => true }) },
    { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 1 },
  );
  try {
    verifier.verify(entity);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a `TimeStampResp`; parts of it are read only when they are asked for, and may throw then.
 * @returns undefined when it is none, or spelled in another way than DER.
 */
export function parseToken(bytes: Buffer): Token | undefined {
  try {
    const [timestamp] = toSignedEntity({
      mediaType: BUNDLE_V03_MEDIA_TYPE,
      content: { $case: 'messageSignature', messageSignature: NO_MESSAGE },
      verificationMaterial: {
        content: { $case: 'publicKey', publicKey: { hint: '' } },
        tlogEntries: [],
        timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: bytes }] },
      },
    }).timestamps;
    if (timestamp?.$case !== 'timestamp-authority') return undefined;
    return timestamp.timestamp.root.toDER().equals(bytes) ? timestamp.timestamp : undefined;
  } catch {
    return undefined;
  }
}

const NO_MESSAGE = {
  messageDigest: { algorithm: HashAlgorithm.SHA2_256, digest: Buffer.alloc(32) },
  signature: Buffer.alloc(0),
};
