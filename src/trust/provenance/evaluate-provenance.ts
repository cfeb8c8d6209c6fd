/** Decides what is believed of how a release was built, and whether that is what the user demands. Pure. */
import { TrustError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ProvenanceSource, ProvenanceStatement } from './statement-schema.ts';
import { assertAttestedBy, parseAttestation } from '../signatures/attestation.ts';
import { nameSigner, signerFingerprint, type SignerName } from '../signatures/identity.ts';
import {
  countSigners,
  creditSignature,
  knowPrincipals,
  type Credit,
  type Principals,
} from '../signatures/principals.ts';
import { CHECK_PREDICATE_TYPE, type CheckPredicate } from './check-statement.ts';
import { assertCheckSubjects, assertSubjects, parseReleaseStatement, type StatedRelease } from './statement.ts';

/** What provenance a release must have. Texts are compared as they are. */
export interface ProvenanceDemand {
  readonly builderId?: string | undefined;
  readonly sourceRepository?: string | undefined;
}

/** Whose word counts for how an archive was built, and what is requested of it. */
export interface ProvenancePolicy extends Principals {
  /** How many distinct keys and identities have to state it; 0 where it may be missing. */
  readonly threshold: number;
  /** What they have to state; with it, one has to, whatever the threshold. */
  readonly demand?: ProvenanceDemand | undefined;
}

/** How an archive was built, as one signer states it in one or several slots. */
export type Provenance = SignerName & StatedBuild;

interface StatedBuild {
  readonly builderId: string;
  readonly source: ProvenanceSource | undefined;
  readonly toolVersion: string;
  readonly specDigest: Digest;
  readonly lockDigest: Digest;
  readonly invocation:
    { readonly invocationId: string; readonly startedOn: string; readonly finishedOn: string } | undefined;
}

/** That the configuration of a release was checked, as one signer states it. */
export type StatedCheck = SignerName & CheckPredicate;

/** What became of the statements of an archive. */
export interface ProvenanceVerdict {
  /** By trusted signers: verified. */
  readonly accepted: readonly Provenance[];
  /** By others: about this archive, but nothing of them was verified. */
  readonly unchecked: readonly Provenance[];
  /** That it was checked, and by what rules; no part of provenance, and nothing demands it. */
  readonly checks: { readonly accepted: readonly StatedCheck[]; readonly unchecked: readonly StatedCheck[] };
}

/** One filled slot. */
export interface FilledSlot {
  readonly place: string;
  readonly bytes: Uint8Array;
}

/**
 * Evaluates the statements of an archive. For a trusted signer the signature comes first; only then is the payload, from
 * the same bytes, looked at. A statement that does not fit refuses the archive, also when a stranger signed it.
 * @param checksums digest of `checksums.txt`
 * @throws TrustError `SIGNATURE_INVALID`, `SUBJECT_MISMATCH` when a statement is malformed, not signed by the trusted
 *   signer it names, or about something else; `UNSIGNED`, `UNTRUSTED_SIGNER`, `SUBJECT_MISMATCH` when the policy is not met.
 */
