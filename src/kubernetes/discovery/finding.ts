/** What discovery finds: an image, whether it is certain to be pulled, and the place that says so. */
import type { Reference } from '../../oci/reference.ts';

/** The rule by which a place was taken for an image. */
export type SuspectRule =
  'field' | 'argument' | 'environment' | 'text' | 'annotation' | 'embedded pod' | 'split keys' | 'known registry';

/** Where an image was found. Only what a resource holds has a kind, a name and a path. */
export interface Evidence {
  /** A manifest, or the chart and its template: `charts/app app/templates/api.yaml`. */
  readonly file?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
  /** `spec.template.spec.containers[0].image`; for text within text the way into it. */
  readonly path?: string | undefined;
  /** The chart that renders to it. */
  readonly chart?: string | undefined;
  /** The values it was rendered with: `default`. */
  readonly values?: string | undefined;
  /** Of image-places.ts for what is certain, {@link SuspectRule} for what is not, `named` for what a person lists. */
  readonly rule: string;
  /** All of that in one line. */
  readonly at: string;
}

/** One place that names an image. */
export interface Finding {
  readonly reference: Reference;
  readonly certainty: 'certain' | 'suspect';
  readonly evidence: Evidence;
}
