/** Content digests. Only sha256 is produced and accepted: it is what every registry and tool of the field can check. */
import { createHash, type Hash } from 'node:crypto';
import { IntegrityError } from '../errors.ts';

/**
 * `sha256:` and 64 lower-case hexadecimal digits. Made only by {@link parseDigest}, {@link sha256} and {@link digestOf}.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export type Digest = `sha256:${string}`;

const DIGEST = /^sha256:[a-f0-9]{64}$/;

/** Whether the text is a canonical sha256 digest. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === 'string' && DIGEST.test(text);
}

/**
 * Reads a digest.
 * @throws IntegrityError `MALFORMED` on any other algorithm, length, case or trailing character.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new IntegrityError('MALFORMED', `not a sha256 digest: ${JSON.stringify(text.slice(0, 100))}`, {
    hint: 'a digest is written sha256: and 64 lower-case hexadecimal digits',
  });
}

/** The digest of bytes in memory. */
export function sha256(bytes: Uint8Array | string): Digest {
  return digestOf(createHash('sha256').update(bytes));
}

/** Finishes a running sha256. The hash cannot be used afterwards. */
export function digestOf(hash: Hash): Digest {
  return `sha256:${hash.digest('hex')}`;
}

/** The hexadecimal part, as used in file names and `checksums.txt`. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
