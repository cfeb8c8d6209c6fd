/** Verifies an archive: whom it is from, then every byte. Fails closed, with the first member that is wrong and where. */
import type { Bytes } from '../../base/bytes.ts';
import type { FetchOptions } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import type { ArchiveHead } from '../reader/archive-head.ts';
import type { ArchiveSeal } from '../reader/seal.ts';
import { acceptHead, acceptSeal, type Acceptance, type AcceptedSeal, type TrustedRelease } from './acceptance.ts';
import { carriedSize, verifyContent, verifyContentStream, type VerifiedContent } from './payload.ts';
import { readerOf, trustArchive, type TrustedArchive } from './trusted-archive.ts';

/** Known to this file alone. */
const VERIFIED = Symbol('verified');

/**
 * What a verified archive says of itself, why that is believed, and how much was read. It is a description: a stream
 * has no more than this, and nothing can be loaded or extracted with it.
 */
export interface VerifiedRelease extends TrustedRelease {
  /** How much was read and hashed. */
  readonly content: VerifiedContent;
}

/** Options of every step. */
export interface VerifyOptions {
  /** Directories that hold parts of the archive, beside its own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** bytes of content hashed so far, and in all */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Told as soon as a signature is accepted, before the payload is read. */
  readonly onTrusted?: ((release: TrustedRelease) => void) | undefined;
}

/**
 * An archive of which every byte was verified. Only {@link verifyPayload} makes one, of the {@link TrustedArchive} that
 * goes on owning the file: once that is closed, nothing can be read here either.
 */
export class VerifiedArchive {
  readonly #archive: TrustedArchive;
  readonly #content: VerifiedContent;

  /** @throws TypeError always, but for the functions of this file. */
  constructor(verified: typeof VERIFIED, archive: TrustedArchive, content: VerifiedContent) {
    if (verified !== VERIFIED) throw new TypeError('an archive is verified by verifyPayload alone');
    this.#archive = archive;
    this.#content = content;
  }

  /** What the archive says of itself, why that is believed, and how much was read. */
  get release(): VerifiedRelease {
    return { ...this.#archive.release, content: this.#content };
  }

  /** `archive NAME`, for messages. */
  get name(): string {
    return this.#archive.name;
  }

  /** The content; hash it again on its way, since the file may have changed since it was verified. */
  fetch(target: Descriptor, options?: FetchOptions): Bytes {
    return this.#archive.fetch(target, options);
  }
}

/**
 * Verifies every byte of a trusted archive, on all cores.
 * @throws IntegrityError naming the first member that is wrong, and its offset.
 */
export async function verifyPayload(archive: TrustedArchive, options: VerifyOptions = {}): Promise<VerifiedArchive> {
  const total = archive.contentBytes;
  const content = await verifyContent(readerOf(archive), {
    signal: options.signal,
    onProgress: (bytes) => options.onProgress?.(bytes, total),
  });
  return new VerifiedArchive(VERIFIED, archive, content);
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
  using archive = await trustArchive(path, trust, options);
  options.onTrusted?.(archive.release);
  return (await verifyPayload(archive, options)).release;
}

/**
 * Verifies an archive that comes in one pass, such as from standard input: decided upon by its front, as a file is.
 * @throws TrustError, IntegrityError as {@link verifyArchive} does.
 */
export async function verifyStream(
  stream: Bytes,
  name: string,
  trust: TrustPolicy | Acceptance,
  options: VerifyOptions = {},
): Promise<VerifiedRelease> {
  let total = 0;
  const decision = {
    onSeal: (seal: ArchiveSeal): AcceptedSeal => acceptSeal(seal, trust),
    onHead: (head: ArchiveHead, accepted: AcceptedSeal): TrustedRelease => {
      total = carriedSize(head);
      const release = acceptHead(head, accepted);
      options.onTrusted?.(release);
      return release;
    },
  };
  const { decided, content } = await verifyContentStream(stream, name, decision, {
    signal: options.signal,
    onProgress: (bytes) => options.onProgress?.(bytes, total),
  });
  return { ...decided, content };
}
