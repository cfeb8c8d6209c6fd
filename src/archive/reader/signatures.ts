/** The signatures of an archive, wherever they are: in its slots, and in files beside it. Nothing is trusted yet. */
import type { DetachedSignature } from './detached.ts';
import type { ArchiveSeal } from './seal.ts';
import { TrustError } from '../../errors.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { parseBundle, signedDigest } from '../../trust/signatures/bundle.ts';
import { nameSigner, signerFingerprint, type SignerName } from '../../trust/signatures/identity.ts';
import type { FilledSlot } from '../../trust/provenance/evaluate-provenance.ts';
import { readSlot } from '../../trust/signatures/slot.ts';

/** Where signatures over `checksums.txt` stand; the other slots are for statements. */
export const SIGNATURES = 'signatures/';

/** One signature as it claims to be. */
export interface ReleaseSignature {
  /** Member of the archive, or path of the file beside it. */
  readonly place: string;
  /** Whom it names; a claim. */
  readonly signer: SignerName;
  /** Of the `checksums.txt` that it claims to sign. */
  readonly digest: Digest;
  /** Canonical bytes. */
  readonly bundle: Uint8Array;
}

/**
 * All signatures of an archive, those in slots first. A file beside the archive is held to the same rules as a slot.
 * @throws IntegrityError `MALFORMED`, TrustError `SIGNATURE_INVALID` when one is malformed, or lies beside an archive
 *   that it does not belong to.
 */
export function releaseSignatures({ slots, checksums, detached }: ArchiveSeal): readonly ReleaseSignature[] {
  const inSlots = slots.flatMap(({ path, bytes }) => {
    const bundle = path.startsWith(SIGNATURES) ? readSlot(bytes, path) : undefined;
    return bundle === undefined ? [] : [describe(bundle, path)];
  });
  const digest = sha256(checksums);
  return [...inSlots, ...detached.map((file) => fromFile(file, digest))];
}

/** The filled slots for statements. @throws IntegrityError `MALFORMED` */
export function releaseAttestations({ slots }: ArchiveSeal): readonly FilledSlot[] {
  return slots.flatMap(({ path: place, bytes: slot }) => {
    if (place.startsWith(SIGNATURES)) return [];
    const bytes = readSlot(slot, place);
    return bytes === undefined ? [] : [{ place, bytes }];
  });
}

function describe(bundle: Uint8Array, place: string): ReleaseSignature {
  const parsed = parseBundle(bundle, place);
  return { place, signer: parsed.signer, digest: signedDigest(parsed), bundle };
}

function fromFile({ path, keyIdStart, bytes }: DetachedSignature, archive: Digest): ReleaseSignature {
  const signature = describe(bytes, path);
  const { signer, digest } = signature;
  if (!signerFingerprint(signer).startsWith(keyIdStart)) {
    const who = 'keyId' in signer ? `the key ${signer.keyId}` : nameSigner(signer);
    throw misplaced(path, `is by ${who}, which is not the one in its name`);
  }
  if (digest !== archive) throw misplaced(path, 'is a signature of another archive');
  return signature;
}

/** The archive may well be what it should be, so that the way out is another than for a bad slot. */
function misplaced(path: string, fault: string): TrustError {
  return new TrustError('SIGNATURE_INVALID', `${path} ${fault}`, {
    hint: 'move it away if it belongs to an earlier archive of this name; otherwise get archive and signature again',
  });
}
