/** Which images a decision of a release.yaml is about: a reference, or a pattern with `*`. */
import { matchesGlob, matchesImage, parseImagePattern, type ImagePattern } from '../../oci/image-pattern.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

/** A pattern that was read. What it does not name, a tag or a digest, may be any. */
export interface DecisionPattern {
  readonly image: ImagePattern;
  /** With `*` for any characters. */
  readonly tag?: string | undefined;
  readonly digest?: string | undefined;
}

/** The tag behind a pattern for a repository, and the digest behind that. */
const PARTS = /^(.*?[^/]*?\/[^:@]*|\*)(?::([\w.*-]+))?(?:@(sha256:[0-9a-f]{64}))?$/;

/**
 * Reads `quay.io/acme/proxy:1.2`, `quay.io/acme/*`, `quay.io/acme/proxy:1.*`. As in an image policy, `*` never reaches
 * from the host into the repository; and never from the repository into the tag.
 * @throws UsageError `INVALID_REFERENCE`
 */
export function parseDecisionPattern(text: string): DecisionPattern {
  if (!text.includes('*')) {
    const { registry, repository, tag, digest } = parseReference(text);
    return { image: { text, host: registry, repository }, tag, digest };
  }
  const [, name = text, tag, digest] = PARTS.exec(text) ?? [];
  return { image: parseImagePattern(name), tag, digest };
}

/** Whether a decision is about an image. */
export function isDecidedBy({ image, tag, digest }: DecisionPattern, reference: Reference): boolean {
  return (
    matchesImage(image, reference) &&
    (tag === undefined || matchesGlob(tag, reference.tag ?? '')) &&
    (digest === undefined || digest === reference.digest)
  );
}
