/** Proves an archive: whom it is from, then every byte. Fails closed, with the first member that is wrong and where. */
import { checkChecksums, proveContent, proveStream, type Proof } from '../archive/proof.ts';
import { openArchive, type ArchiveHead, type ArchiveReader } from '../archive/reader.ts';
import type { Bytes } from '../content/store.ts';
import { sha256, type Digest } from '../oci/digest.ts';
import type { Inventory } from '../schema/inventory.ts';
import { verifySignatures, type AcceptedSigner, type TrustPolicy } from '../trust/verify.ts';
import { releaseSignatures } from './signatures.ts';

declare const trusted: unique symbol;
declare const verified: unique symbol;

/** An archive whose signature a policy accepted: its inventory may be believed, its payload is not proved yet. */
export interface TrustedRelease {
  readonly [trusted]: true;
  readonly inventory: Inventory;
  /** Of `checksums.txt`, which stands for the whole archive. */
  readonly digest: Digest;
  readonly signers: readonly AcceptedSigner[];
  /** Key ids that other signatures claim; nothing of them was proved. */
  readonly unchecked: readonly string[];
}

/** A release of which every byte is proved. Only {@link proveRelease} and {@link verifyStream} can make one. */
export interface VerifiedRelease extends TrustedRelease {
  readonly [verified]: true;
  readonly proof: Proof;
}

/** Options of every step. */
export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  /** bytes of content hashed so far, and in all */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told as soon as a signature is accepted, before the payload is read. */
  readonly onTrusted?: ((release: TrustedRelease) => void) | undefined;
}

/**
 * Verifies an archive file. The file may be on a read-only medium.
 * @throws TrustError when no accepted signer vouches for it. @throws IntegrityError when a byte is wrong.
 */
export async function verifyArchive(
  path: string,
  policy: TrustPolicy,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  using archive = await openArchive(path);
  const release = trustHead(archive.head, policy);
  options.onTrusted?.(release);
  return await proveRelease(archive, release, options);
}

/** Verifies an archive that comes in one pass, such as from standard input. */
export async function verifyStream(
  content: Bytes,
  name: string,
  policy: TrustPolicy,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  let release: TrustedRelease | undefined;
  let total = 0;
  const { proof } = await proveStream(
    content,
    name,
    (head) => {
      release = trustHead(head, policy);
      total = contentSize(head);
      options.onTrusted?.(release);
    },
    { signal: options.signal, onProgress: (bytes) => options.onProgress?.(bytes, total) },
  );
  return { ...(release as TrustedRelease), proof } as VerifiedRelease;
}

/**
 * Decides whether the head of an archive is to be believed: a key of the policy signed `checksums.txt`, and
 * `checksums.txt` vouches for the inventory.
 */
export function trustHead(head: ArchiveHead, policy: TrustPolicy): TrustedRelease {
  const bundles = releaseSignatures(head).map(({ bundle }) => bundle);
  const verdict = verifySignatures(head.checksums, bundles, policy);
  checkChecksums(head);
  return {
    inventory: head.inventory,
    digest: sha256(head.checksums),
    signers: verdict.accepted,
    unchecked: verdict.unchecked,
  } as TrustedRelease;
}

/** Proves the payload of a trusted archive, on all cores. */
export async function proveRelease(
  archive: ArchiveReader,
  release: TrustedRelease,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  const total = contentSize(archive.head);
  const onProgress = options.onProgress;
  const proof = await proveContent(archive, {
    signal: options.signal,
    ...(onProgress === undefined ? {} : { onProgress: (bytes: number) => onProgress(bytes, total) }),
  });
  return { ...release, proof } as VerifiedRelease;
}

/** Bytes that {@link proveRelease} hashes: every copy of content that the archive holds. */
export function contentSize({ layout }: ArchiveHead): number {
  return layout.segments.reduce((sum, part) => sum + (part.kind === 'content' ? part.length : 0), 0);
}
