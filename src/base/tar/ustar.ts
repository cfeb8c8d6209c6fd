/**
 * Canonical ustar: the one way this product writes a tar header. There is deliberately no parser here; readers compute
 * the header they expect and compare bytes.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06
 */
import { UsageError } from '../../errors.ts';
import { pathFault } from '../portable-path.ts';

/** Tar works in blocks of 512 bytes. */
export const BLOCK_BYTES = 512;
/** Two zero blocks end an archive. */
export const END_BYTES: number = 2 * BLOCK_BYTES;

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/** The largest number that eleven octal digits hold; for sizes beyond it GNU's base-256 form is used. */
const MAX_OCTAL = 0o77777777777;

/** What a header says about one regular file. */
export interface TarEntry {
  /** Portable path, see {@link isMemberPath}. */
  readonly path: string;
  /** bytes */
  readonly size: number;
  readonly executable?: boolean | undefined;
  /** Seconds since the epoch. */
  readonly mtime: number;
}

/** Whether a header can carry this path and it means the same everywhere. */
export function isMemberPath(path: string): boolean {
  return memberPathFault(path) === undefined;
}

/** Why not, to be said after the path: {@link pathFault}, or it does not split over name and prefix. */
export function memberPathFault(path: string): string | undefined {
  const fault = pathFault(path);
  if (fault !== undefined || canSplit(path)) return fault;
  return `has names that are too long: 100 characters after the last slash, ${PREFIX_BYTES} before it`;
}

/** Whether a header can carry this time: whole seconds from 1970 to 2242. */
export function isTarTime(seconds: number): boolean {
  return Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= MAX_OCTAL;
}

/**
 * The header block of a regular file owned by 0:0.
 * @throws UsageError `INVALID_SPEC` when the path is not portable.
 * @throws RangeError when the size or the time cannot be written, which is a bug of the caller.
 */
export function encodeHeader(entry: TarEntry): Buffer {
  if (!isMemberPath(entry.path)) {
    throw new UsageError(
      'INVALID_SPEC',
      `cannot be archived under this name: ${JSON.stringify(entry.path.slice(0, 300))}`,
      {
        hint: memberPathFault(entry.path),
      },
    );
  }
  if (!Number.isSafeInteger(entry.size) || entry.size < 0) throw new RangeError(`no size: ${entry.size}`);
  if (!isTarTime(entry.mtime)) throw new RangeError(`no time of a tar header: ${entry.mtime}`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const [prefix, name] = splitPath(entry.path);
  header.write(name, 0, 'latin1');
  header.write(entry.executable === true ? '0000755\0' : '0000644\0', 100, 'latin1');
  header.write('0000000\0', 108, 'latin1');
  header.write('0000000\0', 116, 'latin1');
  writeSize(header, entry.size);
  header.write(`${octal(entry.mtime, 11)}\0`, 136, 'latin1');
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write('0000000\0', 329, 'latin1');
  header.write('0000000\0', 337, 'latin1');
  header.write(prefix, 345, 'latin1');
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return header;
}

/** Zero bytes that follow content of this size. */
export function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

function writeSize(header: Buffer, size: number): void {
  if (size <= MAX_OCTAL) {
    header.write(`${octal(size, 11)}\0`, 124, 'latin1');
    return;
  }
  header[124] = 0x80;
  header.writeBigUInt64BE(BigInt(size), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function canSplit(path: string): boolean {
  const [prefix, name] = splitPath(path);
  return name.length <= NAME_BYTES && prefix.length <= PREFIX_BYTES;
}

/** The longest prefix that fits goes to the prefix field, only when the name field is too short for the whole path. */
function splitPath(path: string): [prefix: string, name: string] {
  if (path.length <= NAME_BYTES) return ['', path];
  const cut = path.lastIndexOf('/', PREFIX_BYTES);
  return cut <= 0 ? ['', path] : [path.slice(0, cut), path.slice(cut + 1)];
}
