/** What a signed payload says about an image. Read only after its signature was verified, and from the same bytes. Pure. */
import type { z } from 'zod';
import { TrustError } from '../../errors.ts';
import { hexOf, type Digest } from '../../oci/digest.ts';
import { findMisspeltKey, jsonFaultOf, parseJson } from '../../base/json/parse-json.ts';
import { SIGN_PREDICATE_TYPE, SignStatement, SIMPLE_SIGNING_TYPE, SimpleSigning } from './image-signature-schema.ts';
import { STATEMENT_PAYLOAD_TYPE } from '../provenance/statement.ts';

/** Larger signatures are not read at all. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
/** Keys that decide what is signed. Go's decoder also takes them in another case, so that spelling is refused. */
const DECISIVE_KEYS = ['critical', 'identity', 'image', 'type', 'docker-manifest-digest'];
const STATEMENT_KEYS = ['_type', 'predicateType', 'subject', 'predicate', 'digest', 'sha256'];
const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/**
 * Insists that cosign's older payload is the signature of this image.
 * @throws TrustError `SIGNATURE_INVALID` when it is malformed, `SUBJECT_MISMATCH` when it is another kind of document or
 *   about another image.
 */
export function assertSimpleSigning(payload: Uint8Array, image: Digest): void {
  const { critical } = read(SimpleSigning, payload, DECISIVE_KEYS);
  if (critical.type !== SIMPLE_SIGNING_TYPE) throw mismatch(`has a payload of type ${quote(critical.type)}`);
  const signed = critical.image['docker-manifest-digest'];
  if (signed !== image) throw mismatch(`is over another image, ${quote(signed)}`);
}

/**
 * Insists that the statement in an envelope is the signature of this image, and no attestation about it.
 * @throws TrustError as {@link assertSimpleSigning}
 */
export function assertSignStatement(payloadType: string, payload: Uint8Array, image: Digest): void {
  if (payloadType !== STATEMENT_PAYLOAD_TYPE) throw mismatch(`has a payload of type ${quote(payloadType)}`);
  const { _type, predicateType, subject } = read(SignStatement, payload, STATEMENT_KEYS);
  if (_type !== STATEMENT_TYPE) throw mismatch(`holds a statement of type ${quote(_type)}`);
  if (predicateType !== SIGN_PREDICATE_TYPE) {
    throw mismatch(`is an attestation (${quote(predicateType)}), not a signature`);
  }
  if (subject.some(({ digest }) => digest['sha256'] === hexOf(image))) return;
  throw mismatch(`is over another image, ${quote(subject[0]?.digest['sha256'])}`);
}

function read<S extends z.ZodType>(schema: S, payload: Uint8Array, keys: readonly string[]): z.infer<S> {
  let json: unknown;
  try {
    json = parseJson(payload, { maxBytes: MAX_PAYLOAD_BYTES });
  } catch (cause) {
    throw malformed(`has a payload that ${jsonFaultOf(cause)}`, cause);
  }
  const misspelt = findMisspelt(json, keys);
  if (misspelt !== undefined) throw malformed(`has a key ${quote(misspelt)} that tools read in different ways`);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw malformed(`has a payload of another form: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
}

/** Annotations and predicates have no fixed keys, but a key that passes for a decisive one has no business there either. */
function findMisspelt(value: unknown, keys: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const own = Array.isArray(value) ? undefined : findMisspeltKey(value, keys);
  if (own !== undefined) return own;
  return Object.entries(value)
    .filter(([key]) => key !== 'optional' && key !== 'predicate' && key !== 'annotations')
    .map(([, inner]) => findMisspelt(inner, keys))
    .find((key) => key !== undefined);
}

/** Foreign text, short enough for a message. */
function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 100);
}

function mismatch(fault: string): TrustError {
  return new TrustError('SUBJECT_MISMATCH', fault);
}

function malformed(fault: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', fault, { cause });
}
