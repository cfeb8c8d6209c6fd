/**
 * The central idea: an archive is a pure function of its inventory. {@link layoutArchive} says for every byte of the
 * file what it is, so the writer knows each blob's place before the first download, the verifier compares instead of
 * parsing, and the loader reads any blob by offset.
 */
import { sha256, type Digest } from '../../oci/digest.ts';
import type { Inventory } from '../inventory/inventory-schema.ts';
import { checksumsBytes, formatChecksums, type ChecksumLine } from './checksums.ts';
import { divideFiles } from './trust-files.ts';
import { divideIntoTars, isImageTarPath, type ImageTar } from './image-tar.ts';
import { serializeInventory } from '../inventory/inventory.ts';
import { BLOCK_BYTES, encodeHeader, END_BYTES, paddingOf } from '../../base/tar/ustar.ts';

/** Bytes that follow from the inventory: tar headers, padding, computed documents. */
export interface FramingSegment {
  readonly kind: 'framing';
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Bytes of a blob, a manifest or a file, known by digest. */
export interface ContentSegment {
  readonly kind: 'content';
  readonly offset: number;
  readonly length: number;
  readonly digest: Digest;
}

/** Bytes that the inventory does not determine: `checksums.txt`, which is signed, and the slots, which hold signatures. */
export interface OpenSegment {
  readonly kind: 'checksums' | 'slot';
  readonly offset: number;
  readonly length: number;
}

export type Segment = FramingSegment | ContentSegment | OpenSegment;

/** One file of the archive as `tar` shows it. */
export interface Member {
  readonly path: string;
  /** Of its content, past the header. */
  readonly offset: number;
  /** bytes */
  readonly size: number;
  /** Known from the inventory; absent for image tarballs, `checksums.txt` and slots. */
  readonly digest?: Digest | undefined;
  readonly platform?: string | undefined;
}

/** Every byte of an archive, accounted for. */
export interface ArchiveLayout {
  /** bytes */
  readonly size: number;
  /** In archive order. */
  readonly members: readonly Member[];
  /** In file order, without gaps or overlaps. */
  readonly segments: readonly Segment[];
}

/** Paths of the members that are no content of a release. */
export const MemberPath = {
  inventory: 'release.json',
  checksums: 'checksums.txt',
  imageList: 'image-list.txt',
  /** Of a delta alone: what it leaves out. */
  partial: 'partial.json',
} as const;

/** Lays out the archive of an inventory. Pure: the same inventory gives the same layout, always. */
export function layoutArchive(inventory: Inventory): ArchiveLayout {
  const segments = new SegmentList(inventory.created);
  const tars = divideIntoTars(inventory);
  addFront(segments, inventory, checksumsBytes(checkedPaths(inventory, tars)));
  segments.document(MemberPath.imageList, imageList(inventory));
  for (const file of divideFiles(inventory.files).others) segments.content(file.path, file.size, file.digest);
  for (const tar of tars) segments.tar(tar);
  return segments.end();
}

/**
 * Adds the members that are read before anything is believed, and the inventory: the same in an archive and in a delta of it.
 * @param checksums bytes of `checksums.txt`
 */
export function addFront(segments: SegmentList, inventory: Inventory, checksums: number): void {
  segments.open('checksums', MemberPath.checksums, checksums);
  for (const slot of inventory.slots) segments.open('slot', slot.path, slot.size);
  for (const file of divideFiles(inventory.files).trust) segments.content(file.path, file.size, file.digest);
  segments.document(MemberPath.inventory, serializeInventory(inventory));
}

/**
 * The payload members `checksums.txt` covers, in its order, with the digests the caller has for the image tarballs: what
 * says what the others are comes first, and then they in the order of the archive.
 * @param tarDigests empty where tarballs are not listed, see {@link listsTarballs}
 */
export function renderChecksums(layout: ArchiveLayout, tarDigests: ReadonlyMap<string, Digest>): Buffer {
  const lines: ChecksumLine[] = [];
  const isInventory = ({ path }: Member): boolean => path === MemberPath.inventory;
  const ordered = [...layout.members.filter(isInventory), ...layout.members.filter((member) => !isInventory(member))];
  for (const { path, digest } of ordered) {
    const known = digest ?? (isImageTarPath(path) ? tarDigests.get(path) : undefined);
    if (known !== undefined) lines.push({ path, digest: known });
  }
  return formatChecksums(lines);
}

/** Whether `checksums.txt` has a line for each image tarball. */
export function listsTarballs({ checksums }: Pick<Inventory, 'checksums'>): boolean {
  return checksums !== 'files';
}

function checkedPaths(inventory: Inventory, tars: readonly ImageTar[]): readonly string[] {
  const files = inventory.files.map((file) => file.path);
  const listed = listsTarballs(inventory) ? tars.map((tar) => tar.path) : [];
  return [MemberPath.inventory, MemberPath.imageList, ...files, ...listed];
}

function imageList(inventory: Inventory): Buffer {
  return Buffer.from(inventory.images.map((image) => `${image.reference}\n`).join(''));
}

/** Writes down segments one after the other, joining neighbouring framing into one. */
export class SegmentList {
  readonly #mtime: number;
  readonly #members: Member[] = [];
  readonly #segments: Segment[] = [];
  #framing: Buffer[] = [];
  #framingStart = 0;
  #offset = 0;

