/** The statement that configuration was checked: its form, its bytes, and what it is about. Pure. */
import * as z from 'zod';
import { listOf } from '../../base/schemas/list.ts';
import { isUtcSeconds } from '../../base/utc-time.ts';
import type { Digest } from '../../oci/digest.ts';
import { hexOf } from '../../oci/digest.ts';
import { StatementSubject } from './statement-schema.ts';

/** Where this predicate is described; a new version of it has another address. */
export const CHECK_PREDICATE_TYPE = 'https://airgap.hexabase.ai/attestations/check/v1';

const MAX_PROFILES = 16;
/** An archive with its report, or the files of a report. */
const MAX_CHECK_SUBJECTS = 8;

const Count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** What became of all rules on all that was checked. */
export const CheckCounts = z.strictObject({ pass: Count, fail: Count, excepted: Count, notApplicable: Count });
export type CheckCounts = z.infer<typeof CheckCounts>;

/** What is stated of a check. It is evidence of configuration, and not of conduct. */
export const CheckPredicate = z.strictObject({
  verdict: z.enum(['pass', 'fail', 'excepted']),
  /** The moment at which exceptions counted; of a release, its own time. */
  checkedAt: z
    .string()
    .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    .refine(isUtcSeconds, 'no such time'),
  toolVersion: z.string().min(1).max(64),
  profiles: listOf(z.string().regex(/^[a-z0-9-]{1,63}$/), MAX_PROFILES, 1),
  counts: CheckCounts,
});
export type CheckPredicate = z.infer<typeof CheckPredicate>;

/**
 * The whole statement. Key order is the order of its bytes.
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 */
export const CheckStatement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: listOf(StatementSubject, MAX_CHECK_SUBJECTS, 1),
  predicateType: z.literal(CHECK_PREDICATE_TYPE),
  predicate: CheckPredicate,
});
export type CheckStatement = z.infer<typeof CheckStatement>;

/** A statement that these files, each by its name and digest, are what came of a check. */
export function createCheckStatement(
  files: readonly { readonly path: string; readonly digest: Digest }[],
  predicate: CheckPredicate,
): CheckStatement {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: files.map(({ path, digest }) => ({ name: path, digest: { sha256: hexOf(digest) } })),
    predicateType: CHECK_PREDICATE_TYPE,
    predicate,
  };
}

/** The bytes of a statement: compact JSON in the order of the schema. */
export function serializeCheckStatement(statement: CheckStatement): Buffer {
  return Buffer.from(JSON.stringify(CheckStatement.parse(statement)));
}

/** Where the report of a check stands in the archive of a release. */
export function checkReportPath({ name, version }: { readonly name: string; readonly version: string }): string {
  return `compliance/${name}-${version}.check.json`;
}
