/** Says in a few words what vouches for an image. */
import { EVIDENCE_KINDS, type EvidenceKind } from '../oci/evidence.ts';
import { formatCount } from './format.ts';

/** `2 signatures, 1 sbom`; `no evidence` when there is none, `evidence not collected` when nobody looked. */
export function formatEvidence(evidence: readonly { readonly kind: EvidenceKind }[] | undefined): string {
  if (evidence === undefined) return 'evidence not collected';
  const counts = EVIDENCE_KINDS.map((kind) => [kind, evidence.filter((entry) => entry.kind === kind).length] as const);
  const named = counts.filter(([, count]) => count > 0).map(([kind, count]) => formatCount(count, kind));
  return named.length === 0 ? 'no evidence' : named.join(', ');
}
