/** Writes a key pair to disk: the private file for its owner only, and never over a file that exists. */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { StoreError, UsageError, type AirgapError } from '../../errors.ts';
import { encryptPrivateKey } from './key-encryption.ts';
import { keyId, toPublicKeyPem, type KeyPair } from './public-key.ts';

const OWNER_ONLY = 0o600;
const READABLE = 0o644;

/** What {@link writeKeyPair} wrote. */
export interface WrittenKeyPair {
  /** Encrypted PKCS#8, mode 0600. */
  readonly privateKeyPath: string;
  readonly publicKeyPath: string;
  /** The fingerprint to compare over the phone. */
  readonly keyId: string;
}

/**
 * Writes `<prefix>.key` (encrypted, mode 0600) and `<prefix>.pub`, both or neither.
 * @throws UsageError when one of them exists, the directory does not, or the passphrase cannot be used.
 * @throws StoreError `STORE_IO` when the disk refuses; what was begun is removed again.
 */
export async function writeKeyPair(prefix: string, pair: KeyPair, passphrase: string): Promise<WrittenKeyPair> {
  const contents = [encryptPrivateKey(pair.privateKey, passphrase), toPublicKeyPem(pair.publicKey)] as const;
  const privateKeyPath = `${prefix}.key`;
  const publicKeyPath = `${prefix}.pub`;
  // Both names are taken before a byte is written, so that a clash on the second leaves nothing of the first.
  await using privateKey = await NewFile.create(privateKeyPath, OWNER_ONLY);
  await using publicKey = await NewFile.create(publicKeyPath, READABLE);
  await privateKey.write(contents[0]);
  await publicKey.write(contents[1]);
  privateKey.keep();
  publicKey.keep();
  return { privateKeyPath, publicKeyPath, keyId: keyId(pair.publicKey) };
}

/** A file that did not exist before and is removed again unless kept. */
class NewFile implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  #kept = false;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async create(path: string, mode: number): Promise<NewFile> {
    try {
      // Exclusive: fails on anything that has the name, a dangling symbolic link included.
      return new NewFile(path, await open(path, 'wx', mode));
    } catch (error) {
      throw cannotCreate(path, error);
    }
  }

  async write(content: string): Promise<void> {
    try {
      await this.#handle.writeFile(content);
      await this.#handle.sync();
    } catch (error) {
      throw cannotCreate(this.#path, error);
    }
  }

  keep(): void {
    this.#kept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (!this.#kept) await rm(this.#path, { force: true });
  }
}

function cannotCreate(path: string, error: unknown): AirgapError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EEXIST') {
    return new UsageError('USAGE', `${path} exists already and keys are never overwritten`, {
      hint: 'choose another name, or move the old key away',
      cause: error,
    });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new UsageError('USAGE', `${path} cannot be made: its directory does not exist`, { cause: error });
  }
  return new StoreError('STORE_IO', `${path} cannot be written`, { cause: error });
}
