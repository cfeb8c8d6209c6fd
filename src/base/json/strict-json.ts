/** JSON that every reader reads alike: no key twice, no byte order mark, no bytes that are no text, no nesting without end. */

/** Objects and arrays within each other; manifests have five. */
const MAX_DEPTH = 100;
/** Keys of one object that a schema of this product knows, many times over. */
const MAX_KEYS = 64;
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c];
const [BRACE, BRACKET, BRACE_END, BRACKET_END] = [0x7b, 0x5b, 0x7d, 0x5d];
const OPENING = '{[';
const CLOSING = '}]';
const SPACES = ' \t\r\n';

/**
 * Parses JSON of a stranger, where one reader could take the first of two equal keys and another the last.
 * @throws SyntaxError for what is no JSON, a key that an object has twice (however it is escaped), a byte order mark,
 *   and more than 100 levels. @throws TypeError for what is not UTF-8.
 * @see https://www.rfc-editor.org/rfc/rfc8259#section-4
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  // Without `ignoreBOM`, the mark would be dropped silently.
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  assertUnambiguous(text);
  return JSON.parse(text);
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

/**
 * Whole numbers in digits only: what else JSON allows (`5.0`, `5e0`, `-0`) is refused by decoders such as Go's, or read as
 * another number. For bytes that {@link parseStrictJson} took.
 * @throws SyntaxError
 */
export function assertPlainNumbers(bytes: Uint8Array): void {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') at = endOfString(text, at) - 1;
    else if ('.-+'.includes(character) || /^[0-9][eE]/.test(text.slice(at, at + 2))) {
      throw new SyntaxError('has a number that is not written in digits alone');
    }
  }
}

/**
 * JSON takes a hundred times its size in memory when it is all brackets, commas and keys. For what is read before it is
 * known who wrote it. Looks at bytes only; whether they are JSON at all is for the parser to say.
 * @throws SyntaxError when there are more than `max` values, more than 64 in one object, or more than 100 levels
 */
export function assertFewValues(bytes: Uint8Array, max: number): void {
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
      if (++values > max || (own ?? 0) >= MAX_KEYS) throw new SyntaxError(`has more than ${max} values`);
    } else if (byte === BRACE || byte === BRACKET) {
      keys.push(byte === BRACE ? 1 : undefined);
      if (++values > max || keys.length > MAX_DEPTH) throw new SyntaxError(`has more than ${max} values`);
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      keys.pop();
    }
  }
}

/** Looks at strings and brackets only; whether the text is JSON at all is for the parser to say. */
function assertUnambiguous(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (OPENING.includes(character)) {
      if (open.push(character === '{' ? new Set() : undefined) > MAX_DEPTH) throw new SyntaxError('nested too deep');
    } else if (CLOSING.includes(character)) {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) throw new SyntaxError(`repeats the key ${JSON.stringify(key.slice(0, 100))}`);
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
  throw new SyntaxError('a string does not end');
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && SPACES.includes(text.charAt(at))) at++;
  return text.charCodeAt(at) === COLON;
}
