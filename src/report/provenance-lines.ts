/** Says how an archive was built, for people and for machines. */
import { toSignerName, type SignerName } from '../trust/signatures/identity.ts';
import type { Provenance } from '../trust/provenance/evaluate-provenance.ts';

/** Who built it and from what, in a few words. */
export function describeBuild({ builderId, source, invocation }: Provenance): string {
  const commit = source?.commit === undefined ? '' : ` at ${source.commit}`;
  const from = source === undefined ? '' : ` from ${source.repository}${commit}`;
  return `${builderId}${from}${invocation === undefined ? '' : ` (${invocation.invocationId})`}`;
}

/** The same for machines. */
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
