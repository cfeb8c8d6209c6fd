/** Image layers from files in memory, always the same bytes for the same files. */
import { createCipheriv, createHash } from 'node:crypto';
import { stableGzip } from '../../base/tar/stable-gzip.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { sha256, type Digest } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';

const BLOCK = 512;
/** Names are short by construction; ustar's prefix field is not needed. */
const MAX_NAME = 100;
/** How much of the filler is of one kind before it changes. */
const STRETCH = 64 * 1024;

/** One piece of content with its descriptor. */
export interface SampleContent {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A compressed layer and the digest of what is in it. */
export interface SampleLayer extends SampleContent {
  readonly diffId: Digest;
}

/** A file of a layer. A path that ends in a slash is a directory. */
export interface SampleFile {
  readonly path: string;
  readonly bytes?: Buffer;
  /** @defaultValue 0644, 0755 for directories */
  readonly mode?: number;
}

/** Packs files, in the given order, as an OCI layer. */
export function createSampleLayer(files: readonly SampleFile[]): SampleLayer {
  const tar = Buffer.concat([...files.flatMap(toEntry), Buffer.alloc(2 * BLOCK)]);
  const bytes = stableGzip(tar);
  return {
    descriptor: { mediaType: MediaType.layerGzip, digest: sha256(bytes), size: bytes.length },
    bytes,
    diffId: sha256(tar),
  };
}

/**
 * Content that looks like a program's: stretches nothing can compress beside stretches that shrink to half. The same
 * seed gives the same bytes.
 */
export function createFiller(seed: string, bytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  const random = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
  for (let start = STRETCH; start < bytes; start += 2 * STRETCH) {
    const end = Math.min(start + STRETCH, bytes);
    const text = random.subarray(start, start + Math.ceil((end - start) / 2)).toString('hex');
    random.write(text.slice(0, end - start), start, 'latin1');
  }
  return random;
}

/** @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
function toEntry(file: SampleFile): readonly Buffer[] {
  const { path, bytes = Buffer.alloc(0) } = file;
  const isDirectory = path.endsWith('/');
  if (path.length > MAX_NAME) throw new RangeError(`sample file name too long: ${path}`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): number =>
    header.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  header.write(path, 0, 'latin1');
  octal(file.mode ?? (isDirectory ? 0o755 : 0o644), 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(bytes.length, 124, 11);
  octal(0, 136, 11);
  header.write(isDirectory ? '5' : '0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.fill(' ', 148, 156);
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header[154] = 0;
  return [header, bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)];
}
