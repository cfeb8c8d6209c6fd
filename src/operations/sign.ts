/**
 * Adds a signature to a finished archive, in a spare slot or in a file beside it. A signature vouches for all of it, so
 * that every byte is verified first; the payload is never rewritten.
 */
import { realpath } from 'node:fs/promises';
import { replaceSlot } from '../archive/writer/amend.ts';
import { detachedPath, writeDetachedSignature } from '../archive/reader/detached.ts';
import { listsTarballs } from '../archive/layout/archive-layout.ts';
import { isImageTarPath } from '../archive/layout/image-tar.ts';
import { assertChecksums, contentSize, verifyContent, verifyTarballs } from '../archive/verification/payload.ts';
import { openArchive, type ArchiveReader } from '../archive/reader/reader.ts';
import { assertWritable } from '../archive/source/open-source.ts';
import { acquireFileLock, type FileLock } from '../base/files/file-lock.ts';
import { TrustError, UsageError } from '../errors.ts';
import { sha256, type Digest } from '../oci/digest.ts';
import type { Inventory } from '../archive/inventory/inventory-schema.ts';
import { evaluateProvenance } from '../trust/provenance/evaluate-provenance.ts';
import { nameSigner, signerFingerprint, type SignerName } from '../trust/signatures/identity.ts';
import { parseBundle } from '../trust/signatures/bundle.ts';
import { isKeySigner, type KeySigner, type ReleaseSigner } from '../trust/signing/signer.ts';
import { fillSlot, readSlot } from '../trust/signatures/slot.ts';
import { verifySignatures } from '../trust/signatures/evaluate-signatures.ts';
import {
  releaseAttestations,
  releaseSignatures,
  SIGNATURES,
  type ReleaseSignature,
} from '../archive/reader/signatures.ts';

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

