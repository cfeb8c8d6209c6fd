/** The few DER encodings that an encrypted private key file is made of. */

const TAG = { integer: 0x02, octetString: 0x04, null: 0x05, objectIdentifier: 0x06, sequence: 0x30 } as const;
const LONG_FORM = 0x80;
const CONTINUES = 0x80;

/**
 * A SEQUENCE of already encoded parts.
 * @see https://www.itu.int/rec/T-REC-X.690
 */
export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return encode(TAG.sequence, Buffer.concat(parts));
}

/** An OCTET STRING. */
export function derOctetString(bytes: Uint8Array): Buffer {
  return encode(TAG.octetString, bytes);
}

/** A NULL. */
export function derNull(): Buffer {
  return encode(TAG.null, Buffer.alloc(0));
}

/**
 * An INTEGER.
 * @throws RangeError when the value is negative or not a safe integer; a bug of the caller.
 */
export function derInteger(value: number): Buffer {
  const bytes = bigEndian(value);
  // A set top bit would mean a negative number.
  const negative = (bytes[0] ?? 0) >= 0x80;
  return encode(TAG.integer, Buffer.from(negative ? [0, ...bytes] : bytes));
}

/** An OBJECT IDENTIFIER from its dotted form. */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encode(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest].flatMap(base128)));
}

function encode(tag: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([tag, ...length(content.length)]), content]);
}

function length(value: number): readonly number[] {
  const bytes = bigEndian(value);
  return value < LONG_FORM ? bytes : [LONG_FORM | bytes.length, ...bytes];
}

function bigEndian(value: number): readonly number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a DER length or integer: ${value}`);
  const bytes = [value % 256];
  for (let rest = Math.floor(value / 256); rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

function base128(value: number): readonly number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.unshift(CONTINUES | (rest % 128));
  }
  return bytes;
}
