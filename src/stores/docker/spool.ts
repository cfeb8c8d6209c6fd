/** A private place on disk for content whose digest is known only once it has passed: one file that has no name. */
import { createHash, randomUUID } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bytes } from '../../base/bytes.ts';
import { onDisk } from '../../base/files/system-errors.ts';
import { IntegrityError, NotFoundError, StoreError } from '../../errors.ts';
import { digestOf, type Digest } from '../../oci/digest.ts';

/** Bytes of one positioned read. */
const READ_BYTES = 256 * 1024;

/** Content that is held, by what verifies it. */
export interface Spooled {
  readonly digest: Digest;
  /** bytes */
  readonly size: number;
}

/** Opens an empty spool in `directory`, by default the system's own for temporary files. */
export async function openSpool(directory: string = tmpdir()): Promise<Spool> {
  const path = join(directory, `airgap-${randomUUID()}`);
  return spooling(async () => {
    const handle = await open(path, 'wx+', 0o600);
    // Without a name no other process can open it, and the space is free again however this process ends.
    await unlink(path);
    return new Spool(handle);
  });
}

/** Made by {@link openSpool}. One writer at a time, any number of readers. */
export class Spool implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #held = new Map<Digest, { readonly offset: number; readonly size: number }>();
  #end = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Stores a stream and tells what it was. */
  async add(content: Bytes, signal?: AbortSignal): Promise<Spooled> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of content) {
      signal?.throwIfAborted();
      hash.update(chunk);
      for (let written = 0; written < chunk.length;) {
        const [from, at] = [written, this.#end + size];
        const { bytesWritten } = await spooling(() => this.#handle.write(chunk, from, chunk.length - from, at));
        written += bytesWritten;
        size += bytesWritten;
      }
    }
    const digest = digestOf(hash);
    // What is held already is written over by the next content.
    if (!this.#held.has(digest)) {
      this.#held.set(digest, { offset: this.#end, size });
      this.#end += size;
    }
    return { digest, size };
  }

  sizeOf(digest: Digest): number | undefined {
    return this.#held.get(digest)?.size;
  }

  /** @throws NotFoundError `NOT_FOUND` */
  async *read(digest: Digest, what: string, offset = 0, signal?: AbortSignal): Bytes {
    const held = this.#held.get(digest);
    if (held === undefined) throw new NotFoundError('NOT_FOUND', `${what}: ${digest} is not here`);
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(READ_BYTES, held.size - offset)));
    for (let position = offset; position < held.size;) {
      signal?.throwIfAborted();
      const length = Math.min(buffer.length, held.size - position);
      const { bytesRead } = await spooling(() => this.#handle.read(buffer, 0, length, held.offset + position));
      if (bytesRead === 0) throw new StoreError('STORE_IO', `${what}: the temporary file has lost ${digest}`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /**
   * Reads small content whole.
   * @throws IntegrityError `MALFORMED` when it is longer than `maxBytes`.
   */
  async readSmall(digest: Digest, maxBytes: number, what: string): Promise<Buffer> {
    const size = this.sizeOf(digest) ?? 0;
    if (size > maxBytes) {
      throw new IntegrityError('MALFORMED', `${what}: ${size} bytes where at most ${maxBytes} are expected`);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of this.read(digest, what)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function spooling<T>(work: () => Promise<T>): Promise<T> {
  const place = 'the image is held there while it is read; TMPDIR names another place';
  return onDisk('cannot use a temporary file', work, { full: `free some space: ${place}`, otherwise: place });
}
