/** Values of Helm charts under which images come from where they are: the least that has to be said over a chart's own. */
import { isMapping } from '../../resources/yaml-documents.ts';
import { assembleImages, partOf, type Part } from '../../discovery/split-keys.ts';
import { UsageError } from '../../../errors.ts';
import { parseReference } from '../../../oci/reference.ts';
import { splitPlace } from '../dialect.ts';
import { repositoryName, type MirrorMap } from '../mirror-map.ts';
import type { Values } from './effective-values.ts';

/** Places of repositories, by their original names. */
type Places = ReadonlyMap<string, string>;

/** Stands for the tag that a template takes from elsewhere: which one it is does not matter here. */
const SOME_TAG = 'x';

/**
 * What has to stand over values so that every image of the map in them, whole or in parts, is at its place. Tags and
 * digests stay. Undefined where there is none of them in it.
 */
export function overlayValues(values: Values, { registries }: Pick<MirrorMap, 'registries'>): Values | undefined {
  const images = registries.flatMap((registry) => registry.images);
  const places = new Map(
    images.map(({ original, internal }) => [repositoryName(original), repositoryName(internal)] as const),
  );
  const overlay = difference(values, relocate(values, '', places));
  return overlay === undefined ? undefined : allowRelocated(values, overlay as Values);
}

function relocate(value: unknown, key: string, places: Places): unknown {
  if (typeof value === 'string') return relocateText(value, key, places);
  if (Array.isArray(value)) return value.map((item) => relocate(item, key, places));
  if (!isMapping(value)) return value;
  const parts = new Set(Object.keys(value).map((name) => partOf(name).part));
  // In parts, a path says nothing alone.
  const isSplit = parts.has('registry') || parts.has('repository') || parts.has('hub');
  const entries = Object.entries(value).map(([name, inner]) => {
    const isPart = isSplit && typeof inner === 'string' && partOf(name).part !== undefined;
    return [name, isPart && !/[:@]/.test(inner) ? inner : relocate(inner, name, places)] as const;
  });
  const changes = parts.has('repository') || parts.has('image') ? {} : relocateFronts(value, places);
  return Object.assign(Object.fromEntries(entries), changes, relocateParts(value, /image/i.test(key), places));
}

/**
 * An image in one text: with host and tag or digest anywhere, else in a field that is called after images, since
 * `redis:6379` is a service elsewhere.
 */
function relocateText(text: string, key: string, places: Places): string {
  const [, name = '', end = ''] = /^([^@\s]+?)((?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?)$/.exec(text) ?? [];
  const isWhole = end !== '' && /^[^/]*[.:][^/]*\//.test(name);
  if (!isWhole && !/image/i.test(key)) return text;
  const place = places.get(repositoryIn(name) ?? '');
  return place === undefined ? text : `${place}${end}`;
}

/** A registry that templates put in front of names of their own, where all images behind it are behind one place. */
function relocateFronts(mapping: Values, places: Places): Readonly<Record<string, string>> {
  const changes: Record<string, string> = {};
  for (const [key, value] of Object.entries(mapping)) {
    if (typeof value !== 'string' || !/^(registry|hub)$/.test(partOf(key).part ?? '')) continue;
    const front = value.replace(/\/+$/, '');
    const behind = [...places].filter(([name]) => name.startsWith(`${front}/`));
    const fronts = new Set(behind.map(([name, place]) => frontOf(place, name.slice(front.length + 1))));
    const [only, ...others] = fronts;
    if (front !== '' && only !== undefined && others.length === 0) changes[key] = `${only}${value.slice(front.length)}`;
  }
  return changes;
}

/** The keys of a mapping that change so that the image whose parts they hold is at its place. */
function relocateParts(mapping: Values, isImage: boolean, places: Places): Readonly<Record<string, string>> {
  const changes: Record<string, string> = {};
  for (const { reference, path } of assembleImages(withTags(mapping, isImage), isImage)) {
    const place = places.get(repositoryName(reference));
    const [key = '', ...deeper] = path;
    if (place === undefined) continue;
    if (deeper.length > 0) {
      // A hub in front of names that stand below it.
      const front = frontOf(place, reference.repository.split('/').at(-1) ?? '');
      if (front !== undefined) changes['hub'] = front;
      continue;
    }
    Object.assign(changes, changeParts(mapping, String(key), place));
  }
  return changes;
}

function changeParts(mapping: Values, key: string, place: string): Readonly<Record<string, string>> {
  const { prefix, part } = partOf(key);
  const sibling = (...parts: readonly Part[]): string | undefined =>
    Object.keys(mapping).find((name) => {
      const other = partOf(name);
      return other.prefix === prefix && other.part !== undefined && parts.includes(other.part) && isText(mapping[name]);
    });
  const image = part === 'repository' ? sibling('image') : undefined;
  const path = image === undefined ? place : frontOf(place, String(mapping[image]));
  // The name at the end is another one: no repository in front of it leads there.
  if (path === undefined) return {};
  const registry = sibling('registry', 'hub');
  if (registry === undefined) return { [key]: path };
  const { host, path: rest } = splitPlace(path);
  return { [registry]: host, [key]: rest };
}

/** With a tag where the chart leaves it to a template. */
function withTags(mapping: Values, isImage: boolean): Values {
  const filled = Object.entries(mapping).map(([key, value]) => {
    const isTag = partOf(key).part === 'tag' && (value === '' || value === null);
    return [key, isTag ? SOME_TAG : value] as const;
  });
  const hasTag = filled.some(([key, value]) => /^(tag|version|digest)$/.test(partOf(key).part ?? '') && value !== '');
  return Object.fromEntries([...(isImage && !hasTag ? [['tag', SOME_TAG] as const] : []), ...filled]);
}

/**
 * Charts that look at where images come from are told that it is meant.
 * @see https://github.com/bitnami/charts/issues/30850
 */
function allowRelocated(values: Values, overlay: Values): Values {
  const { global } = values;
  if (!isMapping(global) || !isMapping(global['security'])) return overlay;
  if (!('allowInsecureImages' in global['security'])) return overlay;
  const own = isMapping(overlay['global']) ? overlay['global'] : {};
  return { ...overlay, global: { ...own, security: { allowInsecureImages: true } } };
}

/** What differs; a list is said whole, for Helm does not look into them. */
function difference(before: unknown, after: unknown): unknown {
  if (before === after) return undefined;
  if (Array.isArray(before) && Array.isArray(after)) {
    return before.some((item, index) => difference(item, after[index]) !== undefined) ? after : undefined;
  }
  if (!isMapping(before) || !isMapping(after)) return after;
  const changed = Object.entries(after)
    .map(([key, value]) => [key, difference(before[key], value)] as const)
    .filter(([, value]) => value !== undefined);
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}

function frontOf(place: string, end: string): string | undefined {
  return place.endsWith(`/${end}`) ? place.slice(0, -end.length - 1) : undefined;
}

function repositoryIn(name: string): string | undefined {
  try {
    return repositoryName(parseReference(name));
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}
