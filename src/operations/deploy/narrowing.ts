/** What a cluster needs of a release where only some of its components go there: which objects, images and charts. */
import type { Inventory } from '../../archive/inventory/inventory-schema.ts';
import { nearest } from '../../base/suggestion.ts';
import { UsageError } from '../../errors.ts';
import { findSuspects } from '../../kubernetes/discovery/suspects.ts';
import { formatPath } from '../../kubernetes/resources/image-places.ts';
import { findImages } from '../../kubernetes/resources/images.ts';
import { readManifestFile } from '../../kubernetes/resources/manifest-file.ts';
import type { KubernetesResource } from '../../kubernetes/resources/yaml-documents.ts';
import { fillText, placeholdersOf } from '../../kubernetes/staging/filled-values.ts';
import { nameLabelsOf } from '../../kubernetes/staging/install-stages.ts';
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import { PLAIN, type ManifestText } from './chosen-manifests.ts';

/** What is left of a release. */
export interface Narrowing {
  /** Whether an object of the manifest at `path` is one of what goes there. */
  readonly keeps: (resource: KubernetesResource, path: string) => boolean;
  /** Images, as the inventory calls them. */
  readonly images: ReadonlySet<string>;
  /** Paths of files that belong to the components. */
  readonly files: ReadonlySet<string>;
  /** Objects that do not go there: `Deployment/api`. */
  readonly leftOut: ReadonlySet<string>;
  /** Values that the kept objects ask for. */
  readonly placeholders: readonly string[];
}

/**
 * Narrows a release to components. An object belongs to the component that one of its labels names
 * (`app.kubernetes.io/component`, `app.kubernetes.io/name`, `app`); else a plain manifest to the components that list
 * its file, and an object that a chart rendered to those whose images its pods run. What belongs to none, and namespaces,
 * go everywhere. Every image that a kept object names is kept, whosever it is.
 * @throws UsageError `USAGE` for a component that the release does not have
 */
export function narrowTo(
  components: readonly string[],
  inventory: Inventory,
  { profile, manifests }: { readonly profile: string; readonly manifests: readonly ManifestText[] },
): Narrowing {
  assertKnown(components, inventory);
  const placed = new Set(components);
  const owners = ownersOf(inventory);
  const keeps = (resource: KubernetesResource, path: string): boolean => {
    if (resource.kind === 'Namespace' && resource.apiVersion === 'v1') return true;
    const labelled = nameLabelsOf(resource.value).find((name) => owners.names.has(name));
    if (labelled !== undefined) return placed.has(labelled);
    const own =
      profile === PLAIN
        ? (owners.ofFile.get(path) ?? [])
        : findImages(resource).flatMap(({ reference }) => owners.ofImage.get(formatReference(reference)) ?? []);
    return own.length === 0 || own.some((name) => placed.has(name));
  };
  // A placeholder stands for itself here: whether it is asked for depends on who keeps it.
  const names = placeholdersOf(manifests.map(({ text }) => text));
  const itself = new Map(names.map((name) => [name, name]));
  const resources = manifests.flatMap(({ path, text }) =>
    readManifestFile(fillText(text, itself), path, false).resources.map((resource) => ({ path, resource })),
  );
  const [kept, left] = [true, false].map((is) =>
    resources.filter(({ path, resource }) => keeps(resource, path) === is).map(({ resource }) => resource),
  ) as [KubernetesResource[], KubernetesResource[]];
  const needed = namedBy(kept, owners);
  const unneeded = namedBy(left, owners);
  const isOwn = (reference: string): boolean =>
    owners.ofImage.get(reference)?.some((name) => placed.has(name)) === true;
  const images = inventory.images
    .map(({ reference }) => reference)
    .filter((reference) => {
      const name = canonical(reference);
      return needed.has(name) || (isOwn(name) && !unneeded.has(name));
    });
  const texts = kept.map(({ value }) => JSON.stringify(value));
  return {
    keeps,
    images: new Set(images),
    files: new Set(inventory.components.flatMap(({ name, files }) => (placed.has(name) ? files : []))),
    leftOut: new Set(left.map(({ kind, name }) => `${kind}/${name}`)),
    placeholders: names.filter((name) =>
      texts.some((text) => new RegExp(`(?<![A-Z0-9_])${name}(?![A-Z0-9_])`).test(text)),
    ),
  };
}

interface Owners {
  readonly names: ReadonlySet<string>;
  /** Components by the path of a file. */
  readonly ofFile: ReadonlyMap<string, readonly string[]>;
  /** Components by the canonical name of an image. */
  readonly ofImage: ReadonlyMap<string, readonly string[]>;
  /** Registries that images come from. */
  readonly hosts: ReadonlySet<string>;
}

function ownersOf({ components, images }: Inventory): Owners {
  const invert = (pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> =>
    new Map([...Map.groupBy(pairs, ([key]) => key)].map(([key, own]) => [key, own.map(([, name]) => name)]));
  return {
    names: new Set(components.map(({ name }) => name)),
    ofFile: invert(components.flatMap(({ name, files }) => files.map((path) => [path, name] as const))),
    ofImage: invert(components.flatMap(({ name, images: own }) => own.map((each) => [canonical(each), name] as const))),
    hosts: new Set(images.map(({ reference }) => parseReference(reference).registry)),
  };
}

/** Images that resources name, certainly or by the rules of discovery. */
function namedBy(resources: readonly KubernetesResource[], { ofImage, hosts }: Owners): ReadonlySet<string> {
  const found = resources.flatMap((resource) => {
    const certain = findImages(resource);
    const paths = new Set(certain.map(({ path }) => formatPath(path)));
    return [...certain, ...findSuspects(resource, hosts, paths)].map(({ reference }) => formatReference(reference));
  });
  return new Set(found.filter((name) => ofImage.has(name)));
}

function canonical(reference: string): string {
  return formatReference(withDefaultTag(parseReference(reference)));
}

function assertKnown(components: readonly string[], { name, version, components: all }: Inventory): void {
  const names = all.map((each) => each.name);
  const unknown = components.filter((each) => !names.includes(each));
  if (unknown.length === 0) return;
  const meant = nearest(unknown[0] ?? '', names);
  throw new UsageError('USAGE', `${name} ${version} has no component ${unknown.join(', ')}`, {
    hint: `${meant === undefined ? '' : `did you mean ${meant}? `}it has ${names.sort().join(', ')}`,
  });
}
