/** Fills the placeholders of staged manifests: with what a site gives, has kept, or has made for it. */
import { randomBytes } from 'node:crypto';
import { UsageError } from '../../errors.ts';

/** A placeholder: `${SITE_API_PASSWORD}`, `${SITE_API_PASSWORD_BASE64}`. */
const PLACEHOLDER = /\$\{(SITE_[A-Z0-9_]+)\}/g;
const BASE64 = '_BASE64';
const LINE = /^(SITE_[A-Z0-9_]{1,220})=(.*)$/;
/** What stands in a manifest as it is must not end what it stands in. */
const PLAIN_VALUE = /^[A-Za-z0-9+/=._-]*$/;
const BASE64_VALUE = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Bytes of a value that is made here: those of a key of AES-256. */
const MADE_BYTES = 32;

/** Values by the names of their placeholders. */
export type FilledValues = ReadonlyMap<string, string>;

/** The names that texts ask for, sorted. */
export function placeholdersOf(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.flatMap((text) => [...text.matchAll(PLACEHOLDER)].map(([, name = '']) => name)))].sort();
}

/**
 * Reads a file of values: lines `SITE_NAME=value`, comments, empty lines; an empty value is none.
 * @throws UsageError `USAGE` naming the line; never a value.
 */
export function parseSiteValues(text: string, fileName: string): FilledValues {
  const values = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name, value = ''] = LINE.exec(line) ?? [];
    const refuse = (why: string, hint: string): UsageError =>
      new UsageError('USAGE', `${fileName}:${index + 1}: ${why}`, { hint });
    if (name === undefined) throw refuse('is no line SITE_NAME=value', 'copy secrets.env.example, and fill it in');
    if (value === '') continue;
    const isBase64 = name.endsWith(BASE64);
    if (isBase64 && !BASE64_VALUE.test(value))
      throw refuse(`${name} is no base64`, 'write it on one line, with its padding');
    if (!isBase64 && !PLAIN_VALUE.test(value))
      throw refuse(`${name} has other characters than letters, digits and + / = . _ -`, 'choose another value');
    values.set(name, value);
  }
  return values;
}

/** Where values come from. */
export interface ValueSources {
  /** Given now: they go before what is kept. */
  readonly given: FilledValues;
  /** What an earlier deployment used. */
  readonly kept: FilledValues;
  /** Names (without `_BASE64`) that a random value is made for, where there is none. */
  readonly generate: readonly string[];
}

/**
 * The value of each name: given, kept, or made. A name and its `_BASE64` are one value: one of them is enough.
 * @throws UsageError `USAGE` naming those that have none.
 */
export function fillValues(names: readonly string[], { given, kept, generate }: ValueSources): FilledValues {
  const made = new Map<string, string>();
  const unknown = generate.filter((name) => !names.some((each) => baseOf(each) === baseOf(name)));
  if (unknown.length > 0) {
    throw new UsageError('USAGE', `--generate: the manifests have no placeholder ${unknown.join(', ')}`, {
      hint: `they have: ${names.join(', ') || 'none'}`,
    });
  }
  const bases = new Set(generate.map(baseOf));
  const filled = new Map<string, string>();
  for (const name of names) {
    const base = baseOf(name);
    const held = valueIn(given, name) ?? valueIn(kept, name);
    if (held !== undefined) {
      filled.set(name, held);
    } else if (bases.has(base)) {
      const value = made.get(base) ?? makeValue();
      made.set(base, value);
      filled.set(name, name.endsWith(BASE64) ? toBase64(value) : value);
    }
  }
  const missing = names.filter((name) => !filled.has(name));
  if (missing.length === 0) return filled;
  throw new UsageError('USAGE', 'the manifests leave values to the site that were not given', {
    items: missing,
    hint: 'give them with --site-values FILE (secrets.env.example beside the manifests says what they are), or have random ones made: --generate NAME',
  });
}

/** The text with its placeholders replaced. */
export function fillText(text: string, values: FilledValues): string {
  return text.replaceAll(PLACEHOLDER, (whole, name: string) => values.get(name) ?? whole);
}

function valueIn(values: FilledValues, name: string): string | undefined {
  const own = values.get(name);
  if (own !== undefined) return own;
  const base = baseOf(name);
  if (name.endsWith(BASE64)) {
    const plain = values.get(base);
    return plain === undefined ? undefined : toBase64(plain);
  }
  const encoded = values.get(base + BASE64);
  const plain = encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString('utf8');
  return plain !== undefined && PLAIN_VALUE.test(plain) ? plain : undefined;
}

/**
 * A random value that fits as a password, a token and a key of 256 bits: base64, without the characters that end a part of
 * a URL. Those that have some are thrown away, which costs two bits of 256.
 */
function makeValue(): string {
  for (;;) {
    const value = randomBytes(MADE_BYTES).toString('base64');
    if (!/[+/]/.test(value)) return value;
  }
}

/** Whether two placeholders are one value, in one form or two. */
export function isSameValue(one: string, other: string): boolean {
  return baseOf(one) === baseOf(other);
}

function baseOf(name: string): string {
  return name.endsWith(BASE64) ? name.slice(0, -BASE64.length) : name;
}

function toBase64(value: string): string {
  return Buffer.from(value).toString('base64');
}
