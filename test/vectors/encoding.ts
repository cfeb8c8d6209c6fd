/** How docs/vectors/vectors.json spells an archive: stretches of bytes in base64, and how many zeros follow each. */

/** Zero bytes that are worth a number. */
const LONG_RUN = 24;

/** `[base64, zeros, base64, zeros, …]` */
export type EncodedArchive = readonly (string | number)[];

/** One archive with what a reader has to say of it. */
export interface Vector {
  /** What is special about it. */
  readonly name: string;
  /** Section of docs/format.md. */
  readonly rule: string;
  readonly verdict: 'accept' | 'refuse';
  readonly archive: EncodedArchive;
}

/** The whole file. */
export interface VectorFile {
  readonly formatVersion: 1;
  /** PEM; the only key that is trusted, with a threshold of 1. */
  readonly publicKey: string;
  readonly vectors: readonly Vector[];
}

export function encodeArchive(bytes: Buffer): EncodedArchive {
  const pieces: (string | number)[] = [];
  for (let at = 0; at < bytes.length;) {
    const zeros = nextRun(bytes, at);
    pieces.push(bytes.toString('base64', at, zeros));
    let end = zeros;
    while (end < bytes.length && bytes[end] === 0) end++;
    pieces.push(end - zeros);
    at = end;
  }
  return pieces;
}

export function decodeArchive(pieces: EncodedArchive): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === 'number' ? Buffer.alloc(piece) : Buffer.from(piece, 'base64'))),
  );
}

/** Where the next long run of zeros begins, or the end. */
function nextRun(bytes: Buffer, from: number): number {
  const run = bytes.indexOf(Buffer.alloc(LONG_RUN), from);
  return run === -1 ? bytes.length : run;
}
