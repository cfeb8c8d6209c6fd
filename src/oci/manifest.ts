/** Reads manifests and indexes from their raw bytes. The bytes stay the truth: nothing here is ever serialised back. */
import * as z from 'zod';
import { IntegrityError, StoreError } from '../errors.ts';
import type { Descriptor } from './descriptor.ts';
import { isDigest, isRegisteredDigest, type Digest, type RegisteredDigest } from './digest.ts';
import { isIndexType, isManifestType, MediaType } from './media-types.ts';
import { findMisspeltKey, jsonFaultOf, parseJson } from '../base/json/parse-json.ts';

/** Bytes of one manifest or index; registries commonly stop at 4 MiB. */
export const MAX_MANIFEST_BYTES: number = 32 * 1024 * 1024;
/** Children of one index or layers of one manifest. */
const MAX_CHILDREN = 10_000;
const MAX_SIZE = Number.MAX_SAFE_INTEGER;
/** Keys that decide what content is. Go's decoder also takes them in another case, so that spelling is refused. */
const DECISIVE_KEYS = [
  ...[
    'schemaVersion',
    'mediaType',
    'artifactType',
    'config',
    'layers',
    'manifests',
    'subject',
    'annotations',
    'fsLayers',
  ],
];
const DESCRIPTOR_KEYS = ['mediaType', 'digest', 'size', 'urls', 'data', 'platform', 'artifactType', 'annotations'];
const PLATFORM_KEYS = ['os', 'architecture', 'variant', 'os.version', 'os.features'];

