/**
 * Signatures that lie beside an archive: for a medium that cannot be written any more, or when every slot is taken. Which
 * file belongs to which archive follows from its name alone: `<archive>.<first 16 digits of the key id>.sigstore.json`.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { IntegrityError, UsageError } from '../../errors.ts';
import { fileExists } from '../../base/files/disk.ts';
import { placeFile } from '../../base/files/place-file.ts';
import { readBounded } from '../../base/files/read-file.ts';
import { systemCode, toStoreError } from '../../base/files/system-errors.ts';

const MAX_FILES = 32;
const MAX_FILE_BYTES = 64 * 1024;
const ID_CHARACTERS = 16;
const SUFFIX = /^\.([0-9a-f]{16})\.sigstore\.json$/;

/** A file beside an archive that claims to be a signature of it. */
export interface DetachedSignature {
  readonly path: string;
  /** How the key id begins, as the file's name has it. */
  readonly keyIdStart: string;
  readonly bytes: Buffer;
}

/** Where the signature of this key over this archive lies. */
export function detachedPath(archivePath: string, keyId: string): string {
  return `${archivePath}.${keyId.slice(0, ID_CHARACTERS)}.sigstore.json`;
}

/**
 * Reads the signatures beside an archive, in the order of their names.
 * @throws IntegrityError `MALFORMED` when there are more than 32, or one is larger than 64 KiB, a link or no file.
 * @throws StoreError `STORE_IO` when one cannot be read.
 */
export async function readDetachedSignatures(archivePath: string): Promise<readonly DetachedSignature[]> {
  const [directory, name] = [dirname(archivePath), basename(archivePath)];
  const found = (await listDirectory(directory)).flatMap((entry) => {
    const keyIdStart = entry.startsWith(name) ? SUFFIX.exec(entry.slice(name.length))?.[1] : undefined;
    return keyIdStart === undefined ? [] : [{ path: join(directory, entry), keyIdStart }];
  });
  if (found.length > MAX_FILES) {
    throw new IntegrityError(
      'MALFORMED',
      `${found.length} signatures lie beside ${archivePath}, more than ${MAX_FILES}`,
      {
        hint: 'move those away that do not belong to the archive; as many as that are no accident',
      },
    );
  }
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  return Promise.all(found.map(async (file) => ({ ...file, bytes: await readSmallFile(file.path) })));
}

/**
 * Writes a signature beside an archive, whole or not at all. A file that is there is kept; of two writers at the same
 * moment the later wins, and both have the same to say: the name holds the key.
 * @throws UsageError when there is one of that name. @throws StoreError `STORE_IO`, `NO_SPACE`
 */
export async function writeDetachedSignature(path: string, bytes: Uint8Array): Promise<void> {
  if (await fileExists(path)) {
    throw new UsageError('USAGE', `${path} exists already`, {
      hint: 'the key has signed; delete the file if it belongs to an earlier archive of this name',
    });
  }
  // Renamed and not linked: a medium that is carried by hand may know no links.
  await placeFile(path, bytes, {
    hints: { otherwise: 'make a link to the archive in a directory that can be written, and sign that' },
  });
}

async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    // A directory may be passed through without being listed. What is not seen can only be missing, never trusted.
    if (systemCode(error) === 'EACCES') return [];
    throw toStoreError(error, `cannot read ${path}`);
  }
}

function readSmallFile(path: string): Promise<Buffer> {
  return readBounded(path, {
    what: 'a signature',
    limit: MAX_FILE_BYTES,
    links: 'refuse',
    refuse: () => notSignature(path),
  });
}

function notSignature(path: string): IntegrityError {
  return new IntegrityError(
    'MALFORMED',
    `${path} is not a signature: it is not a file of its own, or larger than ${MAX_FILE_BYTES} bytes`,
    {
      hint: 'move it away if it does not belong to the archive',
    },
  );
}
