/** The lines of a site's audit log, and the receipt of a load that is carried back out. */
import { UtcSeconds } from '../../base/schemas/utc-seconds.ts';
import * as z from 'zod';
import { DigestText, Size } from '../../content/content-graph.ts';
import { KeyIdText, LineName, Sequence, TrustVersion } from '../../trust/documents/trust-document-schema.ts';

/** Images, charts or files of one load. */
const MAX_ENTRIES = 200_000;
/** A path, or a reference with the place it got. */
const MAX_TEXT = 4096;

/** Text of a bounded length; control characters are escaped where a line is written. */
const Text = z.string().min(1).max(MAX_TEXT);
const Name = z.string().min(1).max(255);
const Code = z.string().min(1).max(64);
const UserNumber = z.int().min(0).max(0xffff_ffff);

/** Who did it, as far as a program can tell. */
export const AuditOperator = z.strictObject({
  /** As `--operator` said. */
  stated: Name.optional(),
  /** As the environment said. */
  user: Name.optional(),
  /** Whose rights the process had. */
  uid: UserNumber.optional(),
  /** Who logged in at the beginning of the session, whatever user they became since; only where the kernel keeps it. */
  loginUid: UserNumber.optional(),
  host: Name,
});
export type AuditOperator = z.infer<typeof AuditOperator>;

/** Who vouched for a release. Further kinds of signer get a `kind` of their own. */
export const AuditSigner = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('key'), keyId: KeyIdText, algorithm: Code }),
  z.strictObject({ kind: z.literal('identity'), issuer: Text, subject: Text }),
]);
export type AuditSigner = z.infer<typeof AuditSigner>;

/** One image and what it is at the target. */
export const AuditImage = z.strictObject({
  reference: Text,
  /** Its reference at the target, or the file it is in. */
  place: Text,
  /** At the target. */
  digest: DigestText,
  /** In the archive, where the target took only a rebuilt index. */
  original: DigestText.optional(),
  result: z.enum(['missing', 'loaded', 'present', 'rebuilt']),
});
export type AuditImage = z.infer<typeof AuditImage>;

/** A chart or a file, and where it went. */
export const AuditFile = z.strictObject({ path: Text, place: Text, digest: DigestText });
export type AuditFile = z.infer<typeof AuditFile>;

/** What an entry says of its subject. Key order is the order of the bytes. */
const facts = {
  at: UtcSeconds,
  /**
   * A load or deployment is `started` before anything can be seen of it, and ends in one of the ways behind; each `step` of
   * a deployment has an entry of its own between the two.
   */
  event: z.enum(['started', 'step', 'completed', 'refused', 'failed']),
  action: z.enum(['load', 'deploy', 'rollback', 'extract', 'verify']),
  /** Version of the product. */
  tool: Code,
  operator: AuditOperator,
  /** The `sequence` of the `started` entry that this one ends. */
  start: Sequence.optional(),
  /** `digest` is of `checksums.txt`; where there is no `release`, no one vouched for it. */
  archive: z.strictObject({ path: z.string().max(MAX_TEXT), digest: DigestText.optional() }),
  target: Text.optional(),
  release: z
    .strictObject({ product: LineName, channel: LineName, version: Code, sequence: Sequence.optional() })
    .optional(),
  signers: z.array(AuditSigner).max(256).optional(),
  /** The trust document it was evaluated by; absent where plain keys were given. */
  trust: z.strictObject({ version: TrustVersion, digest: DigestText }).optional(),
  rollback: Code.optional(),
  /** Codes of the refusals that an exception set aside. */
  exceptions: z.array(Code).min(1).max(16).optional(),
  images: z.array(AuditImage).max(MAX_ENTRIES).optional(),
  charts: z.array(AuditFile).max(MAX_ENTRIES).optional(),
  files: z.array(AuditFile).max(MAX_ENTRIES).optional(),
  /** A step that is done, and how many things it changed. */
  step: z.strictObject({ name: Code, changed: z.int().min(0) }).optional(),
  /** The cluster, its namespace and the profile that a deployment is of; whether rules that the release demands were not asked; the step that a repair began with. */
  cluster: z
    .strictObject({
      server: Text,
      namespace: Name,
      profile: Name,
      rules: z.literal('skipped').optional(),
      from: Name.optional(),
    })
    .optional(),
  exitCode: z.int().min(0).max(255).optional(),
  /** Why it was refused, failed, or is complete but for something. The words are left out: they may quote what an archive says. */
  code: Code.optional(),
};

const link = {
  logVersion: z.literal(1),
  /** 1, 2, 3, … without gaps. */
  sequence: Sequence,
  /** sha256 of the line before, its line feed included; 64 zeros for the first. */
  previous: DigestText,
};

/** What is known of a line before it gets its place in the chain. */
export const AuditFacts = z.strictObject(facts);
export type AuditFacts = z.infer<typeof AuditFacts>;

/** What makes something of a release visible at a target: it goes on record, advances the state, and may have a receipt. */
const LOADING: readonly string[] = ['load', 'deploy', 'rollback'] satisfies readonly AuditFacts['action'][];

/** Whether an action is a load, or has one in it. */
export function isLoading(action: string): boolean {
  return LOADING.includes(action);
}

/** One line that tells of an archive. */
const ArchiveEntry = z.strictObject({ ...link, ...facts });

/** One line that accounts for what a crash left of others. */
const RecoveredEntry = z.strictObject({
  ...link,
  at: UtcSeconds,
  event: z.literal('recovered'),
  tool: Code,
  operator: AuditOperator,
  /** The bytes that stand between the entry before and this one, with their line feeds. */
  torn: z.strictObject({ bytes: Size, digest: DigestText }),
});

/** One line of the log. */
export const AuditEntry = z.discriminatedUnion('event', [ArchiveEntry, RecoveredEntry]);
export type AuditEntry = z.infer<typeof AuditEntry>;
export type ArchiveEntry = z.infer<typeof ArchiveEntry>;

/**
 * What a site states of a load: an in-toto statement about the archive, with the line of its log.
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 */
export const LoadReceipt = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.tuple([
    z.strictObject({
      name: z.literal('checksums.txt'),
      digest: z.strictObject({ sha256: z.string().regex(/^[a-f0-9]{64}$/) }),
    }),
  ]),
  predicateType: z.literal('https://airgap.hexabase.ai/load-receipt/v1'),
  predicate: z.strictObject({
    /** sha256 of the line. */
    head: DigestText,
    entry: ArchiveEntry,
  }),
});
export type LoadReceipt = z.infer<typeof LoadReceipt>;
