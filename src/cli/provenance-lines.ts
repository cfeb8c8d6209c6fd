/** Says how an archive was built, for people and for machines. */
import type { Provenance } from '../trust/provenance.ts';

/** Who built it and from what, in a few words. */
export function describeBuild({ builderId, source, invocation }: Provenance): string {
  const commit = source?.commit === undefined ? '' : ` at ${source.commit}`;
  const from = source === undefined ? '' : ` from ${source.repository}${commit}`;
  return `${builderId}${from}${invocation === undefined ? '' : ` (${invocation.invocationId})`}`;
}

/** The same for machines. */
export function provenanceDocument({ keyId, builderId, source, toolVersion, ...rest }: Provenance): {
  readonly keyId: string;
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
  const { specDigest, lockDigest, invocation } = rest;
  return {
    keyId,
    builderId,
    ...(source === undefined ? {} : { sourceRepository: source.repository }),
    ...(source?.commit === undefined ? {} : { sourceCommit: source.commit }),
    toolVersion,
    specDigest,
    lockDigest,
    ...invocation,
  };
}
