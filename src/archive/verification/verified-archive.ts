/** Proves an archive: whom it is from, then every byte. Fails closed, with the first member that is wrong and where. */
import { proveContent, proveStream, type Proof } from './proof.ts';
import { openArchive, type ArchiveHead, type ArchiveReader } from '../reader/reader.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import {
  carriedTrustFiles,
  toAcceptance,
  toCarriedRecord,
  trustArchive,
  trustHead,
  type Acceptance,
  type TrustedRelease,
} from './trusted-archive.ts';

declare const verified: unique symbol;

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
  trust: TrustPolicy | Acceptance,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  using archive = await openArchive(path);
  const release = await trustArchive(archive, trust);
  options.onTrusted?.(release);
  return await proveRelease(archive, release, options);
}

/**
 * Verifies an archive that comes in one pass, such as from standard input. Where a trust document is given and the
 * archive carries others, these lie behind the head: whether the release is to be believed is then decided at the end.
 */
export async function verifyStream(
  content: Bytes,
  name: string,
  trust: TrustPolicy | Acceptance,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  const acceptance = toAcceptance(trust);
  let release: TrustedRelease | undefined;
  let total = 0;
  const accept = (trusted: TrustedRelease): TrustedRelease => {
    options.onTrusted?.(trusted);
    return trusted;
  };
  const { head, proof, kept } = await proveStream(
    content,
    name,
    (early) => {
      total = contentSize(early);
      const carried = 'document' in acceptance.anchor ? carriedTrustFiles(early.inventory) : [];
      if (carried.length === 0) release = accept(trustHead(early, acceptance));
      return carried.map(({ path }) => path);
    },
    { signal: options.signal, onProgress: (bytes) => options.onProgress?.(bytes, total) },
  );
  release ??= accept(
    trustHead(
      head,
      acceptance,
      [...kept].map(([path, bytes]) => toCarriedRecord(path, bytes)),
    ),
  );
  return { ...release, proof } as VerifiedRelease;
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
