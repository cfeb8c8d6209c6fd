/**
 * A file that is opened before the work whose result it takes: a full inode table, a read-only directory or a link in
 * its place is learnt of while nothing has happened yet.
 */
import { placeFile, stageFile, type PlaceOptions } from './place-file.ts';

/** A file that will get its name and its content at once. Disposing removes what was not written. */
export interface OpenedFile extends AsyncDisposable {
  readonly path: string;
  /** @throws as {@link placeFile} */
  write(content: Uint8Array | string): Promise<void>;
}

/**
 * Opens a file beside the place where it will stand; what stands there stays until it is written.
 * @throws as {@link placeFile}
 */
export async function openFileAt(path: string, options: PlaceOptions = {}): Promise<OpenedFile> {
  const reserved = await stageFile(path, '', options);
  return {
    path,
    // Opened anew: meanwhile another process may have placed a file of this name, which is no reason to fail.
    write: (content) => placeFile(path, content, options),
    [Symbol.asyncDispose]: () => reserved[Symbol.asyncDispose](),
  };
}