  /** @param created the release's time, which every header carries */
  constructor(created: string) {
    this.#mtime = Date.parse(created) / 1000;
  }

  document(path: string, bytes: Buffer): void {
    this.#member({ path, size: bytes.length, digest: sha256(bytes) });
    this.#frame(bytes);
    this.#pad(bytes.length);
  }

  content(path: string, size: number, digest: Digest): void {
    this.#member({ path, size, digest });
    this.#content(size, digest);
  }

  open(kind: OpenSegment['kind'], path: string, size: number): void {
    this.#member({ path, size });
    this.#segment({ kind, offset: this.#offset, length: size });
    this.#pad(size);
  }

  tar({ path, platform, documents, contents }: ImageTar): void {
    const entry = (size: number): number => BLOCK_BYTES + size + paddingOf(size);
    const size =
      documents.reduce((sum, { bytes }) => sum + entry(bytes.length), 0) +
      contents.reduce((sum, content) => sum + entry(content.size), 0) +
      END_BYTES;
    this.#member({ path, size, platform });
    for (const { path: inner, bytes } of documents) {
      this.#frame(this.#header(inner, bytes.length));
      this.#frame(bytes);
      this.#pad(bytes.length);
    }
    for (const content of contents) {
      this.#frame(this.#header(content.path, content.size));
      this.#content(content.size, content.digest);
    }
    this.#frame(Buffer.alloc(END_BYTES));
    this.#pad(size);
  }

  end(): ArchiveLayout {
    this.#frame(Buffer.alloc(END_BYTES));
    this.#flush();
    return { size: this.#offset, members: this.#members, segments: this.#segments };
  }

  #member(member: Omit<Member, 'offset'>): void {
    this.#frame(this.#header(member.path, member.size));
    this.#members.push({ ...member, offset: this.#offset });
  }

  #header(path: string, size: number): Buffer {
    return encodeHeader({ path, size, mtime: this.#mtime, executable: path.startsWith('install/') });
  }

  #content(size: number, digest: Digest): void {
    if (size > 0) this.#segment({ kind: 'content', offset: this.#offset, length: size, digest });
    this.#pad(size);
  }

  #segment(segment: ContentSegment | OpenSegment): void {
    this.#flush();
    this.#segments.push(segment);
    this.#offset += segment.length;
    this.#framingStart = this.#offset;
  }

  #pad(size: number): void {
    this.#frame(Buffer.alloc(paddingOf(size)));
  }

  #frame(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#framing.push(bytes);
    this.#offset += bytes.length;
  }

  #flush(): void {
    if (this.#framing.length === 0) return;
    this.#segments.push({ kind: 'framing', offset: this.#framingStart, bytes: Buffer.concat(this.#framing) });
    this.#framing = [];
    this.#framingStart = this.#offset;
  }
}
