/** A chart package as the OCI artifact `helm push` makes of it, byte for byte, so that `helm pull` takes it. */
import type { Descriptor } from '../../oci/descriptor.ts';
import { sha256 } from '../../oci/digest.ts';
import { MediaType } from '../../oci/media-types.ts';
import type { ChartMetadata } from './chart-metadata.ts';

/** One piece of content with its descriptor. */
export interface ChartContent {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A chart in OCI form. */
export interface ChartArtifact {
  /** The last segment of the repository; Helm insists on the chart's own name. */
  readonly name: string;
  /** The version, with `+` written `_`, which tags do not allow. */
  readonly tag: string;
  readonly manifest: ChartContent;
  readonly config: ChartContent;
  /** The package itself, unchanged. */
  readonly layer: ChartContent;
  /** Its provenance file, where there is one. */
  readonly provenance?: ChartContent | undefined;
}

/** Annotations a chart cannot override. */
const FIXED_ANNOTATIONS = ['org.opencontainers.image.version', 'org.opencontainers.image.title'];

/**
 * Makes the manifest, config and layers of a chart, with its provenance file if there is one. `created` (RFC 3339) is the one thing that is not in the bytes;
 * Helm takes the package file's modification time.
 * @see https://helm.sh/docs/topics/registries/#helm-chart-manifest
 */
export function createChartArtifact(
  bytes: Buffer,
  metadata: ChartMetadata,
  created: string,
  signed?: Buffer,
): ChartArtifact {
  const config = contentOf(Buffer.from(goJson(withoutEmpty(metadata))), MediaType.helmConfig);
  const layer = contentOf(bytes, MediaType.helmChart);
  const provenance = signed && contentOf(signed, MediaType.helmProvenance);
  const layers = [layer, ...(provenance === undefined ? [] : [provenance])].map(({ descriptor }) => descriptor);
  const manifest = {
    schemaVersion: 2,
    config: config.descriptor,
    // The order of Helm, which is not that of what they are.
    layers: layers.sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    annotations: sorted(annotationsOf(metadata, created)),
  };
  return {
    name: metadata.name,
    tag: metadata.version.replaceAll('+', '_'),
    manifest: contentOf(Buffer.from(goJson(manifest)), MediaType.manifest),
    config,
    layer,
    ...(provenance === undefined ? {} : { provenance }),
  };
}

function contentOf(bytes: Buffer, mediaType: string): ChartContent {
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

function annotationsOf(metadata: ChartMetadata, created: string): Record<string, string> {
  const authors = (metadata.maintainers ?? []).map(({ name, email }) =>
    isEmpty(email) ? (name ?? '') : `${name ?? ''} (${email})`,
  );
  const own = {
    'org.opencontainers.image.description': metadata.description,
    'org.opencontainers.image.title': metadata.name,
    'org.opencontainers.image.version': metadata.version,
    'org.opencontainers.image.url': metadata.home,
    'org.opencontainers.image.created': created,
    'org.opencontainers.image.source': metadata.sources?.[0],
    'org.opencontainers.image.authors': authors.join(', '),
  };
  const filled = Object.entries(own).filter((entry): entry is [string, string] => (entry[1] ?? '').trim() !== '');
  const chosen = Object.entries(metadata.annotations ?? {}).filter(([key]) => !FIXED_ANNOTATIONS.includes(key));
  return { ...Object.fromEntries(filled), ...Object.fromEntries(chosen) };
}

/** Go leaves empty fields of the metadata out. */
function withoutEmpty(metadata: ChartMetadata): unknown {
  const dependencies = metadata.dependencies?.map(toGoDependency);
  const maintainers = metadata.maintainers?.map(pick);
  const annotations = metadata.annotations && sorted(metadata.annotations);
  return pick({ ...metadata, maintainers, annotations, dependencies });
}

/** A dependency with the fields that Go writes: of those that are empty, `repository` alone is there. */
export function toGoDependency({
  name,
  version,
  repository,
  ...rest
}: NonNullable<ChartMetadata['dependencies']>[number]): Record<string, unknown> {
  const imported = rest['import-values']?.map(sortedIfMap);
  return { ...pick({ name, version }), repository: repository ?? '', ...pick({ ...rest, 'import-values': imported }) };
}

/** Go writes the keys of a map in order. */
function sortedIfMap(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? sorted({ ...value }) : value;
}

function pick(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): value is undefined | null | '' | false {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || value === false;
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
}

/** JSON as Go's encoder writes it: these characters escaped even where JSON does not ask for it. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
