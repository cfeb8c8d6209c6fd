/**
 * The registry's directory. Content lies once, however many refer to it; a repository is a tree of small link files:
 * ```
 * blobs/sha256/<hex>, blobs/sha512/<hex>          every blob and manifest, read-only, complete by construction
 * uploads/<id>                                    what is being written; emptied at every start
 * repositories/<name>/_blobs/<hex>                empty: the repository serves this blob
 * repositories/<name>/_manifests/<hex>            the media type the manifest was pushed with
 * repositories/<name>/_tags/<tag>                 the digest the tag points at
 * repositories/<name>/_referrers/<hex>/<hex>      descriptor of a manifest whose subject is the first digest
 * ```
 * Everything with content is written under `uploads/`, synced and renamed into place, so a crash at any moment leaves
 * either the old state or the new. A power cut may lose the newest renames, never tear a file. One process at a time
 * writes to a directory.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirgapError, NotFoundError, StoreError } from '../../errors.ts';
import { algorithmOf, hexOf, type RegisteredDigest } from '../../oci/digest.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { systemCode } from '../../base/files/system-errors.ts';

/** Hexadecimal digits say by their number of which algorithm they are. */
const HEX = /^(?:[a-f0-9]{64}|[a-f0-9]{128})$/;

/** The directory tree and the two ways anything gets into it. */
export class Storage {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Where the content of a digest lies, once it is complete. */
  contentPath(digest: RegisteredDigest): string {
    return join(this.root, 'blobs', algorithmOf(digest), hexOf(digest));
  }

  /** Size of stored content in bytes. */
  async contentSize(digest: RegisteredDigest): Promise<number | undefined> {
    return unlessMissing(async () => (await stat(this.contentPath(digest))).size);
  }

  /** The directory of a repository's links. The name must have been checked. */
  repositoryPath(name: string): string {
    return join(this.root, 'repositories', ...name.split('/'));
  }

  /** A path that nothing else writes to, on the same file system as everything else. */
  createUploadPath(): string {
    return join(this.root, 'uploads', randomUUID());
  }

  /** Puts a small file into place: a reader sees the old text or the new one. */
  async replace(path: string, text: string): Promise<void> {
    await inDirectory(dirname(path), () => placeFile(path, text, { aside: this.createUploadPath(), syncsName: false }));
  }

  /** Names of all repositories that hold something, sorted. */
  async listRepositories(): Promise<string[]> {
    const names: string[] = [];
    const walk = async (directory: string, prefix: string): Promise<void> => {
      const entries = await readdir(directory, { withFileTypes: true });
      const directories = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
      if (prefix !== '' && directories.some((name) => name.startsWith('_'))) names.push(prefix);
      for (const name of directories) {
        if (!name.startsWith('_')) await walk(join(directory, name), prefix === '' ? name : `${prefix}/${name}`);
      }
    };
    await unlessMissing(() => walk(join(this.root, 'repositories'), ''));
    return names.sort();
  }
}

/**
 * Prepares the directory. What an earlier process left half-written is removed, unless `isReadOnly`.
 * @throws NotFoundError `NOT_FOUND` for a read-only directory that does not exist.
 * @throws StoreError `STORE_IO` when it cannot be written.
 */
export async function openStorage(root: string, isReadOnly: boolean): Promise<Storage> {
  try {
    if (isReadOnly) {
      await readdir(root);
    } else {
      await rm(join(root, 'uploads'), { recursive: true, force: true });
      await mkdir(join(root, 'uploads'), { recursive: true });
      for (const algorithm of ['sha256', 'sha512']) await mkdir(join(root, 'blobs', algorithm), { recursive: true });
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw new NotFoundError('NOT_FOUND', `registry directory ${root} does not exist`, { cause: error });
    }
    throw new StoreError('STORE_IO', `registry directory ${root} cannot be prepared`, {
      cause: error,
      hint: 'give a directory that this user may write',
    });
  }
  return new Storage(root);
}

/** Digests of the link files in a directory, sorted. */
export async function listDigests(directory: string): Promise<RegisteredDigest[]> {
  const names = (await unlessMissing(() => readdir(directory))) ?? [];
  const digests = names.filter((name) => HEX.test(name)).map(digestOfHex);
  return digests.sort();
}

function digestOfHex(hex: string): RegisteredDigest {
  return hex.length === 64 ? `sha256:${hex}` : `sha512:${hex}`;
}

/** Runs a call that names a file in `directory`; the directory is made only when it turns out to be missing. */
export async function inDirectory<T>(directory: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (systemCode(error instanceof AirgapError ? error.cause : error) !== 'ENOENT') throw error;
  }
  await mkdir(directory, { recursive: true });
  return call();
}

/** The result of a call, or `undefined` when the file it names does not exist. */
export async function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
