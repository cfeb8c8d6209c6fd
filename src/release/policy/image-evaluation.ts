/** Evaluates the images of one release, one after the other, and says in the end what came of it. */
import type { Source } from '../../content/store.ts';
import type { Digest } from '../../oci/digest.ts';
import type { ImageRule } from './spec-policy.ts';
import type { LockImageRule, LockSignedImage } from './image-policy-schema.ts';
import { assertSigned, evaluateImage, openImagePolicy, type ImageVerdict, type OpenRule } from './image-policy.ts';
import type { PinnedRoot } from '../../trust/evidence/image-signatures.ts';
import { toLockSigner } from './image-signers.ts';

/** What came of all images of a release: every one is signed as its rule demands. */
export interface EvaluatedImages {
  /** The policy as a lock keeps it. */
  readonly imagePolicy: LockImageRule[];
  /** The signatures that were verified, as a lock keeps them. */
  readonly signedImages: LockSignedImage[];
  /** Patterns of the rules that decided about no image. */
  readonly unusedRules: readonly string[];
}

/** A policy with its files read. */
export interface ImageEvaluator {
  /** The policy as a lock keeps it. */
  readonly imagePolicy: LockImageRule[];
  /** Hears one image; `known` holds manifests that need not be asked for. @throws whatever the source throws. */
  evaluate(
    image: PinnedRoot,
    source: Source,
    known: ReadonlyMap<Digest, Uint8Array>,
    signal?: AbortSignal,
  ): Promise<void>;
  /** @throws TrustError as `assertSigned`, about all images that were heard. */
  finish(): EvaluatedImages;
}

/**
 * Opens a policy.
 * @throws UsageError and IntegrityError as `openPolicySigners`.
 */
export async function openImageEvaluator(rules: readonly ImageRule[], directory: string): Promise<ImageEvaluator> {
  const opened = await openImagePolicy(rules, directory);
  const imagePolicy = opened.map(toLockRule);
  const verdicts: ImageVerdict[] = [];
  return {
    imagePolicy,
    evaluate: async (image, source, known, signal) => {
      verdicts.push(await evaluateImage(opened, image, source, known, signal));
    },
    finish: () => {
      assertSigned(verdicts);
      const used = new Set(verdicts.map(({ rule }) => rule));
      const unused = opened.filter((rule) => !used.has(rule));
      return {
        imagePolicy,
        signedImages: toSignedImages(verdicts),
        unusedRules: unused.map(({ pattern }) => pattern.text),
      };
    },
  };
}

function toLockRule({ pattern, signers, threshold }: OpenRule): LockImageRule {
  if (signers.length === 0) return { match: pattern.text, unsigned: 'allowed' };
  return { match: pattern.text, signedBy: signers.map(toLockSigner), threshold };
}

function toSignedImages(verdicts: readonly ImageVerdict[]): LockSignedImage[] {
  return verdicts
    .flatMap(({ reference, digest, rule, signatures }) =>
      rule === undefined || signatures.length === 0
        ? []
        : [{ reference, digest, match: rule.pattern.text, signatures: [...signatures] }],
    )
    .sort((a, b) => (a.reference < b.reference ? -1 : 1));
}
