/** What a policy says of images: the first rule that matches, the signatures that count, and one error for all that lack some. */
import { TrustError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { matchesImage, parseImagePattern, type ImagePattern } from '../../oci/image-pattern.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Source } from '../../content/store.ts';
import type { ImageRule } from './spec-policy.ts';
import type { LockSignature } from './image-policy-schema.ts';
import { evaluateImageSignature } from '../../trust/evidence/image-signature.ts';
import { readSignatures, type PinnedRoot } from '../../trust/evidence/image-signatures.ts';
import { nameSignedBy, nameSigner, openPolicySigners, signerFingerprint, type OpenSigner } from './image-signers.ts';

/** Signatures of one image that a message tells apart. */
const MAX_FAULTS = 5;

/** One rule, ready to be applied. */
export interface OpenRule {
  readonly pattern: ImagePattern;
  /** Empty: these images need no signature. */
  readonly signers: readonly OpenSigner[];
  readonly threshold: number;
}

/** What a policy says of one image. */
export interface ImageVerdict {
  readonly reference: string;
  readonly digest: Digest;
  /** Absent where no rule is for the image. */
  readonly rule: OpenRule | undefined;
  /** Signatures that count, of distinct signers, no more than are demanded. */
  readonly signatures: readonly LockSignature[];
  /** Why the others do not count. */
  readonly faults: readonly string[];
  /** Whether the image comes from where there is no place for signatures. */
  readonly isBare: boolean;
}

/**
 * Reads the files of a policy.
 * @throws UsageError and IntegrityError as `openPolicySigners`.
 */
export async function openImagePolicy(rules: readonly ImageRule[], directory: string): Promise<readonly OpenRule[]> {
  const opened: OpenRule[] = [];
  for (const { match, signedBy, threshold } of rules) {
    opened.push({
      pattern: parseImagePattern(match),
      signers: await openPolicySigners(signedBy, directory),
      threshold,
    });
  }
  return opened;
}

/**
 * Evaluates one image by the first rule that matches it. Signatures are read until as many distinct signers as the rule wants
 * were found; one that is bad, or by a stranger, counts for nothing and refuses nothing.
 * @throws whatever the source throws: a request that fails is no absent signature.
 */
export async function evaluateImage(
  rules: readonly OpenRule[],
  image: PinnedRoot,
  source: Source,
  known: ReadonlyMap<Digest, Uint8Array>,
  signal?: AbortSignal,
): Promise<ImageVerdict> {
  const { reference, digest } = image;
  const parsed = parseReference(reference);
  const rule = rules.find(({ pattern }) => matchesImage(pattern, parsed));
  const signatures: LockSignature[] = [];
  const faults: string[] = [];
  const verdict = { reference, digest, rule, signatures, faults, isBare: image.evidence === undefined };
  if (rule === undefined || rule.threshold === 0) return verdict;
  for await (const found of readSignatures(source, image, known, signal)) {
    if ('fault' in found) {
      faults.push(`${found.content ?? found.evidence} ${found.fault}`);
      continue;
    }
    const { evidence, content } = found;
    const verdict = evaluateImageSignature(found.signature, digest, rule.signers);
    if ('fault' in verdict) {
      faults.push(`${content} ${verdict.fault}`);
      continue;
    }
    const { by } = verdict;
    if (signatures.some((other) => signerFingerprint(other) === signerFingerprint(by))) continue;
    signatures.push({ ...by, evidence, content });
    if (signatures.length === rule.threshold) break;
  }
  return verdict;
}

/**
 * Insists that every image is signed as its rule demands.
 * @throws TrustError `UNSIGNED` when those that are not have no signature at all, else `UNTRUSTED_SIGNER`; either way with
 *   every such image, its digest, what was found beside it and whose signature it needs.
 */
export function assertSigned(verdicts: readonly ImageVerdict[]): void {
  const refused = verdicts.filter((verdict) => !isAccepted(verdict)).sort(byReference);
  if (refused.length === 0) return;
  const isUnsigned = refused.every(({ rule, faults, signatures }) => rule && faults.length + signatures.length === 0);
  throw new TrustError(
    isUnsigned ? 'UNSIGNED' : 'UNTRUSTED_SIGNER',
    `${refused.length} image(s) are not signed as imagePolicy demands:`,
    {
      items: refused.flatMap(describe),
      hint: refused.some(({ rule }) => rule === undefined)
        ? 'add an entry that matches to imagePolicy; `match: "*"` with `unsigned: allowed` at its end lets all others pass'
        : 'have them signed (cosign sign --key …), then run `airgap resolve --refresh-evidence`; or change imagePolicy in release.yaml',
      details: { images: refused.length },
    },
  );
}

function isAccepted({ rule, signatures }: ImageVerdict): boolean {
  return rule !== undefined && signatures.length >= rule.threshold;
}

/** A line for the image, and one for each signature that does not count. */
function describe(verdict: ImageVerdict): readonly string[] {
  const { reference, digest, rule, faults } = verdict;
  const image = `${reference} (${digest})`;
  if (rule === undefined) return [`${image} matches no entry`];
  const requested = rule.signers.map(nameSigner).join(' or ');
  const demand = `${rule.pattern.text} needs ${rule.threshold > 1 ? `${rule.threshold} signatures` : 'one'} by ${requested}`;
  const more = faults.length > MAX_FAULTS ? [`and ${faults.length - MAX_FAULTS} more`] : [];
  const named = [...faults.slice(0, MAX_FAULTS), ...more];
  return [`${image} ${describeFound(verdict)}; ${demand}`, ...named.map((fault) => `  ${fault}`)];
}

function describeFound({ signatures, faults, isBare }: ImageVerdict): string {
  if (signatures.length > 0) return `is signed by ${signatures.map(nameSignedBy).join(', ')} alone`;
  if (faults.length > 0) return 'has no signature that counts';
  return isBare ? 'comes from a place that keeps no signatures' : 'is unsigned';
}

function byReference(a: { readonly reference: string }, b: { readonly reference: string }): number {
  return a.reference < b.reference ? -1 : 1;
}
