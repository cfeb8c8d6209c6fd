/**
 * A tar that somebody else made, read as it comes and with suspicion: what tools read in different ways is refused, and
 * every step either moves on or fails. General readers are made to be lenient; some of them never return from a length
 * that is negative, or from a directory that has content.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13
 */

const BLOCK_BYTES = 512;
/** Extended headers hold a path and perhaps the author's notes. */
const MAX_EXTENDED_BYTES = 64 * 1024;
/** Extended headers are entries, too. */
const MAX_ENTRIES = 100_000;
/** Zeros at the end fill up a record, and no tool writes larger ones. */
const MAX_END_BYTES = 1024 * 1024;
/** The header's own field cannot hold more; only then may the size be written in another way. */
const MAX_OCTAL_SIZE = 0o77777777777;
/** POSIX's mark and GNU's. Older archives have none. */
const MAGICS = ['ustar\x0000', 'ustar  \0', '\0\0\0\0\0\0\0\0'];
/** By type flag. Anything else is an unknown type. */
const KINDS: Readonly<Record<string, TarKind | 'pax' | 'pax-global' | 'gnu-path' | 'gnu-link'>> = {
  ...({ '0': 'file', '\0': 'file', '7': 'file', '5': 'directory', '2': 'symbolic link' } as const),
  ...({ x: 'pax', g: 'pax-global', L: 'gnu-path', K: 'gnu-link' } as const),
  ...({ '1': 'hard link', '3': 'character device', '4': 'block device', '6': 'named pipe' } as const),
};

/** What an entry is. */
export type TarKind =
  | 'file'
  | 'directory'
  | 'symbolic link'
  | 'hard link'
  | 'character device'
  | 'block device'
  | 'named pipe'
  | 'thing of an unknown type';

/** One entry. */
export interface TarMember {
  readonly name: string;
  readonly kind: TarKind;
  /** bytes; 0 but for files */
  readonly size: number;
  /** Seconds of the epoch, from the header alone; undefined where it says none in octal. */
  readonly modified: number | undefined;
  /** Where a symbolic link leads; empty for everything else. */
  readonly linkName: string;
  /** The bytes of a file, to be read before the next entry is asked for, once; what is not read is passed over. */
  readonly content: AsyncIterable<Buffer>;
}

/** What extended headers say of the entry behind them. */
interface Extension {
  name?: string | undefined;
  linkName?: string | undefined;
  size?: number | undefined;
}

