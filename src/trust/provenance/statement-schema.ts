/** The statement of how a release was built: SLSA provenance v1 in an in-toto statement, as this product writes it. */
import * as z from 'zod';
import { isUtcSeconds } from '../../base/utc-time.ts';
import { listOf } from '../../base/schemas/list.ts';
import { DigestText } from '../../content/content-graph.ts';

/** What Sigstore's verifiers accept in one statement. */
export const MAX_SUBJECTS = 1024;
/** Characters of a URI that a person gives. */
export const MAX_URI_CHARACTERS = 512;
const MAX_DEPENDENCIES = 20_000;

/** Where this build type is described. */
export const BUILD_TYPE = 'https://airgap.hexabase.ai/build-types/archive/v1';

const Text = z.string().min(1).max(512);
const Hex = z.string().regex(/^[a-f0-9]{64}$/);
const Time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  .refine(isUtcSeconds, 'no such time');

/** An absolute URI in printable ASCII. */
export const UriText = z
  .string()
  .max(MAX_URI_CHARACTERS)
  .regex(/^[a-z][a-z0-9+.-]*:[\x21\x23-\x5b\x5d-\x7e]+$/);

/** A commit of Git, in full: SHA-1 or SHA-256. */
export const CommitText = z.string().regex(/^([a-f0-9]{40}|[a-f0-9]{64})$/);

/** What the statement is about: `checksums.txt`, or an image by `registry/repository` and the digest of its root. */
export const StatementSubject = z.strictObject({
  name: Text,
  digest: z.strictObject({ sha256: Hex }),
});
export type StatementSubject = z.infer<typeof StatementSubject>;

/**
 * What went in: an image by its package URL, a file by its path in the archive, the source by its repository.
 * @see https://slsa.dev/spec/v1.0/provenance#ResourceDescriptor
 */
export const ResolvedDependency = z.strictObject({
  uri: z.string().min(1).max(2048).optional(),
  name: Text.optional(),
  digest: z.union([z.strictObject({ sha256: Hex }), z.strictObject({ gitCommit: CommitText })]).optional(),
});
export type ResolvedDependency = z.infer<typeof ResolvedDependency>;

/** Where the release.yaml was kept. */
export const ProvenanceSource = z.strictObject({ repository: UriText, commit: CommitText.optional() });
export type ProvenanceSource = z.infer<typeof ProvenanceSource>;

/** @see https://slsa.dev/spec/v1.0/provenance */
export const ProvenancePredicate = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.literal(BUILD_TYPE),
    externalParameters: z.strictObject({
      name: Text,
      version: Text,
      channel: Text,
      platforms: listOf(Text, 64),
      /** Of the bytes of the release.yaml. */
      specDigest: DigestText,
      /** Of the bytes of the release.lock.json. */
      lockDigest: DigestText,
      source: ProvenanceSource.optional(),
    }),
    internalParameters: z.strictObject({ toolVersion: Text }),
    resolvedDependencies: listOf(ResolvedDependency, MAX_DEPENDENCIES),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({ id: UriText }),
    /** Present when the run was given a name; without it, the same build gives the same statement. */
    metadata: z.strictObject({ invocationId: UriText, startedOn: Time, finishedOn: Time }).optional(),
  }),
});
export type ProvenancePredicate = z.infer<typeof ProvenancePredicate>;

/**
 * The whole statement. Key order is the order of its bytes.
 * @see https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 */
export const ProvenanceStatement = z.strictObject({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: listOf(StatementSubject, MAX_SUBJECTS, 1),
  predicateType: z.literal('https://slsa.dev/provenance/v1'),
  predicate: ProvenancePredicate,
});
export type ProvenanceStatement = z.infer<typeof ProvenanceStatement>;
