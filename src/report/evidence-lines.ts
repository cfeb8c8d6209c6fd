/** Says in a few words what vouches for an image. */
import { EVIDENCE_KINDS, type EvidenceKind } from '../oci/evidence-names.ts';
import type { LockSignature } from '../release/policy/image-policy-schema.ts';
import { formatCount } from './format.ts';

/** `2 signatures, 1 sbom`; `no evidence` when there is none, `evidence not collected` when none was looked for. */
export function formatEvidence(evidence: readonly { readonly kind: EvidenceKind }[] | undefined): string {
  if (evidence === undefined) return 'evidence not collected';
  const counts = EVIDENCE_KINDS.map((kind) => [kind, evidence.filter((entry) => entry.kind === kind).length] as const);
  const named = counts.filter(([, count]) => count > 0).map(([kind, count]) => formatCount(count, kind));
  return named.length === 0 ? 'no evidence' : named.join(', ');
}

/** `signed by keys/acme.pub`, or the subject of a certificate; without signatures the policy demands none. */
export function formatSigners(signatures: readonly LockSignature[] | undefined): string {
  if (signatures === undefined) return 'may be unsigned';
  return `signed by ${signatures.map((by) => ('key' in by ? by.key : by.subject)).join(', ')}`;
}
