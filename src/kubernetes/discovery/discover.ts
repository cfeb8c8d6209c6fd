/** Every image that resources name: certain ones and suspects, each with its evidence. */
import { formatReference } from '../../oci/reference.ts';
import { formatPath } from '../resources/image-places.ts';
import { describePlace, findImages, type ResourceImage } from '../resources/images.ts';
import type { PlaceRule } from '../resources/place-path.ts';
import type { KubernetesResource } from '../resources/yaml-documents.ts';
import type { Evidence, Finding } from './finding.ts';
import { findSuspects } from './suspects.ts';

/** What was rendered to get the resources, where they come from a chart. */
export type Origin = Pick<Evidence, 'chart' | 'values'>;

/** One image with all that names it. */
export interface DiscoveredImage {
  /** Canonical. */
  readonly reference: string;
  /** Certain where one place at least is. */
  readonly certainty: 'certain' | 'suspect';
  readonly evidence: readonly Evidence[];
}

/** Options of {@link findInResources}. */
export interface FindOptions {
  /** Registries that images come from elsewhere in the release. */
  readonly knownHosts?: ReadonlySet<string> | undefined;
  /** More places that hold images. */
  readonly rules?: readonly PlaceRule[] | undefined;
}

/**
 * Finds the images of resources. All resources of a release belong in one call: the registries of their certain images
 * make suspects of the texts that name those registries.
 * @throws UsageError `INVALID_SPEC` naming the place of an image that is no reference.
 */
export function findInResources(
  resources: readonly KubernetesResource[],
  origin: Origin = {},
  { knownHosts = new Set(), rules = [] }: FindOptions = {},
): readonly Finding[] {
  const certain = resources.map((resource) => findImages(resource, undefined, rules));
  const hosts = new Set([...knownHosts, ...certain.flat().map(({ reference }) => reference.registry)]);
  return resources.flatMap((resource, index) => {
    const { fileName: file, kind, name } = resource;
    const own = certain[index] ?? [];
    const paths = new Set(own.map(({ path }) => formatPath(path)));
    return [
      ...own.map((image) => toFinding(image, origin)),
      ...findSuspects(resource, hosts, paths).map(({ reference, path, rule }): Finding => ({
        reference,
        certainty: 'suspect',
        evidence: { file, kind, name, path, ...origin, rule, at: `${describePlace(resource, [])}${path} (${rule})` },
      })),
    ];
  });
}

/** The registries that the certain images of resources come from. */
export function registriesOf(
  resources: readonly KubernetesResource[],
  rules: readonly PlaceRule[] = [],
): readonly string[] {
  return resources.flatMap((resource) =>
    findImages(resource, undefined, rules).map(({ reference }) => reference.registry),
  );
}

/** An image of a resource as a finding. */
export function toFinding(
  { reference, file, kind, name, path, rule, at }: ResourceImage,
  origin: Origin = {},
): Finding {
  const evidence = { file, kind, name, path: formatPath(path), ...origin, rule, at };
  return { reference, certainty: 'certain', evidence };
}

/** One entry for each image, in the order of their names. */
export function uniteFindings(findings: readonly Finding[]): readonly DiscoveredImage[] {
  const images = new Map<string, DiscoveredImage>();
  for (const { reference, certainty, evidence } of findings) {
    const text = formatReference(reference);
    const known = images.get(text);
    images.set(text, {
      reference: text,
      certainty: known?.certainty === 'certain' ? 'certain' : certainty,
      evidence: [...(known?.evidence ?? []), evidence],
    });
  }
  return [...images.values()].sort((a, b) => (a.reference < b.reference ? -1 : 1));
}
