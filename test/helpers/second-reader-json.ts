/** The documents of section 4.4 of docs/format.md, written from that page alone: which JSON is a manifest or an index. */
import { createHash } from 'node:crypto';
import type { Insist } from './second-reader.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string } | undefined;
}

/** A manifest, or an index when it has `manifests`. */
export interface Document {
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly subject?: Descriptor | undefined;
  readonly config?: Descriptor | undefined;
  readonly layers?: readonly Descriptor[] | undefined;
  readonly manifests?: readonly Descriptor[] | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const KEYS = {
  document: ['schemaVersion', 'mediaType', 'artifactType', 'config', 'layers', 'manifests', 'subject', 'annotations', 'fsLayers'], // prettier-ignore
  descriptor: ['mediaType', 'digest', 'size', 'urls', 'data', 'platform', 'artifactType', 'annotations'],
  platform: ['os', 'architecture', 'variant', 'os.version', 'os.features'],
  config: ['os', 'architecture', 'variant'],
};

/** Insists on every rule of the tables of documents, descriptors and platforms. */
export function readDocument(bytes: Buffer, claimedType: string, insist: Insist): Document {
  const json = parseStrictly(bytes);
  insist(isObject(json) && hasOnlyPlainNumbers(bytes) && isSpelled(json, KEYS.document), 'document');
  const object = json as Json;
  const { schemaVersion, mediaType, artifactType, annotations, subject, config, layers, manifests } = object;
  const isIndexType = /index|manifest\.list/.test(claimedType);
  const has = (key: string): boolean => Object.hasOwn(object, key);
  insist(schemaVersion === 2 && !has('fsLayers'), 'version of a document');
  insist([undefined, null, '', claimedType].includes(mediaType as string), 'type of a document');
  insist(has('manifests') === isIndexType, 'kind of a document');
  insist(!isIndexType || (!has('config') && !has('layers')), 'one kind of document');
  insist(isText(artifactType) && isMap(annotations), 'artifactType and annotations');
  const list = (value: unknown): readonly Descriptor[] => {
    insist(isAbsent(value) || (Array.isArray(value) && value.length <= 10_000), 'list of a document');
    return isAbsent(value) ? [] : (value as unknown[]).map((each) => readDescriptor(each, insist));
  };
  return {
    artifactType: present(artifactType),
    annotations: present(annotations),
    subject: isAbsent(subject) ? undefined : readDescriptor(subject, insist),
    ...(isIndexType
      ? { manifests: list(manifests) }
      : { config: readDescriptor(config, insist), layers: list(layers) }),
  };
}

/** What a config says it runs on; nothing where it is not JSON of one meaning. */
export function readConfig(bytes: Buffer): { os?: string; architecture?: string; variant?: string } {
  const json = parseStrictly(bytes);
  if (!isObject(json) || !isSpelled(json, KEYS.config)) return {};
  const { os, architecture, variant } = json;
  if (typeof os !== 'string' || typeof architecture !== 'string') return {};
  return { os, architecture, ...(typeof variant === 'string' ? { variant } : {}) };
}

function readDescriptor(value: unknown, insist: Insist): Descriptor {
  insist(isObject(value) && isSpelled(value, KEYS.descriptor), 'descriptor');
  const { mediaType, digest, size, artifactType, platform, annotations, urls, data } = value as Json;
  insist(isText(mediaType, 1, 255) && typeof mediaType === 'string', 'type in a descriptor');
  insist(typeof digest === 'string' && /^sha256:[a-f0-9]{64}$/.test(digest), 'digest in a descriptor');
  insist(Number.isSafeInteger(size) && (size as number) >= 0, 'size in a descriptor');
  insist(isText(artifactType, 0, 255) && isMap(annotations), 'artifactType and annotations of a descriptor');
  insist(isAbsent(urls) || (Array.isArray(urls) && urls.length === 0), 'urls in a descriptor');
  if (!isAbsent(data)) {
    const bytes = Buffer.from(String(data), 'base64');
    const hex = createHash('sha256').update(bytes).digest('hex');
    insist(bytes.toString('base64') === data && digest === `sha256:${hex}`, 'data in a descriptor');
  }
  const descriptor = { mediaType: mediaType as string, digest: digest as string, size: size as number };
  if (isAbsent(platform)) return descriptor;
  insist(isObject(platform) && isSpelled(platform, KEYS.platform), 'platform in a descriptor');
  const { os, architecture, variant, 'os.version': version } = platform as Json;
  insist([os, architecture, variant, version].every((each) => isText(each, 0, 100)), 'platform in a descriptor'); // prettier-ignore
  const text = (each: unknown): string => (typeof each === 'string' ? each : '');
  return { ...descriptor, platform: { os: text(os), architecture: text(architecture), variant: text(variant) } };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;
const present = <T>(value: unknown): T | undefined => (isAbsent(value) ? undefined : (value as T));
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, least = 0, most = Infinity): boolean =>
  isAbsent(value) || (typeof value === 'string' && [...value].length >= least && [...value].length <= most);
const isMap = (value: unknown): boolean =>
  isAbsent(value) || (isObject(value) && Object.values(value).every((each) => typeof each === 'string'));

/** No key that is one of these but for case. */
function isSpelled(object: Json, keys: readonly string[]): boolean {
  const fold = (text: string): string => text.toUpperCase().toLowerCase();
  return Object.keys(object).every((key) => keys.includes(key) || !keys.map(fold).includes(fold(key)));
}

/** JSON in UTF-8 without a byte order mark, no key twice, 100 levels at most; undefined for anything else. */
function parseStrictly(bytes: Buffer): unknown {
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) return undefined;
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\[^])*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') deepest = Math.max(deepest, ++depth);
    else if (token === '}' || token === ']') depth--;
  }
  if (deepest > 100) return undefined;
  try {
    // A reviver sees each key that survives; of two equal ones only the last does, so that the count of colons tells.
    let keys = 0;
    const json = JSON.parse(text, function (key, value: unknown) {
      if (!Array.isArray(this) && key !== '') keys++;
      if (isObject(value) && Object.hasOwn(value, '')) keys++;
      return value;
    }) as unknown;
    const written = text.replace(/"(?:[^"\\]|\\[^])*"/g, '').match(/:/g)?.length ?? 0;
    return written === keys ? json : undefined;
  } catch {
    return undefined;
  }
}

function hasOnlyPlainNumbers(bytes: Buffer): boolean {
  const outside = bytes
    .toString()
    .replace(/"(?:[^"\\]|\\[^])*"/g, '')
    .replace(/true|false|null/g, '');
  return !/[-+.eE]/.test(outside);
}