/**
 * The entries of a tar, in order, whatever they are. Leaving early ends the source.
 * @throws RangeError or TypeError saying what is wrong: sizes that lie or are given twice, content where none belongs,
 *   broken checksums, extended headers that are not exactly well-formed, names that are no UTF-8, a cut, too many
 *   entries, anything but zeros at the end. What the source throws is passed on.
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember, void> {
  await using bytes = new ByteSource(source);
  let extension: Extension = {};
  for (let entries = 0; ; entries++) {
    const header = await bytes.take(BLOCK_BYTES);
    if (header.length === 0) break;
    if (header.length < BLOCK_BYTES) throw new RangeError('is cut short');
    if (isZero(header)) {
      await checkEnd(bytes);
      break;
    }
    if (entries >= MAX_ENTRIES) throw new RangeError(`has more than ${MAX_ENTRIES} entries`);
    checkHeader(header);
    const kind = KINDS[String.fromCharCode(header[156] ?? 0)] ?? 'thing of an unknown type';
    if (kind === 'pax' || kind === 'pax-global' || kind === 'gnu-path' || kind === 'gnu-link') {
      extension = extend(extension, kind, await takeExtended(bytes, header));
      continue;
    }
    const member = toMember(header, kind, extension);
    extension = {};
    const content = new Content(bytes, member.size);
    yield { ...member, content };
    await content.passOver();
  }
  if (Object.keys(extension).length > 0) throw new RangeError('ends after an extended header');
}

/** Everything behind the first block of zeros. */
async function checkEnd(bytes: ByteSource): Promise<void> {
  let seen = 0;
  for (let chunk = await bytes.next(MAX_END_BYTES); chunk.length > 0; chunk = await bytes.next(MAX_END_BYTES)) {
    if (!isZero(chunk)) throw new RangeError('has something behind its end');
    seen += chunk.length;
    if (seen > MAX_END_BYTES) throw new RangeError('has no end');
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

async function takeExtended(bytes: ByteSource, header: Buffer): Promise<Buffer> {
  const size = readSize(header);
  if (size > MAX_EXTENDED_BYTES) throw new RangeError('has an extended header that is too long');
  const padded = await bytes.take(size + paddingOf(size));
  if (padded.length < size + paddingOf(size)) throw new RangeError('is cut short');
  return padded.subarray(0, size);
}

function extend(extension: Extension, kind: 'pax' | 'pax-global' | 'gnu-path' | 'gnu-link', bytes: Buffer): Extension {
  const found: Extension =
    kind === 'gnu-path'
      ? { name: readText(bytes) }
      : kind === 'gnu-link'
        ? { linkName: readText(bytes) }
        : readPax(bytes);
  for (const key of ['name', 'linkName', 'size'] as const) {
    if (found[key] === undefined) continue;
    const word = key === 'name' ? 'names' : key === 'size' ? 'sizes' : 'targets';
    if (kind === 'pax-global' || extension[key] !== undefined) throw new RangeError(`gives one entry two ${word}`);
  }
  return { ...extension, ...found };
}

function toMember(header: Buffer, kind: TarKind, extension: Extension): Omit<TarMember, 'content'> {
  const name = extension.name ?? readName(header);
  const what = JSON.stringify(name);
  const size = sizeOf(header, extension);
  const isLink = kind === 'symbolic link';
  if (extension.linkName !== undefined && !isLink) throw new RangeError(`${what} is a ${kind} that leads elsewhere`);
  if (kind !== 'file' && size > 0) throw new RangeError(`${what} is a ${kind} with content`);
  const linkName = isLink ? (extension.linkName ?? readText(header.subarray(157, 257))) : '';
  return {
    name,
    kind: kind === 'file' && size === 0 && name.endsWith('/') ? 'directory' : kind,
    size,
    modified: readTime(header),
    linkName,
  };
}

/** A time decides nothing: one that cannot be read is none. */
function readTime(header: Buffer): number | undefined {
  const text = header.toString('latin1', 136, 148).replace(/[\0 ]+$/, '');
  return /^[0-7]{1,12}$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function checkHeader(header: Buffer): void {
  const stored = readOctal(header, 148, 8);
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK_BYTES; index++) if (index < 148 || index >= 156) sum += header[index] ?? 0;
  if (stored !== sum) throw new RangeError('has a header with a wrong checksum');
  if (!MAGICS.includes(header.toString('latin1', 257, 265))) throw new RangeError('has a header of an unknown format');
}

/** An extended header gives the size when the field cannot hold it; the field is then zero, or says the same. */
function sizeOf(header: Buffer, { size: extended }: Extension): number {
  const own = readSize(header);
  if (extended === undefined) return own;
  if (extended <= MAX_OCTAL_SIZE || (own !== 0 && own !== extended)) {
    throw new RangeError('has an extended header that changes the size');
  }
  return extended;
}

/** Octal, or GNU's base-256 for what octal cannot hold. */
function readSize(header: Buffer): number {
  const octal = readOctal(header, 124, 12);
  if (octal !== undefined) return octal;
  const isBase256 = header[124] === 0x80 && header.readUInt32BE(124) === 0x80000000;
  const size = isBase256 ? header.readBigUInt64BE(128) : 0n;
  if (size <= MAX_OCTAL_SIZE || size > Number.MAX_SAFE_INTEGER) {
    throw new RangeError('has a size that is not an octal number');
  }
  return Number(size);
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
  if (end !== -1 && !isZero(field.subarray(end))) throw new RangeError('has a name with a zero byte');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(end === -1 ? field : field.subarray(0, end));
}

/** Records `<length> <key>=<value>\n`. Those that would hide entries from somebody are found or refused by the caller. */
function readPax(bytes: Buffer): Extension {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const [text = '', digits = ''] = /^([1-9][0-9]{0,5}) /.exec(bytes.toString('latin1', at, at + 8)) ?? [];
    const record = bytes.subarray(at, at + Number(digits));
    const [, key = '', value = ''] = /^([^=]+)=([^]*)\n$/.exec(record.subarray(text.length).toString('utf8')) ?? [];
    if (key === '' || record.length !== Number(digits)) throw new RangeError('has a malformed extended header');
    if (records.has(key) || value.includes('\0')) throw new RangeError('has an ambiguous extended header');
    if (key.startsWith('GNU.sparse')) throw new RangeError(`has an extended header that changes the ${key}`);
    records.set(key, value);
    at += record.length;
  }
  const size = records.get('size');
  if (size !== undefined && !/^[1-9][0-9]{0,15}$/.test(size)) {
    throw new RangeError('has an extended header that changes the size');
  }
  return {
    ...(records.has('path') ? { name: records.get('path') } : {}),
    ...(records.has('linkpath') ? { linkName: records.get('linkpath') } : {}),
    ...(size === undefined ? {} : { size: Number(size) }),
  };
}

function paddingOf(size: number): number {
  return (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
}

/** The bytes of one file, and the padding behind them. */
class Content implements AsyncIterable<Buffer> {
  readonly #bytes: ByteSource;
  readonly #padding: number;
  #left: number;

  constructor(bytes: ByteSource, size: number) {
    this.#bytes = bytes;
    this.#left = size;
    this.#padding = paddingOf(size);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    while (this.#left > 0) {
      const chunk = await this.#bytes.next(this.#left);
      if (chunk.length === 0) throw new RangeError('is cut short');
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  /** Reads what is left unread. */
  async passOver(): Promise<void> {
    for await (const _chunk of this);
    const padding = await this.#bytes.take(this.#padding);
    if (padding.length < this.#padding) throw new RangeError('is cut short');
  }
}

/** Bytes of a stream, in pieces of the sizes that are asked for. */
class ByteSource implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** What comes next, at most so many bytes; empty at the end. */
  async next(maxBytes: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const step = await this.#source.next();
      if (step.done === true) return this.#rest;
      this.#rest = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength);
    }
    const piece = this.#rest.subarray(0, maxBytes);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** Exactly so many bytes, or what there is before the end. */
  async take(count: number): Promise<Buffer> {
    if (this.#rest.length >= count && count > 0) return this.next(count);
    const pieces: Buffer[] = [];
    for (let left = count; left > 0;) {
      const piece = await this.next(left);
      if (piece.length === 0) break;
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }
}
