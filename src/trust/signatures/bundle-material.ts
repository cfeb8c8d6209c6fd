/** What a bundle brings to verify its signature with, held to one form: a key's hint, or a certificate with its log entry. */
import {
  isBundleWithPublicKey,
  type Bundle,
  type BundleWithPublicKey,
  type TransparencyLogEntry,
} from '@sigstore/bundle';
import { claimedIdentity } from './certificate-identity.ts';
import type { SignerName } from './identity.ts';

const SHA256_BYTES = 32;
const MAX_CERTIFICATE_BYTES = 8 * 1024;
const MAX_TIMESTAMPS = 4;
const MAX_TIMESTAMP_BYTES = 8 * 1024;
const MAX_ENTRY_BYTES = 16 * 1024;
const MAX_PROMISE_BYTES = 512;
/** Of a log with 2^64 entries. */
const MAX_HASHES = 64;
const MAX_CHECKPOINT_CHARACTERS = 4096;
const CHECKPOINT_END = /^[^\u2014]*\n\n\u2014 \S{1,512} ([A-Za-z0-9+/]+={0,2})\n$/;
const DECIMAL = /^(0|[1-9][0-9]{0,18})$/;

/**
 * Whom a bundle names as its signer. A claim, not a proof.
 * @param refuse told what is wrong with the form
 * @throws TrustError `SIGNATURE_INVALID` when its certificate cannot be used
 */
export function claimedSigner(bundle: Bundle, name: string, refuse: (fault: string) => never): SignerName {
  const { content } = bundle.verificationMaterial;
  if (content.$case === 'certificate') return claimedIdentity(bundle, name);
  if (!isBundleWithPublicKey(bundle)) return refuse('does not name a public key or carry one certificate');
  const keyId = hintedKeyId(bundle);
  return keyId === undefined ? refuse('has a key hint that is not a sha256 fingerprint') : { keyId };
}

/** The key id that a bundle names, `undefined` when its hint is no fingerprint in canonical base64. */
export function hintedKeyId(bundle: BundleWithPublicKey): string | undefined {
  const { hint } = bundle.verificationMaterial.content.publicKey;
  const fingerprint = Buffer.from(hint, 'base64');
  const isCanonical = fingerprint.length === SHA256_BYTES && fingerprint.toString('base64') === hint;
  return isCanonical ? fingerprint.toString('hex') : undefined;
}

/**
 * Checks the form of what comes with the signer: nothing but timestamps with a key, and exactly one log entry with a
 * certificate. What no signature covers must follow from what one does, so that nothing of it can change unnoticed.
 */
export function checkMaterial({ verificationMaterial }: Bundle, refuse: (fault: string) => never): void {
  const { content, tlogEntries, timestampVerificationData } = verificationMaterial;
  const timestamps = timestampVerificationData?.rfc3161Timestamps;
  if (timestamps === undefined) return refuse('holds no list of timestamps');
  if (timestamps.length > MAX_TIMESTAMPS) refuse(`holds more than ${MAX_TIMESTAMPS} timestamps`);
  for (const { signedTimestamp } of timestamps) {
    if (signedTimestamp.length === 0 || signedTimestamp.length > MAX_TIMESTAMP_BYTES) {
      refuse('holds an empty or oversized timestamp');
    }
  }
  if (content.$case !== 'certificate') {
    if (tlogEntries.length > 0) refuse('holds transparency log entries');
    return;
  }
  if (content.certificate.rawBytes.length > MAX_CERTIFICATE_BYTES) refuse('has an oversized certificate');
  const [entry, ...others] = tlogEntries;
  if (entry === undefined || others.length > 0) return refuse('does not hold exactly one transparency log entry');
  checkEntry(entry, refuse);
}

function checkEntry(entry: TransparencyLogEntry, refuse: (fault: string) => never): void {
  const { logIndex, logId, integratedTime, inclusionPromise, inclusionProof, canonicalizedBody } = entry;
  if (inclusionProof?.checkpoint === undefined) return refuse('has a log entry without a proof of inclusion');
  const { logIndex: leaf, treeSize, rootHash, hashes, checkpoint } = inclusionProof;
  if (![logIndex, integratedTime, leaf, treeSize].every((number) => DECIMAL.test(number))) {
    refuse('has a log entry whose index is not a number');
  }
  if (logId.keyId.length !== SHA256_BYTES || hashes.length > MAX_HASHES) refuse('has a malformed log entry');
  if (hashes.some((hash) => hash.length !== SHA256_BYTES)) refuse('has a log entry with a malformed hash');
  if (canonicalizedBody.length > MAX_ENTRY_BYTES) refuse('has an oversized log entry');
  if (checkpoint.envelope.length > MAX_CHECKPOINT_CHARACTERS) refuse('has an oversized checkpoint');
  // The checkpoint is signed; size and root hash beside it are not, nor is what stands behind its signature.
  const [, size, hash] = checkpoint.envelope.split('\n');
  const [, signature] = CHECKPOINT_END.exec(checkpoint.envelope) ?? [];
  if (signature === undefined || Buffer.from(signature, 'base64').toString('base64') !== signature) {
    refuse('has a checkpoint without exactly one signature');
  }
  if (size !== treeSize || hash !== rootHash.toString('base64')) refuse("has a proof that is not its checkpoint's");
  if (inclusionPromise === undefined) {
    // These are not vouched for then.
    if (logIndex !== leaf || integratedTime !== '0')
      refuse('has a log entry with a time that its log does not promise');
  } else if (inclusionPromise.signedEntryTimestamp.length > MAX_PROMISE_BYTES) {
    refuse('has an oversized promise of its log');
  }
}
