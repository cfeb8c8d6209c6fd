/** Gzip whose output depends on its input only: not on the processor, the operating system or the clock. */
import { constants, crc32, deflateRawSync } from 'node:zlib';

/** Magic number and the deflate method. */
const START = [0x1f, 0x8b, 8];
const FLAG_EXTRA = 0x04;
const FLAG_COMMENT = 0x10;
/** No time, no level, unknown system. */
const END = [0, 0, 0, 0, 0, 0xff];

/** Optional fields of the header. */
export interface GzipHeader {
  /** At most 65 535 bytes. */
  readonly extra?: Buffer | undefined;
  /** ISO 8859-1 without zero bytes. */
  readonly comment?: string | undefined;
}

/** A compressor whose output depends on its input only, in raw deflate. @see https://www.rfc-editor.org/rfc/rfc1951 */
export type StableDeflate = (bytes: Uint8Array) => Uint8Array;

/**
 * Compresses bytes.
 * @param deflate does the work. By default it only shortens runs and is fast: good for what hardly repeats.
 * @see https://www.rfc-editor.org/rfc/rfc1952
 */
export function stableGzip(bytes: Uint8Array, header: GzipHeader = {}, deflate: StableDeflate = deflateRuns): Buffer {
  const { extra, comment } = header;
  const flags = (extra === undefined ? 0 : FLAG_EXTRA) | (comment === undefined ? 0 : FLAG_COMMENT);
  const extraLength = Buffer.alloc(extra === undefined ? 0 : 2);
  if (extra !== undefined) extraLength.writeUInt16LE(extra.length);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length % 2 ** 32, 4);
  return Buffer.concat([
    Buffer.from([...START, flags, ...END]),
    extraLength,
    extra ?? Buffer.alloc(0),
    Buffer.from(comment === undefined ? '' : `${comment}\0`, 'latin1'),
    deflate(bytes),
    trailer,
  ]);
}

/**
 * Only run lengths and Huffman codes are used. How zlib finds longer matches differs between its versions, and in
 * Node's between processors too, whose own checksum instruction takes the place of the hash: the same content would
 * have another digest elsewhere.
 */
function deflateRuns(bytes: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, { level: 9, memLevel: 8, strategy: constants.Z_RLE });
}
