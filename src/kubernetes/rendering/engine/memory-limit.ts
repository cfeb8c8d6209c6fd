/**
 * Limits how far the memory of a WebAssembly module can grow. The limit becomes part of the module, so that the virtual
 * machine itself keeps it, whatever the program does.
 * @see https://webassembly.github.io/spec/core/binary/modules.html#memory-section
 */

/** Bytes of one page of memory. */
export const PAGE_BYTES = 65_536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;

/**
 * The module with `maxBytes` as its memory's limit.
 * @throws RangeError when it has not exactly one memory of its own, or needs more from its start.
 */
export function limitMemory(module: Buffer, maxBytes: number): Buffer {
  const maxPages = Math.floor(maxBytes / PAGE_BYTES);
  for (let at = HEADER_BYTES; at < module.length;) {
    const size = readNumber(module, at + 1);
    const end = size.end + size.value;
    if (module[at] === MEMORY_SECTION) {
      const count = readNumber(module, size.end);
      // A flag says whether a limit follows; the first number is what the memory has from its start.
      const minPages = readNumber(module, count.end + 1).value;
      if (count.value !== 1 || minPages > maxPages) {
        throw new RangeError(`a module with ${count.value} memories of ${minPages} pages cannot have ${maxPages}`);
      }
      const content = [1, 1, ...toNumber(minPages), ...toNumber(maxPages)];
      const section = Buffer.from([MEMORY_SECTION, ...toNumber(content.length), ...content]);
      return Buffer.concat([module.subarray(0, at), section, module.subarray(end)]);
    }
    at = end;
  }
  throw new RangeError('a module without a memory of its own cannot be limited');
}

/** An unsigned number in LEB128, seven bits a byte. */
function readNumber(bytes: Buffer, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = start, scale = 1; at < bytes.length; at++, scale *= 128) {
    const byte = bytes.readUInt8(at);
    value += (byte % 128) * scale;
    if (byte < 128) return { value, end: at + 1 };
  }
  throw new RangeError('a module that ends within a number');
}

function toNumber(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...toNumber(Math.floor(value / 128))];
}
