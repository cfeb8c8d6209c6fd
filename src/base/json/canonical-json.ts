/** Strict JSON: only the one spelling that this product would write itself is read. */
import type { z } from 'zod';
import { IntegrityError } from '../../errors.ts';
import { jsonFaultOf, parseJson } from './parse-json.ts';

/** Values of one document: revocations and audit records in any number that people make. */
const MAX_VALUES = 1_000_000;

/** The bytes: keys in the schema's order, one space of indentation, a line feed at the end. */
export function serializeCanonically(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
}

/** The bytes of one line: no white space but the line feed at the end, nothing but printable ASCII before it. */
export function serializeLine(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value).replace(/[\u007f-\uffff]/g, escapeUnit)}\n`);
}

/**
 * Reads a document that must be spelled as {@link serializeCanonically} spells it. Duplicate keys, unknown keys,
 * `__proto__`, other white space, unsafe numbers, other encodings and anything that follows are all lost when text
 * becomes an object, so that what is written from the object differs from what was read.
 * @param name what to call the document in errors, such as its path
 * @param hint the next step when it is damaged
 * @throws IntegrityError `MALFORMED`
 */
export function parseCanonically<S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
  hint?: string,
): z.infer<S> {
  const read = readSpelled(schema, bytes, maxBytes, serializeCanonically);
  if ('data' in read) return read.data;
  throw malformed(name, read.fault, read.cause, hint);
}

/** A document, or what is wrong with it. */
export type Spelled<T> = { readonly data: T } | { readonly fault: string; readonly cause?: unknown };

/** Reads a document that must be spelled as `serialize` spells it. */
export function readSpelled<S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  maxBytes: number,
  serialize: (value: z.infer<S>) => Buffer,
): Spelled<z.infer<S>> {
  let json: unknown;
  try {
    // Whatever two readers could take in two ways is lost on the way and found when the spelling is compared.
    json = parseJson(bytes, { maxBytes, maxValues: MAX_VALUES, reading: 'lenient' });
  } catch (cause) {
    return { fault: jsonFaultOf(cause), cause };
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { fault: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` };
  }
  return serialize(parsed.data).equals(bytes) ? { data: parsed.data } : { fault: 'is not in canonical form' };
}

/** A document that is not what it should be. */
export function malformed(
  name: string,
  fault: string,
  cause?: unknown,
  hint = 'it was damaged or changed by hand; get it again from its maker, or make it with `airgap trust`',
): IntegrityError {
  return new IntegrityError('MALFORMED', `${name} ${fault}`, { hint, cause });
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
