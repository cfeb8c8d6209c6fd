/** What `airgap verify --json` prints and `--report` writes: what was read, what was verified, by whom, and what was wrong. */
import * as z from 'zod';
import { DigestText, Size } from '../content/content-graph.ts';

/** Where the schema is published. */
const SCHEMA_ID = 'https://airgap.hexabase.ai/schemas/verify-report-v1.schema.json';

const DIGEST = { type: 'string', pattern: '^sha256:[a-f0-9]{64}$' } as const;
const KeyId = z.string().regex(/^[a-f0-9]{64}$/);

/** A key, or an identity that a certificate names. */
const byKey = { keyId: KeyId };
const byIdentity = { issuer: z.string(), subject: z.string() };
const Time = z.string().describe('By the word of a pinned log or timestamp authority.');

const statedBuild = {
  builderId: z.string(),
  sourceRepository: z.string().optional(),
  sourceCommit: z.string().optional(),
  toolVersion: z.string(),
  specDigest: DigestText.meta(DIGEST).describe('Of the release.yaml.'),
  lockDigest: DigestText.meta(DIGEST).describe('Of the release.lock.json.'),
  invocationId: z.string().optional(),
  startedOn: z.string().optional(),
  finishedOn: z.string().optional(),
};
const StatedBuild = z.union([
  z.strictObject({ ...byKey, ...statedBuild }),
  z.strictObject({ ...byIdentity, ...statedBuild }),
]);

const Count = z.int().min(0);
const statedCheck = {
  verdict: z.enum(['pass', 'fail', 'excepted']),
  checkedAt: z.string().describe('The moment at which exceptions counted: the time of the release.'),
  toolVersion: z.string(),
  profiles: z.array(z.string()),
  counts: z.strictObject({ pass: Count, fail: Count, excepted: Count, notApplicable: Count }),
};
const StatedCheck = z.union([
  z.strictObject({ ...byKey, ...statedCheck }),
  z.strictObject({ ...byIdentity, ...statedCheck }),
]);

/** Version 1 of the report of a verification. */
export const VerifyReport = z
  .strictObject({
    schemaVersion: z.literal(1),
    kind: z.literal('verify'),
    archive: z.string().describe('The file as it was named; - for standard input.'),
    verdict: z
      .enum(['verified', 'refused', 'failed'])
      .describe('refused: the archive is not to be loaded. failed: it could not be checked.'),
    release: z
      .strictObject({
        name: z.string(),
        version: z.string(),
        channel: z.string(),
        sequence: z.int().min(1).optional().describe('Place in its line of releases.'),
        created: z.string(),
        expires: z.string().optional(),
        platforms: z.array(z.string()),
        images: z.int().min(0).describe('How many.'),
        files: z.int().min(0).describe('How many.'),
      })
      .optional()
      .describe('What the signed inventory says; present once a signature was accepted.'),
    digest: DigestText.meta(DIGEST).optional().describe('Of checksums.txt, which stands for the whole archive.'),
    trust: z.strictObject({
      threshold: z.int().min(1).describe('How many trusted signers had to have signed.'),
      acceptedSigners: z
        .array(
          z.union([
            z.strictObject({ ...byKey, algorithm: z.enum(['ecdsa-p256', 'ed25519']), signedAt: Time.optional() }),
            z.strictObject({ ...byIdentity, signedAt: Time }),
          ]),
        )
        .describe('Trusted keys and identities whose signature was verified.'),
      uncheckedSigners: z.array(z.string()).describe('Signers that other signatures name; these were not verified.'),
      document: z
        .strictObject({ version: z.int().min(1), digest: z.string(), expires: z.string() })
        .optional()
        .describe('The trust document that decided; absent when plain keys were given.'),
      ignoredSigners: z
        .array(
          z.union([
            z.strictObject({ ...byKey, reason: z.string() }),
            z.strictObject({ ...byIdentity, reason: z.string() }),
          ]),
        )
        .optional()
        .describe('Signers that the trust document knows and does not accept.'),
      rollback: z
        .enum(['unknown', 'first', 'renewed', 'newer', 'same', 'unnumbered', 'exception'])
        .optional()
        .describe('How the release compares with what this site remembers; unknown without a state.'),
      overrode: z.array(z.string()).optional().describe('Codes of refusals that an exception set aside.'),
    }),
    provenance: z
      .strictObject({
        accepted: z.array(StatedBuild).describe('By trusted signers, whose signature was verified.'),
        unchecked: z.array(StatedBuild).describe('By others; these were not verified.'),
      })
      .optional()
      .describe('How the archive was built, as its signers state it; present once a signature was accepted.'),
    checks: z
      .strictObject({
        accepted: z.array(StatedCheck).describe('By trusted signers, whose signature was verified.'),
        unchecked: z.array(StatedCheck).describe('By others; these were not verified.'),
      })
      .optional()
      .describe('That its configuration was checked, as its signers state it; present once a signature was accepted.'),
    read: z.strictObject({
      contentBytes: Size.describe('Bytes of content that were read and hashed.'),
      contentBytesTotal: Size.describe('Bytes of content the inventory declares.'),
    }),
    verified: z
      .strictObject({
        bytes: Size.describe('Size of the archive: every byte of it is accounted for.'),
        contents: z.int().min(0).describe('Pieces of content with the declared digest.'),
        base: z
          .strictObject({ bytes: Size, contents: z.int().min(1) })
          .optional()
          .describe('Of a delta: what was taken from the bases that were named, and has the declared digest.'),
      })
      .optional()
      .describe('Present only when every byte is verified.'),
    delta: z
      .strictObject({
        bases: z.array(z.strictObject({ name: z.string(), version: z.string() })).describe('By the word of the delta.'),
        omitted: z.int().min(0).describe('Layers of the release that are not in the file.'),
        omittedBytes: Size,
      })
      .optional()
      .describe('What a delta leaves out; absent for a full archive.'),
    audit: z
      .strictObject({
        log: z.string(),
        sequence: z.int().min(1).describe('Number of the entry.'),
        hash: DigestText.meta(DIGEST).describe('Of its line: the head of the log at that moment.'),
      })
      .optional()
      .describe('Where the verification went on record, if it did.'),
    error: z
      .strictObject({
        code: z.string(),
        message: z.string(),
        hint: z.string().optional(),
        member: z.string().optional().describe('First member of the archive that is wrong.'),
        offset: Size.optional().describe('Of the first wrong byte or piece of content, in the archive.'),
      })
      .optional(),
  })
  .describe('The outcome of verifying an archive.');
export type VerifyReport = z.infer<typeof VerifyReport>;

/** The JSON Schema as text with a newline at the end: what docs/report.schema.json holds. */
export function formatReportSchema(): string {
  const schema = z.toJSONSchema(VerifyReport, { target: 'draft-2020-12', unrepresentable: 'any' });
  return `${JSON.stringify({ $id: SCHEMA_ID, title: 'Verify report', ...schema }, null, 2)}\n`;
}
