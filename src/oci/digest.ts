/**
 * Content digests. Only sha256 is produced and accepted: it is what every registry and tool of the field can check. A
 * registry alone is also asked for the other algorithm that the specification registers.
 */
import { createHash, type Hash } from 'node:crypto';
import { IntegrityError } from '../errors.ts';

/**
 * `sha256:` and 64 lower-case hexadecimal digits. Made only by {@link parseDigest}, {@link sha256} and {@link digestOf}.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
export type Digest = `sha256:${string}`;

/**
 * A digest of an algorithm that a registry of the field may be asked for.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#registered-algorithms
 */
export type RegisteredDigest = Digest | `sha512:${string}`;

/** The algorithms of {@link RegisteredDigest}. */
export type DigestAlgorithm = 'sha256' | 'sha512';

const DIGEST = /^sha256:[a-f0-9]{64}$/;
const SHA512_DIGEST = /^sha512:[a-f0-9]{128}$/;

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
export function hexOf(digest: RegisteredDigest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Whether the text is a canonical sha256 or sha512 digest. */
export function isRegisteredDigest(text: unknown): text is RegisteredDigest {
  return isDigest(text) || (typeof text === 'string' && SHA512_DIGEST.test(text));
}

/** The algorithm of a digest, by the name that `createHash` knows it by. */
export function algorithmOf(digest: RegisteredDigest): DigestAlgorithm {
  return isDigest(digest) ? 'sha256' : 'sha512';
}

/** The digest of bytes in memory, by the algorithm asked for. */
export function registeredDigestOf(bytes: Uint8Array, algorithm: DigestAlgorithm): RegisteredDigest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}
