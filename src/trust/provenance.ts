/** Decides what is believed of how a release was built, and whether that is what the user demands. Pure. */
import type { KeyObject } from 'node:crypto';
import { TrustError } from '../errors.ts';
import type { Digest } from '../oci/digest.ts';
import type { Inventory } from '../schema/inventory.ts';
import type { ProvenanceSource, ProvenanceStatement } from '../schema/provenance.ts';
import { assertAttestedBy, parseAttestation } from './attestation.ts';
import { keyId } from './keys.ts';
import { assertSubjects, parseStatement } from './statement.ts';

/** What provenance a release must have. Texts are compared as they are. */
export interface ProvenanceDemand {
  readonly builderId?: string | undefined;
  readonly sourceRepository?: string | undefined;
}

/** Whose word counts for how an archive was built, and what is wanted of it. */
export interface ProvenancePolicy {
  readonly keys: readonly KeyObject[];
  /** How many distinct keys have to state it; 0 where it may be missing. */
  readonly threshold: number;
  /** What they have to state; with it, one has to, whatever the threshold. */
  readonly demand?: ProvenanceDemand | undefined;
}

/** How an archive was built, as one signer states it in one or several slots. */
export interface Provenance {
  readonly keyId: string;
  readonly builderId: string;
  readonly source: ProvenanceSource | undefined;
  readonly toolVersion: string;
  readonly specDigest: Digest;
  readonly lockDigest: Digest;
  readonly invocation:
    { readonly invocationId: string; readonly startedOn: string; readonly finishedOn: string } | undefined;
}

/** What became of the statements of an archive. */
export interface ProvenanceVerdict {
  /** By trusted keys: proved. */
  readonly accepted: readonly Provenance[];
  /** By other keys: about this archive, but nothing of them was proved. */
  readonly unchecked: readonly Provenance[];
}

/** One filled slot. */
export interface FilledSlot {
  readonly place: string;
  readonly bytes: Uint8Array;
}

/**
 * Judges the statements of an archive. For a trusted key the signature comes first; only then is the payload, from the
 * same bytes, looked at. A statement that does not fit refuses the archive, whoever signed it.
 * @param checksums digest of `checksums.txt`
 * @throws TrustError `SIGNATURE_INVALID`, `SUBJECT_MISMATCH` when a statement is malformed, not signed by the trusted key it
 *   names, or about something else; `UNSIGNED`, `UNTRUSTED_SIGNER`, `SUBJECT_MISMATCH` when the policy is not met.
 */
export function judgeProvenance(
  slots: readonly FilledSlot[],
  inventory: Inventory,
  checksums: Digest,
  policy: ProvenancePolicy,
): ProvenanceVerdict {
  const trusted = new Map(policy.keys.map((key) => [keyId(key), key]));
  const bySigner = new Map<string, { readonly places: string[]; readonly statements: ProvenanceStatement[] }>();
  for (const { place, bytes } of slots) {
    const attestation = parseAttestation(bytes, place);
    const key = trusted.get(attestation.keyId);
    if (key !== undefined) assertAttestedBy(attestation, key);
    const statement = parseStatement(attestation.payloadType, attestation.payload, place);
    const own = bySigner.get(attestation.keyId) ?? { places: [], statements: [] };
    own.places.push(place);
    own.statements.push(statement);
    bySigner.set(attestation.keyId, own);
  }
  const accepted: Provenance[] = [];
  const unchecked: Provenance[] = [];
  for (const [signer, { places, statements }] of bySigner) {
    assertSubjects(statements, inventory, checksums, places.join(', '));
    const [first] = statements;
    if (first !== undefined) (trusted.has(signer) ? accepted : unchecked).push(summarize(signer, first));
  }
  const verdict = { accepted, unchecked };
  assertDemand(verdict, policy);
  return verdict;
}

function summarize(signer: string, { predicate }: ProvenanceStatement): Provenance {
  const { externalParameters, internalParameters } = predicate.buildDefinition;
  const { source, specDigest, lockDigest } = externalParameters;
  const { builder, metadata: invocation } = predicate.runDetails;
  const { toolVersion } = internalParameters;
  return { keyId: signer, builderId: builder.id, source, toolVersion, specDigest, lockDigest, invocation };
}

function assertDemand({ accepted, unchecked }: ProvenanceVerdict, { threshold, demand }: ProvenancePolicy): void {
  const needed = Math.max(threshold, demand === undefined ? 0 : 1);
  const [first] = accepted;
  if (accepted.length < needed || first === undefined) {
    if (needed > 0) throw tooFew(accepted.length, needed, unchecked);
    return;
  }
  const { builderId, sourceRepository } = demand ?? {};
  const others = accepted.filter((each) => builderId !== undefined && each.builderId !== builderId);
  if (accepted.length - others.length < needed) throw mismatch('by', others[0]?.builderId, builderId);
  const elsewhere = accepted.filter(
    (each) => !others.includes(each) && sourceRepository !== undefined && each.source?.repository !== sourceRepository,
  );
  if (accepted.length - others.length - elsewhere.length < needed) {
    throw mismatch('from', elsewhere[0]?.source?.repository, sourceRepository);
  }
}

function mismatch(how: 'by' | 'from', found = 'a source that is not stated', wanted = ''): TrustError {
  return new TrustError('SUBJECT_MISMATCH', `the archive was built ${how} ${found}, and ${wanted} is demanded`, {
    hint: 'it is not the release that was meant, or its maker builds it elsewhere now; ask before changing the demand',
  });
}

function tooFew(count: number, needed: number, unchecked: readonly Provenance[]): TrustError {
  const hint = 'ask its maker for an archive with provenance that a key you trust has signed';
  if (unchecked.length === 0 && count === 0) {
    return new TrustError('UNSIGNED', 'provenance is demanded, and the archive has none', { hint });
  }
  const others = unchecked.map((each) => `; ${each.keyId}, which states it too, is not trusted for it`).join('');
  const message = `${count} of ${needed} needed statements of provenance are by trusted keys${others}`;
  return new TrustError('UNTRUSTED_SIGNER', message, { hint });
}
