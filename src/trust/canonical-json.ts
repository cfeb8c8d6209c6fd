/** Strict JSON: only the one spelling that this product would write itself is read. */
import type { z } from 'zod';
import { IntegrityError } from '../errors.ts';

/** The bytes: keys in the schema's order, one space of indentation, a line feed at the end. */
export function serializeCanonically(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
}

/**
 * Reads a document that must be spelled as {@link serializeCanonically} spells it. Duplicate keys, unknown keys,
 * `__proto__`, other white space, unsafe numbers, other encodings and anything that follows are all lost when text
 * becomes an object, so that what is written from the object differs from what was read.
 * @param name what to call the document in errors, such as its path
 * @throws IntegrityError `MALFORMED`
 */
export function parseCanonically<S extends z.ZodType>(
  schema: S,
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
): z.infer<S> {
  if (bytes.length > maxBytes) throw malformed(name, `is longer than ${maxBytes} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw malformed(name, 'is not JSON', error);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(name, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
  }
  if (!serializeCanonically(parsed.data).equals(bytes)) throw malformed(name, 'is not in canonical form');
  return parsed.data;
}

/** A document that is not what it should be. */
export function malformed(name: string, fault: string, cause?: unknown): IntegrityError {
  return new IntegrityError('MALFORMED', `${name} ${fault}`, {
    hint: 'it was damaged or changed by hand; get it again from its maker, or make it with `airgap trust`',
    cause,
  });
}
