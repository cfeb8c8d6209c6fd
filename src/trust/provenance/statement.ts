/** Statements about a release, of how it was built and how it was checked: their bytes, and what they are about. Pure. */
import type { z } from 'zod';
import { parseJson } from '../../base/json/parse-json.ts';
import { TrustError } from '../../errors.ts';
import { hexOf, type Digest } from '../../oci/digest.ts';
import { parseReference } from '../../oci/reference.ts';
import { CHECK_PREDICATE_TYPE, checkReportPath, CheckStatement, serializeCheckStatement } from './check-statement.ts';
import { ProvenanceStatement, type StatementSubject } from './statement-schema.ts';

/** What a DSSE envelope around a statement says its payload is. */
export const STATEMENT_PAYLOAD_TYPE = 'application/vnd.in-toto+json';
/** Values of one statement: twenty thousand dependencies and a thousand subjects. */
const MAX_PAYLOAD_BYTES = 1024 * 1024;
const MAX_VALUES = 200_000;
/** The subject that stands for the whole archive. */
const CHECKSUMS = 'checksums.txt';

/** The bytes of a statement: compact JSON in the order of the schema. */
export function serializeStatement(statement: ProvenanceStatement): Buffer {
  return Buffer.from(JSON.stringify(ProvenanceStatement.parse(statement)));
}

/** What an envelope holds, by its types alone. */
interface RawStatement {
  readonly name: string;
  readonly payload: Uint8Array;
  readonly json: unknown;
  readonly predicateType: unknown;
}

/**
 * Reads the payload of an envelope whose signature was checked, or will count for nothing. Its types come first: a
 * genuine statement of another kind says nothing about how the release was built.
 * @param name what to call the statement in errors, such as its member name
 * @throws TrustError `SUBJECT_MISMATCH` when it is no SLSA provenance v1 of an archive, `SIGNATURE_INVALID` when it is not
 *   spelled as {@link serializeStatement} spells it.
 */
export function parseStatement(payloadType: string, payload: Uint8Array, name: string): ProvenanceStatement {
  return toProvenance(readRaw(payloadType, payload, name));
}

/**
 * Reads what may stand in an archive: provenance as {@link parseStatement} does, or the statement of a check.
 * @throws TrustError as {@link parseStatement}
 */
export function parseReleaseStatement(
  payloadType: string,
  payload: Uint8Array,
  name: string,
): ProvenanceStatement | CheckStatement {
  const raw = readRaw(payloadType, payload, name);
  if (raw.predicateType !== CHECK_PREDICATE_TYPE) return toProvenance(raw);
  return parseAs(CheckStatement, serializeCheckStatement, raw, 'is no statement of a check');
}

function readRaw(payloadType: string, payload: Uint8Array, name: string): RawStatement {
  if (payloadType !== STATEMENT_PAYLOAD_TYPE) throw otherKind(name, `has a payload of type ${quote(payloadType)}`);
  let json: unknown;
  try {
    // The spelling is compared below.
    json = parseJson(payload, { maxBytes: MAX_PAYLOAD_BYTES, maxValues: MAX_VALUES, reading: 'lenient' });
  } catch (error) {
    throw malformed(name, 'does not hold JSON', error);
  }
  const { _type, predicateType } = {
    ...(json as { readonly _type?: unknown; readonly predicateType?: unknown } | null),
  };
  if (_type !== 'https://in-toto.io/Statement/v1') throw otherKind(name, `has the type ${quote(_type)}`);
  return { name, payload, json, predicateType };
}

function toProvenance(raw: RawStatement): ProvenanceStatement {
  if (raw.predicateType !== 'https://slsa.dev/provenance/v1') {
    throw otherKind(raw.name, `has the predicate type ${quote(raw.predicateType)}`);
  }
  return parseAs(ProvenanceStatement, serializeStatement, raw, 'is not provenance of an archive');
}

