/** Which files of an archive are trust documents: they stand in front, since they say whose signature counts. */
import { versionOfFileName } from '../../trust/documents/document-files.ts';

/** Directory of the trust documents in an archive. */
export const TRUST_DIRECTORY = 'trust/';
/** Trust documents of one archive, and bytes of all of them: they are read before any signature is checked. */
export const MAX_TRUST_FILES = 1_000;
export const MAX_TRUST_BYTES: number = 8 * 1024 * 1024;

/** The version that a member of this path holds, undefined when it is no trust document. */
export function trustVersionOf(path: string): number | undefined {
  return path.startsWith(TRUST_DIRECTORY) ? versionOfFileName(path.slice(TRUST_DIRECTORY.length)) : undefined;
}

/** The trust documents among files by their version, and the other files as they come. */
export function divideFiles<T extends { readonly path: string }>(
  files: readonly T[],
): { readonly trust: readonly T[]; readonly others: readonly T[] } {
  const versions = new Map(files.map((file) => [file, trustVersionOf(file.path)]));
  const trust = files.filter((file) => versions.get(file) !== undefined);
  return {
    trust: trust.sort((a, b) => (versions.get(a) ?? 0) - (versions.get(b) ?? 0)),
    others: files.filter((file) => versions.get(file) === undefined),
  };
}
