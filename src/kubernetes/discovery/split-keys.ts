/** Images whose parts stand in several keys of one mapping: repository and tag, registry and name, hub and image. */
import { isMapping } from '../resources/yaml-documents.ts';
import type { YamlPath } from '../../base/yaml-source.ts';
import { readImage, type Naming } from './image-text.ts';
import type { Reference } from '../../oci/reference.ts';

/** Words that end a key, and the part that it holds. */
const PARTS: Readonly<Record<string, Part>> = {
  registry: 'registry',
  hub: 'hub',
  repository: 'repository',
  repo: 'repository',
  image: 'image',
  name: 'name',
  tag: 'tag',
  version: 'version',
  digest: 'digest',
  sha: 'digest',
};
/** What of an image a key holds. */
export type Part = 'registry' | 'hub' | 'repository' | 'image' | 'name' | 'tag' | 'version' | 'digest';
/** How deep below a hub and its tag the images stand that they are for. */
const MAX_DEPTH = 8;

/** An image put together. */
export interface AssembledImage {
  readonly reference: Reference;
  /** From the mapping to the key that names the repository. */
  readonly path: YamlPath;
}

/**
 * Puts together the parts that the keys of a mapping hold, by what stands before the last word of each key:
 * `proxy.repository` and `proxy.tag`, `PROXY_IMAGE_REPO` and `PROXY_IMAGE_TAG`, `repository`, `image` and `version`.
 * @param isImage whether the mapping stands below a key that is called after an image
 */
export function assembleImages(
  mapping: Readonly<Record<string, unknown>>,
  isImage: boolean,
): readonly AssembledImage[] {
  const groups = new Map<string, Map<Part, { readonly key: string; readonly text: string }>>();
  for (const [key, value] of Object.entries(mapping)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    const { part, prefix } = partOf(key);
    if (part === undefined || String(value).trim() === '') continue;
    const group = groups.get(prefix) ?? new Map<Part, { readonly key: string; readonly text: string }>();
    group.set(part, { key, text: String(value).trim() });
    groups.set(prefix, group);
  }
  return [
    ...[...groups].flatMap(([prefix, parts]) => {
      const naming: Naming = isImage || /image/.test(prefix) || parts.has('image') ? 'image' : 'any';
      return assemble(parts, naming);
    }),
    ...imagesOfHub(mapping),
  ];
}

/** The part of an image that a key holds, and what stands before the word that says so: `proxy` of `proxyImageTag`. */
export function partOf(key: string): { readonly part: Part | undefined; readonly prefix: string } {
  const words = key.split(/[._-]|(?<=[a-z0-9])(?=[A-Z])/);
  const part = PARTS[(words.at(-1) ?? '').toLowerCase()];
  return { part, prefix: words.slice(0, -1).join('.').toLowerCase() };
}

function assemble(
  parts: ReadonlyMap<Part, { readonly key: string; readonly text: string }>,
  naming: Naming,
): readonly AssembledImage[] {
  const text = (part: Part): string | undefined => parts.get(part)?.text;
  const tag = text('tag') ?? (parts.has('image') || naming === 'image' ? text('version') : undefined);
  const digest = text('digest')?.replace(/^@?(sha256:)?/, 'sha256:');
  // What has a repository or an image is called something beside them.
  const name = parts.has('repository') || parts.has('image') ? undefined : text('name');
  const key = (parts.get('repository') ?? parts.get('image') ?? (name === undefined ? undefined : parts.get('name')))
    ?.key;
  if (key === undefined || (tag === undefined && digest === undefined)) return [];
  const named = text('image');
  // Whole already: it is found as the value that it is.
  if (named !== undefined && readImage(named, 'any') !== undefined) return [];
  const names = [text('registry'), text('hub'), text('repository'), named, name].filter((part) => part !== undefined);
  // The longest part may repeat those before it: `repository: quay.io/a/b` beside `registry: quay.io`.
  const whole = names.reduce(
    (held, part) => (held === '' || part.startsWith(`${held}/`) ? part : `${held}/${part}`),
    '',
  );
  const end = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
  const reference = readImage(`${whole}${end}`, naming);
  return reference === undefined ? [] : [{ reference, path: [key] }];
}

/** Istio's way: `hub` and `tag` once, and below them an `image` that is a bare name for each part. */
function imagesOfHub(mapping: Readonly<Record<string, unknown>>): readonly AssembledImage[] {
  const { hub, tag } = mapping;
  if (typeof hub !== 'string' || (typeof tag !== 'string' && typeof tag !== 'number')) return [];
  const found: AssembledImage[] = [];
  const walk = (value: unknown, path: YamlPath): void => {
    if (!isMapping(value) || path.length > MAX_DEPTH) return;
    for (const [key, inner] of Object.entries(value)) {
      const isBareName = key === 'image' && path.length > 0 && typeof inner === 'string' && /^[a-z0-9_-]+$/.test(inner);
      const reference = isBareName ? readImage(`${hub}/${inner}:${tag}`, 'image') : undefined;
      if (reference !== undefined) found.push({ reference, path: [...path, key] });
      walk(inner, [...path, key]);
    }
  };
  walk(mapping, []);
  return found;
}
