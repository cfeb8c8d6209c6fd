/** Tar entries with whatever in them, under a checksum that is right. */

/** Two zero blocks. */
export const tarEnd: Buffer = Buffer.alloc(1024);

/** What a header says that is not usual. */
export interface TarFields {
  /** @defaultValue '0' */
  readonly type?: string;
  readonly link?: string;
  /** The bytes of the size field. @defaultValue zero in octal */
  readonly size?: Buffer;
  readonly mode?: string;
  readonly magic?: string;
}

/** A header alone. */
export function tarBlock(name: string | Buffer, { type = '0', link = '', size, mode, magic }: TarFields): Buffer {
  const block = Buffer.alloc(512);
  block.set(Buffer.from(name).subarray(0, 100));
  block.write(mode ?? '0000644\0', 100);
  block.write('0000000\0'.repeat(2), 108);
  block.set(size ?? Buffer.from('00000000000\0'), 124);
  block.write(`${'0'.repeat(11)}\0${' '.repeat(8)}${type}`, 136);
  block.write(link, 157);
  block.write(magic ?? 'ustar\x0000', 257);
  return withChecksum(block);
}

/** A header, content of the size it says, and padding. */
export function tarEntry(
  name: string,
  { content = '', ...fields }: Omit<TarFields, 'size'> & { readonly content?: string | Buffer },
): Buffer {
  const bytes = Buffer.from(content);
  const size = Buffer.from(`${bytes.length.toString(8).padStart(11, '0')}\0`);
  return Buffer.concat([tarBlock(name, { ...fields, size }), bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** The header with its checksum made right. */
export function withChecksum(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
