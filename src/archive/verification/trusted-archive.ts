/** An open archive together with the decision to believe it: neither can be swapped for another's. */
import { createHash } from 'node:crypto';
import { digestOf, type Digest } from '../../oci/digest.ts';
import type { Bytes } from '../../base/bytes.ts';
import type { CallOptions, FetchOptions, Source } from '../../content/store.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { TrustPolicy } from '../../trust/signatures/evaluate-signatures.ts';
import { attachBases } from '../partial/base-archives.ts';
import { lackingOf, type LackingLayer } from '../partial/lacking.ts';
import { parseChecksums } from '../layout/checksums.ts';
import { openSealedArchive, type ArchiveReader, type SealedArchive } from '../reader/reader.ts';
import { acceptHead, acceptSeal, type Acceptance, type AcceptedSeal, type TrustedRelease } from './acceptance.ts';
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
  /** Its digest is the one that the signed `checksums.txt` lists, or else that of the bytes as they are. */
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
    return this.#reader.source.size;
  }

  /** Bytes of content that a verification hashes. */
  get contentBytes(): number {
    return contentSize(this.#reader);
  }

  /**
   * The image tarballs of these platforms, in the order of the archive. Where `checksums.txt` does not list them, their
   * bytes are read to learn their digests; whether they are what they should be is for {@link verifyPayload} to say.
   */
  async listTarballs(
    isAsked: (platform: string) => boolean = () => true,
    { signal }: CallOptions = {},
  ): Promise<readonly ImageTarball[]> {
    const { fullLayout, checksums } = this.#reader.head;
    const listed = parseChecksums(checksums);
    const found: ImageTarball[] = [];
    for (const { path, platform, size } of fullLayout.members) {
      if (platform === undefined || !isAsked(platform)) continue;
      const digest = listed.get(path) ?? (await this.#digestOf(path, signal));
      found.push({ member: path, platform, descriptor: { mediaType: TAR, digest, size } });
    }
    return found;
  }

  async #digestOf(member: string, signal: AbortSignal | undefined): Promise<Digest> {
    const hash = createHash('sha256');
    for await (const chunk of this.fetchTarball(member, signal)) hash.update(chunk);
    return digestOf(hash);
  }

  /** What a delta leaves out and none of its bases has, with the release that has it by its word; nothing of a full archive. */
  get lacking(): readonly LackingLayer[] {
    return lackingOf(this.#reader);
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
    return this.#reader.member(member, signal);
  }

  [Symbol.dispose](): void {
    this.#reader[Symbol.dispose]();
  }
}

/** The open file of a trusted archive, for the verification of its bytes. @throws TypeError for what is none. */
export function readerOf(archive: TrustedArchive): ArchiveReader {
  return openReader(archive);
}

/** Options of {@link trustArchive} and {@link acceptArchive}. */
export interface TrustArchiveOptions extends CallOptions {
  /** Of a delta: paths of archives that have what it leaves out. @defaultValue none */
  readonly bases?: readonly string[] | undefined;
  /** Directories that hold parts of the archive or of its bases, beside their own. @defaultValue none */
  readonly parts?: readonly string[] | undefined;
}

/**
 * Opens an archive file, read-only, and decides whether to believe it. Its payload is not read.
 * @throws UsageError when there is no such file, or the bases have nothing that a delta leaves out.
 * @throws IntegrityError when its head is not canonical, or `checksums.txt` and the inventory disagree.
 * @throws TrustError when no accepted signer vouches for it, or something speaks against the release.
 * @throws the signal's reason when it is aborted.
 */
export async function trustArchive(
  path: string,
  trust: TrustPolicy | Acceptance,
  options: TrustArchiveOptions = {},
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
  options: TrustArchiveOptions = {},
): Promise<TrustedArchive> {
  using sealed = archive;
  const accepted = await accept(sealed, trust);
  const reader = await sealed.open(accepted.inventoryDigest, options);
  try {
    const release = acceptHead(reader.head, accepted);
    await attachBases(reader, options.bases ?? [], options);
    return new TrustedArchive(DECIDED, reader, release);
  } catch (error) {
    reader[Symbol.dispose]();
    throw error;
  }
}

async function accept(sealed: SealedArchive, trust: TrustPolicy | Acceptance): Promise<AcceptedSeal> {
  try {
    return acceptSeal(sealed.seal, trust);
  } catch (error) {
    throw await sealed.explain(error);
  }
}
