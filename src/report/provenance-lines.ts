/** Says how an archive was built, and that it was checked, for people and for machines. */
import { toSignerName, type SignerName } from '../trust/signatures/identity.ts';
import type { CheckPredicate } from '../trust/provenance/check-statement.ts';
import type { Provenance, StatedCheck } from '../trust/provenance/evaluate-provenance.ts';

/** Who built it and from what, in a few words. */
export function describeBuild({ builderId, source, invocation }: Provenance): string {
  const commit = source?.commit === undefined ? '' : ` at ${source.commit}`;
  const from = source === undefined ? '' : ` from ${source.repository}${commit}`;
  return `${builderId}${from}${invocation === undefined ? '' : ` (${invocation.invocationId})`}`;
}

/** What came of the check of its configuration, in a few words. */
export function describeCheck({ verdict, checkedAt, profiles, counts }: CheckPredicate): string {
  const { pass, fail, excepted } = counts;
  return `${verdict} by ${profiles.join(', ')} at ${checkedAt} (${pass} met, ${fail} not met, ${excepted} not met with an exception)`;
}

/** The same for machines, with who states it. */
export function checkDocument(check: StatedCheck): SignerName & CheckPredicate {
  const { verdict, checkedAt, toolVersion, profiles, counts } = check;
  return { ...toSignerName(check), verdict, checkedAt, toolVersion, profiles, counts };
}

/** How it was built, for machines. */
export function provenanceDocument(provenance: Provenance): SignerName & {
  readonly builderId: string;
  readonly sourceRepository?: string;
  readonly sourceCommit?: string;
  readonly toolVersion: string;
  readonly specDigest: Provenance['specDigest'];
  readonly lockDigest: Provenance['lockDigest'];
  readonly invocationId?: string;
  readonly startedOn?: string;
  readonly finishedOn?: string;
} {
  const { builderId, source, toolVersion, specDigest, lockDigest, invocation } = provenance;
  return {
    ...toSignerName(provenance),
    builderId,
    ...(source === undefined ? {} : { sourceRepository: source.repository }),
    ...(source?.commit === undefined ? {} : { sourceCommit: source.commit }),
    toolVersion,
    specDigest,
    lockDigest,
    ...invocation,
  };
}
