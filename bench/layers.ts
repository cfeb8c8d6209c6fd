/** Writes one image layer: a tar of real files and incompressible ones, or of nothing much where only size matters. */
import { createHash, type Hash } from 'node:crypto';
import { once, type EventEmitter } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';
import { Random } from './random.ts';

/** Where real content comes from; two machines with different ones make different, equally real corpora. */
const REAL_CONTENT = ['/usr/lib', '/usr/share', '/usr/bin'];
const MAX_REAL_FILES = 6_000;
const MIN_FILE_BYTES = 2_000;
const MAX_FILE_BYTES = 6_000_000;
/** Of every ten bytes of a layer, how many are incompressible: packed assets, certificates, other archives. */
const RANDOM_TENTHS = 4;
/** What `mixed` content comes down to, so that layers get about the size asked for. */
const COMPRESSED_SHARE = 0.67;
const MODIFIED = new Date('2026-01-01T00:00:00Z');

/** `mixed` is gzipped real and random content; `zeros` an uncompressed tar of mostly zero bytes, quick to make. */
export type LayerContent = 'mixed' | 'zeros';

/** A layer on disk. */
export interface Layer {
  readonly mediaType: string;
  /** Hex of the file's SHA-256. */
  readonly hex: string;
  /** Hex of the uncompressed tar's SHA-256. */
  readonly diffHex: string;
  /** bytes */
  readonly size: number;
}

/** Lists real files in a fixed order. */
export async function listRealFiles(): Promise<readonly string[]> {
  const files: string[] = [];
  const walk = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (files.length >= MAX_REAL_FILES) return;
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth > 0) await walk(path, depth - 1);
      if (!entry.isFile()) continue;
      const { size } = await stat(path);
      if (size >= MIN_FILE_BYTES && size <= MAX_FILE_BYTES) files.push(path);
    }
  };
  for (const folder of REAL_CONTENT) {
    await walk(folder, 4);
    // Each folder gets its share of the list.
    files.splice(Math.ceil((MAX_REAL_FILES * (REAL_CONTENT.indexOf(folder) + 1)) / REAL_CONTENT.length));
  }
  if (files.length === 0) throw new Error(`no readable files below ${REAL_CONTENT.join(', ')}`);
  return files;
}

/** Writes the layer of a seed to `path`; its compressed size is near `targetBytes`. */
export async function writeLayer(
  path: string,
  seed: string,
  targetBytes: number,
  content: LayerContent,
  realFiles: readonly string[],
): Promise<Layer> {
  const tar = pack();
  const plain = new Meter();
  const stored = new Meter();
  const filling =
    content === 'mixed' ? fillMixed(tar, seed, targetBytes, realFiles) : fillZeros(tar, seed, targetBytes);
  const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 256 * 1024 });
  const written = createWriteStream(path);
  await Promise.all([
    filling,
    content === 'mixed' ? pipeline(tar, plain, gzip, stored, written) : pipeline(tar, plain, stored, written),
  ]);
  const type = 'application/vnd.oci.image.layer.v1.tar';
  return {
    mediaType: content === 'mixed' ? `${type}+gzip` : type,
    hex: stored.hex(),
    diffHex: plain.hex(),
    size: stored.size,
  };
}

async function fillMixed(tar: Pack, seed: string, targetBytes: number, realFiles: readonly string[]): Promise<void> {
  const random = new Random(seed);
  const wanted = targetBytes / COMPRESSED_SHARE;
  let real = 0;
  let incompressible = 0;
  for (let index = 0; real + incompressible < wanted; index++) {
    const left = Math.max(600, Math.ceil(wanted - real - incompressible));
    const isRandom = incompressible * 10 <= (real + incompressible) * RANDOM_TENTHS;
    const bytes = isRandom
      ? random.bytes(Math.min(left, random.integer(600, 900_000)))
      : (await readFile(realFiles[random.integer(0, realFiles.length)] as string)).subarray(0, left);
    if (isRandom) incompressible += bytes.length;
    else real += bytes.length;
    await addFile(tar, `${seed}/${index}`, bytes);
  }
  tar.finalize();
}

async function fillZeros(tar: Pack, seed: string, targetBytes: number): Promise<void> {
  const start = new Random(seed).bytes(64 * 1024).subarray(0, targetBytes);
  const zeros = Buffer.alloc(1024 * 1024);
  const entry = tar.entry({ name: `${seed}/zeros`, size: targetBytes, mtime: MODIFIED });
  entry.write(start);
  let left = targetBytes - start.length;
  for (; left > zeros.length; left -= zeros.length) {
    if (!entry.write(zeros)) await once(entry as unknown as EventEmitter, 'drain');
  }
  entry.end(zeros.subarray(0, left));
  tar.finalize();
}

async function addFile(tar: Pack, name: string, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    tar.entry({ name, mtime: MODIFIED }, bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Passes bytes on, counted and hashed. */
class Meter extends Transform {
  size = 0;
  readonly #hash: Hash = createHash('sha256');

  hex(): string {
    return this.#hash.digest('hex');
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: (error: null, chunk: Buffer) => void): void {
    this.size += chunk.length;
    this.#hash.update(chunk);
    done(null, chunk);
  }
}
