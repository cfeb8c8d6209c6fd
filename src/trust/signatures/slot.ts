/** Signature slots: JSON padded to a size that was planned before anything was signed. */
import { IntegrityError, UsageError } from '../../errors.ts';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const EMPTY = new Uint8Array(0);

/**
 * Pads one compact JSON object to exactly `size` bytes, with spaces and a final line break; without content, makes an
 * empty slot.
 * @param size bytes
 * @throws UsageError `UNSUPPORTED` when the content does not fit.
 * @throws RangeError when the content could not be read back by {@link readSlot}, or the size is no size; a bug of the caller.
 */
export function fillSlot(content: Uint8Array | undefined, size: number): Buffer {
  const text = content ?? EMPTY;
  if (!Number.isSafeInteger(size) || size < 1) throw new RangeError(`not the size of a slot: ${size}`);
  if (content !== undefined && faultOf(text) !== undefined) throw new RangeError('not a compact JSON object');
  if (text.length >= size) {
    throw new UsageError('UNSUPPORTED', `the signature takes ${text.length + 1} bytes and its slot has ${size}`, {
      hint: 'build the archive with larger signature slots',
    });
  }
  const slot = Buffer.alloc(size, SPACE);
  slot.set(text);
  slot[size - 1] = NEWLINE;
  return slot;
}

/**
 * The content of a slot, `undefined` when it is empty. The content is a view into the given bytes, not yet parsed.
 * @param name what to call the slot in errors, such as its member name
 * @throws IntegrityError `MALFORMED` when anything but spaces and one final line break follows the content.
 */
export function readSlot(bytes: Uint8Array, name = 'the signature slot'): Uint8Array | undefined {
  const last = bytes.length - 1;
  if (bytes[last] !== NEWLINE) throw malformed(name, last);
  let end = last;
  while (end > 0 && bytes[end - 1] === SPACE) end -= 1;
  if (end === 0) return undefined;
  const content = bytes.subarray(0, end);
  const fault = faultOf(content);
  if (fault !== undefined) throw malformed(name, fault);
  return content;
}

/** Offset of the first byte that shows the content is not one JSON object without white space around or line breaks. */
function faultOf(content: Uint8Array): number | undefined {
  const last = content.length - 1;
  if (content[0] !== OPENING_BRACE) return 0;
  if (content[last] !== CLOSING_BRACE) return Math.max(last, 0);
  const control = content.findIndex((byte) => byte < SPACE);
  return control === -1 ? undefined : control;
}

function malformed(name: string, offset: number): IntegrityError {
  const at = Math.max(offset, 0);
  return new IntegrityError('MALFORMED', `${name}: unexpected byte at offset ${at}`, {
    hint: 'the archive was damaged or changed; get it again from its maker',
    details: { offset: at },
  });
}
