/** Reads a Sigstore trusted root from a file. */
import { readBounded } from '../../base/files/read-file.ts';
import { toInputError } from '../../errors.ts';
import type { PinnedTrustedRoot } from '../../trust/signatures/pinned-root-schema.ts';
import { MAX_ROOT_BYTES, parseTrustedRoot } from '../../trust/signatures/pinned-root.ts';

/**
 * Reads a trusted root; `signal` ends the wait for a stream.
 * @throws NotFoundError when there is none. @throws UsageError when it cannot be read, or is none
 */
export async function readTrustedRoot(path: string, signal?: AbortSignal): Promise<PinnedTrustedRoot> {
  const bytes = await readBounded(path, { what: 'a trusted root', limit: MAX_ROOT_BYTES, signal });
  try {
    return parseTrustedRoot(bytes, path);
  } catch (error) {
    throw toInputError(error);
  }
}