/** @see https://github.com/opencontainers/image-spec/blob/main/manifest.md */
export interface Manifest<D extends RegisteredDigest = Digest> {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly config: Descriptor<D>;
  readonly layers: readonly Descriptor<D>[];
  readonly subject?: Descriptor<D> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** @see https://github.com/opencontainers/image-spec/blob/main/image-index.md */
export interface Index<D extends RegisteredDigest = Digest> {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly manifests: readonly Descriptor<D>[];
  readonly subject?: Descriptor<D> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Go's encoder writes null where it has nothing, and its decoder takes null for nothing. */
const absent = <T extends z.ZodType>(schema: T): z.ZodType<z.infer<T> | undefined> =>
  schema.nullish().transform((value) => value ?? undefined);
const PlatformName = absent(z.string().max(100));
const ReceivedPlatform = z
  .object({ os: PlatformName, architecture: PlatformName, variant: PlatformName, 'os.version': PlatformName })
  .transform(({ os = '', architecture = '', ...rest }) => ({ os, architecture, ...rest }));
const Annotations = absent(
  z.custom<Readonly<Record<string, string>>>(
    (value) =>
      isObject(value) && !Array.isArray(value) && Object.values(value).every((text) => typeof text === 'string'),
    'not a map of texts',
  ),
);
/** What a document is read by, for one notion of digests. */
function receivedWith<D extends RegisteredDigest>(digest: z.ZodType<D>) {
  const descriptor = z.object({
    mediaType: z.string().min(1).max(255),
    digest,
    size: z.int().min(0).max(MAX_SIZE),
    artifactType: absent(z.string().max(255)),
    platform: absent(ReceivedPlatform),
    annotations: Annotations,
    urls: absent(z.array(z.string())),
    data: absent(z.string()),
  });
  const descriptors = absent(z.array(descriptor).max(MAX_CHILDREN)).transform((list) => list ?? []);
  const common = {
    schemaVersion: z.literal(2),
    mediaType: absent(z.string()),
    artifactType: absent(z.string()),
    subject: absent(descriptor),
    annotations: Annotations,
  };
  return {
    manifest: z.object({ ...common, config: descriptor, layers: descriptors }),
    index: z.object({ ...common, manifests: descriptors }),
  };
}

const RECEIVED = receivedWith(z.custom<Digest>((value) => isDigest(value), 'not a sha256 digest'));
const REGISTERED = receivedWith(
  z.custom<RegisteredDigest>((value) => isRegisteredDigest(value), 'neither a sha256 nor a sha512 digest'),
);

/**
 * Reads the bytes of a manifest or an index. `declaredType` is the type its descriptor (or `Content-Type`) gives.
 * @throws StoreError `UNSUPPORTED` for Docker schema 1, with what to do.
 * @throws IntegrityError `MALFORMED` when the bytes are not what they are declared to be: other type, both a manifest
 *   and an index (CVE-2021-41190), keys in another case, broken JSON, a digest of an algorithm other than sha256.
 */
export function parseManifest(bytes: Uint8Array, declaredType: string | undefined, what: string): Manifest | Index {
  return parse(bytes, declaredType, what, RECEIVED);
}

/** As {@link parseManifest}, for a registry, which also keeps what is named by sha512. */
export function parseRegisteredManifest(
  bytes: Uint8Array,
  declaredType: string | undefined,
  what: string,
): Manifest<RegisteredDigest> | Index<RegisteredDigest> {
  return parse(bytes, declaredType, what, REGISTERED);
}

function parse<D extends RegisteredDigest>(
  bytes: Uint8Array,
  declaredType: string | undefined,
  what: string,
  schemas: ReturnType<typeof receivedWith<D>>,
): Manifest<D> | Index<D> {
  const malformed = (why: string): IntegrityError =>
    new IntegrityError('MALFORMED', `${what}: ${why}`, { hint: 'the source serves broken content; nothing was kept' });
  let json: unknown;
  try {
    json = parseJson(bytes, { maxBytes: MAX_MANIFEST_BYTES, plainNumbers: true });
  } catch (error) {
    throw malformed(`the manifest ${jsonFaultOf(error)}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw malformed('manifest is not a JSON object');
  const has = (key: string): boolean => Object.hasOwn(json, key);
  const misspelt = findMisspelt(json);
  if (misspelt !== undefined)
    throw malformed(`has a key ${JSON.stringify(misspelt)} that tools read in different ways`);
  const ownType = (json as { mediaType?: unknown }).mediaType;
  if (has('fsLayers') || (json as { schemaVersion?: unknown }).schemaVersion === 1) throw schema1(what);
  if (has('manifests') && (has('layers') || has('config'))) throw malformed('is at once a manifest and an index');
  if (
    declaredType !== undefined &&
    isManifestType(declaredType) &&
    typeof ownType === 'string' &&
    ownType !== '' &&
    ownType !== declaredType
  ) {
    throw malformed(`is declared ${declaredType} but says ${ownType}`);
  }
  const isIndex = has('manifests');
  const sniffed = isIndex ? MediaType.index : MediaType.manifest;
  const declared = declaredType !== undefined && isManifestType(declaredType) ? declaredType : undefined;
  const mediaType = typeof ownType === 'string' && ownType !== '' ? ownType : (declared ?? sniffed);
  if (!isManifestType(mediaType))
    throw malformed(`unsupported manifest type ${JSON.stringify(mediaType.slice(0, 100))}`);
  if (isIndexType(mediaType) !== isIndex)
    throw malformed(`is declared ${mediaType} but is ${isIndex ? 'an index' : 'a manifest'}`);
  const parsed = (isIndex ? schemas.index : schemas.manifest).safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(`${JSON.stringify(issue?.path.join('.') ?? '')}: ${issue?.message ?? 'invalid'}`);
  }
  return { ...parsed.data, mediaType };
}

/** A key in another case, of the document, one of its descriptors or their platforms. Annotations have no fixed keys. */
function findMisspelt(json: object): string | undefined {
  const { config, layers, manifests, subject } = json as Record<string, unknown>;
  const lists = [layers, manifests].flatMap((list: unknown) => (Array.isArray(list) ? (list as unknown[]) : []));
  const descriptors = [config, subject, ...lists].filter(isObject);
  const platforms = descriptors.map((descriptor) => (descriptor as { platform?: unknown }).platform).filter(isObject);
  const misspelt = (objects: readonly object[], keys: readonly string[]): string | undefined =>
    objects.map((object) => findMisspeltKey(object, keys)).find((key) => key !== undefined);
  return (
    misspelt([json], DECISIVE_KEYS) ?? misspelt(descriptors, DESCRIPTOR_KEYS) ?? misspelt(platforms, PLATFORM_KEYS)
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Tells an index from a manifest. */
export function isIndex<D extends RegisteredDigest>(manifest: Manifest<D> | Index<D>): manifest is Index<D> {
  return 'manifests' in manifest;
}

function schema1(what: string): StoreError {
  return new StoreError('UNSUPPORTED', `${what}: Docker image manifest schema 1 is not supported`, {
    hint: 'pull and push the image once with a current Docker or skopeo, which converts it to schema 2',
  });
}