export function evaluateProvenance(
  slots: readonly FilledSlot[],
  release: StatedRelease,
  checksums: Digest,
  policy: ProvenancePolicy,
): ProvenanceVerdict {
  const principals = knowPrincipals(policy);
  const bySigner = new Map<string, Stated>();
  const checks = { accepted: [] as StatedCheck[], unchecked: [] as StatedCheck[] };
  for (const { place, bytes } of slots) {
    const attestation = parseAttestation(bytes, place);
    const { signer, bundle, payloadType, payload } = attestation;
    const credit = creditSignature(
      bundle,
      signer,
      undefined,
      principals,
      (key) => assertAttestedBy(attestation, key),
      place,
    );
    const statement = parseReleaseStatement(payloadType, payload, place);
    if (statement.predicateType === CHECK_PREDICATE_TYPE) {
      assertCheckSubjects(statement, release, checksums, place);
      checks[credit.kind === 'accepted' ? 'accepted' : 'unchecked'].push({ ...signer, ...statement.predicate });
      continue;
    }
    const id = signerFingerprint(signer);
    const own = bySigner.get(id) ?? { signer, places: [], statements: [], credits: [] };
    own.places.push(place);
    own.statements.push(statement);
    own.credits.push(credit);
    bySigner.set(id, own);
  }
  const accepted: Evaluated[] = [];
  const unchecked: Provenance[] = [];
  for (const { signer, places, statements, credits } of bySigner.values()) {
    assertSubjects(statements, release, checksums, places.join(', '));
    const [first] = statements;
    if (first === undefined) continue;
    const provenance = { ...signer, ...summarize(first) };
    // Statements that are divided over slots are one; one of them that does not count is missed.
    const [credit] = credits;
    if (credit?.kind === 'accepted' && credits.every(({ kind }) => kind === 'accepted')) {
      accepted.push({ provenance, credit });
    } else {
      unchecked.push(provenance);
    }
  }
  assertDemand(accepted, unchecked, policy);
  return { accepted: accepted.map(({ provenance }) => provenance), unchecked, checks };
}

/** All statements of one signer. */
interface Stated {
  readonly signer: SignerName;
  readonly places: string[];
  readonly statements: ProvenanceStatement[];
  readonly credits: Credit[];
}

interface Evaluated {
  readonly provenance: Provenance;
  readonly credit: Extract<Credit, { kind: 'accepted' }>;
}

function summarize({ predicate }: ProvenanceStatement): StatedBuild {
  const { externalParameters, internalParameters } = predicate.buildDefinition;
  const { source, specDigest, lockDigest } = externalParameters;
  const { builder, metadata: invocation } = predicate.runDetails;
  const { toolVersion } = internalParameters;
  return { builderId: builder.id, source, toolVersion, specDigest, lockDigest, invocation };
}

function assertDemand(
  accepted: readonly Evaluated[],
  unchecked: readonly Provenance[],
  { threshold, demand }: ProvenancePolicy,
): void {
  const needed = Math.max(threshold, demand === undefined ? 0 : 1);
  const count = (some: readonly Evaluated[]): number => countSigners(some.map(({ credit }) => credit));
  if (count(accepted) < needed) throw tooFew(count(accepted), needed, unchecked);
  const { builderId, sourceRepository } = demand ?? {};
  const builtBy = accepted.filter(({ provenance }) => builderId === undefined || provenance.builderId === builderId);
  const other = accepted.find((each) => !builtBy.includes(each))?.provenance;
  if (count(builtBy) < needed) throw mismatch('by', other?.builderId, builderId);
  const builtFrom = builtBy.filter(
    ({ provenance }) => sourceRepository === undefined || provenance.source?.repository === sourceRepository,
  );
  const elsewhere = builtBy.find((each) => !builtFrom.includes(each))?.provenance;
  if (count(builtFrom) < needed) throw mismatch('from', elsewhere?.source?.repository, sourceRepository);
}

function mismatch(how: 'by' | 'from', found = 'a source that is not stated', requested = ''): TrustError {
  return new TrustError('SUBJECT_MISMATCH', `the archive was built ${how} ${found}, and ${requested} is required`, {
    hint: 'it is not the intended release, or its maker builds it elsewhere now; ask before you change the option',
  });
}

function tooFew(count: number, needed: number, unchecked: readonly Provenance[]): TrustError {
  const hint = 'ask its maker for an archive with provenance that a key you trust has signed';
  if (unchecked.length === 0 && count === 0) {
    return new TrustError('UNSIGNED', 'provenance is required, and the archive has none', { hint });
  }
  const others = unchecked.map((each) => `; ${nameSigner(each)}, which states it too, is not trusted for it`).join('');
  const message = `${count} of ${needed} needed statements of provenance are by trusted keys${others}`;
  return new TrustError('UNTRUSTED_SIGNER', message, { hint });
}
