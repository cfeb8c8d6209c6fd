/** What vouches for an image and stands beside it in its repository: how it is named, and what kind it is. */
import { hexOf, type Digest } from './digest.ts';
import type { Index, Manifest } from './manifest.ts';

/** `artifact` is whatever refers to an image and is none of the others. */
export const EVIDENCE_KINDS = ['signature', 'attestation', 'sbom', 'artifact'] as const;
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number];

/** A tag that, where it exists, holds evidence. */
export interface EvidenceTag {
  readonly tag: string;
  readonly kind: EvidenceKind;
}

/** What follows the subject's digest in cosign's tags. */
const SUFFIXES = { sig: 'signature', att: 'attestation', sbom: 'sbom' } as const;
/** Predicates under which cosign signs an image, as opposed to stating something about it. */
const SIGNATURE_PREDICATES: readonly (string | undefined)[] = [
  'https://sigstore.dev/cosign/sign/v1',
  undefined, // a bundle with a plain message signature
];

/**
 * The tags under which cosign keeps evidence for a manifest: `sha256-<hex>.sig`, `.att`, `.sbom`.
 * @see https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#tag-based-discovery
 */
export function evidenceTags(subject: Digest): readonly EvidenceTag[] {
  return Object.entries(SUFFIXES).map(([suffix, kind]) => ({ tag: `sha256-${hexOf(subject)}.${suffix}`, kind }));
}

/**
 * What a manifest with a `subject` is, by the types that cosign, notation, BuildKit, ORAS and Syft write.
 * @see https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md
 */
export function kindOfReferrer(manifest: Manifest | Index): EvidenceKind {
  const configType = 'config' in manifest ? manifest.config.mediaType : '';
  const type = manifest.artifactType ?? configType;
  if (type.startsWith('application/vnd.dev.sigstore.bundle')) {
    const predicate = manifest.annotations?.['dev.sigstore.bundle.predicateType'];
    return SIGNATURE_PREDICATES.includes(predicate) ? 'signature' : 'attestation';
  }
  if (/cosign\.artifact\.sig|notary\.signature|simplesigning/.test(type)) return 'signature';
  if (/spdx|cyclonedx|syft|cosign\.artifact\.sbom/.test(type)) return 'sbom';
  if (/in-toto|slsa|cosign\.artifact\.att/.test(type)) return 'attestation';
  return 'artifact';
}