function parseAs<T>(
  schema: z.ZodType<T>,
  serialize: (statement: T) => Buffer,
  { name, json, payload }: RawStatement,
  fault: string,
): T {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(name, `${fault}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
  }
  // Duplicate keys, white space and other spellings are lost in parsing.
  if (!serialize(parsed.data).equals(payload)) throw malformed(name, 'is not in canonical form');
  return parsed.data;
}

/** What statements say of a release, to be held against the release itself. */
export interface StatedRelease {
  readonly name: string;
  readonly version: string;
  readonly channel: string;
  readonly platforms: readonly string[];
  readonly images: readonly { readonly reference: string; readonly digest: Digest }[];
  readonly files: readonly { readonly path: string; readonly digest: Digest }[];
}

/** The subject that stands for the archive with this digest of `checksums.txt`. */
export function checksumsSubject(digest: Digest): StatementSubject {
  return { name: CHECKSUMS, digest: { sha256: hexOf(digest) } };
}

/** The images of a release as subjects, each once: `registry/repository` and the digest of the root. */
export function imageSubjects(images: StatedRelease['images']): readonly StatementSubject[] {
  const subjects = images.map(({ reference, digest }) => {
    const { registry, repository } = parseReference(reference);
    return { name: `${registry}/${repository}`, digest: { sha256: hexOf(digest) } };
  });
  return [...new Map(subjects.map((subject) => [keyOf(subject), subject])).values()];
}

/**
 * Whether the statements of one signer are about exactly this archive: each begins with its `checksums.txt`, together
 * they name every image once and nothing else, and they agree on how it was built.
 * @throws TrustError `SUBJECT_MISMATCH`
 */
export function assertSubjects(
  statements: readonly ProvenanceStatement[],
  release: StatedRelease,
  checksums: Digest,
  name: string,
): void {
  const archive = keyOf(checksumsSubject(checksums));
  const open = new Set(imageSubjects(release.images).map(keyOf));
  for (const { subject } of statements) {
    const [first, ...images] = subject;
    if (first === undefined || keyOf(first) !== archive) throw mismatch(name, 'is about another archive');
    for (const image of images) {
      if (open.delete(keyOf(image))) continue;
      throw mismatch(
        name,
        `names ${quote(image.name)} with ${image.digest.sha256}, which is not an image of the archive, or was named before`,
      );
    }
  }
  const [missing] = open;
  if (missing !== undefined) throw mismatch(name, `is not about the image ${missing}`);
  const [first, ...others] = statements;
  if (others.some((other) => commonPart(other) !== commonPart(first))) {
    throw mismatch(name, 'contradicts another statement about how the archive was built');
  }
  const parameters = first?.predicate.buildDefinition.externalParameters;
  for (const key of ['name', 'version', 'channel', 'platforms'] as const) {
    if (JSON.stringify(parameters?.[key]) === JSON.stringify(release[key])) continue;
    throw mismatch(name, `gives the ${key} ${quote(parameters?.[key])}, the archive ${quote(release[key])}`);
  }
}

/**
 * Whether the statement of a check is about exactly this archive and the report that it carries.
 * @throws TrustError `SUBJECT_MISMATCH`
 */
export function assertCheckSubjects(
  { subject }: CheckStatement,
  release: StatedRelease,
  checksums: Digest,
  name: string,
): void {
  const path = checkReportPath(release);
  const report = release.files.find((file) => file.path === path);
  if (report === undefined) throw mismatch(name, `is about a check, and the archive does not carry ${path}`);
  const wanted = [checksumsSubject(checksums), { name: path, digest: { sha256: hexOf(report.digest) } }].map(keyOf);
  const named = subject.map(keyOf);
  if (named[0] !== wanted[0]) throw mismatch(name, 'is about another archive');
  if (named.length !== 2 || named[1] !== wanted[1])
    throw mismatch(name, `is not about ${path} as the archive carries it`);
}

/** All of a predicate that does not depend on how the subjects are divided. */
function commonPart(statement: ProvenanceStatement | undefined): string {
  const { buildDefinition, runDetails } = statement?.predicate ?? {};
  return JSON.stringify({ ...buildDefinition, resolvedDependencies: [], runDetails });
}

function keyOf({ name, digest }: StatementSubject): string {
  return `${name}@sha256:${digest.sha256}`;
}

/** Foreign text, short enough for a message. */
function quote(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 200);
}

function otherKind(name: string, fault: string): TrustError {
  return mismatch(name, `${fault}, which is not SLSA provenance v1`);
}

function mismatch(name: string, fault: string): TrustError {
  return new TrustError('SUBJECT_MISMATCH', `${name} ${fault}`, {
    hint: 'the provenance does not belong to this archive; get the archive again from its maker',
  });
}

function malformed(name: string, fault: string, cause?: unknown): TrustError {
  return new TrustError('SIGNATURE_INVALID', `${name} ${fault}`, {
    hint: 'the provenance was damaged or changed; get the archive again from its maker',
    cause,
  });
}
