/**
 * Points rendered resources at another registry: every place where an image is certain to be pulled, and every place by
 * which it may be, if the release carries it. Charts stay as they are.
 */
import { findImages } from '../resources/images.ts';
import { formatPath } from '../resources/image-places.ts';
import { isMapping, type KubernetesResource } from '../resources/yaml-documents.ts';
import { findSuspects, type Suspect } from '../discovery/suspects.ts';
import { formatReference } from '../../oci/reference.ts';
import { relocateWhole, relocateWithin, type ImagePlaces } from './image-text.ts';

/** Where an object keeps what its images were called: JSON, original by place. */
export const ORIGINAL_IMAGES = 'airgap.hexabase.ai/original-images';
/** What stands between a place and the way into the text that is there. */
const INTO = ' > ';

/** One image that was replaced. */
export interface Replacement {
  /** `spec.template.spec.containers[0].image` */
  readonly path: string;
  /** As it was written; of a text that names it among other things, its canonical name. */
  readonly from: string;
  readonly to: string;
}

/** A resource that pulls from the new place. */
export interface RelocatedResource {
  readonly value: Readonly<Record<string, unknown>>;
  readonly replacements: readonly Replacement[];
  /** Images that are certain to be pulled and have no place: `docker.io/library/app:1 (spec.containers[0].image)`. */
  readonly foreign: readonly string[];
  /** Images of the release that are named in parts (repository here, tag there), which cannot be replaced in the text. */
  readonly untouched: readonly string[];
}

/**
 * Relocates the images of a resource. What it names and the release does not carry is left alone, and said where a node
 * would pull it.
 * @param hosts registries that the release's images come from
 */
export function relocateImages(
  resource: KubernetesResource,
  places: ImagePlaces,
  hosts: ReadonlySet<string>,
): RelocatedResource {
  const certain = findImages(resource);
  const certainPaths = new Set(certain.map(({ path }) => formatPath(path)));
  const suspects = findSuspects(resource, hosts, certainPaths).filter(({ reference }) =>
    places.has(formatReference(reference)),
  );
  const byPath = Map.groupBy(suspects, ({ path }) => path.split(INTO)[0] ?? '');
  const foreign = certain
    .filter(({ reference }) => !places.has(formatReference(reference)))
    .map(({ reference, path }) => `${formatReference(reference)} (${formatPath(path)})`);
  const replacements: Replacement[] = [];
  const isSecretData = (path: string): boolean => resource.kind === 'Secret' && /^data[.[]/.test(path);

  const visit = (value: unknown, path: readonly (string | number)[]): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown, index) => visit(item, [...path, index]));
    if (isMapping(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]));
    }
    if (typeof value !== 'string') return value;
    const at = formatPath(path);
    const found = byPath.get(at);
    if (certainPaths.has(at)) {
      const to = relocateWhole(value, places);
      if (to !== undefined && to !== value) replacements.push({ path: at, from: value, to });
      return to ?? value;
    }
    if (found === undefined) return value;
    const isEncoded = isSecretData(at);
    const text = isEncoded ? Buffer.from(value, 'base64').toString('utf8') : value;
    const changed = relocateText(text, found, places);
    for (const { reference, to } of changed.replaced) replacements.push({ path: at, from: reference, to });
    return isEncoded ? Buffer.from(changed.text).toString('base64') : changed.text;
  };
  const value = visit(resource.value, []) as Readonly<Record<string, unknown>>;
  const done = new Set(replacements.map(({ path, from }) => `${path}\n${from}`));
  const untouched = suspects
    .map(({ reference, path }) => ({ reference: formatReference(reference), path }))
    .filter(({ reference, path }) => !done.has(`${path.split(INTO)[0] ?? ''}\n${reference}`))
    .map(({ reference, path }) => `${reference} (${path})`);
  return { value: replacements.length === 0 ? value : annotate(value, replacements), replacements, foreign, untouched };
}

function relocateText(
  text: string,
  suspects: readonly Suspect[],
  places: ImagePlaces,
): { readonly text: string; readonly replaced: readonly { readonly reference: string; readonly to: string }[] } {
  let rest = text;
  const replaced = [];
  for (const reference of new Set(suspects.map((suspect) => formatReference(suspect.reference)))) {
    const next = relocateWithin(rest, new Set([reference]), places);
    if (next !== rest) replaced.push({ reference, to: places.get(reference) ?? '' });
    rest = next;
  }
  return { text: rest, replaced };
}

/** The annotation stands at the object itself: at the template of its pods, it would roll them. */
function annotate(
  value: Readonly<Record<string, unknown>>,
  replacements: readonly Replacement[],
): Readonly<Record<string, unknown>> {
  const metadata = isMapping(value['metadata']) ? value['metadata'] : {};
  const annotations = isMapping(metadata['annotations']) ? metadata['annotations'] : {};
  const originals = JSON.stringify(Object.fromEntries(replacements.map(({ path, from }) => [path, from])));
  return { ...value, metadata: { ...metadata, annotations: { ...annotations, [ORIGINAL_IMAGES]: originals } } };
}
