/** Real layers: a ustar archive of given files, gzipped so that the same files always give the same bytes. */
import { createCipheriv } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { sha256, type Digest } from '../../src/oci/digest.ts';
import { MediaType } from '../../src/oci/media-types.ts';

const BLOCK_BYTES = 512;
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
/** Larger content is noise, on which a compressor spends a second for each 25 MB. */
const MAX_COMPRESSED_BYTES = 1024 * 1024;
const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** Content by path; paths below `bin/` become executable. */
export type SampleFiles = Readonly<Record<string, string | Uint8Array>>;

/** A piece of content with its descriptor. */
export interface SampleBlob {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A layer and the digest of its uncompressed archive, as configs list it. */
export interface SampleLayer extends SampleBlob {
  readonly diffId: Digest;
}

/** Options of {@link makeLayer}. */
export interface SampleLayerOptions {
  /** @defaultValue 'oci' */
  readonly format?: 'oci' | 'docker';
  /** @defaultValue 'gzip' */
  readonly compression?: 'gzip' | 'none';
}

/** Makes a layer of files. */
export function makeLayer(files: SampleFiles, options: SampleLayerOptions = {}): SampleLayer {
  const { format = 'oci', compression = 'gzip' } = options;
  const archive = makeTar(files);
  const bytes = compression === 'gzip' ? gzipDeterministic(archive) : archive;
  const gzipType = format === 'docker' ? DOCKER_LAYER : MediaType.layerGzip;
  return { ...makeBlob(compression === 'gzip' ? gzipType : PLAIN_LAYER, bytes), diffId: sha256(archive) };
}

/** The same bytes under Docker's name for them. */
export function asDockerLayer(layer: SampleLayer): SampleLayer {
  return { ...layer, descriptor: { ...layer.descriptor, mediaType: DOCKER_LAYER } };
}

/** Describes bytes. */
export function makeBlob(mediaType: string, bytes: Buffer): SampleBlob {
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

/** Bytes that do not compress and are the same for the same seed. */
export function noise(seed: string, size: number): Buffer {
  const key = Buffer.from(sha256(seed).slice(-64), 'hex');
  return createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}

/** A canonical ustar archive: files in the order given, owned by root, at the epoch. */
export function makeTar(files: SampleFiles): Buffer {
  const parts = Object.entries(files).flatMap(([path, content]) => {
    const bytes = Buffer.from(content);
    return [tarHeader(path, bytes.length), bytes, Buffer.alloc(-bytes.length & (BLOCK_BYTES - 1))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

function tarHeader(path: string, size: number): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`sample path is too long: ${path}`);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(path, 0);
  header.write(octal(path.startsWith('bin/') ? 0o755 : 0o644, 8), 100);
  header.write(octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12), 108);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  header.write(`${octal(sum(header), 7)} `, 148);
  return header;
}

function sum(bytes: Buffer): number {
  return bytes.reduce((total, byte) => total + byte, 0);
}

function gzipDeterministic(bytes: Buffer): Buffer {
  const compressed = gzipSync(bytes, { level: bytes.length > MAX_COMPRESSED_BYTES ? 0 : 6 });
  // The tenth byte names the operating system that compressed; 255 says "unknown".
  compressed[9] = 255;
  return compressed;
}
