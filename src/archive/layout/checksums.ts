/** `checksums.txt`: the text that is signed, in the form `sha256sum -c` reads. Strict in both directions. */
import { IntegrityError } from '../../errors.ts';
import { hexOf, type Digest } from '../../oci/digest.ts';

/** One line: a member's path and digest. */
export interface ChecksumLine {
  readonly path: string;
  readonly digest: Digest;
}

/** Hexadecimal digits, two spaces and the line feed around a path. */
const LINE_OVERHEAD = 64 + 2 + 1;
const LINE = /^([a-f0-9]{64}) {2}([A-Za-z0-9._+/-]{1,255})$/;

/** Size in bytes of the file for these paths: known before any digest is. */
export function checksumsBytes(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + LINE_OVERHEAD + path.length, 0);
}

export function formatChecksums(lines: readonly ChecksumLine[]): Buffer {
  return Buffer.from(lines.map(({ path, digest }) => `${hexOf(digest)}  ${path}\n`).join(''), 'latin1');
}

/**
 * What the first line says that `release.json` is, without a look at the others.
 * @throws IntegrityError `MALFORMED`
 */
export function inventoryDigestIn(checksums: Buffer): Digest {
  const [, hex] = /^([a-f0-9]{64}) {2}release\.json\n/.exec(checksums.toString('latin1', 0, 80)) ?? [];
  if (hex === undefined) throw malformed('does not begin with the line of release.json');
  return `sha256:${hex}`;
}

/**
 * Reads `checksums.txt`. No comments, no escapes, no binary marks, no blank or repeated lines.
 * @throws IntegrityError `MALFORMED`
 */
export function parseChecksums(bytes: Buffer): ReadonlyMap<string, Digest> {
  const text = bytes.toString('latin1');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw malformed('does not end with a line feed');
  const digests = new Map<string, Digest>();
  for (const [index, line] of lines.entries()) {
    const [, hex, path] = LINE.exec(line) ?? [];
    if (hex === undefined || path === undefined) throw malformed(`line ${index + 1} is not "<sha256>  <path>"`);
    if (digests.has(path)) throw malformed(`line ${index + 1} repeats ${path}`);
    digests.set(path, `sha256:${hex}`);
  }
  return digests;
}

function malformed(why: string): IntegrityError {
  return new IntegrityError('MALFORMED', `checksums.txt ${why}`, {
    hint: 'the archive is damaged or was changed; copy it again from its source',
    details: { member: 'checksums.txt' },
  });
}
