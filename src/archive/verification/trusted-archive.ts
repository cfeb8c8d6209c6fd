/** An open archive together with the decision to believe it: neither can be swapped for another's. */
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions, Source } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import { parseChecksums } from '../layout/checksums.ts';
import { openSealedArchive, type ArchiveReader, type SealedArchive } from '../reader/reader.ts';
import { acceptHead, acceptSeal, type Acceptance, type TrustedRelease } from './acceptance.ts';
import { contentSize } from './payload.ts';

const TAR = 'application/x-tar';
/** Known to this file alone, so that what it did not decide cannot be constructed either. */
const DECIDED = Symbol('decided');

/** An image tarball of an archive: `docker load` and containerd take it as it is. */
export interface ImageTarball {
  /** `images/linux-amd64.tar` */
  readonly member: string;
  /** `os/architecture[/variant]`. */
  readonly platform: string;
  /** Its digest is the one that the signed `checksums.txt` lists. */
  readonly descriptor: Descriptor;
}

let openReader: (archive: TrustedArchive) => ArchiveReader;

/**
 * An archive whose signature was accepted: its inventory may be believed, and its payload is not verified yet. It owns
 * the open file; dispose of it to close that. Only {@link trustArchive} and {@link acceptArchive} make one, and every
 * operation on a believed archive takes one, so that what was decided of one file is never done with another.
 */
export class TrustedArchive implements Source, Disposable {
  static {
    openReader = (archive: TrustedArchive): ArchiveReader => archive.#reader;
  }

  readonly #reader: ArchiveReader;
  readonly #release: TrustedRelease;

  /** @throws TypeError always, but for the functions of this file. */
  constructor(decided: typeof DECIDED, reader: ArchiveReader, release: TrustedRelease) {
    if (decided !== DECIDED) throw new TypeError('an archive is trusted by trustArchive alone');
    this.#reader = reader;
    this.#release = release;
  }

  /** What the archive says of itself, and why that is believed. */
  get release(): TrustedRelease {
    return this.#release;
  }

  /** `archive NAME`, for messages. */
  get name(): string {
    return this.#reader.name;
  }

  /** Of the file, as it was given. */
  get path(): string {
    return this.#reader.path;
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#reader.size;
  }

  /** Bytes of content that a verification hashes. */
  get contentBytes(): number {
    return contentSize(this.#reader.head);
  }

  /** The image tarballs, in the order of the archive. */
  get tarballs(): readonly ImageTarball[] {
    const { layout, checksums } = this.#reader.head;
    const digests = parseChecksums(checksums);
    return layout.members.flatMap(({ path, platform, size }) => {
      const digest = digests.get(path);
      if (platform === undefined || digest === undefined) return [];
      return [{ member: path, platform, descriptor: { mediaType: TAR, digest, size } }];
    });
  }

  resolve(reference: string, options?: CallOptions): Promise<Descriptor> {
    return this.#reader.resolve(reference, options);
  }

  exists(target: Descriptor, options?: CallOptions): Promise<boolean> {
    return this.#reader.exists(target, options);
  }

  fetch(target: Descriptor, options?: FetchOptions): Bytes {
    return this.#reader.fetch(target, options);
  }

  /** The bytes of an image tarball, **not yet verified**. @throws RangeError when the archive has no such member. */
  fetchTarball(member: string, signal?: AbortSignal): Bytes {
    const found = this.#reader.head.layout.members.find(({ path }) => path === member);
    if (found === undefined) throw new RangeError(`${this.name} has no ${member}`);
    return this.#reader.stream(found.offset, found.size, signal);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }
}

/** The open file of a trusted archive, for the verification of its bytes. @throws TypeError for what is none. */
export function readerOf(archive: TrustedArchive): ArchiveReader {
  return openReader(archive);
}

/**
 * Opens an archive file, read-only, and decides whether to believe it. Its payload is not read.
 * @throws UsageError when there is no such file.
 * @throws IntegrityError when its head is not canonical, or `checksums.txt` and the inventory disagree.
 * @throws TrustError when no accepted signer vouches for it, or something speaks against the release.
 * @throws the signal's reason when it is aborted.
 */
export async function trustArchive(
  path: string,
  trust: TrustPolicy | Acceptance,
  options: CallOptions = {},
): Promise<TrustedArchive> {
  return await acceptArchive(await openSealedArchive(path, options), trust, options);
}

/**
 * Decides whether to believe an open archive, and takes it over: when it is refused, the file is closed. Its inventory is
 * interpreted once its signatures are accepted.
 * @throws TrustError, IntegrityError; the signal's reason when it is aborted
 */
export async function acceptArchive(
  archive: SealedArchive,
  trust: TrustPolicy | Acceptance,
  options: CallOptions = {},
): Promise<TrustedArchive> {
  using sealed = archive;
  const accepted = acceptSeal(sealed.seal, trust);
  const reader = await sealed.open(accepted.inventoryDigest, options);
  try {
    return new TrustedArchive(DECIDED, reader, acceptHead(reader.head, accepted));
  } catch (error) {
    reader[Symbol.dispose]();
    throw error;
  }
}