/** Options of {@link signArchive}. */
export interface SignOptions {
  /** Directories that hold parts of the archive, beside its own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
  /**
   * Write the signature to a file beside the archive and leave the archive alone, as happens without being asked to
   * signatures with a certificate or a timestamp, which are longer than a sector. @defaultValue false
   */
  readonly detached?: boolean | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** bytes verified so far, and in all */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** A signature that was added. */
export interface SignReport {
  /** Of the archive. */
  readonly path: string;
  /** Slot of the archive, or path of the file beside it, that holds the signature. */
  readonly place: string;
  /** Of `checksums.txt`, which is what was signed. */
  readonly digest: Digest;
  /** Who signed. */
  readonly signer: SignerName;
  /** Whom the signatures which were there already name; nothing of them was verified. */
  readonly others: readonly string[];
  /** What the archive says of itself. */
  readonly inventory: Inventory;
}

/**
 * Verifies an archive and signs it. Killed at any moment, the archive is as it was or signed.
 * @throws IntegrityError when a byte of it is wrong: nothing is signed.
 * @throws UsageError when it is a delta, the signer has signed already, no slot is free, or the file is read-only.
 * @throws TrustError `SIGNATURE_INVALID` when a signature that is there is malformed, or claims to be by this key and is not.
 * @throws StoreError `LOCKED` while another program builds or signs it, `STORE_IO`, `NO_SPACE`.
 */
export async function signArchive(path: string, signer: ReleaseSigner, options: SignOptions = {}): Promise<SignReport> {
  const isDetached = options.detached === true;
  await using _lock = isDetached ? undefined : await lockArchive(path);
  using archive = await openArchive(path, { writable: !isDetached, parts: options.parts, signal: options.signal });
  const { head } = archive;
  if (head.partial !== undefined && listsTarballs(head.inventory)) throw notWhole(path);
  const others = releaseSignatures(head);
  assertSigns(others, head.checksums);
  if (isKeySigner(signer)) assertNewKey(path, others, signer, head.checksums);
  const spare = isDetached || !isKeySigner(signer) ? undefined : findSpareSlot(archive);
  assertChecksums(head);
  await verifyAll(archive, options);
  // Readers refuse an archive with provenance of another one, whatever was signed.
  const own = { keys: isKeySigner(signer) ? [signer.publicKey] : [], threshold: 0 };
  evaluateProvenance(releaseAttestations(head), head.inventory, sha256(head.checksums), own);
  const bundle = await signer.sign(head.checksums);
  options.signal?.throwIfAborted();
  const { signer: name } = parseBundle(bundle);
  // Whom a certificate names is known only now.
  if (!isKeySigner(signer)) assertNewIdentity(path, others, name);
  // Only what lies within one sector can be written so that a crash leaves all of it or nothing.
  const slot = bundle.length <= SECTOR_BYTES ? spare : undefined;
  const place = slot?.path ?? detachedPath(archive.path, signerFingerprint(name));
  if (slot === undefined) await writeDetachedSignature(place, bundle);
  else replaceSlot(archive, slot.index, fillSlot(bundle, slot.size));
  const { checksums, inventory } = head;
  const claims = others.map((other) => nameSigner(other.signer));
  return { path, place, digest: sha256(checksums), signer: name, others: claims, inventory };
}

/** Who signs vouches for the tarballs that `checksums.txt` lists, of which a delta does not have all bytes. */
function notWhole(path: string): UsageError {
  return new UsageError('USAGE', `${path} is a delta, and a signature vouches for the full archive`, {
    hint: 'make that with `airgap join` and sign it; a file that --detached writes counts beside the delta too, under its name',
  });
}

/** Under the archive's own name, whatever name was given, and the same lock as a build that would replace it. */
async function lockArchive(path: string): Promise<FileLock> {
  // Before the lock, which could not be made on a read-only medium either, but with less to say.
  await assertWritable(path);
  return acquireFileLock(`${await realpath(path)}.lock`, path);
}

/** Readers refuse an archive with one bad signature, whatever others are added. */
function assertSigns(signatures: readonly ReleaseSignature[], checksums: Buffer): void {
  const digest = sha256(checksums);
  const bad = signatures.find((signature) => signature.digest !== digest);
  if (bad === undefined) return;
  throw new TrustError('SIGNATURE_INVALID', `${bad.place} holds a signature of another archive`, {
    hint: 'the archive was damaged or changed after it was signed; do not sign it',
  });
}

function assertNewIdentity(archive: string, signatures: readonly ReleaseSignature[], name: SignerName): void {
  const own = signatures.find(({ signer }) => signerFingerprint(signer) === signerFingerprint(name));
  if (own === undefined) return;
  throw new UsageError('USAGE', `${archive} is signed in the name of ${nameSigner(name)} already, in ${own.place}`, {
    hint: 'two signatures of one identity count as one',
  });
}

function assertNewKey(
  archive: string,
  signatures: readonly ReleaseSignature[],
  { keyId, publicKey }: KeySigner,
  checksums: Buffer,
): void {
  const own = signatures.filter(({ signer }) => signerFingerprint(signer) === keyId);
  const [first] = own;
  if (first === undefined) return;
  // Said to be by this key is not yet by this key.
  const bundles = own.map(({ bundle }) => bundle);
  verifySignatures(checksums, bundles, { keys: [publicKey], threshold: 1 });
  throw new UsageError('USAGE', `${archive} is signed by the key ${keyId} already, in ${first.place}`, {
    hint: 'two signatures of one key count as one; a second person signs with a key of their own',
  });
}

function findSpareSlot({ path: archive, head }: ArchiveReader): { index: number; path: string; size: number } {
  const slots = head.slots.map(({ path, bytes }, index) => ({ index, path, bytes, size: bytes.length }));
  const spare = slots.find(({ path, bytes }) => path.startsWith(SIGNATURES) && readSlot(bytes, path) === undefined);
  if (spare !== undefined) return spare;
  throw new UsageError('USAGE', `${archive} has no free slot for a signature`, {
    hint: 'give --detached to write the signature to a file beside it',
  });
}

async function verifyAll(archive: ArchiveReader, { signal, onProgress }: SignOptions): Promise<void> {
  const content = contentSize(archive);
  const { inventory, layout } = archive.head;
  const tars = listsTarballs(inventory) ? layout.members.filter(({ path }) => isImageTarPath(path)) : [];
  const total = content + tars.reduce((sum, { size }) => sum + size, 0);
  await verifyContent(archive, { signal, onProgress: (bytes) => onProgress?.(bytes, total) });
  await verifyTarballs(archive, { signal, onProgress: (bytes) => onProgress?.(content + bytes, total) });
}
