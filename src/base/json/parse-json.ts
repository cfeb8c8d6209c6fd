/** The one way from bytes to JSON: bounded, and in what strangers wrote, nothing that two readers take in two ways. */

/** Objects and arrays within each other; manifests have five. */
const MAX_DEPTH = 100;
/** Keys of one object that a schema of this product knows, many times over. */
const MAX_KEYS = 64;
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [BRACE, BRACKET, BRACE_END, BRACKET_END] = [0x7b, 0x5b, 0x7d, 0x5d];
const OPENING = '{[';
const CLOSING = '}]';
const SPACES = ' \t\r\n';
/** A key as a message shows it. */
const MAX_SHOWN = 100;

/** How a document is read. */
export interface JsonOptions {
  /** Longer documents are refused unread. */
  readonly maxBytes: number;
  /**
   * `strict` refuses what readers take in different ways: a key twice in one object, bytes that are no UTF-8 text.
   * `lenient` reads as Go does: the last of equal keys counts, U+FFFD stands for such bytes. For answers and files of
   * other programs, where a refusal would keep away what every other tool reads, and for documents whose spelling is
   * compared afterwards.
   * @defaultValue 'strict'
   */
  readonly reading?: 'strict' | 'lenient' | undefined;
  /**
   * Values at most, and 64 keys of one object. JSON takes a hundred times its size in memory when it is all brackets,
   * commas and keys: for what is read before it is known who wrote it.
   */
  readonly maxValues?: number | undefined;
  /** Objects and arrays within each other. @defaultValue 100 */
  readonly maxDepth?: number | undefined;
  /**
   * Whether numbers are whole and in digits only: what else JSON allows (`5.0`, `5e0`, `-0`) is refused by decoders such
   * as Go's, or read as another number.
   */
  readonly plainNumbers?: boolean | undefined;
}

/** What is wrong with a document, as the rest of a sentence: `is not JSON`. It quotes nothing of it but keys. */
export class JsonFault extends SyntaxError {
  static {
    this.prototype.name = 'JsonFault';
  }
}

/**
 * Parses JSON; no other file of this product does. A byte order mark is refused however the document is read.
 * @throws JsonFault
 * @see https://www.rfc-editor.org/rfc/rfc8259#section-4
 */
export function parseJson(document: Uint8Array | string, options: JsonOptions): unknown {
  const bytes = typeof document === 'string' ? Buffer.from(document) : document;
  const { maxBytes, reading = 'strict', maxValues, maxDepth = MAX_DEPTH, plainNumbers = false } = options;
  if (bytes.length > maxBytes) throw new JsonFault(`is longer than ${maxBytes} bytes`);
  assertBounded(bytes, maxDepth, maxValues);
  const text = decode(bytes, reading);
  if (reading === 'strict') assertUniqueKeys(text);
  if (plainNumbers) assertPlainNumbers(text);
  return parse(text);
}

/** What is wrong, in words that follow the name of the document; other failures of reading it are one. */
export function jsonFaultOf(error: unknown): string {
  return error instanceof JsonFault ? error.message : 'is not JSON';
}

/**
 * The first key of an object that is not one of these but that decoders which ignore case, such as Go's, take for one:
 * `Layers`, and with them `layerſ` as well.
 * @see https://pkg.go.dev/encoding/json#Unmarshal
 */
export function findMisspeltKey(object: object, keys: readonly string[]): string | undefined {
  const folded = new Set(keys.map(foldCase));
  return Object.keys(object).find((key) => !keys.includes(key) && folded.has(foldCase(key)));
}

/** Upper case first: the long s has an upper case of its own only, the Kelvin sign a lower case. */
function foldCase(text: string): string {
  return text.toUpperCase().toLowerCase();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // The parser's own words quote the text, which may hold secrets: its place is enough.
    const [, place] = /\((line \d+ column \d+)\)$/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new JsonFault(place === undefined ? 'is not JSON' : `is not JSON (${place})`);
  }
}

function decode(bytes: Uint8Array, reading: 'strict' | 'lenient'): string {
  let text: string;
  try {
    // Without `ignoreBOM`, the mark would be dropped silently.
    text = new TextDecoder('utf-8', { fatal: reading === 'strict', ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonFault('is not UTF-8 text');
  }
  if (text.startsWith('\uFEFF')) throw new JsonFault('starts with a byte order mark');
  return text;
}

/** For bytes in which every string ends, as {@link parse} makes sure of in the end. */
function assertPlainNumbers(text: string): void {
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') at = endOfString(text, at) - 1;
    else if ('.-+'.includes(character) || /^[0-9][eE]/.test(text.slice(at, at + 2))) {
      throw new JsonFault('has a number that is not written in digits alone');
    }
  }
}

/** Looks at bytes only; whether they are JSON at all is for the parser to say. */
function assertBounded(bytes: Uint8Array, maxDepth: number, maxValues = Number.POSITIVE_INFINITY): void {
  const maxKeys = maxValues === Number.POSITIVE_INFINITY ? maxValues : MAX_KEYS;
  const keys: (number | undefined)[] = [];
  let isString = false;
  let values = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isString && byte === BACKSLASH) at++;
    else if (byte === QUOTE) isString = !isString;
    else if (isString) continue;
    else if (byte === COMMA) {
      const own = keys.at(-1);
      if (own !== undefined) keys[keys.length - 1] = own + 1;
      if (++values > maxValues) throw new JsonFault(`has more than ${maxValues} values`);
      if ((own ?? 0) >= maxKeys) throw new JsonFault(`has an object of more than ${maxKeys} keys`);
    } else if (byte === BRACE || byte === BRACKET) {
      keys.push(byte === BRACE ? 1 : undefined);
      if (++values > maxValues) throw new JsonFault(`has more than ${maxValues} values`);
      if (keys.length > maxDepth) throw new JsonFault('is nested too deep');
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      keys.pop();
    }
  }
}

/** However they are escaped. Looks at strings and brackets only. */
function assertUniqueKeys(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (OPENING.includes(character)) {
      open.push(character === '{' ? new Set() : undefined);
    } else if (CLOSING.includes(character)) {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end)) {
        const key = parse(text.slice(at, end)) as string;
        if (keys.has(key)) throw new JsonFault(`repeats the key ${JSON.stringify(key.slice(0, MAX_SHOWN))}`);
        keys.add(key);
      }
      at = end - 1;
    }
  }
}

/** The offset behind the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  throw new JsonFault('is not JSON: a string does not end');
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && SPACES.includes(text.charAt(at))) at++;
  return text.charCodeAt(at) === COLON;
}
