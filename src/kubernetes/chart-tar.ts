/**
 * The tar inside of a chart package, read from memory and with suspicion: what tools read in different ways is refused.
 * General readers are made to be lenient; some of them never return from a length that is negative.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 */

const BLOCK_BYTES = 512;
/** Extended headers hold a path and perhaps the author's notes. */
const MAX_EXTENDED_BYTES = 64 * 1024;
const MAX_ENTRIES = 100_000;
/** POSIX's mark and GNU's. Older archives have none. */
const MAGICS = ['ustar\x0000', 'ustar  \0', '\0\0\0\0\0\0\0\0'];
/** By type flag. Anything else is refused by its name. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ '0': 'file', '\0': 'file', '7': 'file', '5': 'directory', x: 'pax', g: 'pax-global', L: 'gnu-path' },
  ...{ '1': 'hard link', '2': 'symbolic link', '3': 'character device', '4': 'block device', '6': 'named pipe' },
};

/** One file or directory. */
export interface TarMember {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly bytes: Buffer;
}

/**
 * The files and directories of a tar, in order.
 * @throws RangeError saying what is wrong: links, devices and unknown types, sizes that lie or are given twice, broken
 *   checksums, extended headers that are not exactly well-formed, a cut, anything but zeros at the end.
 */
export function* readTar(tar: Buffer): Generator<TarMember, void> {
  let longName: string | undefined;
  let entries = 0;
  for (let at = 0; at < tar.length;) {
    const header = tar.subarray(at, at + BLOCK_BYTES);
    if (header.length < BLOCK_BYTES) throw new RangeError('is cut short');
    if (header.every((byte) => byte === 0)) {
      if (tar.subarray(at).some((byte) => byte !== 0)) throw new RangeError('has something behind its end');
      break;
    }
    if (++entries > MAX_ENTRIES) throw new RangeError(`has more than ${MAX_ENTRIES} entries`);
    checkHeader(header);
    const kind = KINDS[String.fromCharCode(header[156] ?? 0)] ?? 'thing of an unknown type';
    const size = readSize(header);
    const start = at + BLOCK_BYTES;
    const bytes = tar.subarray(start, start + size);
    if (bytes.length !== size) throw new RangeError('is cut short');
    at = start + Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
    const name = longName ?? readName(header);
    if (kind === 'pax' || kind === 'pax-global' || kind === 'gnu-path') {
      if (size > MAX_EXTENDED_BYTES) throw new RangeError('has an extended header that is too long');
      const found = kind === 'gnu-path' ? readText(bytes) : readPax(bytes).get('path');
      if (found !== undefined && (longName !== undefined || kind === 'pax-global')) {
        throw new RangeError('gives one entry two names');
      }
      longName ??= found;
      continue;
    }
    longName = undefined;
    if (kind !== 'file' && kind !== 'directory') throw new RangeError(`${JSON.stringify(name)} is a ${kind}`);
    if (kind === 'directory' && size > 0) throw new RangeError(`${JSON.stringify(name)} is a directory with content`);
    yield { name, isDirectory: kind === 'directory' || (name.endsWith('/') && size === 0), bytes };
  }
  if (longName !== undefined) throw new RangeError('ends after an extended header');
}

function checkHeader(header: Buffer): void {
  const stored = readOctal(header, 148, 8);
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
  if (stored !== sum) throw new RangeError('has a header with a wrong checksum');
  if (!MAGICS.includes(header.toString('latin1', 257, 265))) throw new RangeError('has a header of an unknown format');
}

/** Base-256 begins at 8 GiB, which no chart reaches. */
function readSize(header: Buffer): number {
  const size = readOctal(header, 124, 12);
  if (size === undefined) throw new RangeError('has a size that is no octal number');
  return size;
}

function readOctal(header: Buffer, offset: number, length: number): number | undefined {
  const [, digits] = /^ *([0-7]*)[ \0]*$/.exec(header.toString('latin1', offset, offset + length)) ?? [];
  return digits === undefined ? undefined : Number.parseInt(`0${digits}`, 8);
}

function readName(header: Buffer): string {
  // GNU's format keeps times where POSIX has the prefix.
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? readText(header.subarray(345, 500)) : '';
  const name = readText(header.subarray(0, 100));
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Text up to the first zero byte; only zeros may follow. */
function readText(field: Buffer): string {
  const end = field.indexOf(0);
  if (end !== -1 && field.subarray(end).some((byte) => byte !== 0)) throw new RangeError('has a name with a zero byte');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(end === -1 ? field : field.subarray(0, end));
}

/** Records `<length> <key>=<value>\n`. Another size or another link than the header's would hide entries from somebody. */
function readPax(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const [text = '', digits = ''] = /^([1-9][0-9]{0,5}) /.exec(bytes.toString('latin1', at, at + 8)) ?? [];
    const record = bytes.subarray(at, at + Number(digits));
    const [, key = '', value = ''] = /^([^=]+)=([^]*)\n$/.exec(record.subarray(text.length).toString('utf8')) ?? [];
    if (key === '' || record.length !== Number(digits)) throw new RangeError('has a malformed extended header');
    if (records.has(key) || value.includes('\0')) throw new RangeError('has an ambiguous extended header');
    if (key === 'size' || key === 'linkpath' || key.startsWith('GNU.sparse')) {
      throw new RangeError(`has an extended header that changes the ${key}`);
    }
    records.set(key, value);
    at += record.length;
  }
  return records;
}
