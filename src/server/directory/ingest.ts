/** One piece of content on its way in: written and hashed as it comes, put into place only when it verifies its digest. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { finishFile } from '../../base/files/place-file.ts';
import { algorithmOf, type DigestAlgorithm, type RegisteredDigest } from '../../oci/digest.ts';
import { Refusal } from '../client-refusal.ts';
import type { Storage } from './storage.ts';

/** Content that is not visible to anyone until {@link Ingest.commit}. */
export class Ingest {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #size = 0;
  #isBroken = false;

  /** `algorithm` is the one that {@link Ingest.commit} is expected to name; another one costs a second reading. */
  constructor(storage: Storage, algorithm: DigestAlgorithm = 'sha256') {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    this.#storage = storage;
    this.#path = storage.createUploadPath();
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size;
  }

  /** Whether a write failed, so that file and hash may differ and nothing can be appended any more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * Appends what comes. When the stream breaks, the bytes up to there stay, and the next append goes on behind them.
   * A chunk is hashed while it is being written.
   */
  async append(chunks: AsyncIterable<Buffer>): Promise<void> {
    const file = await open(this.#path, 'a');
    try {
      for await (const chunk of chunks) {
        const written = this.#write(file, chunk);
        this.#hash.update(chunk);
        await written;
        this.#size += chunk.length;
      }
    } finally {
      await file.close();
    }
  }

  /**
   * Puts the content into its place; {@link Ingest.discard} must follow, whatever the outcome. Who stores the same
   * content at the same moment does no harm: both files are equal.
   * @throws Refusal `DIGEST_INVALID` when the content has another digest.
   */
  async commit(expected: RegisteredDigest): Promise<void> {
    const algorithm = algorithmOf(expected);
    const hash = algorithm === this.#algorithm ? this.#hash : await this.#hashAgain(algorithm);
    const actual: RegisteredDigest = `${algorithm}:${hash.digest('hex')}`;
    if (actual !== expected) {
      throw new Refusal('DIGEST_INVALID', 'the content does not match the digest', { detail: { expected, actual } });
    }
    if ((await this.#storage.contentSize(expected)) === this.#size) return;
    const file = await open(this.#path, 'a');
    try {
      await file.chmod(0o444);
      await finishFile(file.fd, this.#path, this.#storage.contentPath(expected), { syncsName: false });
    } finally {
      await file.close();
    }
  }

  /** Removes what is left of it. */
  async discard(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async #hashAgain(algorithm: DigestAlgorithm): Promise<Hash> {
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(this.#path)) hash.update(chunk as Buffer);
    return hash;
  }

  async #write(file: FileHandle, chunk: Buffer): Promise<void> {
    try {
      let offset = 0;
      while (offset < chunk.length) offset += (await file.write(chunk, offset)).bytesWritten;
    } catch (error) {
      this.#isBroken = true;
      throw error;
    }
  }
}
