/** Whether an image is one of a release, however it is spelled. */
import { formatReference, parseReference, withDefaultTag, type Reference } from '../oci/reference.ts';

/** Tells the images of these references from others. */
export function carriedBy(references: readonly string[]): (reference: Reference) => boolean {
  const canonical = (reference: Reference): string => formatReference(withDefaultTag(reference));
  const carried = new Set(references.map((text) => canonical(parseReference(text))));
  return (reference) => carried.has(canonical(reference));
}
